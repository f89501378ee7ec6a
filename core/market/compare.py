"""Runs algorithms on one community: each dispatch once, every promise checked, every figure by the same definition."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from core.errors import MarketError
from core.market.algorithms import get, keywords
from core.market.community import Community, FloatArray, Tariff
from core.market.contract import Algorithm, Value
from core.market.dispatch import Dispatch, own_use
from core.market.invariants import Verdict, check, require
from core.market.meters import folded, split
from core.market.optimum import optimum
from core.market.outcome import SUMMARY, Outcome, digest_of, why_not_defined
from core.market.quantities import figures_of
from core.market.settlement import Account, Settlement
from core.market.totals import NAN, Totals, flows_of, savings_of, totals_of

MOST_SLOTS_SOLVED = 6_000
"""The optimum that value tapping is measured against is solved silently up to this: two months of quarter-hours, in
about the time that the other algorithms take. Beyond, the community optimum itself must be in the comparison."""
Selection = tuple[str, Mapping[str, object]]
T = TypeVar("T")

__all__ = ["Outcome", "compare", "compare_all", "run_algorithm"]


def run_algorithm(
    algorithm_id: str,
    community: Community,
    tariff: Tariff,
    *,
    parameters: Mapping[str, object] | None = None,
    folder: Path | None = None,
) -> Outcome:
    """One algorithm by itself. Raises MarketError: unknown name, bad parameter, broken invariant."""
    return compare([(algorithm_id, parameters or {})], community, tariff, folder=folder)[0]


def compare_all(
    ids: Iterable[str],
    community: Community,
    tariff: Tariff,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    *,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Outcome]:
    """Several algorithms on the same input, by id; `parameters` by algorithm id."""
    given = parameters or {}
    selections = [(algorithm_id, given.get(algorithm_id, {})) for algorithm_id in ids]
    return {o.algorithm_id: o for o in compare(selections, community, tariff, folder=folder, progress=progress)}


def compare(
    selections: Sequence[Selection],
    community: Community,
    tariff: Tariff,
    *,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Every selection (algorithm id and parameters; the same id may come twice), in the order given.

    folder: where the community's CSV files are, needed by algorithms of the kind `run(path)`. progress: called with
    (done, all) after each algorithm. Raises MarketError: unknown name, bad parameter, wrong length of the tariff,
    broken invariant.
    """
    require_length(tariff, community)
    chosen = [(get(algorithm_id), given) for algorithm_id, given in selections]
    prepared = [(algorithm, algorithm.complete(given)) for algorithm, given in chosen]
    bench = _Bench(community, tariff, folder)
    results: list[_Result] = []
    for done, (algorithm, parameters) in enumerate(prepared, start=1):
        results.append(bench.measure(algorithm, parameters))
        bench.forget_all_but({_dispatch_key(*later) for later in prepared[done:]})
        if progress is not None:
            progress(done, len(prepared))
    return _with_comparative_figures(results, tariff)


