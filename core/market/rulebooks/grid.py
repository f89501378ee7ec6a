"""What the grid charges each household for its imports and exports, and what one kWh more or less would change.

Months and blocks are summed once over the slots; slabs, net metering, percentages and prices of a kWh then work on
those small arrays, `[month, block, household]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import MarketError
from core.market.chunks import blocks
from core.market.community import Community, FloatArray, IntArray
from core.market.rulebooks.calendar import Calendar
from core.market.rulebooks.form import Percentage, Prices, Rulebook, TariffClass
from core.market.rulebooks.metering import MeterYear, net_metering
from core.market.rulebooks.slabs import Slabs, energy_cost


@dataclass(frozen=True, slots=True, eq=False)
class GridBill:
    """The grid's part of the bills of one class's households, `[month, household]` unless said otherwise.

    grid = energy + fixed + Σ percents - export_credit. billable_kwh: what energy was charged for. credit_kwh:
    `[household]`, credit left open at the end of the horizon (paid like a year end, or carried). import_kwh,
    export_kwh: `[household]`. imported_kwh, exported_kwh: by `[month, block, household]`.
    """

    energy: FloatArray
    fixed: FloatArray
    percents: dict[str, FloatArray]
    export_credit: FloatArray
    billable_kwh: FloatArray
    credit_kwh: FloatArray
    imported_kwh: FloatArray
    exported_kwh: FloatArray
    carried_kwh: FloatArray
    block_kwh: FloatArray

    @property
    def total(self) -> FloatArray:
        """The grid's bill, `[household]`."""
        months = self.energy + self.fixed + sum(self.percents.values()) - self.export_credit
        total: FloatArray = months.sum(axis=0)
        return total


