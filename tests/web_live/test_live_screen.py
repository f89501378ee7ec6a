"""The live page's tables, badges and chart, from snapshots made by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from core.chain.records import ChainStatus
from core.live.price import PricePoint, PriceSnapshot
from core.live.simulator import PlayedSlot
from core.live.snapshot import FeedSnapshot, LiveTrade
from core.store.pool import PendingRow
from core.store.quarantine import QuarantineRow
from core.web.format import Numbers
from core.web.live import screen as badges_module
from core.web.live import tables
from core.web.live.screen import _running_mean, day_chart, price_chart

RUPEES = Numbers("₹", "1,234.5")
KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def trade(**changes: object) -> LiveTrade:
    usual: dict[str, object] = {
        "at": NOW,
        "buyer": "HH002",
        "seller": "HH001",
        "energy_kwh": 3.5,
        "price": 6.8,
        "publisher": "roof-1",
        "message_id": None,
        "tx_hash": "ab" * 32,
        "simulated": False,
    }
    return LiveTrade(**usual | changes)


class Mining:
    """What the badges ask of the exchange."""

    class settings:  # noqa: N801
        block_interval_s = 20.0

    problem = ""

    def broker_sentence(self) -> str:
        return "The embedded broker listens on 127.0.0.1:1883."

    def mining_problem(self) -> str:
        return self.problem


def status(**changes: object) -> ChainStatus:
    whole = ChainStatus(
        height=3,
        tip_hash="00" * 32,
        tip_at_ms=0,
        transactions=9,
        pending=0,
        oldest_pending_at_ms=None,
        writable=True,
        damage=None,
        notice=None,
        verified_height=None,
        verified_level=None,
        verified_at_ms=None,
        verifying=None,
        chain_id="",
        currency="₹",
        origin="",
        log_key="",
        checkpoint="",
    )
    return replace(whole, **changes)


def cells(table: str) -> list[str]:
    return [unescape(cell) for cell in re.findall(r"<td[^>]*>(?:<a[^>]*>)?([^<]*)", table)]


def test_a_trade_is_shown_with_its_value_and_a_link_to_its_transaction() -> None:
    table = tables.trades([trade()], zone=KOLKATA, numbers=RUPEES)
    # 12:00 UTC is 17:30 there; 3.5 kWh x 6.8 = 23.8
    assert cells(table)[:6] == ["2026-05-04 17:30:00", "HH002", "HH001", "3.500", "6.80", "23.80"]
    assert 'href="explorer?tx=' + "ab" * 32 + '"' in table


def test_numbers_are_in_the_labs_style_and_currency() -> None:
    table = tables.trades([trade(energy_kwh=1234.5)], zone=KOLKATA, numbers=Numbers("€", "1.234,5"))
    assert cells(table)[3:6] == ["1.234,500", "6,80", "8.394,60"]
    assert "Price (€/kWh)" in table


def test_a_simulated_trade_says_so_and_a_foreign_publisher_is_spelled_out() -> None:
    shown = tables.trades([trade(simulated=True), trade(publisher="a\u202eb")], zone=KOLKATA, numbers=RUPEES)
    assert cells(shown)[6::8] == ["simulated", "a\\u202eb"]


def test_pending_rows_say_what_waits_and_how_long() -> None:
    body = b'{"buyer":"HH002","energy_wh":3500,"kind":"trade","seller":"HH001"}'
    submitted_ms = int((NOW - timedelta(seconds=7)).timestamp() * 1000)
    table = tables.pending([PendingRow(1, "cd" * 32, body, submitted_ms)], now=NOW)
    assert cells(table)[:3] == ["7 s", "trade", "3.500 kWh from HH001 to HH002"]


def test_quarantined_bytes_are_shown_as_harmless_text() -> None:
    row = QuarantineRow("aa", "not_json", "It is not JSON.", "t/#", b"\xff<script>\x00", 10, 2, 0, 0)
    table = tables.quarantine([row], zone=KOLKATA, numbers=RUPEES)
    shown = cells(table)
    assert (shown[2], shown[5]) == ("2", "10")
    assert "\x00" not in table
    assert "<script>" not in table
    assert "<script>" in shown[6]


def test_a_table_without_rows_is_nothing() -> None:
    assert tables.trades([], zone=KOLKATA, numbers=RUPEES) == ""


@pytest.mark.parametrize(
    ("feed", "label", "colour"),
    [
        (FeedSnapshot(state="connected", last_message_at=NOW), "Feed: receiving", "green"),
        (FeedSnapshot(state="connected"), "Feed: no message yet", "green"),
        (
            FeedSnapshot(state="connected", last_message_at=NOW - timedelta(minutes=5)),
            "Feed: quiet for 5 min",
            "orange",
        ),
        (FeedSnapshot(state="blocked"), "Feed: blocked", "red"),
        (FeedSnapshot(state="off"), "Feed: off", "gray"),
    ],
)
def test_the_feed_badge_says_how_the_feed_is(feed: FeedSnapshot, label: str, colour: str) -> None:
    shown = badges_module.badges(Mining(), feed=feed, chain=status(), now=NOW)[1]  # type: ignore[arg-type]
    assert (shown.label, shown.colour) == (label, colour)


def test_damage_turns_miner_and_ledger_red_with_the_sentence() -> None:
    chain = status(writable=False, damage="Block 2 is damaged at byte 900.")
    _, _, miner, ledger = badges_module.badges(Mining(), feed=FeedSnapshot(), chain=chain, now=NOW)  # type: ignore[arg-type]
    assert (miner.colour, ledger.colour) == ("red", "red")
    assert "Block 2 is damaged at byte 900" in ledger.sentence.replace("\\", "")


def test_a_miner_that_fails_says_why() -> None:
    mining = Mining()
    mining.problem = "No space left."
    miner = badges_module.badges(mining, feed=FeedSnapshot(), chain=status(), now=NOW)[2]  # type: ignore[arg-type]
    assert (miner.label, miner.colour) == ("Miner: failing", "red")


def test_the_mean_builds_up_weighted_by_energy() -> None:
    recent = [trade(energy_kwh=1.0, price=4.0), trade(energy_kwh=3.0, price=6.0)]  # newest first
    assert _running_mean(recent) == (6.0, 5.5)  # (3*6)/3, then (3*6 + 1*4)/4


def test_the_chart_parts_traded_from_simulated_and_draws_the_grids_band() -> None:
    points = (
        PricePoint(NOW, 5.0, simulated=True, from_trade=False),
        PricePoint(NOW + timedelta(seconds=5), 6.8, simulated=False, from_trade=True),
    )
    price = PriceSnapshot(points, None, 900.0, None, retail_price=7.0, feed_in_price=3.0)
    drawn = {trace.name: list(trace.y) for trace in price_chart(price, currency="₹", zone=KOLKATA).data}
    assert drawn["Price, simulated"] == [5.0, None]
    assert drawn["Price, traded"] == [None, 6.8]
    assert drawn["Retail (grid charges)"] == [7.0, 7.0]
    assert drawn["Feed-in (grid pays)"] == [3.0, 3.0]


def test_a_price_outside_the_band_is_still_on_the_chart() -> None:
    points = (PricePoint(NOW, 9.0, simulated=False, from_trade=True),)
    chart = price_chart(PriceSnapshot(points, None, 900.0, None, 7.0, 3.0), currency="₹", zone=KOLKATA)
    low, high = chart.layout.yaxis.range
    assert low < 3.0
    assert high > 9.0


def test_the_simulated_day_is_drawn_in_its_own_hours_with_units() -> None:
    start = datetime(2025, 4, 1, 2, 30, tzinfo=UTC)
    played = [
        PlayedSlot(start, 1.0, 2.0, 1.0, 3.5, (("HH001", "HH002", 1.0, 3.5),)),
        PlayedSlot(start + timedelta(minutes=30), 1.0, 0.0, 0.0, None, ()),
    ]
    chart = day_chart(played, PriceSnapshot((), None, 900.0, None, 7.0, 3.0), currency="₹", zone=KOLKATA)
    traced = {trace.name: trace for trace in chart.data}
    assert [f"{at:%H:%M}" for at in traced["Price"].x] == ["08:00", "08:30"]
    assert list(traced["Price"].y) == [3.5, None]
    assert list(traced["Traded"].y) == [1.0, 0.0]
    assert (chart.layout.yaxis.title.text, chart.layout.yaxis2.title.text) == ("Price (₹/kWh)", "Energy (kWh a slot)")
