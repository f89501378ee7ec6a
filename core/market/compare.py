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
from core.market.figures import FIGURES, NAN, flow_figures, peak_ratio, settlement_figures, zhou_indices
from core.market.invariants import require
from core.market.outcome import SUMMARY, Outcome, digest_of
from core.market.settlement import Account, Settlement

OPTIMUM = "community_optimum"
ASSETS = ("capacity_kwh", "power_kw", "charge_efficiency", "discharge_efficiency", "owners")
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
    if tariff.retail_price.shape != (community.slots,):
        raise MarketError(
            f"The tariff has {tariff.retail_price.size} prices for {community.slots} slots, expected one a slot.",
            fix="Give a price series as long as the readings, or one flat price.",
        )
    chosen = [(get(algorithm_id), given) for algorithm_id, given in selections]
    prepared = [(algorithm, algorithm.complete(given)) for algorithm, given in chosen]
    bench = _Bench(community, tariff, folder)
    results: list[_Result] = []
    for done, (algorithm, parameters) in enumerate(prepared, start=1):
        results.append(bench.measure(algorithm, parameters))
        bench.forget_all_but({_dispatch_key(*later) for later in prepared[done:]})
        if progress is not None:
            progress(done, len(prepared))
    return _with_comparative_figures(results)


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """An outcome and what comparing it takes: the batteries it had, EPAR, the baseline's cost and, without batteries,
    the least cost."""

    outcome: Outcome
    assets: Hashable = None
    peak_ratio: float = NAN
    baseline_cost: float = NAN
    least_cost: float = NAN


class _Bench:
    """One community and tariff; keeps the grid-only baseline, and each dispatch as long as it is needed."""

    def __init__(self, community: Community, tariff: Tariff, folder: Path | None) -> None:
        self.community, self.tariff, self.folder = community, tariff, folder
        self._plain = own_use(community)
        self._kept: dict[Hashable, tuple[Dispatch, dict[str, float]]] = {}
        self._baseline = settle(get("grid_only"), self._plain, tariff, {}).account()
        self._energy = {
            "load_kwh": community.load_kw.sum(axis=0) * community.slot_h,
            "solar_kwh": community.solar_kw.sum(axis=0) * community.slot_h,
        }

    def measure(self, algorithm: Algorithm, parameters: dict[str, Value]) -> _Result:
        """Dispatch, settle, check, and put into figures."""
        if algorithm.run is not None:
            return _Result(_outcome_of_run(algorithm, self.community, self.folder))
        dispatch, flows = self._dispatched(algorithm, parameters)
        settlement = settle(algorithm, dispatch, self.tariff, parameters)
        verdicts = settlement.check(exempt=algorithm.exempt)
        require(verdicts, algorithm=algorithm.name)
        account = settlement.account()
        own = settlement_figures(settlement, account, self._baseline.bill)
        figures = {name: own.get(name, flows.get(name, NAN)) for name in FIGURES}
        households, slots = self._by_household(account, dispatch), self._by_slot(account, settlement)
        ids = self.community.household_ids
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
        )
        with_battery = dispatch.storage is not None
        return _Result(
            outcome,
            assets=tuple(parameters.get(name) for name in ASSETS) if with_battery else None,
            peak_ratio=peak_ratio(dispatch),
            baseline_cost=float(self._baseline.bill.sum()),
            least_cost=NAN if with_battery else float(settlement.least_cost().sum()),
        )

    def forget_all_but(self, keys: set[Hashable]) -> None:
        """Drop the dispatches that no later algorithm needs."""
        self._kept = {key: kept for key, kept in self._kept.items() if key in keys}

    def _dispatched(self, algorithm: Algorithm, parameters: dict[str, Value]) -> tuple[Dispatch, dict[str, float]]:
        key = _dispatch_key(algorithm, parameters)
        if key not in self._kept:
            dispatch = self._plain if key is None else dispatch_with(algorithm, self.community, self.tariff, parameters)
            self._kept[key] = (dispatch, flow_figures(dispatch))
        return self._kept[key]

    def _by_household(self, account: Account, dispatch: Dispatch) -> dict[str, FloatArray]:
        arrays = {
            "bill": account.bill,
            "baseline_bill": self._baseline.bill,
            "savings": self._baseline.bill - account.bill,
            "bought_kwh": account.bought_kwh,
            "sold_kwh": account.sold_kwh,
            "import_kwh": account.deficit_kwh - account.bought_kwh,
            "export_kwh": account.surplus_kwh - account.sold_kwh,
            **self._energy,
        }
        if dispatch.storage is not None:
            arrays["stored_kwh"] = dispatch.storage.soc_kwh[-1].copy()
        return arrays

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


def _with_comparative_figures(results: Sequence[_Result]) -> list[Outcome]:
    """Fill in VI, which needs the optimum on the same assets, and PFI, which needs the worst compared."""
    optimum = {r.assets: r.outcome.figures["community_cost"] for r in results if r.outcome.algorithm_id == OPTIMUM}
    worst = max((r.peak_ratio for r in results if np.isfinite(r.peak_ratio)), default=NAN)
    return [_with_indices(result, optimum.get(result.assets, result.least_cost), worst) for result in results]


def _with_indices(result: _Result, best_cost: float, worst_peak_ratio: float) -> Outcome:
    outcome = result.outcome
    if outcome.replay is None:
        return outcome
    figures = dict(outcome.figures)
    gained, possible = result.baseline_cost - figures["community_cost"], result.baseline_cost - best_cost
    figures["value_tapping"] = gained / possible if abs(possible) > 1e-9 else NAN
    figures["power_flatness"] = 1.0 - (result.peak_ratio / worst_peak_ratio if worst_peak_ratio > 0.0 else NAN)
    return replace(outcome, figures={**figures, **zhou_indices(figures)})
