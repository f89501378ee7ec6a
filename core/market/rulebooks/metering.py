"""Net metering: exports of a block meet its imports, then other blocks from the cheapest up, then later months.

Credit left when a settlement year ends is paid; so is what is open at the end of the horizon, unless it is carried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import BoolArray, FloatArray, IntArray
from core.market.rulebooks.slabs import EDGE_KWH, EDGE_SHARE


@dataclass(frozen=True, slots=True, eq=False)
class MeterYear:
    """What net metering leaves.

    billed_kwh: `[month, block, household]`. paid_kwh: `[month, household]`, credit paid after the month. carried_kwh:
    `[month, household]`, credit that goes into the next month. open_kwh: `[household]`, credit at the end of the
    horizon, before it is paid.
    """

    billed_kwh: FloatArray
    paid_kwh: FloatArray
    carried_kwh: FloatArray
    open_kwh: FloatArray


def net_metering(
    net_kwh: FloatArray,
    *,
    opening_kwh: FloatArray,
    raised_by: FloatArray,
    year_ends: BoolArray,
    pay_at_end: bool,
) -> MeterYear:
    """Meter imports less exports `[month, block, household]`, with the credit that households bring, `[household]`."""
    months = net_kwh.shape[0]
    billed = np.maximum(net_kwh, 0.0)
    paid, carried = np.zeros((months, net_kwh.shape[2])), np.zeros((months, net_kwh.shape[2]))
    credit = opening_kwh
    for month in range(months):
        credit = credit + np.maximum(-net_kwh[month], 0.0).sum(axis=0)
        for block in cheapest_first(raised_by):
            used = np.minimum(credit, billed[month, block])
            billed[month, block] -= used
            credit = credit - used
        if year_ends[month]:
            paid[month], credit = credit, np.zeros_like(credit)
        carried[month] = credit
    if pay_at_end:
        paid[-1] += credit
        carried[-1] = 0.0
    return MeterYear(billed, paid, carried, credit)


def cheapest_first(raised_by: FloatArray) -> IntArray:
    """Blocks in the order in which spare exports are used on them."""
    return np.argsort(raised_by, kind="stable")


@dataclass(frozen=True, slots=True, eq=False)
class MeterSlopes:
    """How fast billed kWh, their sum weighted by 1 + τ, and paid kWh change, each `[direction, month, household]`.

    Directions: one kWh more net import in each month and block, then one kWh less in each.
    """

    billed: FloatArray
    weighted: FloatArray
    paid: FloatArray


def metering_slopes(
    net_kwh: FloatArray,
    *,
    opening_kwh: FloatArray,
    raised_by: FloatArray,
    year_ends: BoolArray,
    pay_at_end: bool,
) -> MeterSlopes:
    """One-sided derivatives of `net_metering` in every month and block: the same steps, carried out on the value and
    its rates of change together. Where two branches meet, the direction decides which one holds."""
    months, blocks, households = net_kwh.shape
    half = months * blocks
    signs = np.repeat([1.0, -1.0], half)
    place = np.tile(np.arange(half), 2)
    billed, weighted, paid = (np.zeros((2 * half, months, households)) for _ in range(3))
    credit, credit_rate = opening_kwh, np.zeros((2 * half, households))
    for month in range(months):
        rates, left = [], []
        for block in range(blocks):
            rate = np.where(place == month * blocks + block, signs, 0.0)[:, None]
            net = net_kwh[month, block]
            need, need_rate = _positive(net, np.broadcast_to(rate, credit_rate.shape))
            spare, spare_rate = _positive(-net, np.broadcast_to(-rate, credit_rate.shape))
            left.append(need)
            rates.append(need_rate)
            credit, credit_rate = credit + spare, credit_rate + spare_rate
        for block in cheapest_first(raised_by):
            used, used_rate = _smaller(credit, credit_rate, left[block], rates[block])
            credit, credit_rate = credit - used, credit_rate - used_rate
            billed[:, month] += rates[block] - used_rate
            weighted[:, month] += (1.0 + raised_by[block]) * (rates[block] - used_rate)
        if year_ends[month]:
            paid[:, month] = credit_rate
            credit, credit_rate = np.zeros_like(credit), np.zeros_like(credit_rate)
    if pay_at_end:
        paid[:, -1] += credit_rate
    return MeterSlopes(billed, weighted, paid)


def _positive(value: FloatArray, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
    """max(value, 0) and its rate; at 0 only what rises counts."""
    edge = EDGE_KWH
    return np.maximum(value, 0.0), np.where(value > edge, rate, np.where(value < -edge, 0.0, np.maximum(rate, 0.0)))


def _smaller(
    first: FloatArray, first_rate: FloatArray, second: FloatArray, second_rate: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """min(first, second) and its rate; where they are equal the smaller rate holds."""
    apart = first - second
    edge = np.maximum(EDGE_KWH, EDGE_SHARE * np.abs(first))
    equal = np.minimum(first_rate, second_rate)
    return np.minimum(first, second), np.where(apart > edge, second_rate, np.where(apart < -edge, first_rate, equal))
