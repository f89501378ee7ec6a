"""One screen for all live pages: built only when somebody looks, at most four times a second, shared by reference."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from core.chain.records import BlockSummary, ChainStatus
from core.exchange import Exchange, current
from core.live.price import PriceSnapshot
from core.live.simulator import PlayedSlot
from core.live.snapshot import FeedSnapshot, LiveTrade
from core.web.charts import ACCENT, GRID_PRICE, MUTED, figure
from core.web.escape import markdown
from core.web.format import duration, numbers_of
from core.web.live import tables

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
    day_chart: go.Figure | None
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
    played = exchange.simulator.snapshot().played if exchange.simulator is not None else ()
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
        day_chart=day_chart(played, price, currency=settings.currency, zone=zone) if played else None,
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


STALE_S = 60.0
"""A feed without a message for so long is said to be quiet."""

Colour = Literal["green", "orange", "red", "gray"]
ICONS: dict[Colour, str] = {
    "green": ":material/check_circle:",
    "orange": ":material/schedule:",
    "red": ":material/error:",
    "gray": ":material/pause_circle:",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A few words, how bad it is, and the whole sentence."""

    label: str
    colour: Colour
    sentence: str

    @property
    def icon(self) -> str:
        """A sign beside the colour, for those who do not see it."""
        return ICONS[self.colour]


def badges(exchange: Exchange, *, feed: FeedSnapshot, chain: ChainStatus, now: datetime) -> tuple[Badge, ...]:
    """Broker, feed, miner, ledger."""
    return (
        Badge("Broker", "green" if feed.connected else "orange", markdown(exchange.broker_sentence(), limit=200)),
        _feed(feed, now),
        _miner(exchange, chain),
        _ledger(chain),
    )


def _feed(feed: FeedSnapshot, now: datetime) -> Badge:
    sentence = markdown(feed.sentence, limit=200)
    if feed.state == "connected":
        if feed.last_message_at is None:
            return Badge("Feed: no message yet", "green", sentence)
        quiet_s = (now - feed.last_message_at).total_seconds()
        if quiet_s > STALE_S:
            return Badge(f"Feed: quiet for {duration(quiet_s)}", "orange", sentence)
        return Badge("Feed: receiving", "green", sentence)
    colour: Colour = "gray" if feed.state == "off" else "red" if feed.state in ("blocked", "unreported") else "orange"
    return Badge(f"Feed: {feed.state}", colour, sentence)


def _miner(exchange: Exchange, chain: ChainStatus) -> Badge:
    if not chain.writable:
        return Badge("Miner: stopped", "red", "The ledger cannot be written, so nothing is mined.")
    problem = exchange.mining_problem()
    if problem:
        return Badge("Miner: failing", "red", markdown(problem, limit=200))
    return Badge(
        "Miner", "green", f"A block is mined every {exchange.settings.block_interval_s:g} s if anything waits."
    )


def _ledger(chain: ChainStatus) -> Badge:
    if chain.damage:
        return Badge("Ledger: read-only", "red", markdown(chain.damage, limit=300))
    return Badge("Ledger", "green", "The ledger is open for writing.")


POINTS = 720
"""An hour of points at one every five seconds."""


def price_chart(price: PriceSnapshot, *, currency: str, zone: ZoneInfo) -> go.Figure:
    """Lines of the price by kind (real trade, trade of the simulated community, simulated) between the grid's two."""
    points = price.points[-POINTS:]
    at = [point.at.astimezone(zone).replace(tzinfo=None) for point in points]
    real = [point.price if not point.simulated else None for point in points]
    simulated = [point.price if point.simulated else None for point in points]
    span = [at[0], at[-1]] if at else []
    hover = f"%{{y:.2f}} {currency}/kWh"

    def level(value: float, name: str, dash: str) -> go.Scatter:
        line = {"color": GRID_PRICE, "width": 1, "dash": dash}
        return go.Scatter(x=span, y=[value] * len(span), name=name, mode="lines", line=line, hovertemplate=hover)

    traces = [
        level(price.feed_in_price, "Feed-in (grid pays)", "dot"),
        level(price.retail_price, "Retail (grid charges)", "solid"),
        go.Scatter(
            x=at,
            y=simulated,
            name="Price, simulated",
            mode="lines",
            line={"color": MUTED, "width": 2, "dash": "dot"},
            hovertemplate=hover,
        ),
        go.Scatter(
            x=at, y=real, name="Price, traded", mode="lines", line={"color": ACCENT, "width": 2}, hovertemplate=hover
        ),
    ]
    traces[1].update(fill="tonexty", fillcolor="rgba(127,137,155,0.10)")
    chart = figure(traces, y_title=f"Price ({currency}/kWh)", height=300)
    margin = 0.08 * (price.retail_price - price.feed_in_price)
    prices = [point.price for point in points]
    low, high = min([price.feed_in_price, *prices]), max([price.retail_price, *prices])
    chart.update_yaxes(range=[low - margin, high + margin], tickformat=".2f")
    return chart


def day_chart(played: Sequence[PlayedSlot], price: PriceSnapshot, *, currency: str, zone: ZoneInfo) -> go.Figure:
    """The simulated community's last day in its own hours: energy as bars, the price between the grid's two above."""
    at = [slot.start_at.astimezone(zone).replace(tzinfo=None) for slot in played]
    span = [at[0], at[-1]]
    energy = {"x": at, "yaxis": "y2", "hovertemplate": "%{y:.2f} kWh"}
    traces: list[go.Bar | go.Scatter] = [
        go.Bar(y=[slot.traded_kwh for slot in played], name="Traded", marker={"color": ACCENT}, opacity=0.75, **energy),
        go.Scatter(
            y=[slot.supply_kwh for slot in played],
            name="Solar to spare",
            mode="lines",
            line={"color": MUTED, "width": 1.5, "shape": "hvh"},
            **energy,
        ),
    ]
    for level, name, dash in ((price.feed_in_price, "Feed-in", "dot"), (price.retail_price, "Retail", "solid")):
        traces.append(
            go.Scatter(
                x=span,
                y=[level, level],
                name=name,
                mode="lines",
                line={"color": MUTED, "width": 1, "dash": dash},
                hovertemplate=f"%{{y:.2f}} {currency}/kWh",
            )
        )
    traces[-1].update(fill="tonexty", fillcolor="rgba(127,137,155,0.10)")
    traces.append(
        go.Scatter(
            x=at,
            y=[slot.price for slot in played],
            name="Price",
            mode="lines+markers",
            line={"color": ACCENT, "width": 2},
            marker={"size": 5},
            hovertemplate=f"%{{y:.2f}} {currency}/kWh",
        )
    )
    chart = figure(traces, y_title=f"Price ({currency}/kWh)", height=360)
    margin = 0.08 * (price.retail_price - price.feed_in_price)
    chart.update_yaxes(range=[price.feed_in_price - margin, price.retail_price + margin], tickformat=".1f")
    chart.update_layout(
        yaxis={"domain": [0.46, 1.0]},
        yaxis2={
            "title": "Energy (kWh a slot)",
            "domain": [0.0, 0.38],
            "anchor": "x",
            "rangemode": "tozero",
            "gridcolor": "rgba(127,137,155,0.22)",
            "zeroline": False,
            "automargin": True,
        },
        xaxis={"anchor": "y2", "tickformat": "%H:%M\n%-d %b"},
        bargap=0.15,
    )
    return chart
