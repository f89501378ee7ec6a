"""One screen for all live pages: built only when somebody looks, at most four times a second, shared by reference."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from core.chain.records import BlockSummary, ChainStatus
from core.exchange import Exchange, current
from core.live.price import PriceSnapshot
from core.live.snapshot import FeedSnapshot, LiveTrade
from core.web.compare.numbers import numbers_of
from core.web.live import tables
from core.web.live.badges import Badge, badges
from core.web.live.price_chart import price_chart

TICK_S = 1.25
"""How often a live page asks for the screen."""
FRESH_S = 0.25
"""A screen younger than this is shown again."""
BLOCKS_SHOWN = 8
TRADES_SHOWN = 50
PENDING_SHOWN = 50
QUARANTINE_SHOWN = 50
COURSE = 60
"""Points of the small charts."""


@dataclass(frozen=True, slots=True)
class LiveScreen:
    """Everything a live page shows at one moment, its tables as HTML. Nobody changes it or what it holds."""

    at: datetime
    price: PriceSnapshot
    feed: FeedSnapshot
    chain: ChainStatus
    next_block_at: datetime | None
    simulator: str
    badges: tuple[Badge, ...]
    price_course: tuple[float, ...]
    mean_course: tuple[float, ...]
    energy_course: tuple[float, ...]
    price_chart: go.Figure
    blocks: str
    trades: str
    publishers: str
    gaps: str
    quarantine: str
    pending: str
    meters: str


class _Shared:
    """The present screen and who builds the next one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # held by the one script thread that builds
        self.screen: LiveScreen | None = None
        self.built_s = 0.0
        self.exchange: Exchange | None = None


_shared = _Shared()


def screen() -> LiveScreen:
    """The present screen. The first to find it old builds the next; the others go on with the one there is."""
    exchange = current()
    known = _shared.screen if _shared.exchange is exchange else None
    if known is not None and time.monotonic() - _shared.built_s < FRESH_S:
        return known
    if not _shared.lock.acquire(blocking=known is None):
        assert known is not None
        return known
    try:
        if known is None or _shared.screen is known:
            built = build(exchange)
            _shared.screen, _shared.exchange, _shared.built_s = built, exchange, time.monotonic()
        assert _shared.screen is not None
        return _shared.screen
    finally:
        _shared.lock.release()


def build(exchange: Exchange) -> LiveScreen:
    """A screen of what every service says now."""
    settings = exchange.settings
    now = datetime.now(UTC)
    zone, numbers = ZoneInfo(settings.time_zone), numbers_of(settings)
    price, feed, chain = exchange.price.snapshot(), exchange.feed.cache.snapshot(), exchange.chain.status()
    blocks: list[BlockSummary] = exchange.chain.blocks(limit=BLOCKS_SHOWN)
    return LiveScreen(
        at=now,
        price=price,
        feed=feed,
        chain=chain,
        next_block_at=exchange.next_block_at(),
        simulator=exchange.simulator_sentence(),
        badges=badges(exchange, feed=feed, chain=chain, now=now),
        price_course=tuple(round(point.price, 4) for point in price.points[-COURSE:]),
        mean_course=_running_mean(feed.recent[:COURSE]),
        energy_course=tuple(trade.energy_kwh for trade in reversed(feed.recent[:COURSE])),
        price_chart=price_chart(price, currency=settings.currency, zone=zone),
        blocks=tables.blocks(blocks, zone=zone, numbers=numbers),
        trades=tables.trades(feed.recent[:TRADES_SHOWN], zone=zone, numbers=numbers),
        publishers=tables.publishers(feed.publishers, now=now, zone=zone, numbers=numbers),
        gaps=tables.gaps(feed.gaps, zone=zone),
        quarantine=tables.quarantine(exchange.quarantine.newest(QUARANTINE_SHOWN), zone=zone, numbers=numbers),
        pending=tables.pending(exchange.pool.newest(PENDING_SHOWN), now=now),
        meters=tables.meters(feed.meters, zone=zone, numbers=numbers),
    )


def _running_mean(recent: Sequence[LiveTrade]) -> tuple[float, ...]:
    """The mean price, weighted by energy, after each of these trades (given newest first), oldest first."""
    energy = value = 0.0
    course = []
    for trade in reversed(recent):
        energy += trade.energy_kwh
        value += trade.energy_kwh * trade.price
        if energy > 0:
            course.append(round(value / energy, 4))
    return tuple(course)
