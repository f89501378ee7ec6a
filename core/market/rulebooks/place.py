"""A rulebook in force over the horizon of a community: its classes, its grid bills, what a kWh is worth to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from core.errors import MarketError
from core.market.chunks import blocks
from core.market.clearing import clear
from core.market.community import Community, FloatArray, IntArray, Tariff
from core.market.dispatch import Dispatch, own_use
from core.market.meters import folded, split
from core.market.rulebooks.calendar import calendar_of
from core.market.rulebooks.fields import did_you_mean
from core.market.rulebooks.form import Rulebook
from core.market.rulebooks.grid import ClassGrid, GivenPrices, GridBill
from core.market.rulebooks.orders import Orders
from core.market.rulebooks.reference import ClassReference, reference_of


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """What a rulebook must know of the households beside their readings, by id; whoever is left out is in the class
    "default", without sanctioned load (NaN) and without credit."""

    class_of: Mapping[str, str] = field(default_factory=dict)
    sanctioned_kw: Mapping[str, float] = field(default_factory=dict)
    credit_kwh: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """Forecasts that come with the readings, kWh `[slot]` by household; others follow the rulebook."""

    load_kwh: Mapping[str, FloatArray] = field(default_factory=dict)
    solar_kwh: Mapping[str, FloatArray] = field(default_factory=dict)


class Place:
    """A rulebook in force over the horizon of a community.

    Raises MarketError: a household of a class that is not there, prices that do not come with the readings.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        community: Community,
        *,
        members: Members | None = None,
        given: GivenPrices | None = None,
    ) -> None:
        members = members or Members()
        self.rulebook, self.given = rulebook, given or GivenPrices()
        self.ids = community.household_ids
        class_of = [self._class(household, members) for household in self.ids]
        gross = np.array([rulebook.classes[name].arrangement == "gross_metering" for name in class_of])
        self.metered_homes = bool(community.metered.any())
        self.households = replace(community, metered=community.metered | gross)
        self.community = split(self.households)
        self.calendar = calendar_of(rulebook, community)
        self.grids: list[ClassGrid] = []
        self.notes: list[str] = []
        for name, rules in rulebook.classes.items():
            own = np.flatnonzero([each == name for each in class_of])
            if not own.size:
                continue
            loads = np.array([members.sanctioned_kw.get(self.ids[i], np.nan) for i in own])
            if rules.per_kw and np.isnan(loads).any():
                self.notes.append(
                    f"{int(np.isnan(loads).sum())} of the {own.size} households of class {name} have no sanctioned"
                    " load: their fixed charge per kW counts as 0. It stands in the grid-only bill too, so savings do"
                    " not depend on it."
                )
            self.grids.append(
                ClassGrid(
                    rules,
                    rulebook,
                    self.calendar,
                    community,
                    households=own,
                    sanctioned_kw=loads,
                    credit_kwh=np.array([members.credit_kwh.get(self.ids[i], 0.0) for i in own]),
                    given=self.given,
                    name=name,
                )
            )

    def _class(self, household: str, members: Members) -> str:
        name = members.class_of.get(household, "default")
        if name not in self.rulebook.classes:
            raise MarketError(
                f'Household {household} is of class "{name[:80]}", and the rulebook has no such class.',
                fix=did_you_mean(name, self.rulebook.classes) or f"There is: {', '.join(self.rulebook.classes)}.",
            )
        return name

    @property
    def one_price(self) -> bool:
        """Whether all households pay one price a slot and nothing is charged or lost on the way: mechanisms that know
        nothing of rulebooks can then be asked."""
        peer = self.rulebook.peer
        return (
            len(self.grids) == 1
            and self.rulebook.linear
            and not (peer.buyer_charge or peer.seller_charge or peer.loss)
            and self.grids[0].rules.arrangement == "net_billing"
        )

    def tariff(self) -> Tariff:
        """The one class's prices, percentages included. Raises MarketError where feed-in is above retail."""
        grid = self.grids[0]
        return Tariff(grid.energy_price * grid.multiplier, grid.export_price)

    def bills(self, imported: FloatArray, exported: FloatArray) -> list[GridBill]:
        """The grid's bill of each class for imports and exports `[slot, household]`."""
        return [grid.bill(imported, exported) for grid in self.grids]

    def position(self, dispatch: Dispatch) -> Position:
        """Needs and surpluses of a dispatch, with the reference prices of its grid-only horizon."""
        need = folded(np.maximum(dispatch.net_kwh, 0.0), dispatch.community)
        surplus = folded(np.maximum(-dispatch.net_kwh, 0.0), dispatch.community)
        return Position(self, dispatch, need, surplus)

    def own_position(self) -> Position:
        """The position without batteries."""
        return self.position(own_use(self.community))


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """Needs B and surpluses S, kWh `[slot, household]`, of one dispatch at one place."""

    place: Place
    dispatch: Dispatch
    need_kwh: FloatArray
    surplus_kwh: FloatArray
    references: list[ClassReference] = field(init=False)

    def __post_init__(self) -> None:
        found = [reference_of(grid, grid.sums(self.need_kwh, self.surplus_kwh)) for grid in self.place.grids]
        object.__setattr__(self, "references", found)

    def orders(self) -> Orders:
        """The orders of a market under the place's charges and losses."""
        net = self.dispatch.net_kwh
        loss = self.place.rulebook.peer.loss
        delivered = np.where(net > 0.0, net, net * (1.0 - loss)) if loss else net
        of = self.dispatch.community.household_of
        columns_ = None if of.size == self.need_kwh.shape[1] else of
        high, low = (ReferencePrices(self, exported=exported, columns=columns_) for exported in (False, True))
        return Orders(self.dispatch, delivered, high, low, self.place.rulebook.peer)

    def least_cost(self, baseline_cost: float) -> float:
        """C*: grid-only cost less the largest surplus of truthful orders, NaN where it is not defined.

        Exact under linear bills, a lower bound under rising slabs.
        """
        if least_cost_state(self.place) == "not defined":
            return float("nan")
        orders = self.orders()
        prices = orders.priced()
        filled = clear(orders.net_kwh, prices).filled_kwh
        gained = sum(float((prices[part] * filled[part]).sum()) for part in blocks(*filled.shape))
        return baseline_cost - gained


