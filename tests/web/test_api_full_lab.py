"""The API over a lab in which everything has happened."""

from __future__ import annotations

from tests.web import full
from tests.web.conftest import House


def test_the_dashboard_answers_after_a_live_trade(house: House) -> None:
    full.live_trades(house.exchange)
    answer = house.client(house.person("vera", "viewer")).get("/api/dashboard-data")
    assert answer.status_code == 200, answer.text
    feed = answer.json()["feed"]
    assert [trade["message_id"] for trade in feed["recent"]] == ["t-5", "t-2", "t-1"]
    assert feed["counts"]["trades"] == 3
    assert feed["counts"]["quarantined"] == 3
    assert feed["gaps"][0]["first_seq"] == 3
