"""Bills under a rulebook, part by part: peer money, charges, grid, deviations, incentives; and who collects what."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from core.market.community import FloatArray
from core.market.rulebooks.contracts import Contracts
from core.market.rulebooks.grid import GridBill
from core.market.rulebooks.place import Forecasts, Place, Position, least_cost_state
from core.market.rulebooks.sharing import incentive_of
from core.market.rulebooks.trading import Mechanism, Traded, traded_by
from core.market.totals import savings_of

GRID_PARTS = ("energy", "fixed", "percent", "export_credit", "credit_kwh")


class RuledAccount:
    """One mechanism's account at one place. Arrays are `[household]` in the order of the ids unless said otherwise.

    import_kwh, export_kwh: `[slot, household]`, what is left for the grid. bills: the grid's, one of each class.
    fund, incentive_paid: what the community keeps of the incentive, and all of it.
    """

    def __init__(
        self,
        position: Position,
        mechanism: Mechanism,
        *,
        contracts: Contracts | None = None,
        forecasts: Forecasts | None = None,
    ) -> None:
        self.position, self.mechanism, self.place = position, mechanism, position.place
        self.traded = traded_by(position, mechanism, contracts=contracts, forecasts=forecasts)
        self.import_kwh, self.export_kwh = residual(position, self.traded)
        self.bills = self.place.bills(self.import_kwh, self.export_kwh)
        households = len(self.place.ids)
        self.incentive, self.fund, self.incentive_paid = np.zeros(households), 0.0, 0.0
        self.shared_kwh = np.zeros(self.traded.price.size)
        if self.place.rulebook.incentive is not None:
            self.incentive, self.fund, self.incentive_paid, self.shared_kwh = incentive_of(
                self.place.rulebook.incentive,
                self.import_kwh,
                self.export_kwh,
                zonal_price=self.place.given.zonal,
            )

    @cached_property
    def bought_kwh(self) -> FloatArray:
        """Bought from peers, at the buyer's meter."""
        found: FloatArray = self.traded.bought_kwh.sum(axis=0)
        return found

    @cached_property
    def sold_kwh(self) -> FloatArray:
        """Sold to peers, at the seller's meter."""
        found: FloatArray = self.traded.sold_kwh.sum(axis=0)
        return found

    @cached_property
    def credited_kwh(self) -> FloatArray:
        """Owned by law and not used: exported on the member's own account."""
        credited = self.traded.credited_kwh
        return np.zeros(self.bought_kwh.size) if credited is None else credited.sum(axis=0)

    @cached_property
    def charges_by_name(self) -> dict[str, FloatArray]:
        """Each charge on peer energy, both sides by their own meters."""
        return {
            each.name: each.buyer * self.bought_kwh + each.seller * self.sold_kwh
            for each in self.place.rulebook.peer.charges
        }

    @cached_property
    def charges(self) -> FloatArray:
        """All charges on peer energy."""
        return sum(self.charges_by_name.values(), np.zeros(self.bought_kwh.size))

    @cached_property
    def deviation(self) -> FloatArray:
        """What each pays for its own deviation from contracts; negative: is paid."""
        return np.zeros(self.bought_kwh.size) if self.traded.deviation is None else self.traded.deviation

    @cached_property
    def grid(self) -> FloatArray:
        """The grid's bill."""
        return grid_bill(self.place, self.bills)

    @cached_property
    def bill(self) -> FloatArray:
        """Everything a household pays; negative: it earns."""
        found: FloatArray = self.traded.peer + self.charges + self.deviation + self.grid - self.incentive
        return found

    def grid_part(self, name: str) -> FloatArray:
        """One of `GRID_PARTS`."""
        found = np.zeros(self.bought_kwh.size)
        for grid, bill in zip(self.place.grids, self.bills, strict=True):
            if name == "percent":
                found[grid.households] = sum(each.sum(axis=0) for each in bill.percents.values())
            else:
                part = getattr(bill, name)
                found[grid.households] = part if part.ndim == 1 else part.sum(axis=0)
        return found

    def percents(self, household: int) -> dict[str, float]:
        """The percentages on one household's bill by name."""
        _, bill, member = self.class_of(household)
        return {name: float(each[:, member].sum()) for name, each in bill.percents.items()}

    def class_of(self, household: int) -> tuple[int, GridBill, int]:
        """Place of the household's class among the grids, its class's bill, and its place in there."""
        for place, (grid, bill) in enumerate(zip(self.place.grids, self.bills, strict=True)):
            found = np.flatnonzero(grid.households == household)
            if found.size:
                return place, bill, int(found[0])
        raise IndexError(household)

    def cost_by_slot(self) -> FloatArray:
        """What the community pays slot by slot, without fixed charges, `[slot]`; NaN where bills are not linear."""
        cost = linear_cost(self.place, self.import_kwh, self.export_kwh)
        peer = self.place.rulebook.peer
        cost += peer.buyer_charge * self.traded.bought_kwh.sum(axis=1)
        cost += peer.seller_charge * self.traded.sold_kwh.sum(axis=1)
        if self.traded.operator_by_slot is not None:
            cost += self.traded.operator_by_slot
        return cost

    def budget_imbalance(self) -> float:
        """Σ bills less grid bills, charges, the operator's surplus and deviations, plus incentive paid out: 0."""
        collected = float(self.grid.sum() + self.charges.sum() + self.deviation.sum() - self.incentive.sum())
        return float(self.bill.sum()) - collected - self.traded.operator_surplus

    @property
    def traded_kwh(self) -> FloatArray:
        """Peer energy that arrived, `[slot]`; what members own and do not use included."""
        traded: FloatArray = self.traded.bought_kwh.sum(axis=1)
        return traded if self.traded.credited_kwh is None else traded + self.traded.credited_kwh.sum(axis=1)

    @property
    def lost_kwh(self) -> float:
        """Peer energy lost on the way."""
        return self.place.rulebook.peer.loss * float(self.sold_kwh.sum())


