"""Compares algorithms under a rulebook: the same figures as always, and what only a rulebook has.

A rulebook that is one plain tariff is handed to the market as it always was, so that its results are the same to the
last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.errors import MarketError
from core.market.algorithms import find
from core.market.clearing import clear
from core.market.community import Community, FloatArray, Tariff
from core.market.compare import Selection, compare
from core.market.dispatch import Dispatch
from core.market.invariants import Verdict, require
from core.market.outcome import DEFINED, Outcome, digest_of, why_not_defined
from core.market.quantities import FIGURES, figures_of
from core.market.rulebooks.account import GRID_PARTS, Baseline, RuledAccount
from core.market.rulebooks.form import Rulebook
from core.market.rulebooks.grid import GivenPrices
from core.market.rulebooks.place import Members, Place, Position, least_cost_state
from core.market.rulebooks.trading import SHARING_KEY, Mechanism, dispatch_of_mechanism, mechanism_of
from core.market.totals import NAN, Totals, flows_of, ratio

MONEY_TOLERANCE = 1e-6
ENERGY_TOLERANCE = 1e-9
NAMES = {SHARING_KEY: "Sharing key"}


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Outcomes in the order asked for; left_out: why an algorithm is not defined under the rulebook, by id; notes: what
    a reader must know of the place."""

    outcomes: list[Outcome]
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def compare_under(
    rulebook: Rulebook,
    selections: Sequence[Selection] | None,
    community: Community,
    *,
    members: Members | None = None,
    given: GivenPrices | None = None,
    progress: Callable[[int, int], None] | None = None,
    undefined_too: bool = False,
) -> Compared:
    """Every selection under the rulebook; without any, all that are defined there, and its sharing key if it has one.

    given: prices that come with the readings, where the rulebook's say "input". progress: called with (done, all) after
    each. undefined_too: an asked-for algorithm that is not defined gets an outcome without figures that says why.
    Raises MarketError: an asked-for algorithm that is not defined, a class that is not there, a broken invariant.
    """
    place = Place(rulebook, community, members=members, given=given)
    everything = selections is None
    asked = selections or [(name, {}) for name in (*find(), *((SHARING_KEY,) if rulebook.key else ()))]
    tariff = plain_tariff(place)
    if tariff is not None and all(name != SHARING_KEY for name, _ in asked):
        # Figures alone, from files, are no business of a rulebook.
        chosen = [(name, values) for name, values in asked if not _reads_files(name)] if everything else asked
        return Compared(compare(chosen, community, tariff, progress=progress))
    bench = _Bench(place)
    outcomes: list[_Ruled | Outcome] = []
    left_out: dict[str, str] = {}
    for done, (name, values) in enumerate(asked, start=1):
        try:
            outcomes.append(bench.measure(mechanism_of(name, values)))
        except MarketError as error:
            if error.code == "broken_invariant" or not (everything or undefined_too):
                raise
            left_out[name] = error.message
            if undefined_too:
                outcomes.append(_undefined(mechanism_of(name, values), place, error.message))
        if progress is not None:
            progress(done, len(asked))
    return Compared(_compared(outcomes), left_out, tuple(place.notes))


def plain_tariff(place: Place) -> Tariff | None:
    """The tariff that says all a rulebook says; None where it says more, or other than 0 <= feed-in <= retail."""
    book = place.rulebook
    if not place.one_price or book.forward is not None or book.key is not None or place.households.metered.any():
        return None
    grid = place.grids[0]
    if grid.rules.percent or grid.rules.per_kw or grid.rules.per_month:
        return None
    prices = grid.energy_price, grid.export_price
    if not bool(((prices[1] >= 0.0) & (prices[0] >= prices[1])).all()):
        return None
    return Tariff(*prices)


def _reads_files(name: str) -> bool:
    return name in find() and find()[name].needs_folder


