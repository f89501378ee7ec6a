"""Charts of the whole chain: totals from the index, a few milliseconds each, whatever its length."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.store.columns import Columns
from core.web.charts import CONFIG
from core.web.explorer import amounts, charts
from core.web.explorer.lens import Lens, nothing_yet
from core.web.explorer.times import Clock

MINUTE_MS = 60_000
QUARTER_MS = 15 * MINUTE_MS
"""Every zone's offset is a multiple of it, so local hours and days are made of whole ones."""
SHORT_MS = 3 * 60 * MINUTE_MS
MEDIUM_MS = 4 * 24 * 60 * MINUTE_MS
LONG_MS = 60 * 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Series:
    """Trades by period: its start at the site, energy in kWh and the volume-weighted mean price (NaN without trade)."""

    unit: str
    at: list[datetime]
    energy_kwh: NDArray[np.float64]
    price: NDArray[np.float64]


def draw(lens: Lens) -> None:
    """Energy and price, blocks, latency, who trades with whom."""
    if lens.chain.status().transactions == 0:
        nothing_yet()
        return
    _draw_energy(lens)
    _draw_blocks(lens)
    left, right = st.columns(2)
    with left:
        _draw_latency(lens)
    with right:
        _draw_intervals(lens)
    _draw_pairs(lens)


def bucket_of(span_ms: int) -> int:
    """The finest period that keeps a chart over `span_ms` readable."""
    return MINUTE_MS if span_ms <= SHORT_MS else QUARTER_MS


def series_of(totals: Columns, clock: Clock, *, span_ms: int) -> Series:
    """Buckets of the index as minutes, quarters of an hour, hours or days of the site, by how long the chain is."""
    unit = _unit(span_ms)
    starts: list[datetime] = []
    energy: list[int] = []
    paid: list[int] = []
    for at_ms, wh, micro in zip(totals["at_ms"], totals["energy_wh"], totals["amount_micro"], strict=True):
        start = _start(clock.at(int(at_ms)).replace(tzinfo=None), unit)
        if not starts or starts[-1] != start:
            starts.append(start)
            energy.append(0)
            paid.append(0)
        energy[-1] += int(wh)
        paid[-1] += int(micro)
    wh_array, micro_array = np.array(energy, dtype=np.float64), np.array(paid, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.where(wh_array > 0, micro_array / wh_array / 1000, np.nan)
    return Series(unit, starts, wh_array / 1000, price)


def _unit(span_ms: int) -> str:
    if span_ms <= SHORT_MS:
        return "minute"
    if span_ms <= MEDIUM_MS:
        return "quarter of an hour"
    return "hour" if span_ms <= LONG_MS else "day"


def _start(moment: datetime, unit: str) -> datetime:
    if unit == "day":
        return moment.replace(hour=0, minute=0)
    return moment.replace(minute=0) if unit == "hour" else moment


def span_of(lens: Lens) -> int:
    """Milliseconds from the first block to the newest."""
    times = lens.chain.explorer.heads().times_ms
    return times[-1] - times[min(1, len(times) - 1)] if len(times) else 0


def _draw_energy(lens: Lens) -> None:
    span_ms = span_of(lens)
    totals = lens.chain.figures.over_time(bucket_ms=bucket_of(span_ms))
    series = series_of(totals, lens.clock, span_ms=span_ms)
    st.markdown(
        "**Energy and price**",
        help=f"Trades by {series.unit} of their arrival. Energy: Σ energy. Mean price: Σ amount ÷ Σ energy.",
    )
    drawn = charts.energy_and_price(
        series.at, series.energy_kwh, price=series.price, currency=lens.currency, zone=lens.zone
    )
    st.plotly_chart(drawn, key="energy_and_price", config=CONFIG, alt="Energy traded and mean price over time")


def _draw_blocks(lens: Lens) -> None:
    blocks = lens.chain.figures.blocks()
    st.markdown(
        "**Transactions a block**",
        help=f"The newest {amounts.count(len(blocks['height']), 'block')}.",
    )
    drawn = charts.transactions_per_block(blocks["height"], blocks["transactions"])
    st.plotly_chart(drawn, key="per_block", config=CONFIG, alt="Transactions in each block")


def _draw_intervals(lens: Lens) -> None:
    blocks = lens.chain.figures.blocks()
    st.markdown(
        "**Interval between blocks**",
        help=f"Seconds since the block before; planned are {lens.block_interval_s:g} s. No block is made while nothing "
        "is pending, so quiet times show as long intervals.",
    )
    drawn = charts.block_intervals(
        blocks["height"][1:], blocks["interval_ms"][1:] / 1000, target_s=lens.block_interval_s
    )
    st.plotly_chart(drawn, key="intervals", config=CONFIG, alt="Seconds between blocks against the planned interval")


def _draw_latency(lens: Lens) -> None:
    latency = lens.chain.figures.latency(bucket_ms=bucket_of(span_of(lens)))
    st.markdown(
        "**From arrival to block**",
        help="Time of a transaction's block minus the time of its arrival: the median, and what 95 % stay below.",
    )
    at = [lens.clock.at(int(at_ms)).replace(tzinfo=None) for at_ms in latency["at_ms"]]
    drawn = charts.latency(at, latency["p50_ms"] / 1000, p95_s=latency["p95_ms"] / 1000, zone=lens.zone)
    st.plotly_chart(
        drawn, key="latency", config=CONFIG, alt="Median and 95th percentile of seconds from arrival to block"
    )


def _draw_pairs(lens: Lens) -> None:
    pairs = lens.chain.figures.pairs(most=30)
    sellers, buyers, energy_kwh = charts.matrix(pairs["seller"], pairs["buyer"], pairs["energy_wh"] / 1000)
    st.markdown(
        "**Who trades with whom**",
        help="Σ energy from seller (row) to buyer (column), between the 30 households that trade most.",
    )
    drawn = charts.who_trades_with_whom(sellers, buyers, energy_kwh)
    st.plotly_chart(drawn, key="pairs", config=CONFIG, alt="Energy between the busiest sellers and buyers")