class ClassGrid:
    """One class in force over a horizon: its prices a slot, its months and blocks.

    households: `[member]`, places of its households in the community. sanctioned_kw, credit_kwh: `[member]`.
    """

    def __init__(
        self,
        rules: TariffClass,
        rulebook: Rulebook,
        calendar: Calendar,
        community: Community,
        *,
        households: IntArray,
        sanctioned_kw: FloatArray,
        credit_kwh: FloatArray,
        given: GivenPrices,
        name: str,
    ) -> None:
        self.rules, self.rulebook, self.calendar, self.households = rules, rulebook, calendar, households
        self.credit_kwh = credit_kwh
        self.block_of = calendar.blocks(rules.time_of_day)
        self.raised_by = np.array([0.0, *(each.raised_by for each in rules.time_of_day)])
        self.months, self.blocks = calendar.months.size, self.raised_by.size
        self.slabs = None
        if rules.slabs or rules.arrangement == "net_metering":
            bands = rules.slabs or ((np.inf, rules.energy.by_clock.price),)
            self.slabs = Slabs.of(bands, calendar.share)
        where = f"classes.{name}"
        self.energy_price = _per_slot(rules.energy, rulebook, community, given.retail, f"{where}.energy")
        if self.slabs is None and rules.time_of_day:
            self.energy_price = self.energy_price * (1.0 + self.raised_by[self.block_of])
        self.export_price = _per_slot(rules.export, rulebook, community, given.feed_in, f"{where}.export")
        self.fixed = np.outer(calendar.share, rules.per_month + _per_kw(rules.per_kw, sanctioned_kw))
        self.on_energy, self.on_fixed = _weights(rules.percent)
        self.multiplier = 1.0 + sum(self.on_energy.values())

    def bill(self, imported: FloatArray, exported: FloatArray) -> GridBill:
        """The bill of this class's households for imports and exports `[slot, household]` of the whole community."""
        return self.bill_of(self.sums(imported, exported))

    def sums(self, imported: FloatArray, exported: FloatArray) -> Sums:
        """What the bill needs of the slots."""
        members, group = self.households.size, self.calendar.month_of * self.blocks + self.block_of
        buys = _Grouped(self, group, None if self.slabs is not None else self.energy_price)
        sells = _Grouped(self, group, self.export_price)
        everybody = members == imported.shape[1]
        for part in blocks(imported.shape[0], members):
            for sums, values in ((buys, imported), (sells, exported)):
                sums.add(values[part] if everybody else values[part][:, self.households], part)
        shape = (self.months, self.blocks, members)
        return Sums(buys.energy.reshape(shape), sells.energy.reshape(shape), buys.money, sells.money)

    def bill_of(self, sums: Sums) -> GridBill:
        """The bill from the sums of the slots."""
        carried = np.zeros((self.months, self.households.size))
        if self.rules.arrangement == "net_metering":
            year = self.meter_year(sums.imported - sums.exported)
            billed, export_credit, carried = (
                year.billed_kwh,
                year.paid_kwh * self.rules.year_end_price,
                year.carried_kwh,
            )
            open_credit = year.open_kwh
        else:
            billed, export_credit, open_credit = sums.imported, sums.export_money, self.credit_kwh * 0.0
        energy = sums.import_money if self.slabs is None else energy_cost(billed, self.slabs, self.raised_by)
        if self.rules.credit_within_month_energy:
            export_credit = np.minimum(export_credit, energy)
        percents = {name: share * energy + self.on_fixed[name] * self.fixed for name, share in self.on_energy.items()}
        return GridBill(
            energy,
            self.fixed,
            percents,
            export_credit,
            billed.sum(axis=1),
            open_credit,
            sums.imported,
            sums.exported,
            carried,
            billed,
        )

    def meter_year(self, net_kwh: FloatArray) -> MeterYear:
        """Net metering of these month-and-block sums."""
        return net_metering(
            net_kwh,
            opening_kwh=self.credit_kwh,
            raised_by=self.raised_by,
            year_ends=self.calendar.year_ends,
            pay_at_end=not self.rulebook.carry_at_end,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """kWh imported and exported, `[month, block, member]`, and their money at a price a slot, `[month, member]`."""

    imported: FloatArray
    exported: FloatArray
    import_money: FloatArray
    export_money: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class GivenPrices:
    """Prices that come with the readings, `[slot]`, None where there are none."""

    retail: FloatArray | None = None
    feed_in: FloatArray | None = None
    zonal: FloatArray | None = None


class _Grouped:
    """Sums of energy by month and block, and of money by month, added block by block of slots."""

    def __init__(self, grid: ClassGrid, group: IntArray, price: FloatArray | None) -> None:
        self._group, self._month, self._price = group, grid.calendar.month_of, price
        self.energy = np.zeros((grid.months * grid.blocks, grid.households.size))
        self.money = np.zeros((grid.months, grid.households.size))

    def add(self, values: FloatArray, part: slice) -> None:
        """Add the values `[slot, household]` of these slots."""
        _add(self.energy, values, self._group[part], np.ones(values.shape[0]))
        if self._price is not None:
            _add(self.money, values, self._month[part], self._price[part])


def _add(sums: FloatArray, values: FloatArray, group: IntArray, weight: FloatArray) -> None:
    """Add each slot's weighted values to the row of its group."""
    present, of_slot = np.unique(group, return_inverse=True)
    rows = np.zeros((present.size, group.size))
    rows[of_slot, np.arange(group.size)] = weight
    sums[present] += rows @ values


def _per_slot(
    prices: Prices, rulebook: Rulebook, community: Community, given: FloatArray | None, where: str
) -> FloatArray:
    if prices.from_input:
        if given is None:
            raise MarketError(
                f'{where}.series is "input", and no such prices come with the readings.',
                fix="Give retail_price and export_price beside the readings.",
            )
        return given
    if prices.series:
        if len(prices.series) != community.slots:
            raise MarketError(
                f"{where}.series has {len(prices.series)} prices for {community.slots} slots, expected one a slot."
            )
        return np.array(prices.series)
    return prices.by_clock.over(community, rulebook.time_zone)


def _per_kw(bands: tuple[tuple[float, float], ...], sanctioned_kw: FloatArray) -> FloatArray:
    """The whole sanctioned load at the rate of the band that holds it, `[member]`; unknown loads count as 0."""
    if not bands:
        return np.zeros(sanctioned_kw.size)
    load = np.nan_to_num(sanctioned_kw)
    limits, rates = np.array(bands).T
    found: FloatArray = load * rates[np.searchsorted(limits, load - 1e-9)]
    return found


def _weights(percent: tuple[Percentage, ...]) -> tuple[dict[str, float], dict[str, float]]:
    """Each percentage as a share of energy and a share of fixed charges: they are linear in both."""
    on_energy, on_fixed = {"energy": 1.0, "fixed": 0.0}, {"energy": 0.0, "fixed": 1.0}
    for each in percent:
        on_energy[each.name] = each.rate * sum(on_energy[part] for part in each.on)
        on_fixed[each.name] = each.rate * sum(on_fixed[part] for part in each.on)
    names = [each.name for each in percent]
    return {name: on_energy[name] for name in names}, {name: on_fixed[name] for name in names}
