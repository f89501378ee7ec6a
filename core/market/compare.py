"""Runs algorithms on one community: each dispatch once, every promise checked, every figure by the same definition."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from core.errors import MarketError
from core.market.algorithms import get, keywords
from core.market.community import Community, FloatArray, Tariff
from core.market.contract import Algorithm, Value
from core.market.dispatch import Dispatch, own_use
from core.market.figures import (
    FIGURES,
    NAN,
    flow_figures,
    operator_surplus,
    peak_ratio,
    settlement_figures,
    zhou_indices,
)
from core.market.invariants import Verdict, require
from core.market.settlement import Settlement

OPTIMUM = "community_optimum"
SUMMARY = {
    "total_kwh_traded": "traded_kwh",
    "total_community_profit": "savings",
    "avg_p2p_price": "avg_p2p_price",
    "total_unmet_demand_kwh": "unmet_demand_kwh",
}
Selection = tuple[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One algorithm's result on one community.

    parameters: complete, defaults included. figures: by the names of `FIGURES`, NaN where not defined.
    households, slots: arrays by name, `[household]` in the order of `household_ids` and `[slot]`; empty for the
    kind `run(path) -> dict`. result_digest: SHA-256 of all that does not depend on what else was compared.
    """

    algorithm_id: str
    name: str
    parameters: dict[str, Value]
    household_ids: tuple[str, ...]
    figures: dict[str, float]
    households: dict[str, FloatArray]
    slots: dict[str, FloatArray]
    invariants: tuple[Verdict, ...]
    result_digest: str
    replay: Callable[[], Settlement] | None = None

    @property
    def settlement(self) -> Settlement:
        """Positions and prices of every household and slot, and the trades.

        Computed again when asked for, from the same inputs: ten settlements of a year would not fit in memory.
        """
        if self.replay is None:
            raise MarketError(f"{self.name} gives figures only, no settlement.", fix="Write settle() instead of run().")
        return self.replay()

    def summary(self) -> dict[str, float | None]:
        """The run's summary for the ledger; None where a figure is not defined."""
        found: dict[str, float | None] = {"files_processed": len(self.household_ids)}
        for key, figure in SUMMARY.items():
            value = self.figures.get(key, self.figures.get(figure, NAN))
            found[key] = None if np.isnan(value) else float(value)
        return found


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
    (done, all) after each algorithm.
    """
    if tariff.retail_price.shape != (community.slots,):
        raise MarketError(
            f"The tariff has {tariff.retail_price.size} prices for {community.slots} slots, expected one a slot.",
            fix="Give a price series as long as the readings, or one flat price.",
        )
    chosen = [(get(algorithm_id), given) for algorithm_id, given in selections]
    prepared = [(algorithm, algorithm.complete(given)) for algorithm, given in chosen]
    bench = _Bench(community, tariff)
    results: list[_Result] = []
    for done, (algorithm, complete) in enumerate(prepared, start=1):
        results.append(bench.measure(algorithm, complete, folder=folder))
        if progress is not None:
            progress(done, len(prepared))
    return _with_comparative_figures(results)


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    outcome: Outcome
    assets: object
    peak_ratio: float
    baseline_cost: float
    best_cost: float


class _Bench:
    """One community and tariff; keeps the baseline and each dispatch while a comparison runs."""

    def __init__(self, community: Community, tariff: Tariff) -> None:
        self.community, self.tariff = community, tariff
        self.plain = own_use(community)
        baseline = get("grid_only")
        assert baseline.settle is not None
        grid: Settlement = baseline.settle(self.plain, tariff)
        account = grid.account()
        self.baseline_bill = account.bill
        self.baseline_cost_of_slot = account.paid - account.earned
        self.energy = {
            "load_kwh": community.load_kw.sum(axis=0) * community.slot_h,
            "solar_kwh": community.solar_kw.sum(axis=0) * community.slot_h,
        }
        self._kept: dict[object, tuple[Dispatch, dict[str, float]]] = {}

    def measure(self, algorithm: Algorithm, parameters: dict[str, Value], *, folder: Path | None) -> _Result:
        if algorithm.run is not None:
            return _Result(_outcome_of_run(algorithm, self.community, folder), None, NAN, NAN, NAN)
        dispatch, flows = self._dispatched(algorithm, parameters)
        settlement = settle(algorithm, dispatch, self.tariff, parameters)
        verdicts = settlement.check(exempt=algorithm.exempt)
        require(verdicts, algorithm=algorithm.name)
        account = settlement.account()
        own = settlement_figures(settlement, account, self.baseline_bill)
        undefined = dict.fromkeys((name for name, figure in FIGURES.items() if figure.comparative), NAN)
        figures = {name: ({**own, **flows, **undefined})[name] for name in FIGURES}
        baseline = self.baseline_bill
        households = {
            "bill": account.bill,
            "baseline_bill": baseline,
            "savings": baseline - account.bill,
            "bought_kwh": account.bought_kwh,
            "sold_kwh": account.sold_kwh,
            "import_kwh": account.deficit_kwh - account.bought_kwh,
            "export_kwh": account.surplus_kwh - account.sold_kwh,
            **self.energy,
        }
        slots = {
            "traded_kwh": settlement.traded_kwh,
            "price": settlement.price,
            "demand_kwh": dispatch.demand_kwh,
            "supply_kwh": dispatch.supply_kwh,
            "import_kwh": dispatch.import_kwh,
            "export_kwh": dispatch.export_kwh,
            "community_cost": account.paid - account.earned,
            "baseline_cost": self.baseline_cost_of_slot,
            "operator_surplus": operator_surplus(settlement),
            "retail_price": self.tariff.retail_price,
            "feed_in_price": self.tariff.feed_in_price,
        }
        if dispatch.storage is not None:
            households["stored_kwh"] = dispatch.storage.soc_kwh[-1].copy()
            slots["stored_kwh"] = dispatch.storage.soc_kwh.sum(axis=1)
        outcome = Outcome(
            algorithm.id,
            algorithm.name,
            parameters,
            self.community.household_ids,
            figures,
            households,
            slots,
            verdicts,
            _digest(algorithm.id, parameters, self.community.household_ids, figures, households, slots),
            partial(_replay, algorithm.id, self.community, self.tariff, parameters),
        )
        assets = None if dispatch.storage is None else _assets(parameters)
        best = float(settlement.least_cost().sum()) if assets is None else NAN
        return _Result(outcome, assets, peak_ratio(dispatch), float(baseline.sum()), best)

    def _dispatched(self, algorithm: Algorithm, parameters: dict[str, Value]) -> tuple[Dispatch, dict[str, float]]:
        key = _dispatch_key(algorithm, parameters)
        if key not in self._kept:
            dispatch = (
                self.plain
                if algorithm.dispatch is None
                else _own_dispatch(algorithm, self.community, self.tariff, parameters)
            )
            self._kept[key] = (dispatch, flow_figures(dispatch))
        return self._kept[key]


def _dispatch_key(algorithm: Algorithm, parameters: Mapping[str, Value]) -> object:
    if algorithm.dispatch is None:
        return None
    return algorithm.dispatch, tuple((name, parameters[name]) for name in keywords(algorithm.dispatch))


def _own_dispatch(
    algorithm: Algorithm, community: Community, tariff: Tariff, parameters: Mapping[str, Value]
) -> Dispatch:
    assert algorithm.dispatch is not None
    given = {name: parameters[name] for name in keywords(algorithm.dispatch)}
    dispatch: Dispatch = algorithm.dispatch(community, tariff, **given)
    return dispatch


def settle(algorithm: Algorithm, dispatch: Dispatch, tariff: Tariff, parameters: Mapping[str, Value]) -> Settlement:
    """Call the algorithm's settlement with the parameters it takes."""
    assert algorithm.settle is not None
    settlement = algorithm.settle(dispatch, tariff, **{name: parameters[name] for name in keywords(algorithm.settle)})
    if not isinstance(settlement, Settlement):
        raise MarketError(
            f"{algorithm.name}: settle() gave {type(settlement).__name__}, expected a Settlement.",
            fix="docs/add-an-algorithm.md shows how to make one.",
        )
    return settlement


