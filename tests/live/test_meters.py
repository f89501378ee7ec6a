"""Readings of a slot are gathered and cleared once; what is late or missing is counted and never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from core.live.broker import Broker
from core.live.intake import Arrived, Intake
from core.live.meters import MeterMarket
from core.live.snapshot import FeedCache, Outcome
from core.settings import Settings
from core.store.meters import Meters
from tests.live.support import Bench, Publisher, wait_until

SLOT_MS = 900_000
NOON_MS = 1_767_614_400_000  # 2026-01-05 12:00 UTC, the start of a slot


class Clock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Desk:
    """Intake and meter market on one clock."""

    def __init__(self, bench: Bench) -> None:
        self.clock = Clock(NOON_MS)
        self.settings = bench.settings
        self.meters = Meters(bench.store)
        self.cache = FeedCache()
        self.intake = Intake(
            bench.settings, bench.pool, quarantine=bench.quarantine, meters=self.meters, clock=self.clock
        )
        self.market = MeterMarket(bench.settings, bench.pool, meters=self.meters, cache=self.cache, clock=self.clock)

    def read(self, household: str, load_kw: float, solar_kw: float, at_ms: int) -> Outcome:
        fields = {"load_kw": load_kw, "solar_kw": solar_kw, "timestamp": at_ms}
        topic = f"{self.settings.mqtt_meters_topic}/{household}"
        outcome = self.intake.store([Arrived(topic, json.dumps(fields).encode())])
        self.cache.add(outcome)
        return outcome

    def look_at(self, now_ms: int) -> None:
        self.clock.now_ms = now_ms
        self.market.look()


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


def test_a_slot_is_cleared_at_its_end_by_the_chosen_algorithm(bench: Bench, desk: Desk) -> None:
    desk.read("HH001", 0.5, 4.5, NOON_MS + 60_000)
    desk.read("HH002", 2.0, 0.0, NOON_MS + 60_000)
    desk.read("HH002", 4.0, 0.0, NOON_MS + 120_000)
    desk.look_at(NOON_MS + SLOT_MS)  # within the grace
    assert bench.documents() == []
    desk.look_at(NOON_MS + SLOT_MS + 2_000)
    # HH001 has 4 kW · 0.25 h = 1 kWh over; HH002 needs the mean of 2 and 4 kW for 0.25 h = 0.75 kWh
    # supply-demand ratio R = 1/0.75 > 1: the feed-in price, 3.00
    (trade,) = bench.documents()
    assert (trade["seller"], trade["buyer"]) == ("HH001", "HH002")
    assert (trade["energy_wh"], trade["price_micro_per_kwh"]) == (750, 3_000_000)
    assert (trade["publisher"], trade["slot_ms"]) == ("meters", NOON_MS)
    snapshot = desk.cache.snapshot()
    (slot,) = snapshot.meters
    assert (slot.start_at, slot.households, slot.missing, slot.late) == (datetime(2026, 1, 5, 12, tzinfo=UTC), 2, 0, 0)
    assert (slot.trades, slot.traded_kwh, slot.sentence) == (1, 0.75, "Cleared.")
    assert (snapshot.counts.readings, snapshot.counts.cleared, snapshot.traded_kwh) == (3, 1, 0.75)
    assert snapshot.last_trade is not None
    assert snapshot.last_trade.seller == "HH001"


def test_a_reading_after_the_end_is_late_and_changes_nothing(bench: Bench, desk: Desk) -> None:
    desk.read("HH001", 0.0, 4.0, NOON_MS)
    desk.look_at(NOON_MS + SLOT_MS + 2_000)
    outcome = desk.read("HH002", 4.0, 0.0, NOON_MS + 1)
    assert outcome.late_readings == 1
    desk.look_at(NOON_MS + SLOT_MS + 3_000)
    assert bench.documents() == []
    assert desk.cache.snapshot().meters[0].late == 1
    assert desk.cache.snapshot().late_readings == 1


def test_a_reading_from_long_before_the_lab_ran_is_late_too(bench: Bench, desk: Desk) -> None:
    outcome = desk.read("HH001", 0.0, 4.0, NOON_MS - 10 * SLOT_MS)
    assert outcome.late_readings == 1
    desk.look_at(NOON_MS + SLOT_MS + 2_000)
    assert desk.cache.snapshot().meters == ()


def test_who_is_silent_is_named_and_never_guessed(bench: Bench, desk: Desk) -> None:
    for household in ("HH001", "HH002"):
        desk.read(household, 1.0, 0.0, NOON_MS)
    desk.look_at(NOON_MS + SLOT_MS + 2_000)
    desk.read("HH001", 0.0, 4.0, NOON_MS + SLOT_MS)
    desk.look_at(NOON_MS + 2 * SLOT_MS + 2_000)
    desk.look_at(NOON_MS + 3 * SLOT_MS + 2_000)
    silent, partial, full = desk.cache.snapshot().meters
    assert (full.households, full.missing, full.sentence) == (2, 0, "No surplus met a need.")
    assert (partial.households, partial.missing) == (1, 1)
    assert partial.sentence == "No surplus met a need. No reading from HH002."
    assert (silent.households, silent.missing) == (0, 2)
    assert silent.sentence == "Nobody reported. No reading from HH001, HH002."
    assert bench.documents() == []


def test_a_crash_between_closing_and_clearing_leads_to_the_same_trades_once(bench: Bench, desk: Desk) -> None:
    desk.read("HH001", 0.0, 4.0, NOON_MS)
    desk.read("HH002", 4.0, 0.0, NOON_MS)
    with bench.store.begin() as connection:
        assert desk.meters.close(connection, NOON_MS)
    again = Desk(bench)  # as after a crash
    again.look_at(NOON_MS + SLOT_MS + 2_000)
    again.look_at(NOON_MS + SLOT_MS + 3_000)
    assert len(bench.documents()) == 1
    assert again.meters.closed() == []


def test_the_same_reading_twice_counts_once(desk: Desk) -> None:
    for _ in range(2):
        desk.read("HH001", 2.0, 0.0, NOON_MS)
    desk.read("HH001", 4.0, 0.0, NOON_MS + 1)
    assert desk.meters.means(NOON_MS) == [("HH001", 3.0, 0.0)]


def test_a_clock_far_ahead_is_refused(bench: Bench, desk: Desk) -> None:
    desk.read("HH001", 1.0, 0.0, NOON_MS + 299_000)
    desk.read("HH001", 1.0, 0.0, NOON_MS + 301_000)
    assert bench.quarantine.totals() == {"bad_time": 1}


def test_an_unknown_algorithm_is_said_and_trades_nothing(bench: Bench) -> None:
    bench.settings = Settings(data_dir=bench.settings.data_dir, meter_algorithm="mid_market_rat")
    desk = Desk(bench)
    desk.read("HH001", 0.0, 4.0, NOON_MS)
    desk.look_at(NOON_MS + SLOT_MS + 2_000)
    assert desk.cache.snapshot().meters[0].sentence.startswith("Not cleared:")


def test_readings_come_over_mqtt_one_topic_a_household(
    bench: Bench, broker: Broker, publish: Callable[..., Publisher]
) -> None:
    bench.settings = Settings(data_dir=bench.settings.data_dir, meter_slot_s=1.0)
    assert broker.endpoint is not None
    clock = Clock(NOON_MS)
    feed = bench.feed(broker.endpoint, clock=clock)
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    publisher = publish(broker.endpoint)
    for household, load_kw, solar_kw in (("HH001", 0, 90), ("HH002", 90, 0)):
        fields = {"load_kw": load_kw, "solar_kw": solar_kw, "timestamp": NOON_MS}
        publisher.send(json.dumps(fields).encode(), f"iot-p2p-trading/meters/{household}")
    publisher.send(b"{}", "iot-p2p-trading/meters/HH 3")
    wait_until(lambda: feed.cache.snapshot().counts.readings == 2, "both have arrived")
    clock.now_ms += 3_500
    wait_until(lambda: bench.pool.pending_count() == 1, "the slot is cleared")
    assert bench.documents()[0]["energy_wh"] == 25  # 90 kW for a second
    wait_until(lambda: bench.quarantine.totals() == {"bad_id": 1}, "the bad one is in quarantine")
    feed.stop()


def test_readings_without_a_clock_count_when_they_arrive_and_the_slot_says_so(bench: Bench, desk: Desk) -> None:
    topic = f"{desk.settings.mqtt_meters_topic}/"
    desk.clock.now_ms = NOON_MS + 60_000
    sent = [Arrived(f"{topic}HH001", b'{"load_kw": 2}'), Arrived(f"{topic}HH002", b'{"load_kw": 0, "solar_kw": 3}')]
    assert desk.intake.store(sent).counts.readings == 2
    assert desk.meters.means(NOON_MS) == [("HH001", 2.0, 0.0), ("HH002", 0.0, 3.0)]
    desk.look_at(NOON_MS + SLOT_MS + 3_000)
    assert desk.meters.newest_slots(1)[0].sentence == "Cleared. By time of arrival: HH001, HH002."
    retained = Arrived(f"{topic}HH001", b'{"load_kw": 2}', retained=True)
    assert desk.intake.store([retained]).reasons == {"retained": 1}


def test_a_home_that_has_panels_cannot_leave_its_solar_power_out_also_after_a_restart(bench: Bench, desk: Desk) -> None:
    topic = f"{desk.settings.mqtt_meters_topic}/HH002"
    desk.read("HH002", 1, 3, NOON_MS)
    for intake in (desk.intake, Desk(bench).intake):
        assert intake.store([Arrived(topic, b'{"load_kw": 2}')]).reasons == {"missing_field": 1}
