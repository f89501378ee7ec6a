"""Charts of the chain: totals from the index, a few milliseconds each, whatever its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.chain.records import Filter
from core.store.columns import Columns
from core.web.explorer import charts, transactions
from core.web.explorer.view import View, nothing_yet
from core.web.format import Clock
from core.web.network import Network, network

BUSIEST = 30
"""Households a side of the heat map."""


def draw(view: View) -> None:
    """Energy and price, latency and who trades with whom in a period; then the newest blocks."""
    if view.chain.status().transactions == 0:
        nothing_yet(view)
        return
    with st.container(horizontal=True):
        from_ms, until_ms = transactions.period(view, width=180)
    period = Filter(from_ms=from_ms, until_ms=until_ms)
    totals = view.chain.figures.over_time(period, bucket_ms=QUARTER_MS)
    some = len(totals["at_ms"]) > 0
    span_ms = int(totals["at_ms"][-1] - totals["at_ms"][0]) + QUARTER_MS if some else 0
    if some:
        _draw_energy(view, period, totals, span_ms=span_ms)
    else:
        st.info("No trade in this period. Choose other days.", icon=":material/date_range:")
    if some:
        _draw_network(view, period)
    with st.expander(
        "Pairs, latency and blocks", icon=":material/query_stats:", key="more_charts", on_change="rerun"
    ) as more:
        if more.open:
            _draw_more(view, period, span_ms=span_ms if some else None)


def _draw_more(view: View, period: Filter, *, span_ms: int | None) -> None:
    left, right = st.columns(2)
    with left:
        if span_ms is not None:
            _draw_pairs(view, period)
    with right:
        if span_ms is not None:
            _draw_latency(view, period, span_ms=span_ms)
        _draw_blocks(view)
        _draw_intervals(view)


def _draw_network(view: View, period: Filter) -> None:
    pairs = view.chain.figures.pairs(period, most=BUSIEST)
    energy_kwh = pairs["energy_wh"] / 1000
    price = pairs["amount_micro"] / np.maximum(pairs["energy_wh"], 1) / 1000
    st.markdown(
        "**Trading network**",
        help=f"Homes on a circle, the {BUSIEST} that trade most. A ribbon is as wide as the energy between two homes,"
        " and coloured by its mean price; a home is as large as what it sold and bought.",
    )
    trades = Network([str(s) for s in pairs["seller"]], [str(b) for b in pairs["buyer"]], energy_kwh, price)
    view.show(network(trades, currency=view.currency), key="network", alt="Who sold how much to whom, at which price")


def _draw_energy(view: View, period: Filter, totals: Columns, *, span_ms: int) -> None:
    unit = unit_for(span_ms)
    if unit is MINUTE:
        totals = view.chain.figures.over_time(period, bucket_ms=unit.bucket_ms)
    found = gather(totals, view.clock, unit=unit, columns=("energy_wh", "amount_micro"))
    st.markdown(
        "**Energy and price**",
        help=f"Trades by {unit.name} of their arrival. Energy: Σ energy. Mean price: Σ amount ÷ Σ energy.",
    )
    energy_kwh = found.sums["energy_wh"] / 1000
    price = found.sums["amount_micro"] / np.maximum(found.sums["energy_wh"], 1) / 1000
    drawn = charts.energy_and_price(found.at, energy_kwh, price=price, currency=view.currency, zone=view.zone)
    view.show(
        drawn, key="energy_and_price", alt="Energy traded and mean price over time", on_brush=partial(_zoom, found.at)
    )


def _zoom(at: Sequence[datetime]) -> None:
    """The days that were dragged over become the period, in the fields and in the address."""
    event = st.session_state["energy_and_price"]
    dragged = [datetime.fromisoformat(str(x)) for box in event.selection.box for x in box["x"]]
    if dragged and at:
        st.session_state["from"] = max(min(dragged), at[0]).date()
        st.session_state["to"] = min(max(dragged), at[-1]).date()


def _draw_latency(view: View, period: Filter, *, span_ms: int) -> None:
    bucket_ms = bucket_for(span_ms)
    found = view.chain.figures.latency(replace(period, kind="trade"), bucket_ms=bucket_ms)
    st.markdown(
        "**From arrival to block**",
        help="Time of a trade's block minus the time of its arrival: the median, and what 95 % stay below.",
    )
    times, p50_ms = with_gaps(found["at_ms"], found["p50_ms"], bucket_ms=bucket_ms)
    _, p95_ms = with_gaps(found["at_ms"], found["p95_ms"], bucket_ms=bucket_ms)
    at = [view.clock.at(at_ms).replace(tzinfo=None) for at_ms in times]
    drawn = charts.latency(at, np.array(p50_ms) / 1000, p95_s=np.array(p95_ms) / 1000, zone=view.zone)
    view.show(drawn, key="latency", alt="Seconds from arrival to block over time")


def _draw_pairs(view: View, period: Filter) -> None:
    pairs = view.chain.figures.pairs(period, most=BUSIEST)
    sellers, buyers, energy_kwh = charts.matrix(pairs["seller"], pairs["buyer"], pairs["energy_wh"] / 1000)
    st.markdown(
        "**Who trades with whom**",
        help=f"Σ energy from seller (row) to buyer (column), between the {BUSIEST} households that trade most.",
    )
    drawn = charts.who_trades_with_whom(sellers, buyers, energy_kwh)
    view.show(drawn, key="pairs", alt="Energy between the busiest sellers and buyers")


def _draw_blocks(view: View) -> None:
    blocks = view.chain.figures.blocks()
    st.markdown(
        "**Transactions a block**",
        help=f"The newest {view.amounts.count(len(blocks['height']), 'block')}.",
    )
    drawn = charts.transactions_per_block(blocks["height"], blocks["transactions"])
    view.show(drawn, key="per_block", alt="Transactions in each block")


def _draw_intervals(view: View) -> None:
    blocks = view.chain.figures.blocks()
    st.markdown(
        "**Interval between blocks**",
        help=f"Seconds since the block before; planned are {view.block_interval_s:g} s. No block is made while nothing "
        "is pending, so quiet times show as long intervals.",
    )
    drawn = charts.block_intervals(
        blocks["height"][1:], blocks["interval_ms"][1:] / 1000, target_s=view.block_interval_s
    )
    view.show(drawn, key="intervals", alt="Seconds between blocks against the planned interval")


MINUTE_MS = 60_000
QUARTER_MS = 15 * MINUTE_MS
DAY_MS = 96 * QUARTER_MS


@dataclass(frozen=True, slots=True)
class Unit:
    """A period of a chart, and the bucket of the index that it is made of."""

    name: str
    bucket_ms: int


MINUTE = Unit("minute", MINUTE_MS)
QUARTER = Unit("quarter of an hour", QUARTER_MS)
HOUR = Unit("hour", QUARTER_MS)
DAY = Unit("day", QUARTER_MS)


def unit_for(span_ms: int) -> Unit:
    """The finest unit that keeps a chart over `span_ms` readable."""
    if span_ms <= DAY_MS // 8:
        return MINUTE
    if span_ms <= 4 * DAY_MS:
        return QUARTER
    return HOUR if span_ms <= 60 * DAY_MS else DAY


BUCKETS_MS = (MINUTE_MS, QUARTER_MS, 4 * QUARTER_MS, 24 * QUARTER_MS, DAY_MS, 7 * DAY_MS)
MOST_BUCKETS = 2_000
LONGEST_GAP = 3
"""Buckets without anything that a line still crosses."""


def bucket_for(span_ms: int) -> int:
    """The finest bucket that makes at most MOST_BUCKETS of `span_ms`: for what cannot be added up, such as medians."""
    return next((bucket for bucket in BUCKETS_MS if span_ms <= MOST_BUCKETS * bucket), BUCKETS_MS[-1])


@dataclass(frozen=True, slots=True)
class Gathered:
    """Sums by period: its start at the site (without zone, for an axis that names it), and each column's sum."""

    unit: Unit
    at: list[datetime]
    sums: dict[str, NDArray[np.int64]]


