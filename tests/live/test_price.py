"""The price is the last trade's; only while none comes it is simulated, and says so."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from core.live.price import PriceSeries
from core.live.snapshot import FeedSnapshot, LiveTrade
from core.settings import Settings

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TICK = timedelta(seconds=5)


class Scene:
    """A feed and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOON
        self.feed = FeedSnapshot()
        self.series = PriceSeries(
            Settings(),
            lambda: self.feed,
            random_source=random.Random(1),
            clock=lambda: round(self.now.timestamp() * 1000),
        )

    def trade(self, energy_kwh: float, price: float, *, simulated: bool = False) -> None:
        made = LiveTrade(self.now, "HH002", "HH001", energy_kwh, price, "", None, "00", simulated)
        self.feed = replace(
            self.feed,
            recent=(made, *self.feed.recent),
            traded_kwh=self.feed.traded_kwh + energy_kwh,
            traded_value=self.feed.traded_value + energy_kwh * price,
        )

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += TICK
            self.series.tick()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_before_the_first_trade_the_price_is_simulated_within_the_grids_band(scene: Scene) -> None:
    scene.tick(2_000)
    points = scene.series.snapshot().points
    assert all(point.simulated and not point.from_trade for point in points)
    assert all(3.0 <= point.price <= 7.0 for point in points)
    assert len({point.price for point in points}) > 1_900
    mean = sum(point.price for point in points) / len(points)
    assert 4.5 < mean < 5.5  # it returns to the middle
    assert {later.at - earlier.at for earlier, later in pairwise(points)} == {TICK}


def test_a_trade_sets_the_price_for_a_minute(scene: Scene) -> None:
    scene.tick()
    scene.trade(1.0, 6.8)
    scene.tick(12)
    assert [(p.price, p.simulated, p.from_trade) for p in scene.series.snapshot().points[1:]] == [
        (6.8, False, True)
    ] * 12
    scene.tick()
    latest = scene.series.snapshot().latest
    assert latest is not None
    assert latest.simulated
    assert not latest.from_trade
    assert abs(latest.price - 6.8) < 0.6  # goes on from there


def test_a_trade_of_the_simulated_community_is_marked(scene: Scene) -> None:
    scene.tick()
    scene.trade(1.0, 6.8, simulated=True)
    scene.tick()
    latest = scene.series.snapshot().latest
    assert latest is not None
    assert (latest.simulated, latest.from_trade) == (True, True)


def test_the_mean_of_the_window_is_weighted_by_energy_and_forgets(scene: Scene) -> None:
    scene.tick()
    scene.trade(1.0, 4.0)
    scene.tick()
    scene.trade(3.0, 6.0)
    scene.tick()
    assert scene.series.snapshot().vwap == pytest.approx(5.5)  # (1·4 + 3·6) / 4
    scene.tick(179)  # the first trade is more than 900 s old
    assert scene.series.snapshot().vwap == pytest.approx(6.0)
    scene.tick(2)
    assert scene.series.snapshot().vwap is None


def test_a_feed_that_counts_anew_starts_a_new_window(scene: Scene) -> None:
    scene.tick()
    scene.trade(5.0, 4.0)
    scene.tick()
    scene.feed = FeedSnapshot()
    scene.tick()
    scene.trade(1.0, 6.0)
    scene.tick()
    assert scene.series.snapshot().vwap == pytest.approx(6.0)


def test_the_same_seed_gives_the_same_course() -> None:
    first, second = Scene(), Scene()
    first.tick(50)
    second.tick(50)
    assert first.series.snapshot().points == second.series.snapshot().points


def test_a_snapshot_stays_as_it_was(scene: Scene) -> None:
    scene.tick()
    before = scene.series.snapshot()
    scene.tick(3)
    assert len(before.points) == 1
    assert len(scene.series.snapshot().points) == 4
