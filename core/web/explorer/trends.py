"""Charts of the whole chain: totals from the index, a few milliseconds each, whatever its length."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.web.explorer import charts, periods
from core.web.explorer.lens import Lens, nothing_yet

BUSIEST = 30
"""Households a side of the heat map."""


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


def _unit(lens: Lens) -> periods.Unit:
    """By the time from the first block with transactions to the newest."""
    times = lens.chain.explorer.heads().times_ms
    return periods.unit_for(times[-1] - times[min(1, len(times) - 1)])


def _draw_energy(lens: Lens) -> None:
    unit = _unit(lens)
    totals = lens.chain.figures.over_time(bucket_ms=unit.bucket_ms)
    found = periods.gather(totals, lens.clock, unit=unit, columns=("energy_wh", "amount_micro"))
    st.markdown(
        "**Energy and price**",
        help=f"Trades by {unit.name} of their arrival. Energy: Σ energy. Mean price: Σ amount ÷ Σ energy.",
    )
    energy_kwh = found.sums["energy_wh"] / 1000
    price = found.sums["amount_micro"] / np.maximum(found.sums["energy_wh"], 1) / 1000
    drawn = charts.energy_and_price(found.at, energy_kwh, price=price, currency=lens.currency, zone=lens.zone)
    lens.show(drawn, key="energy_and_price", alt="Energy traded and mean price over time")


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


def _draw_latency(lens: Lens) -> None:
    latency = lens.chain.figures.latency(bucket_ms=_unit(lens).bucket_ms)
    st.markdown(
        "**From arrival to block**",
        help="Time of a transaction's block minus the time of its arrival: the median, and what 95 % stay below.",
    )
    at = [lens.clock.at(int(at_ms)).replace(tzinfo=None) for at_ms in latency["at_ms"]]
    drawn = charts.latency(at, latency["p50_ms"] / 1000, p95_s=latency["p95_ms"] / 1000, zone=lens.zone)
    lens.show(drawn, key="latency", alt="Seconds from arrival to block over time")


def _draw_pairs(lens: Lens) -> None:
    pairs = lens.chain.figures.pairs(most=BUSIEST)
    sellers, buyers, energy_kwh = charts.matrix(pairs["seller"], pairs["buyer"], pairs["energy_wh"] / 1000)
    st.markdown(
        "**Who trades with whom**",
        help=f"Σ energy from seller (row) to buyer (column), between the {BUSIEST} households that trade most.",
    )
    drawn = charts.who_trades_with_whom(sellers, buyers, energy_kwh)
    lens.show(drawn, key="pairs", alt="Energy between the busiest sellers and buyers")
