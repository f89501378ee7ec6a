"""The simulated community trades over MQTT exactly what the market engine settles for the same readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.errors import MarketError
from core.live.broker import Broker
from core.live.clearing import clear
from core.live.feed import Feed
from core.live.simulator import DAYS, HOUSEHOLDS, SLOT_H, Simulator, sample_week
from core.market.community import Community
from core.settings import Settings
from tests.live.support import Bench, wait_until


def sunny(number: int) -> Community:
    """Two homes, 18 half hours; the roof gives 4 kW in every one of them."""
    slots = 18
    return Community(
        household_ids=("HH001", "HH002"),
        start_at=datetime(2025, 4, 1, tzinfo=UTC) + timedelta(days=number),
        slot_h=0.5,
        load_kw=np.tile([0.0, 2.0], (slots, 1)),
        solar_kw=np.tile([4.0, 0.0], (slots, 1)),
        pv_kw=np.array([4.0, 0.0]),
    )


@pytest.fixture
def feed(bench: Bench, broker: Broker) -> Iterator[Feed]:
    assert broker.endpoint is not None
    made = bench.feed(broker.endpoint)
    made.start()
    wait_until(lambda: made.cache.snapshot().connected, "the feed is connected")
    yield made
    made.stop()


def quick_settings(bench: Bench, **changes: object) -> Settings:
    return Settings(data_dir=bench.settings.data_dir, simulator_speed=1e6, **changes)  # type: ignore[arg-type]


def test_every_slot_is_published_and_the_weeks_follow_each_other(bench: Bench, broker: Broker, feed: Feed) -> None:
    simulator = Simulator(quick_settings(bench), endpoint=broker.endpoint, weeks=sunny)
    simulator.start()
    wait_until(lambda: feed.cache.snapshot().counts.trades >= 30, "more than a week has been played")
    simulator.stop()
    documents = bench.documents()
    starts = [document["slot_ms"] for document in documents]
    first_ms = round(datetime(2025, 4, 1, 8, tzinfo=UTC).timestamp() * 1000)
    assert starts[0] == first_ms  # the first day begins in the morning
    assert starts[1] == first_ms + 1_800_000
    assert starts[2] == round(datetime(2025, 4, 2, tzinfo=UTC).timestamp() * 1000)
    trade = documents[0]
    assert (trade["seller"], trade["buyer"], trade["energy_wh"]) == ("HH001", "HH002", 1000)
    assert trade["price_micro_per_kwh"] == 3_000_000  # twice the need is offered: the feed-in price
    assert (trade["publisher"], trade["simulated"]) == ("simulator", True)
    snapshot = feed.cache.snapshot()
    assert (snapshot.gaps, snapshot.counts.duplicates, snapshot.counts.quarantined) == ((), 0, 0)
    assert "Playing" not in simulator.sentence
    assert simulator.snapshot().published >= 30


def test_another_algorithm_can_be_chosen_while_it_plays(bench: Bench, broker: Broker, feed: Feed) -> None:
    simulator = Simulator(quick_settings(bench), endpoint=broker.endpoint, weeks=sunny)
    simulator.start()
    wait_until(lambda: feed.cache.snapshot().counts.trades >= 3, "it plays")
    simulator.choose("mid_market_rate")
    wait_until(lambda: feed.cache.snapshot().last_trade.price == 5.0, "the mid-market rate shows")  # type: ignore[union-attr]
    assert "cleared by Mid-market rate" in simulator.sentence
    with pytest.raises(MarketError):
        simulator.choose("no_such")
    simulator.stop()


def test_it_goes_on_after_the_broker_was_away(bench: Bench, broker: Broker, feed: Feed) -> None:
    simulator = Simulator(quick_settings(bench), endpoint=broker.endpoint, weeks=sunny)
    simulator.start()
    wait_until(lambda: feed.cache.snapshot().counts.trades >= 3, "it plays")
    broker.stop()
    wait_until(lambda: "Next try" in simulator.sentence, "it notices")
    broker.start()
    seen = feed.cache.snapshot().counts.trades
    wait_until(lambda: feed.cache.snapshot().counts.trades > seen + 3, "it plays again")
    assert len({document["message_id"] for document in bench.documents()}) == len(bench.documents())
    simulator.stop()


def test_an_unknown_algorithm_is_said_and_stops_nothing(bench: Bench, broker: Broker) -> None:
    simulator = Simulator(
        quick_settings(bench, simulator_algorithm="mid_market_rat"), endpoint=broker.endpoint, weeks=sunny
    )
    simulator.start()
    wait_until(lambda: "mid_market_rate" in simulator.sentence, "it says what it is called")
    simulator.stop()
    assert simulator.sentence == "The simulated community is not running."


def test_the_sample_week_is_worth_trading_in_and_the_next_has_other_weather() -> None:
    first, second = sample_week(0), sample_week(1)
    assert (first.households, first.slots) == (HOUSEHOLDS, round(DAYS * 24 / SLOT_H))
    assert second.start_at == first.end_at
    assert not np.array_equal(first.solar_kw, second.solar_kw)
    trades = list(clear(Settings(), first, "supply_demand_ratio"))
    assert len(trades) > 200
    assert len({trade.price_micro_per_kwh for trade in trades}) > 20
    assert all(3_000_000 <= trade.price_micro_per_kwh <= 7_000_000 for trade in trades)


def evening(number: int) -> Community:
    """Eighteen half hours, of which only the last has sun."""
    day = sunny(number)
    solar_kw = np.zeros_like(day.solar_kw)
    solar_kw[-1, 0] = 4.0
    return Community(day.household_ids, day.start_at, day.slot_h, day.load_kw, solar_kw, day.pv_kw)


def test_the_night_is_said_with_the_hour_it_ends_in_the_labs_zone(bench: Bench, broker: Broker, feed: Feed) -> None:
    settings = Settings(data_dir=bench.settings.data_dir, simulator_speed=360.0, time_zone="Asia/Kolkata")
    simulator = Simulator(settings, endpoint=broker.endpoint, weeks=evening)
    simulator.start()
    wait_until(lambda: "nothing to trade" in simulator.sentence, "the night is said")
    # slot 16 of 18 begins at 08:00 UTC, 13:30 in Kolkata; slot 17, the sunny one, half an hour later
    assert simulator.sentence.startswith("No sun: nothing to trade until 14:00. Playing 1 Apr 2025 13:30 of the sample")
    played = simulator.snapshot().played
    assert [(slot.traded_kwh, slot.price, slot.demand_kwh) for slot in played] == [(0, None, 1.0)]
    simulator.stop()


def test_what_was_played_holds_energy_price_and_pairs(bench: Bench, broker: Broker, feed: Feed) -> None:
    simulator = Simulator(quick_settings(bench), endpoint=broker.endpoint, weeks=sunny)
    simulator.start()
    wait_until(lambda: len(simulator.snapshot().played) == 48, "a day is kept, and no more")
    simulator.stop()
    slot = simulator.snapshot().played[-1]
    assert (slot.demand_kwh, slot.supply_kwh, slot.traded_kwh, slot.price) == (1.0, 2.0, 1.0, 3.0)
    assert slot.trades == (("HH001", "HH002", 1.0, 3.0),)
