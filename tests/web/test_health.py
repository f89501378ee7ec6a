"""What programs that watch the lab are told, and what people see of it."""

from __future__ import annotations

import shutil
import time
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from core import health
from core.errors import NotSignedInError
from core.web.health import _may_know
from tests.web import full
from tests.web.conftest import House

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def watched(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The feed is off in these tests; the miner's clock runs."""
    monkeypatch.setattr(health, "_clock", health.ClockWatch())
    house.exchange.scheduler.start()
    health.health.cache.clear()
    yield house
    house.exchange.scheduler.shutdown(wait=True)


def failing(house: House) -> dict[str, str]:
    health.health.cache.clear()
    answer = house.client().get("/healthz")
    body = answer.json()
    assert (answer.status_code == 200) == (body["status"] == "ok")
    return {name: check["said"] for name, check in body["checks"].items() if not check["ok"]}


def test_a_lab_that_works_is_well_and_ready(watched: House) -> None:
    assert failing(watched) == {}
    assert watched.client().get("/readyz").json() == {"ready": True}
    body = watched.client().get("/healthz").json()
    assert {"database", "ledger", "miner", "feed", "broker", "checkpoint", "disk", "clock"} == set(body["checks"])
    assert body["disk_free_bytes"] > 0
    assert body["last_block_age_s"] >= 0


def test_a_lab_that_has_not_started_is_not_ready(house: House) -> None:
    answer = house.client().get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})


def test_each_part_that_fails_is_named_with_503_and_alerts_stand_on_the_pages(
    watched: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = watched.exchange
    with monkeypatch.context() as now:
        now.setattr(shutil, "disk_usage", lambda _: Usage(10, 9, 400_000_000))
        assert failing(watched) == {"disk": "The disk has 0.4 GB left."}
        assert health.alerts(lab) == ("The disk has 0.4 GB left.",)
    with monkeypatch.context() as now:
        now.setattr(lab, "_problem", "The disk is full.")
        assert failing(watched) == {"miner": "Mining fails: The disk is full."}
    with monkeypatch.context() as now:
        now.setattr(lab.chain, "_file", None)
        now.setattr(lab.chain, "_notice", f"{lab.settings.ledger_path} is only read.")
        assert failing(watched) == {"ledger": "ledger.json is only read."}
    with monkeypatch.context() as now:
        now.setattr(lab, "settings", replace(lab.settings, feed="app"))
        assert set(failing(watched)) == {"feed", "broker"}
    with monkeypatch.context() as now:
        jumped = time.time
        now.setattr(health, "time", SimpleNamespace(**{**vars(time), "time": lambda: jumped() + 7_200}))
        assert "The machine's clock jumped by +7200 s." in failing(watched).values()
    with monkeypatch.context() as now:

        def gone() -> object:
            raise OperationalError("", {}, Exception("gone"))

        now.setattr(lab.chain, "status", gone)
        assert failing(watched) == {"database": "The database does not answer: OperationalError."}


def test_a_transaction_that_nobody_mines_is_said(watched: House, monkeypatch: pytest.MonkeyPatch) -> None:
    full.live_trades(watched.exchange)
    later = time.time() + 3_000
    monkeypatch.setattr(health._clock, "look", lambda: 0.0)
    monkeypatch.setattr(health, "time", SimpleNamespace(**{**vars(time), "time": lambda: later}))
    assert failing(watched)["miner"].startswith("Mining fails: A transaction has waited for ")


def test_a_clock_that_jumped_is_said_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, running = [1_000.0], [0.0]
    monkeypatch.setattr(health, "_running_s", lambda: running[0])
    monkeypatch.setattr(health, "time", SimpleNamespace(time=lambda: wall[0]))
    watch = health.ClockWatch()
    for _ in range(5):  # a clock that is slewed a little does not jump
        wall[0], running[0] = wall[0] + 100.5, running[0] + 100.0
        assert watch.look() == 0.0
    wall[0] -= 86_400
    assert watch.look() == -86_400
    wall[0], running[0] = wall[0] + 3_599, running[0] + 3_599
    assert watch.look() == -86_400
    wall[0], running[0] = wall[0] + 2, running[0] + 2
    assert watch.look() == 0.0


def test_strangers_learn_whether_it_is_well_and_no_more(watched: House) -> None:
    lab = watched.exchange
    lab.settings = replace(lab.settings, metrics_token="a token for monitors", public_url="https://lab.example.org")
    assert watched.client().get("/healthz").json() == {"status": "ok"}
    assert watched.client().get("/metrics").status_code == 403
    assert watched.client(token="a wrong token").get("/metrics").status_code == 403
    assert watched.client(token="a token for monitors").get("/metrics").status_code == 200
    assert "checks" in watched.client(token="a token for monitors").get("/healthz").json()


@pytest.mark.parametrize(
    ("host", "headers", "public_url", "may"),
    [
        ("127.0.0.1", {}, "", True),
        ("::1", {}, "", True),
        ("192.0.2.1", {}, "", False),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}, "", False),
        ("127.0.0.1", {}, "https://lab.example.org", False),
    ],
)
def test_this_machine_may_know_unless_a_proxy_is_on_it(
    house: House, host: str, headers: dict[str, str], public_url: str, may: bool
) -> None:
    house.exchange.settings = replace(house.exchange.settings, public_url=public_url)
    request = SimpleNamespace(headers=headers, client=SimpleNamespace(host=host))
    assert _may_know(request, house.exchange) is may  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_metrics_of_a_full_lab_are_what_happened(watched: House) -> None:
    lab = watched.exchange
    full.fill(lab, watched.person("anna", "analyst"), watched.person("ben", "analyst"))
    with pytest.raises(NotSignedInError):
        lab.accounts.check("anna", "a wrong guess", address="192.0.2.1")
    health.health.cache.clear()
    text = watched.client().get("/metrics").text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    status = lab.chain.status()
    assert found["lab_blocks",] == status.height + 1 == 2
    assert found["lab_pending_transactions",] == status.pending
    assert found["lab_transactions",] == status.transactions
    assert found["lab_feed_messages_total", "trades"] == 6
    assert found["lab_feed_messages_total", "duplicates"] == 2
    assert found["lab_runs", "done"] == found["lab_runs", "failed"] == found["lab_runs", "queued"] == 1
    assert found["lab_sign_in_failures_total",] == 1
    assert sum(value for (name, *_), value in found.items() if name == "lab_quarantine_messages") >= 6
    assert found["lab_memory_bytes",] > 10_000_000
    assert found["lab_ok", "ledger"] == 1
    assert found["lab_page_sessions", "members"] == 0
