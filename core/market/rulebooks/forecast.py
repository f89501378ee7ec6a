"""Forecasts of load and solar, from which forward contracts are made."""

from __future__ import annotations

import math

import numpy as np

from core.errors import MarketError
from core.market.community import Community, FloatArray
from core.market.orders import Draws
from core.market.rulebooks.form import Forward

DAYS = 7


def forecast_kwh(values: FloatArray, community: Community, forward: Forward, *, what: str) -> FloatArray:
    """A forecast of `values` `[slot, household]`, kWh; NaN where nothing is known. what: "load" or "solar".

    Raises MarketError where slots do not divide a day, or no reading is old enough.
    """
    if forward.forecast == "perfect":
        return values
    if forward.forecast == "noise":
        names = [f"{what} {household}" for household in community.household_ids]
        drawn = Draws(names, community.slot_starts(), forward.seed, byte_order="big")[slice(None)]
        return values * np.maximum(0.0, 1.0 + forward.noise * math.sqrt(3.0) * (2.0 * drawn - 1.0))
    a_day = round(24.0 / community.slot_h)
    if a_day < 1 or abs(a_day * community.slot_h - 24.0) > 1e-6:
        raise MarketError(
            f'forward.forecast "{forward.forecast}" looks 24 h back, and slots of {community.slot_h:g} h do not divide'
            " a day.",
            fix='Use "perfect" or "noise", or readings in slots that divide a day.',
        )
    days = [1] if forward.forecast == "day_before" else list(range(1, DAYS + 1))
    old_enough = [day for day in days if day * a_day > forward.lead_slots]
    if not old_enough:
        raise MarketError(
            f"forward.lead_slots is {forward.lead_slots}: a forecast may only use readings older than"
            f" {forward.lead_slots * community.slot_h:g} h, and none of the days looked at is.",
            fix=f"Give fewer than {days[-1] * a_day} slots.",
        )
    total, count = np.zeros_like(values), np.zeros((values.shape[0], 1))
    for day in old_enough:
        back = day * a_day
        total[back:] += values[: max(0, values.shape[0] - back)]
        count[back:] += 1.0
    np.divide(total, count, out=total, where=count > 0.0)
    total[count[:, 0] == 0.0] = np.nan
    return total
