"""The trading price, a point every tick: that of the last trade, and a simulated one only while none comes."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from core.live.snapshot import FeedSnapshot, LiveTrade
from core.settings import Settings

TICK_S = 5.0
KEPT = 2_880
"""Points kept: four hours at one every TICK_S."""
QUIET_S = 60.0
"""Without a trade for so long the price is simulated."""
WINDOW_S = 900.0
"""Span of the volume-weighted mean."""

REVERSION = 0.08
"""Share of the way back to the middle of the grid's prices that a simulated price goes each tick."""
VOLATILITY = 0.03
"""Standard deviation of a simulated step, as a share of the distance between the grid's prices."""


@dataclass(frozen=True, slots=True)
class PricePoint:
    """The price at a tick, currency/kWh. simulated: no real trade stands behind it; from_trade: a trade does."""

    at: datetime
    price: float
    simulated: bool
    from_trade: bool


@dataclass(frozen=True, slots=True)
class PriceSnapshot:
    """Immutable. points: oldest first. vwap: mean of the trades of the last `window_s`, weighted by energy, or None.

    retail_price, feed_in_price: the grid's two prices, the band within which peers gain by trading.
    """

    points: tuple[PricePoint, ...]
    vwap: float | None
    window_s: float
    last_trade: LiveTrade | None
    retail_price: float
    feed_in_price: float

    @property
    def latest(self) -> PricePoint | None:
        """The newest point."""
        return self.points[-1] if self.points else None


@dataclass(frozen=True, slots=True)
class _Total:
    """What had been traded at a tick."""

    at_ms: int
    energy_kwh: float
    value: float


class PriceSeries:
    """Looks at the feed at every tick.

    feed: the feed's present snapshot. random_source: for the simulated steps. clock: ms since 1970 UTC.
    """

    def __init__(
        self,
        settings: Settings,
        feed: Callable[[], FeedSnapshot],
        *,
        random_source: random.Random | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._retail, self._feed_in = settings.retail_price, settings.feed_in_price
        self._feed = feed
        self._random = random_source or random.Random()
        self._clock = clock
        self._lock = threading.Lock()  # one tick at a time
        self._points: deque[PricePoint] = deque(maxlen=KEPT)
        self._totals: deque[_Total] = deque()
        self._price = (self._retail + self._feed_in) / 2
        self._snapshot = self._taken(None)

    def snapshot(self) -> PriceSnapshot:
        """The present snapshot; it never changes."""
        return self._snapshot

    def tick(self) -> PricePoint:
        """Add a point. Called by a job every TICK_S."""
        with self._lock:
            feed = self._feed()
            now_ms = self._clock()
            self._note_totals(feed, now_ms)
            point = self._point(feed.last_trade, now_ms)
            self._price = point.price
            self._points.append(point)
            self._snapshot = self._taken(feed.last_trade)
            return point

    def _point(self, trade: LiveTrade | None, now_ms: int) -> PricePoint:
        at = datetime.fromtimestamp(now_ms / 1000, UTC)
        if trade is not None and (at - trade.at).total_seconds() <= QUIET_S:
            return PricePoint(at, trade.price, simulated=trade.simulated, from_trade=True)
        return PricePoint(at, self._simulated(), simulated=True, from_trade=False)

    def _simulated(self) -> float:
        """One step of a mean-reverting walk (discrete Ornstein-Uhlenbeck), kept between feed-in and retail."""
        middle, width = (self._retail + self._feed_in) / 2, self._retail - self._feed_in
        step = REVERSION * (middle - self._price) + VOLATILITY * width * self._random.gauss(0.0, 1.0)
        return min(self._retail, max(self._feed_in, self._price + step))

    def _note_totals(self, feed: FeedSnapshot, now_ms: int) -> None:
        """Keep what had been traded by each tick of the window; a feed that counts anew starts a new window."""
        if self._totals and feed.traded_kwh < self._totals[-1].energy_kwh:
            self._totals.clear()
        self._totals.append(_Total(now_ms, feed.traded_kwh, feed.traded_value))
        while len(self._totals) > 1 and self._totals[1].at_ms <= now_ms - WINDOW_S * 1000:
            self._totals.popleft()

    def _taken(self, trade: LiveTrade | None) -> PriceSnapshot:
        return PriceSnapshot(
            points=tuple(self._points),
            vwap=self._vwap(),
            window_s=WINDOW_S,
            last_trade=trade,
            retail_price=self._retail,
            feed_in_price=self._feed_in,
        )

    def _vwap(self) -> float | None:
        if not self._totals:
            return None
        first, last = self._totals[0], self._totals[-1]
        energy_kwh = last.energy_kwh - first.energy_kwh
        return (last.value - first.value) / energy_kwh if energy_kwh > 0.0 else None
