"""Charts of the chain: totals from the index, a few milliseconds each, whatever its length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from core.chain.records import Filter
from core.store.columns import Columns
from core.web.explorer import charts, filters, periods
from core.web.explorer.lens import Lens, nothing_yet

BUSIEST = 30
"""Households a side of the heat map."""


def draw(lens: Lens) -> None:
    """Energy and price, latency and who trades with whom in a period; then the newest blocks."""
    if lens.chain.status().transactions == 0:
        nothing_yet(lens)
        return
    with st.container(horizontal=True):
        from_ms, until_ms = filters.period(lens, width=180)
    period = Filter(from_ms=from_ms, until_ms=until_ms)
    totals = lens.chain.figures.over_time(period, bucket_ms=periods.QUARTER_MS)
    some = len(totals["at_ms"]) > 0
    span_ms = int(totals["at_ms"][-1] - totals["at_ms"][0]) + periods.QUARTER_MS if some else 0
    if some:
        _draw_energy(lens, period, totals, span_ms=span_ms)
    else:
        st.info("No trade in this period. Choose other days.", icon=":material/date_range:")
    left, right = st.columns(2)
    with left:
        if some:
            _draw_pairs(lens, period)
    with right:
        if some:
            _draw_latency(lens, period, span_ms=span_ms)
        _draw_blocks(lens)
        _draw_intervals(lens)


def _draw_energy(lens: Lens, period: Filter, totals: Columns, *, span_ms: int) -> None:
    unit = periods.unit_for(span_ms)
    if unit is periods.MINUTE:
        totals = lens.chain.figures.over_time(period, bucket_ms=unit.bucket_ms)
    found = periods.gather(totals, lens.clock, unit=unit, columns=("energy_wh", "amount_micro"))
    st.markdown(
        "**Energy and price**",
        help=f"Trades by {unit.name} of their arrival. Energy: Σ energy. Mean price: Σ amount ÷ Σ energy.",
    )
    energy_kwh = found.sums["energy_wh"] / 1000
    price = found.sums["amount_micro"] / np.maximum(found.sums["energy_wh"], 1) / 1000
    drawn = charts.energy_and_price(found.at, energy_kwh, price=price, currency=lens.currency, zone=lens.zone)
    lens.show(drawn, key="energy_and_price", alt="Energy traded and mean price over time")


def _draw_latency(lens: Lens, period: Filter, *, span_ms: int) -> None:
    bucket_ms = periods.bucket_for(span_ms)
    found = lens.chain.figures.latency(replace(period, kind="trade"), bucket_ms=bucket_ms)
    st.markdown(
        "**From arrival to block**",
        help="Time of a trade's block minus the time of its arrival: the median, and what 95 % stay below.",
    )
    times, p50_ms = periods.with_gaps(found["at_ms"], found["p50_ms"], bucket_ms=bucket_ms)
    _, p95_ms = periods.with_gaps(found["at_ms"], found["p95_ms"], bucket_ms=bucket_ms)
    at = [lens.clock.at(at_ms).replace(tzinfo=None) for at_ms in times]
    drawn = charts.latency(at, np.array(p50_ms) / 1000, p95_s=np.array(p95_ms) / 1000, zone=lens.zone)
    lens.show(drawn, key="latency", alt="Seconds from arrival to block over time")


def _draw_pairs(lens: Lens, period: Filter) -> None:
    pairs = lens.chain.figures.pairs(period, most=BUSIEST)
    sellers, buyers, energy_kwh = charts.matrix(pairs["seller"], pairs["buyer"], pairs["energy_wh"] / 1000)
    st.markdown(
        "**Who trades with whom**",
        help=f"Σ energy from seller (row) to buyer (column), between the {BUSIEST} households that trade most.",
    )
    drawn = charts.who_trades_with_whom(sellers, buyers, energy_kwh)
    lens.show(drawn, key="pairs", alt="Energy between the busiest sellers and buyers")


def _draw_blocks(lens: Lens) -> None:
    blocks = lens.chain.figures.blocks()
    st.markdown(
        "**Transactions a block**",
        help=f"The newest {lens.amounts.count(len(blocks['height']), 'block')}.",
    )
    drawn = charts.transactions_per_block(blocks["height"], blocks["transactions"])
    lens.show(drawn, key="per_block", alt="Transactions in each block")


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
    lens.show(drawn, key="intervals", alt="Seconds between blocks against the planned interval")
