"""Reference prices: what one kWh less imported saves a household (ρ) and what one kWh less exported loses it (φ).

They are one-sided derivatives of the grid's bill on the household's grid-only horizon, percentages included: of the
last kWh where the slot has imports (exports), else of the next one. Constant within a month and block, or within a
slot's price, so they are kept small and spread over slots only where asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import BoolArray, FloatArray, IntArray
from core.market.rulebooks.grid import ClassGrid, Sums
from core.market.rulebooks.metering import metering_slopes
from core.market.rulebooks.slabs import EDGE_KWH, energy_slope

FREE, LIMITED, AT_LIMIT = 0, 1, 2
LAST, NEXT = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class ClassReference:
    """Reference prices of one class's households.

    energy: what a kWh of import costs before any limit on export credit, and export likewise: `[slot]` in a linear
    class, else `[last or next kWh, month, block, member]`. state: `[month, member]`, whether the month's export credit
    is free, at its limit, or just there.
    """

    grid: ClassGrid
    energy: FloatArray
    export: FloatArray
    state: IntArray

    def import_prices(self, part: slice, imported: FloatArray) -> FloatArray:
        """ρ of these slots, `[slot, member]`; imported: kWh, `[slot, member]`."""
        some = imported > 0.0
        price = self._spread(self.energy, part, some)
        if not self.state.any():
            return price * self._on_energy()
        sign = np.where(some, -1.0, 1.0)
        state = self.state[self.grid.calendar.month_of[part]]
        credit = np.where(state == LIMITED, price, np.where(state == FREE, 0.0, np.minimum(sign * price, 0.0) / sign))
        found: FloatArray = price * self._on_energy() - credit
        return found

    def export_prices(self, part: slice, exported: FloatArray) -> FloatArray:
        """φ of these slots, `[slot, member]`; exported: kWh, `[slot, member]`."""
        some = exported > 0.0
        price = self._spread(self.export, part, some)
        if not self.state.any():
            return price
        sign = np.where(some, -1.0, 1.0)
        state = self.state[self.grid.calendar.month_of[part]]
        found: FloatArray = np.where(
            state == FREE, price, np.where(state == LIMITED, 0.0, np.minimum(sign * price, 0.0) / sign)
        )
        return found

    def _on_energy(self) -> float:
        return 1.0 if self.grid.rules.arrangement == "net_metering" else self.grid.multiplier

    def _spread(self, prices: FloatArray, part: slice, some: BoolArray) -> FloatArray:
        if prices.ndim == 1:
            return np.broadcast_to(prices[part, None], some.shape)
        month, block = self.grid.calendar.month_of[part], self.grid.block_of[part]
        last: FloatArray = prices[LAST, month, block]
        if prices[LAST] is prices[NEXT] or np.array_equal(prices[LAST], prices[NEXT]):
            return last
        found: FloatArray = np.where(some, last, prices[NEXT, month, block])
        return found


def reference_of(grid: ClassGrid, sums: Sums) -> ClassReference:
    """Reference prices from the sums of the grid-only horizon."""
    state = np.zeros((grid.months, grid.households.size), dtype=np.int64)
    if grid.rules.arrangement == "net_metering":
        price = _under_net_metering(grid, sums)
        # An exported kWh is one of net import less: the last kWh exported is the next one of net import.
        return ClassReference(grid, price, price[::-1], state)
    energy = grid.energy_price if grid.slabs is None else _under_slabs(grid, sums)
    if grid.rules.credit_within_month_energy:
        bill = grid.bill_of(sums)
        apart = sums.export_money - bill.energy
        near = EDGE_KWH * np.maximum(1.0, np.abs(bill.energy))
        state = np.where(apart > near, LIMITED, np.where(apart < -near, FREE, AT_LIMIT))
    return ClassReference(grid, energy, grid.export_price, state)


def _under_slabs(grid: ClassGrid, sums: Sums) -> FloatArray:
    """`[last or next, month, block, member]` of net billing with slabs."""
    assert grid.slabs is not None
    found = np.empty((2, grid.months, grid.blocks, grid.households.size))
    one = np.ones((1, grid.months, grid.households.size))
    for block in range(grid.blocks):
        raised = 1.0 + grid.raised_by[block]
        for place, sign in ((LAST, -1.0), (NEXT, 1.0)):
            slope = energy_slope(sums.imported, sign * one, sign * raised * one, grid.slabs, grid.raised_by)
            found[place, :, block] = slope[0] / sign
    return found


def _under_net_metering(grid: ClassGrid, sums: Sums) -> FloatArray:
    """`[last or next, month, block, member]`: energy with percentages, less credit that is paid out."""
    assert grid.slabs is not None
    net = sums.imported - sums.exported
    settings = {
        "opening_kwh": grid.credit_kwh,
        "raised_by": grid.raised_by,
        "year_ends": grid.calendar.year_ends,
        "pay_at_end": not grid.rulebook.carry_at_end,
    }
    slopes = metering_slopes(net, **settings)  # type: ignore[arg-type]
    billed = grid.meter_year(net).billed_kwh
    money = energy_slope(billed, slopes.billed, slopes.weighted, grid.slabs, grid.raised_by) * grid.multiplier
    total = (money - grid.rules.year_end_price * slopes.paid).sum(axis=1)
    by_sign = total.reshape(2, grid.months, grid.blocks, grid.households.size)
    return np.stack([-by_sign[1], by_sign[0]])
