"""Carries out a plan: every scenario once, with every algorithm on the same readings, and keeps what comes out."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from core.durable import ASIDE
from core.market import algorithms
from core.market.algorithms import get
from core.market.community import Community
from core.market.compare import Outcome, compare
from core.market.contract import Algorithm, Value
from core.readings.native import to_csv
from core.runs.plan import RunPlan, Scenario, digest, row_parameters
from core.runs.results import KeptOutcome, ResultRow, Results, RowVerdict

FORMAT = 1


class Listener(Protocol):
    """Who is told how far a comparison is."""

    def planned(self, algorithm_ids: Sequence[str], kept: Sequence[bool]) -> None:
        """The rows to come, and for which the result is at hand."""

    def begun(self, scenario: Scenario, algorithm: Algorithm) -> None:
        """An algorithm is at work."""

    def ended(self, algorithm: Algorithm, seconds: float) -> None:
        """It is done."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One scenario to compute."""

    scenario: Scenario
    key: str
    parameters: tuple[dict[str, Value], ...]


def carry_out(
    plan: RunPlan,
    readings: Callable[[], Community],
    results: Results,
    *,
    dataset_digest: str,
    time_zone: str,
    listener: Listener,
    positions: object = None,
) -> str:
    """Compute what is not kept yet, keep it, and return the key of the run's result.

    positions: where the homes are, which the digest of the readings does not cover.
    readings: called when they are needed, not when everything is kept. Raises MarketError.
    """
    chosen = [get(selection.algorithm_id) for selection in plan.selections]
    dataset = [dataset_digest, positions] if positions else dataset_digest
    steps = [_step(plan, scenario, chosen, dataset) for scenario in plan.scenarios]
    key = digest([time_zone, [[step.scenario.name, step.key] for step in steps]])
    kept = [results.has_scenario(step.key) for step in steps]
    listener.planned([a.id for _ in steps for a in chosen], [there for there in kept for _ in chosen])
    if all(kept) and results.has_run(key):
        return key
    community = readings()
    with _files_for(chosen, community, results, time_zone=time_zone) as folder:
        for step in steps:
            if results.has_scenario(step.key):
                for algorithm in chosen:
                    listener.begun(step.scenario, algorithm)
                    listener.ended(algorithm, 0.0)
            else:
                results.save_scenario(step.key, _computed(step, chosen, community, listener, folder))
    results.save_run(key, _document(steps, community, results, dataset_digest=dataset_digest, time_zone=time_zone))
    return key


def _step(plan: RunPlan, scenario: Scenario, chosen: Sequence[Algorithm], dataset: object) -> _Step:
    parameters = tuple(
        row_parameters(algorithm, selection, scenario)
        for algorithm, selection in zip(chosen, plan.selections, strict=True)
    )
    key = digest(
        {
            "format": FORMAT,
            "market": market_digest(),
            "dataset": dataset,
            "tariff": scenario.terms(),
            "algorithms": [
                [algorithm.id, algorithm.source_digest, given]
                for algorithm, given in zip(chosen, parameters, strict=True)
            ],
        }
    )
    return _Step(scenario, key, parameters)


def _computed(
    step: _Step, chosen: Sequence[Algorithm], community: Community, listener: Listener, folder: Path | None
) -> list[KeptOutcome]:
    clock = [time.perf_counter()]
    listener.begun(step.scenario, chosen[0])

    def advance(done: int, _all: int) -> None:
        clock.append(time.perf_counter())
        listener.ended(chosen[done - 1], clock[-1] - clock[-2])
        if done < len(chosen):
            listener.begun(step.scenario, chosen[done])

    selections = [(algorithm.id, given) for algorithm, given in zip(chosen, step.parameters, strict=True)]
    tariff, rules = step.scenario.tariff.of(community), step.scenario.rules
    if rules is None:
        outcomes = compare(selections, community, tariff, folder=folder, progress=advance)
    else:
        outcomes = rules.compare(selections, community, tariff, progress=advance)
    seconds = [after - before for before, after in pairwise(clock)]
    return [
        KeptOutcome(_row(algorithm, outcome, took), outcome.households, outcome.slots)
        for algorithm, outcome, took in zip(chosen, outcomes, seconds, strict=True)
    ]


def _row(algorithm: Algorithm, outcome: Outcome, seconds: float) -> ResultRow:
    return ResultRow(
        scenario="",
        scenario_key="",
        algorithm_id=outcome.algorithm_id,
        name=outcome.name,
        parameters=outcome.parameters,
        figures=outcome.figures,
        summary=outcome.summary(),
        verdicts=tuple(
            RowVerdict(verdict.name, bool(verdict.holds), float(verdict.worst), verdict.sentence, bool(verdict.exempt))
            for verdict in outcome.invariants
        ),
        source_digest=algorithm.source_digest,
        result_digest=outcome.result_digest,
        seconds=seconds,
    )


@contextmanager
def _files_for(
    chosen: Sequence[Algorithm], community: Community, results: Results, *, time_zone: str
) -> Iterator[Path | None]:
    """The readings as CSV files in local time, for algorithms that read files; None when none does."""
    if not any(algorithm.needs_folder for algorithm in chosen):
        yield None
        return
    with tempfile.TemporaryDirectory(dir=results.folder, prefix=ASIDE) as folder:
        for name, content in to_csv(community, time_zone=time_zone):
            (Path(folder) / Path(name).name).write_bytes(content)
        yield Path(folder)


def _document(
    steps: Sequence[_Step], community: Community, results: Results, *, dataset_digest: str, time_zone: str
) -> dict[str, object]:
    return {
        "market": market_digest(),
        "dataset_digest": dataset_digest,
        "result_digest": digest(
            [
                [row.scenario, row.algorithm_id, row.result_digest]
                for step in steps
                for row in results.scenario(step.key, name=step.scenario.name)
            ]
        ),
        "scenarios": [{"name": step.scenario.name, "key": step.key} for step in steps],
        "household_ids": list(community.household_ids),
        "start_at_ms": round(community.start_at.timestamp() * 1000),
        "slot_h": community.slot_h,
        "slots": community.slots,
        "time_zone": time_zone,
    }


@cache
def market_digest() -> str:
    """The digest of the market's own code: what it computes may change when that does."""
    folder = Path(algorithms.__file__).parent.parent
    files = [*sorted(folder.glob("*.py")), *sorted((folder / "rulebooks").glob("*.py"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
