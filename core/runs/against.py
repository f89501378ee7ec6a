"""Run against run: what differs between two to six runs, and how far each algorithm's figures are from a pinned run.

Pure functions over runs that somebody may read; whoever calls them asks `Runs` for state and result first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.market.community import FloatArray
from core.runs.plan import Scenario, digest
from core.runs.results import ResultRow, RunResult
from core.runs.runs import RunState
from core.runs.statistics import Interval, daily_totals, paired_interval, whole_days

FEWEST, MOST = 2, 6
DAILY = {
    "community_cost": "community_cost",
    "savings": "community_cost",
    "traded_kwh": "traded_kwh",
}
"""Figures of which the days can be compared, and the series they are made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One run, and the scenario of it that is looked at."""

    state: RunState
    result: RunResult
    scenario: str

    @property
    def rows(self) -> dict[str, ResultRow]:
        """The algorithms of the scenario by id."""
        return {row.algorithm_id: row for row in self.result.of(self.scenario)}


@dataclass(frozen=True, slots=True)
class Differing:
    """Something in which the runs differ: what it is, and what each run has, in the order of the runs."""

    what: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """One algorithm's figure in one run, held against the pinned run's.

    value, difference: NaN where not defined. interval: of the difference a day, None where the days are not the same
    or the figure has no days.
    """

    value: float
    difference: float
    interval: Interval | None


def sides_of(runs: Sequence[tuple[RunState, RunResult]], *, scenario: str = "") -> tuple[Side, ...]:
    """The sides in order, each at `scenario` where it has one of that name, else at its first. Raises InputError."""
    if not FEWEST <= len(runs) <= MOST:
        raise InputError(f"{len(runs)} runs are chosen, expected {FEWEST} to {MOST}.")
    return tuple(
        Side(state, result, scenario if scenario in result.scenarios else result.scenarios[0]) for state, result in runs
    )


def what_differs(sides: Sequence[Side]) -> tuple[Differing, ...]:
    """Readings, period, tariff, rules, algorithms, parameters and code, where the runs do not agree; nothing else."""
    facts: list[Differing] = [
        Differing("Readings", tuple(side.result.dataset_digest[:12] for side in sides)),
        Differing("Homes", tuple(f"{len(side.result.household_ids):,}" for side in sides)),
        Differing("Days", tuple(_days_words(side) for side in sides)),
        Differing("Slot (h)", tuple(f"{side.result.slot_h:g}" for side in sides)),
        Differing("Tariff", tuple(_tariff_words(side) for side in sides)),
        Differing("Rules", tuple(_rules_words(side) for side in sides)),
        Differing("Algorithms", tuple(", ".join(row.name for row in side.rows.values()) for side in sides)),
        Differing("Code of the market", tuple(side.result.market_digest[:12] for side in sides)),
    ]
    for algorithm_id in shared(sides):
        rows = [side.rows[algorithm_id] for side in sides]
        names = dict.fromkeys(name for row in rows for name in row.parameters)
        facts += [
            Differing(f"{rows[0].name}: {name}", tuple(str(row.parameters.get(name, "–")) for row in rows))
            for name in names
        ]
        facts.append(Differing(f"{rows[0].name}: code", tuple(row.source_digest[:12] for row in rows)))
    return tuple(each for each in facts if len(set(each.values)) > 1)


def shared(sides: Sequence[Side]) -> tuple[str, ...]:
    """The algorithms that every run has, in the order of the first."""
    return tuple(each for each in sides[0].rows if all(each in side.rows for side in sides))


def present(sides: Sequence[Side]) -> tuple[str, ...]:
    """The algorithms that any run has, in order of appearance."""
    return tuple(dict.fromkeys(each for side in sides for each in side.rows))


def held_against(sides: Sequence[Side], figure: str, *, pinned: int = 0) -> dict[str, tuple[Held | None, ...]]:
    """`figure` of every algorithm in every run against the pinned run's; None where a run lacks the algorithm.

    Days are compared in pairs where both runs have the same local days, whatever their homes.
    """
    return {
        algorithm_id: tuple(_held(side, sides[pinned], algorithm_id, figure) for side in sides)
        for algorithm_id in present(sides)
    }


def _held(side: Side, pinned: Side, algorithm_id: str, figure: str) -> Held | None:
    row, reference = side.rows.get(algorithm_id), pinned.rows.get(algorithm_id)
    if row is None:
        return None
    value = row.figures.get(figure, np.nan)
    if side is pinned or reference is None:
        return Held(value, np.nan if reference is None else 0.0, None)
    return Held(value, value - reference.figures.get(figure, np.nan), _interval(side, pinned, algorithm_id, figure))


def _interval(side: Side, pinned: Side, algorithm_id: str, figure: str) -> Interval | None:
    if figure not in DAILY:
        return None
    ours, theirs = (_daily(each, algorithm_id, figure) for each in (side, pinned))
    if ours is None or theirs is None or not np.array_equal(ours[0], theirs[0]):
        return None
    return paired_interval(ours[1], theirs[1])


def _daily(side: Side, algorithm_id: str, figure: str) -> tuple[np.ndarray, FloatArray] | None:
    """The whole local days and the figure on each of them; None without the series."""
    result, name = side.result, DAILY[figure]
    wanted = (name, "baseline_cost") if figure == "savings" else (name,)
    series = result.series(side.rows[algorithm_id], wanted)
    if any(each not in series for each in wanted):
        return None
    values = series["baseline_cost"] - series[name] if figure == "savings" else series[name]
    days = whole_days(result.start_at, slot_h=result.slot_h, slots=result.slots, time_zone=result.time_zone)
    return days.day, daily_totals(values, slot_h=result.slot_h, days=days)


def _days_words(side: Side) -> str:
    local = side.result.local_starts().astype("datetime64[D]")
    return f"{local[0]} to {local[-1]}"


def _scenario_of(side: Side) -> Scenario:
    return next(each for each in side.state.plan.scenarios if each.name == side.scenario)


def _rules_words(side: Side) -> str:
    """The rulebook's name and digest, so that two of one name are told apart, and that of its table of homes."""
    rules = _scenario_of(side).rules
    if rules is None:
        return "none"
    homes = "" if rules.homes == "{}" else f", homes {digest(rules.homes)[:12]}"
    return f"{rules.rulebook.name} ({rules.rulebook.digest[:12]}{homes})"


def _tariff_words(side: Side) -> str:
    """The whole tariff, so that two that differ anywhere read differently; the two usual prices first."""
    document = _scenario_of(side).tariff.to_json()
    retail, feed_in = (int(str(document.pop(f"{name}_micro_per_kwh"))) / 1e6 for name in ("retail", "feed_in"))
    zone, periods = document.pop("time_zone"), document.pop("periods")
    rest = {name: value for name, value in document.items() if value}
    hours = f", other prices at {json.dumps(periods)} in {zone}" if periods else ""
    return f"{retail:g} / {feed_in:g}{hours}{f', {json.dumps(rest)}' if rest else ''}"