class ReferencePrices:
    """ρ (φ if `exported`) by slots, `[slot, household]`, or `[slot, column]` of a market."""

    def __init__(self, position: Position, *, exported: bool, columns: IntArray | None = None) -> None:
        self._position, self._exported, self._columns = position, exported, columns

    def __getitem__(self, slots: slice, /) -> FloatArray:
        """The prices of these slots."""
        position = self._position
        energy = position.surplus_kwh if self._exported else position.need_kwh
        values = energy[slots]
        found = np.empty_like(values)
        for each in position.references:
            own = each.grid.households
            mine = values if own.size == values.shape[1] else values[:, own]
            prices = each.export_prices(slots, mine) if self._exported else each.import_prices(slots, mine)
            if own.size == values.shape[1]:
                found = prices
            else:
                found[:, own] = prices
        return found if self._columns is None else found[:, self._columns]


def least_cost_state(place: Place) -> str:
    """Whether C* is "exact", a "lower bound" or "not defined"."""
    if place.rulebook.peer.counts_as != "supply":
        return "not defined"
    if all(grid.rules.linear for grid in place.grids):
        return "exact"
    convex = all(
        grid.rules.linear
        or (
            grid.rules.arrangement != "net_metering"
            and not grid.rules.credit_within_month_energy
            and grid.slabs is not None
            and grid.slabs.rising
            and not grid.raised_by.any()
        )
        for grid in place.grids
    )
    return "lower bound" if convex else "not defined"