def gather(totals: Columns, clock: Clock, *, unit: Unit, columns: Sequence[str]) -> Gathered:
    """Add up the buckets, which are in order of time, by the period of the site they are in."""
    starts = [_start(clock.at(int(at_ms)).replace(tzinfo=None), unit) for at_ms in totals["at_ms"]]
    firsts = [place for place, start in enumerate(starts) if place == 0 or start != starts[place - 1]]
    sums = {
        name: np.add.reduceat(np.asarray(totals[name], dtype=np.int64), firsts) if firsts else np.zeros(0, np.int64)
        for name in columns
    }
    return Gathered(unit, [starts[place] for place in firsts], sums)


def with_gaps(
    at_ms: NDArray[np.int64], values: NDArray[np.float64], *, bucket_ms: int
) -> tuple[list[int], list[float]]:
    """The same points with a NaN wherever buckets are missing, so that no line is drawn over a time without any."""
    times: list[int] = []
    found: list[float] = []
    for moment, value in zip(at_ms.tolist(), values.tolist(), strict=True):
        if times and moment - times[-1] > LONGEST_GAP * bucket_ms:
            times.append(times[-1] + bucket_ms)
            found.append(float("nan"))
        times.append(moment)
        found.append(value)
    return times, found


def _start(moment: datetime, unit: Unit) -> datetime:
    if unit is DAY:
        return moment.replace(hour=0, minute=0)
    return moment.replace(minute=0) if unit is HOUR else moment