def _replay(algorithm_id: str, community: Community, tariff: Tariff, parameters: Mapping[str, Value]) -> Settlement:
    algorithm = get(algorithm_id)
    dispatch = (
        own_use(community) if algorithm.dispatch is None else _own_dispatch(algorithm, community, tariff, parameters)
    )
    return settle(algorithm, dispatch, tariff, parameters)


def _outcome_of_run(algorithm: Algorithm, community: Community, folder: Path | None) -> Outcome:
    """The simplest kind: `run(path)` reads the community's CSV files and gives a dict of figures."""
    assert algorithm.run is not None
    if folder is None:
        raise MarketError(f"{algorithm.name} reads CSV files, and there is no folder of them.", fix="Hand in `folder`.")
    found = algorithm.run(str(folder))
    if not isinstance(found, Mapping):
        raise MarketError(f"{algorithm.name}: run(path) gave {type(found).__name__}, expected a dict of figures.")
    figures: dict[str, float] = {}
    for name, value in found.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
            raise MarketError(f'{algorithm.name}: figure "{str(name)[:80]}" is "{str(value)[:80]}", expected a number.')
        figures[str(name)] = NAN if value is None else float(value)
    digest = _digest(algorithm.id, {}, community.household_ids, figures, {}, {})
    return Outcome(algorithm.id, algorithm.name, {}, community.household_ids, figures, {}, {}, (), digest)