def require_length(tariff: Tariff, community: Community) -> None:
    """Raises MarketError unless the tariff has a price for every slot."""
    if tariff.retail_price.shape != (community.slots,):
        raise MarketError(
            f"The tariff has {tariff.retail_price.size} prices for {community.slots} slots, expected one a slot.",
            fix="Give a price series as long as the readings, or one flat price.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """An outcome and what comparing it takes: its totals, and the dispatch if it has batteries."""

    outcome: Outcome
    totals: Totals | None = None
    with_battery: Dispatch | None = None


class _Bench:
    """One community and tariff; keeps the grid-only baseline, and each dispatch as long as it is needed."""

    def __init__(self, community: Community, tariff: Tariff, folder: Path | None) -> None:
        self.households, self.tariff, self.folder = community, tariff, folder
        self.community = split(community)
        self._plain = own_use(self.community)
        self._kept: dict[Hashable, tuple[Dispatch, dict[str, float]]] = {}
        self._baseline = settle(get("grid_only"), self._plain, tariff, {}).account()
        self._baseline_bill = folded(self._baseline.bill, self.community)
        self._energy = {
            "load_kwh": community.load_kw.sum(axis=0) * community.slot_h,
            "solar_kwh": community.solar_kw.sum(axis=0) * community.slot_h,
        }
        for energy in self._energy.values():
            energy[community.metered] = NAN

    def measure(self, algorithm: Algorithm, parameters: dict[str, Value]) -> _Result:
        """Dispatch, settle, check, and put into figures."""
        if algorithm.run is not None:
            return _Result(_outcome_of_run(algorithm, self.households, self.folder))
        dispatch, flows = self._dispatched(algorithm, parameters)
        settlement = settle(algorithm, dispatch, self.tariff, parameters)
        account, found = self._checked(settlement)
        verdicts = tuple(replace(verdict, exempt=verdict.name in algorithm.exempt) for verdict in found)
        require(verdicts, algorithm=algorithm.name)
        totals = totals_of(settlement, account, self._baseline_bill, flows=flows)
        figures = figures_of(totals)
        households, slots = self._by_household(account, dispatch), self._by_slot(account, settlement)
        ids = self.households.household_ids
        outcome = Outcome(
            algorithm_id=algorithm.id,
            name=algorithm.name,
            parameters=parameters,
            household_ids=ids,
            figures=figures,
            households=households,
            slots=slots,
            invariants=verdicts,
            result_digest=digest_of(algorithm.id, parameters, ids, figures=figures, households=households, slots=slots),
            replay=partial(_settled_again, algorithm, self.community, self.tariff, parameters),
            notes=dict.fromkeys(("avg_p2p_price", "price_volatility"), settlement.no_price)
            if settlement.no_price
            else {},
        )
        return _Result(outcome, totals, dispatch if dispatch.storage is not None else None)

    def _checked(self, settlement: Settlement) -> tuple[Account, tuple[Verdict, ...]]:
        """Account and verdicts; auctions that share their fills share these."""
        known = settlement.dispatch.shared
        key = ("account", id(settlement.fills))
        if key in known:
            return known[key]  # type: ignore[return-value]
        account = settlement.account()
        found = account, check(settlement, account=account)
        if any(isinstance(kept, tuple) and kept[0] is settlement.fills for kept in known.values()):
            known[key] = found
        return found

    def forget_all_but(self, keys: set[Hashable]) -> None:
        """Drop the dispatches that no later algorithm needs."""
        self._kept = {key: kept for key, kept in self._kept.items() if key in keys}

    def _dispatched(self, algorithm: Algorithm, parameters: dict[str, Value]) -> tuple[Dispatch, dict[str, float]]:
        key = _dispatch_key(algorithm, parameters)
        if key not in self._kept:
            dispatch = self._plain if key is None else dispatch_with(algorithm, self.community, self.tariff, parameters)
            self._kept[key] = (dispatch, flows_of(dispatch))
        return self._kept[key]

    def _by_household(self, account: Account, dispatch: Dispatch) -> dict[str, FloatArray]:
        own = {
            "bill": account.bill,
            "bought_kwh": account.bought_kwh,
            "sold_kwh": account.sold_kwh,
            "import_kwh": account.deficit_kwh - account.bought_kwh,
            "export_kwh": account.surplus_kwh - account.sold_kwh,
        }
        if dispatch.storage is not None:
            own["stored_kwh"] = dispatch.storage.soc_kwh[-1].copy()
        arrays = {name: folded(values, self.community) for name, values in own.items()}
        saved = savings_of(arrays["bill"], self._baseline_bill)
        return {**arrays, "baseline_bill": self._baseline_bill, "savings": saved, **self._energy}

    def _by_slot(self, account: Account, settlement: Settlement) -> dict[str, FloatArray]:
        dispatch, storage = settlement.dispatch, settlement.dispatch.storage
        arrays = {
            "traded_kwh": settlement.traded_kwh,
            "price": settlement.price,
            "demand_kwh": dispatch.demand_kwh,
            "supply_kwh": dispatch.supply_kwh,
            "import_kwh": dispatch.import_kwh,
            "export_kwh": dispatch.export_kwh,
            "community_cost": account.paid - account.earned,
            "baseline_cost": self._baseline.paid - self._baseline.earned,
            "operator_surplus": settlement.operator_surplus(),
            "retail_price": self.tariff.retail_price,
            "feed_in_price": self.tariff.feed_in_price,
        }
        if storage is not None:
            arrays["stored_kwh"] = storage.soc_kwh.sum(axis=1)
        return arrays


def _dispatch_key(algorithm: Algorithm, parameters: Mapping[str, Value]) -> Hashable:
    """What decides the physical flows: None for plain own use."""
    if algorithm.dispatch is None:
        return None
    return algorithm.dispatch, tuple((name, parameters[name]) for name in keywords(algorithm.dispatch))


def dispatch_with(
    algorithm: Algorithm, community: Community, tariff: Tariff, parameters: Mapping[str, Value]
) -> Dispatch:
    """The algorithm's own dispatch, or plain own use. Raises MarketError where it gives something else."""
    if algorithm.dispatch is None:
        return own_use(community)
    given = {name: parameters[name] for name in keywords(algorithm.dispatch)}
    return _expect(algorithm, Dispatch, algorithm.dispatch(community, tariff, **given))


def settle(algorithm: Algorithm, dispatch: Dispatch, tariff: Tariff, parameters: Mapping[str, Value]) -> Settlement:
    """The algorithm's settlement with the parameters it takes. Raises MarketError where it gives something else."""
    if algorithm.settle is None:
        raise MarketError(f"{algorithm.name} has no settle(dispatch, tariff).")
    given = {name: parameters[name] for name in keywords(algorithm.settle)}
    return _expect(algorithm, Settlement, algorithm.settle(dispatch, tariff, **given))


def _expect(algorithm: Algorithm, kind: type[T], found: Any) -> T:
    if not isinstance(found, kind):
        raise MarketError(
            f"{algorithm.name} gave {type(found).__name__}, expected {kind.__name__}.",
            fix="docs/add-an-algorithm.md shows how to make one.",
        )
    return found


def _settled_again(
    algorithm: Algorithm, community: Community, tariff: Tariff, parameters: Mapping[str, Value]
) -> Settlement:
    return settle(algorithm, dispatch_with(algorithm, community, tariff, parameters), tariff, parameters)


def _outcome_of_run(algorithm: Algorithm, community: Community, folder: Path | None) -> Outcome:
    """The simplest kind: `run(path)` reads the community's CSV files and gives a dict of figures."""
    if folder is None:
        raise MarketError(f"{algorithm.name} reads CSV files, and there is no folder of them.", fix="Hand in `folder`.")
    assert algorithm.run is not None
    figures: dict[str, float] = {}
    for name, value in _expect(algorithm, dict, algorithm.run(str(folder))).items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
            raise MarketError(f'{algorithm.name}: figure "{str(name)[:80]}" is "{str(value)[:80]}", expected a number.')
        figures[SUMMARY.get(name, str(name))] = NAN if value is None else float(value)
    ids = community.household_ids
    digest = digest_of(algorithm.id, {}, ids, figures=figures, households={}, slots={})
    return Outcome(algorithm.id, algorithm.name, {}, ids, figures, {}, {}, (), digest)


def _with_comparative_figures(results: Sequence[_Result], tariff: Tariff) -> list[Outcome]:
    """Fill in VI, which needs the optimum on the same batteries, and PFI, which needs the worst compared."""
    known = [r.totals for r in results if r.totals is not None]
    worst = max((totals.peak_ratio for totals in known if np.isfinite(totals.peak_ratio)), default=NAN)
    best: dict[Hashable, float] = {}
    for result in results:
        if result.totals and result.with_battery and result.with_battery.marginal_price is not None:
            best[_assets(result.with_battery)] = result.totals.grid_cost
    return [_compared(result, worst, best, tariff) for result in results]


def _compared(result: _Result, worst_peak_ratio: float, best: dict[Hashable, float], tariff: Tariff) -> Outcome:
    outcome, totals, dispatch = result.outcome, result.totals, result.with_battery
    if totals is None:
        return outcome
    notes, least = {**outcome.notes}, totals.least_cost
    if dispatch is not None:
        assets = _assets(dispatch)
        if assets not in best:
            best[assets] = _least_cost(dispatch, tariff)
        least = best[assets]
        notes["value_tapping"] = BESIDE_OPTIMUM if np.isfinite(least) else NOT_SOLVED
    totals = replace(totals, best_cost=least, worst_peak_ratio=worst_peak_ratio)
    figures = figures_of(totals)
    return replace(outcome, totals=totals, figures=figures, notes={**why_not_defined(figures, totals), **notes})


BESIDE_OPTIMUM = "Held against the optimum with the same batteries; algorithms without batteries against one without."
NOT_SOLVED = (
    f"Not solved silently over more than {MOST_SLOTS_SOLVED:,} slots:"
    " add the community optimum with the same batteries to the comparison."
)


def _assets(dispatch: Dispatch) -> Hashable:
    """What two dispatches must have in common for the optimum of one to be that of the other."""
    storage = dispatch.storage
    assert storage is not None
    efficiencies = (storage.charge_efficiency, storage.discharge_efficiency)
    return storage.capacity_kwh.tobytes(), storage.power_kw.tobytes(), efficiencies, storage.cyclic


def _least_cost(dispatch: Dispatch, tariff: Tariff) -> float:
    """What the community would pay at least with the dispatch's batteries; NaN where solving it takes too long."""
    community, storage = dispatch.community, dispatch.storage
    if storage is None or community.slots > MOST_SLOTS_SOLVED:
        return NAN
    found = optimum(community, tariff, storage, cyclic=storage.cyclic)
    return float((tariff.retail_price * found.import_kwh - tariff.feed_in_price * found.export_kwh).sum())