class Baseline:
    """The grid alone, under the same rulebook and the same physical flows without peers."""

    def __init__(self, position: Position) -> None:
        self.position = position
        self.bills = position.place.bills(position.need_kwh, position.surplus_kwh)
        self.bill = grid_bill(position.place, self.bills)

    @property
    def cost(self) -> float:
        """Σ grid-only bills."""
        return float(self.bill.sum())

    def least_cost(self) -> tuple[float, str]:
        """C* and whether it is exact, a lower bound or not defined (NaN)."""
        return self.position.least_cost(self.cost), least_cost_state(self.position.place)

    def cost_by_slot(self) -> FloatArray:
        """The grid's part slot by slot, without fixed charges, `[slot]`; NaN where bills are not linear."""
        return linear_cost(self.position.place, self.position.need_kwh, self.position.surplus_kwh)

    def savings(self, bill: FloatArray) -> FloatArray:
        """What each household saves against the grid alone."""
        return savings_of(bill, self.bill)


def grid_bill(place: Place, bills: list[GridBill]) -> FloatArray:
    """The grid's bills of all classes, `[household]`."""
    found = np.zeros(len(place.ids))
    for grid, bill in zip(place.grids, bills, strict=True):
        found[grid.households] = bill.total
    return found


def linear_cost(place: Place, imported: FloatArray, exported: FloatArray) -> FloatArray:
    """Σ r·import - f·export of each slot, percentages included; NaN where a class is not linear."""
    cost = np.zeros(imported.shape[0])
    if not all(grid.rules.linear for grid in place.grids):
        return np.full(cost.size, np.nan)
    for grid in place.grids:
        own = grid.households
        cost += grid.energy_price * grid.multiplier * imported[:, own].sum(axis=1)
        cost -= grid.export_price * exported[:, own].sum(axis=1)
    return cost


def residual(position: Position, traded: Traded) -> tuple[FloatArray, FloatArray]:
    """Imports and exports left for the grid, kWh `[slot, household]`."""
    imported, exported = position.need_kwh - traded.bought_kwh, position.surplus_kwh - traded.sold_kwh
    if traded.beyond_meter:
        np.maximum(imported, 0.0, out=imported)
        np.maximum(exported, 0.0, out=exported)
    if traded.credited_kwh is not None:
        exported += traded.credited_kwh
    return imported, exported