def _assets(parameters: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    names = ("capacity_kwh", "power_kw", "charge_efficiency", "discharge_efficiency", "owners")
    return tuple((name, parameters[name]) for name in names if name in parameters)


def _with_comparative_figures(results: Sequence[_Result]) -> list[Outcome]:
    """Fill in VI, which needs the optimum on the same assets, and PFI, which needs the worst compared."""
    optimum = {r.assets: r.outcome.figures["community_cost"] for r in results if r.outcome.algorithm_id == OPTIMUM}
    ratios = [r.peak_ratio for r in results if np.isfinite(r.peak_ratio)]
    worst = max(ratios) if ratios else NAN
    outcomes = []
    for result in results:
        if result.outcome.replay is None:
            outcomes.append(result.outcome)
            continue
        best = result.best_cost if result.assets is None else optimum.get(result.assets, NAN)
        figures = dict(result.outcome.figures)
        figures["value_tapping"] = _over(result.baseline_cost - figures["community_cost"], result.baseline_cost - best)
        figures["power_flatness"] = 1.0 - _over(result.peak_ratio, worst)
        figures.update(zhou_indices(figures))
        outcomes.append(replace(result.outcome, figures=figures))
    return outcomes


def _over(part: float, whole: float) -> float:
    return part / whole if np.isfinite(whole) and abs(whole) > 1e-9 else NAN


def _digest(
    algorithm_id: str,
    parameters: Mapping[str, Value],
    household_ids: Sequence[str],
    figures: Mapping[str, float],
    households: Mapping[str, FloatArray],
    slots: Mapping[str, FloatArray],
) -> str:
    digest = hashlib.sha256()
    head = [algorithm_id, dict(parameters), list(household_ids), {k: repr(v) for k, v in figures.items()}]
    digest.update(json.dumps(head, sort_keys=True, ensure_ascii=False).encode())
    for arrays in (households, slots):
        for name in sorted(arrays):
            digest.update(name.encode() + b"\0")
            digest.update(np.ascontiguousarray(arrays[name] + 0.0, dtype="<f8").tobytes())
    return digest.hexdigest()