@dataclass(frozen=True, slots=True, eq=False)
class _Ruled:
    outcome: Outcome
    totals: Totals
    best_cost: float
    notes: dict[str, str]
    own: dict[str, float]


def _undefined(mechanism: Mechanism, place: Place, reason: str) -> Outcome:
    """What an algorithm gives where the rulebook leaves it undefined: no figures, and the reason."""
    name = mechanism.algorithm.name if mechanism.algorithm else NAMES.get(mechanism.id, mechanism.id)
    figures = dict.fromkeys(FIGURES, NAN)
    said = Verdict(DEFINED, False, 0.0, reason, exempt=True)
    digest = digest_of(mechanism.id, mechanism.parameters, place.ids, figures=figures, households={}, slots={})
    notes = dict.fromkeys(figures, reason)
    return Outcome(mechanism.id, name, mechanism.parameters, place.ids, figures, {}, {}, (said,), digest, notes=notes)


class _Bench:
    """One place; keeps the baseline, and the position of the last dispatch."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.own = place.own_position()
        self.baseline = Baseline(self.own)
        self.least_cost, self.least_state = self.baseline.least_cost()
        self._most = _most_paying(self.own)

    def measure(self, mechanism: Mechanism) -> _Ruled:
        """Dispatch, settle, check, and put into figures."""
        place = self.place
        dispatch = dispatch_of_mechanism(place, mechanism, place.community)
        battery = dispatch.storage is not None
        position = place.position(dispatch) if battery else self.own
        account = RuledAccount(position, mechanism)
        verdicts = tuple(_verdicts(account))
        name = mechanism.algorithm.name if mechanism.algorithm else NAMES.get(mechanism.id, mechanism.id)
        require(verdicts, algorithm=name)
        least, most = self.least_cost, self._most
        if battery:
            least, most = Baseline(position).least_cost()[0], _most_paying(position)
        totals = self._totals(account, dispatch, least, most)
        figures = {**figures_of(totals), **_own_figures(account)}
        households, slots = self._by_household(account, dispatch), self._by_slot(account, dispatch)
        ids = place.ids
        digest = digest_of(
            mechanism.id,
            {**mechanism.parameters, "rulebook": place.rulebook.digest},
            ids,
            figures=figures,
            households=households,
            slots=slots,
        )
        outcome = Outcome(mechanism.id, name, mechanism.parameters, ids, figures, households, slots, verdicts, digest)
        notes = self._notes(battery)
        if account.traded.notes:
            notes["traded_kwh"] = " ".join(account.traded.notes)
        return _Ruled(outcome, totals, NAN if battery else self.least_cost, notes, _own_figures(account))

    def _notes(self, battery: bool) -> dict[str, str]:
        if battery:
            said = "Not defined: the optimum of batteries under a rulebook is not solved."
            return (
                {"value_tapping": said}
                if self.least_state == "exact"
                else {"value_tapping": said, "untraded_cost": said}
            )
        if self.least_state == "lower bound":
            said = "The least cost is a lower bound under rising slabs"
            return {"value_tapping": f"At least this: {said[0].lower()}{said[1:]}.", "untraded_cost": f"{said}."}
        if self.least_state == "not defined":
            said = "Not defined: under these rules the least possible cost is not known."
            return {"value_tapping": said, "untraded_cost": said}
        return {}

    def _totals(self, account: RuledAccount, dispatch: Dispatch, least: float, most: FloatArray | None) -> Totals:
        traded, price = account.traded_kwh, account.traded.price
        trades = traded > 0.0
        prices = price[np.isfinite(price)]
        untraded = NAN if most is None else float(np.maximum(most - traded, 0.0).sum())
        operator = account.traded.operator_surplus
        return Totals(
            bill=account.bill,
            baseline_bill=self.baseline.bill,
            slots=traded.size,
            traded_kwh=float(traded.sum()),
            untraded_kwh=untraded,
            unmet_demand_kwh=float((dispatch.demand_kwh - account.traded.bought_kwh.sum(axis=1)).sum()),
            price_times_kwh=float((price[trades] * traded[trades]).sum()),
            price_std=float(prices.std()) if prices.size else NAN,
            operator_surplus=operator,
            grid_cost=float(account.bill.sum()) - operator - account.budget_imbalance(),
            least_cost=least if least_cost_state(self.place) == "exact" else NAN,
            **self._flows(account, dispatch),
        )

    def _flows(self, account: RuledAccount, dispatch: Dispatch) -> dict[str, float]:
        """Flows of the dispatch; gross metering hides no load or sun, and lost energy is drawn from the grid."""
        flows = flows_of(dispatch)
        community = self.place.households
        if not self.place.metered_homes:
            flows["load_kwh"] = float(community.load_kw.sum()) * community.slot_h
            flows["solar_kwh"] = float(community.solar_kw.sum()) * community.slot_h
        loss = self.place.rulebook.peer.loss
        if loss:
            lost = loss * account.traded.sold_kwh.sum(axis=1)
            net = dispatch.demand_kwh - dispatch.supply_kwh + lost
            imported, exported = np.maximum(net, 0.0), np.maximum(-net, 0.0)
            flows |= {
                "import_kwh": float(imported.sum()),
                "export_kwh": float(exported.sum()),
                "import_for_load_kwh": float((imported - dispatch.grid_charge_kwh).sum()),
                "peak_import_kwh": float(imported.max()),
                "peak_export_kwh": float(exported.max()),
                "exchanged_kwh": float(np.abs(net).sum()),
                "peak_ratio": ratio(float(np.abs(net).max()), float(np.abs(net).mean())),
            }
        return flows

    def _by_household(self, account: RuledAccount, dispatch: Dispatch) -> dict[str, FloatArray]:
        community = self.place.households
        arrays = {
            "bill": account.bill,
            "baseline_bill": self.baseline.bill,
            "savings": self.baseline.savings(account.bill),
            "peer": account.traded.peer,
            "charges": account.charges,
            "grid": account.grid,
            **{name: account.grid_part(name) for name in GRID_PARTS},
            "deviation": account.deviation,
            "incentive": account.incentive,
            "bought_kwh": account.bought_kwh,
            "sold_kwh": account.sold_kwh,
            "credited_kwh": account.credited_kwh,
            "import_kwh": account.import_kwh.sum(axis=0),
            "export_kwh": account.export_kwh.sum(axis=0),
            "load_kwh": community.load_kw.sum(axis=0) * community.slot_h,
            "solar_kwh": community.solar_kw.sum(axis=0) * community.slot_h,
        }
        if dispatch.storage is not None:
            arrays["stored_kwh"] = dispatch.storage.soc_kwh[-1].copy()
        return arrays

    def _by_slot(self, account: RuledAccount, dispatch: Dispatch) -> dict[str, FloatArray]:
        place = self.place
        nothing = np.full(account.traded.price.size, NAN)
        one = len(place.grids) == 1 and place.rulebook.linear
        grid = place.grids[0]
        return {
            "traded_kwh": account.traded_kwh,
            "price": account.traded.price,
            "demand_kwh": dispatch.demand_kwh,
            "supply_kwh": dispatch.supply_kwh,
            "import_kwh": dispatch.import_kwh,
            "export_kwh": dispatch.export_kwh,
            "community_cost": account.cost_by_slot(),
            "baseline_cost": self.baseline.cost_by_slot(),
            "retail_price": grid.energy_price * grid.multiplier if one else nothing,
            "feed_in_price": grid.export_price if one else nothing,
        }


def _own_figures(account: RuledAccount) -> dict[str, float]:
    """Figures that only a rulebook has, by name."""
    parts = {name: float(account.grid_part(name).sum()) for name in GRID_PARTS}
    found = {
        "peer": float(account.traded.peer.sum()),
        "charges": float(account.charges.sum()),
        "grid": float(account.grid.sum()),
        **parts,
        "deviation": float(account.deviation.sum()),
        "incentive": account.incentive_paid,
        "fund": account.fund,
        "lost_kwh": account.lost_kwh,
    }
    return found | (account.traded.settled.figures if account.traded.settled is not None else {})


def _most_paying(position: Position) -> FloatArray | None:
    """The largest trade of truthful orders, `[slot]`; None where nobody trades."""
    if position.place.rulebook.peer.counts_as != "supply":
        return None
    orders = position.orders()
    return clear(orders.net_kwh, orders.priced()).volume_kwh


def _verdicts(account: RuledAccount) -> list[Verdict]:
    traded, position = account.traded, account.position
    received = account.traded_kwh
    sent = (1.0 - account.place.rulebook.peer.loss) * traded.sold_kwh.sum(axis=1)
    apart = np.abs(received - sent) - ENERGY_TOLERANCE * np.maximum(1.0, received)
    beyond = max(
        float((traded.bought_kwh - position.need_kwh).max()), float((traded.sold_kwh - position.surplus_kwh).max())
    )
    imbalance = abs(account.budget_imbalance())
    limit = MONEY_TOLERANCE * max(1.0, float(np.abs(account.bill).sum()))
    finite = bool(np.isfinite(account.bill).all())
    return [
        Verdict("finite", finite, 0.0 if finite else 1.0, "every bill is a number."),
        Verdict(
            "energy_balance",
            bool((apart <= 0.0).all()),
            float(max(apart.max(), 0.0)),
            "what buyers get is what sellers send, less what is lost.",
        ),
        Verdict(
            "within_position",
            beyond <= ENERGY_TOLERANCE * max(1.0, float(position.need_kwh.max())),
            max(beyond, 0.0),
            "nobody trades more than the meter says.",
            exempt=traded.beyond_meter,
        ),
        Verdict(
            "budget_balance",
            imbalance <= limit,
            imbalance,
            "bills add up to the grid's, charges, the operator's surplus and deviations, less incentives.",
        ),
    ]


def _compared(results: Sequence[_Ruled | Outcome]) -> list[Outcome]:
    """Fill in what depends on the least cost and on what else is compared."""
    known = [each.totals.peak_ratio for each in results if isinstance(each, _Ruled)]
    ratios = [ratio for ratio in known if np.isfinite(ratio)]
    found: list[Outcome] = []
    for each in results:
        if isinstance(each, Outcome):
            found.append(each)
            continue
        totals = replace(each.totals, best_cost=each.best_cost, worst_peak_ratio=max(ratios, default=NAN))
        figures = {**figures_of(totals), **each.own}
        notes = {**why_not_defined(figures, totals), **each.notes}
        found.append(replace(each.outcome, totals=totals, figures=figures, notes=notes))
    return found


def members_from_rows(rows: Mapping[str, Mapping[str, str]], community: Community) -> Members:
    """Classes, sanctioned loads and credits by household from a table's texts. Raises MarketError."""
    known = ("class", "sanctioned_kw", "credit_kwh")
    class_of: dict[str, str] = {}
    numbers: dict[str, dict[str, float]] = {"sanctioned_kw": {}, "credit_kwh": {}}
    for household, values in rows.items():
        if household not in community.household_ids:
            raise MarketError(f'The table of classes names "{household[:80]}", and there is no such household.')
        class_of[household] = values.get("class") or "default"
        for name in known[1:]:
            text = values.get(name) or ""
            if not text:
                continue
            try:
                number = float(text)
            except ValueError:
                number = NAN
            if not 0.0 <= number < np.inf:
                raise MarketError(f'The table of classes: {name} of {household} is "{text[:80]}", expected a number.')
            numbers[name][household] = number
    return Members(class_of, numbers["sanctioned_kw"], numbers["credit_kwh"])
