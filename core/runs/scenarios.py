"""Scenarios made of tariffs and varied parameters, and maps over them: which algorithm is best where."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from core.errors import MarketError
from core.market.algorithms import find
from core.market.contract import Parameter, Value
from core.runs.answer import is_bound, same
from core.runs.plan import RunPlan, Scenario
from core.runs.results import ResultRow, RunResult
from core.runs.tariffs import TariffPlan

MOST_STEPS = 50
MICRO = 1_000_000
_RANGE = re.compile(r"\s*(\S+)\s+to\s+(\S+)\s+in\s+(\d+)(?:\s+steps?)?\s*", re.IGNORECASE)


def values_of(parameter: Parameter, text: str) -> tuple[Value, ...]:
    """The values a person lists, "5; 10", or spreads, "2 to 10 in 5 steps", both ends included.

    Raises MarketError saying what is allowed.
    """
    if not (found := _RANGE.fullmatch(text)):
        values = tuple(dict.fromkeys(parameter.parse(part) for part in text.split(";") if part.strip()))
    elif isinstance(parameter.default, str):
        raise MarketError(f"{parameter.words} is no number, so it has no steps.", fix="List words, such as a; b.")
    else:
        first, last = (float(parameter.parse(found[place])) for place in (1, 2))
        steps = int(found[3])
        if not 2 <= steps <= MOST_STEPS:
            raise MarketError(f"{parameter.words} is varied in {steps} steps, expected 2 to {MOST_STEPS}.")
        spread = np.linspace(first, last, steps).tolist()
        values = tuple(dict.fromkeys(parameter.check(_plain(value, parameter)) for value in spread))
    if not values:
        raise MarketError(f"No value of {parameter.words} is given.", fix="Such as 5; 10, or 2 to 10 in 5 steps.")
    return values


def parameter_sets(varied: Sequence[tuple[Parameter, Sequence[Value]]]) -> dict[str, dict[str, Value]]:
    """Every combination of values, under a name that a person reads: "Battery capacity 5 kWh, Power 2 kW"."""
    names = [parameter.name for parameter, _ in varied]
    sets = {}
    for values in product(*(values for _, values in varied)):
        words = (in_words(parameter, value) for (parameter, _), value in zip(varied, values, strict=True))
        sets[", ".join(words)] = dict(zip(names, values, strict=True))
    return sets


def in_words(parameter: Parameter, value: Value) -> str:
    """ "Battery capacity 5 kWh"."""
    number = f"{value:.6g}" if isinstance(value, float) else str(value)
    unit = "" if parameter.unit in ("", "share") else f" {parameter.unit}"
    return f"{parameter.words} {number}{unit}"


def same_tariffs(tariffs: Mapping[str, TariffPlan]) -> tuple[tuple[str, ...], ...]:
    """Names of tariffs that are the same to the last price: their scenarios would be computed twice for nothing."""
    groups: dict[TariffPlan, list[str]] = {}
    for name, tariff in tariffs.items():
        groups.setdefault(tariff, []).append(name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


@dataclass(frozen=True, slots=True)
class Dimension:
    """What is varied between the scenarios of a plan. values: in order; of_scenario: place of each scenario's value."""

    name: str
    values: tuple[str, ...]
    of_scenario: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One place of a map. best: rules that tie for best; margin: to the next rule, NaN without one."""

    scenario: str
    best: tuple[ResultRow, ...]
    value: float
    margin: float


def dimensions_of(plan: RunPlan) -> tuple[Dimension, ...]:
    """What differs between the scenarios: the two prices or whole tariffs, then parameters."""
    scenarios, found = plan.scenarios, []
    if len({(each.tariff.periods, each.tariff.time_zone) for each in scenarios}) == 1:
        for name in ("retail", "feed_in"):
            prices = [getattr(each.tariff, f"{name}_micro_per_kwh") / MICRO for each in scenarios]
            found.append(_dimension(f"{name.replace('_', '-').capitalize()} price", prices))
    else:
        tariffs = list(dict.fromkeys(each.tariff for each in scenarios))
        found.append(_dimension("Tariff", [f"{tariffs.index(each.tariff) + 1}" for each in scenarios]))
    if any(each.rules for each in scenarios):
        found.append(
            _dimension("Rules", ["none" if each.rules is None else each.rules.rulebook.name for each in scenarios])
        )
    titles = _titles(plan)
    for name in dict.fromkeys(name for each in scenarios for name in each.parameters):
        found.append(_dimension(titles.get(name, name), [each.parameters.get(name, "default") for each in scenarios]))
    return tuple(each for each in found if len(each.values) > 1)


def winner_map(
    result: RunResult, plan: RunPlan, across: Dimension, down: Dimension, *, figure: str, higher_is_better: bool
) -> tuple[tuple[Cell | None, ...], ...]:
    """The best rules at each place `[down][across]`; None where no scenario lies there.

    Where several scenarios lie at one place, because more is varied, it is the first of them.
    """
    places: dict[tuple[int, int], Scenario] = {}
    for scenario, x, y in zip(plan.scenarios, across.of_scenario, down.of_scenario, strict=True):
        places.setdefault((y, x), scenario)
    return tuple(
        tuple(
            _cell(result, places.get((y, x)), figure, higher_is_better=higher_is_better)
            for x in range(len(across.values))
        )
        for y in range(len(down.values))
    )


def _cell(result: RunResult, scenario: Scenario | None, figure: str, *, higher_is_better: bool) -> Cell | None:
    if scenario is None:
        return None
    sign = -1.0 if higher_is_better else 1.0
    rules = [
        (sign * row.figures.get(figure, math.nan), row)
        for row in result.of(scenario.name)
        if not is_bound(row.algorithm_id)
    ]
    known = sorted((pair for pair in rules if math.isfinite(pair[0])), key=lambda pair: pair[0])
    if not known:
        return Cell(scenario.name, (), math.nan, math.nan)
    first = known[0][0]
    best = tuple(row for value, row in known if same(value, first))
    behind = [value for value, _ in known if not same(value, first)]
    return Cell(scenario.name, best, sign * first, behind[0] - first if behind else math.nan)


def _titles(plan: RunPlan) -> dict[str, str]:
    """What people call the parameters of the plan's algorithms, with units: "Battery size (kWh)"."""
    algorithms = [each for each in (find().get(selection.algorithm_id) for selection in plan.selections) if each]
    return {
        parameter.name: parameter.words + (f" ({parameter.unit})" if parameter.unit not in ("", "share") else "")
        for algorithm in algorithms
        for parameter in algorithm.parameters
    }


def _dimension(name: str, values: Sequence[Value]) -> Dimension:
    ordered = list(dict.fromkeys(values))
    if all(isinstance(value, int | float) for value in ordered):
        ordered.sort(key=float)
    words = tuple(f"{value:g}" if isinstance(value, float) else str(value) for value in ordered)
    return Dimension(name, words, tuple(ordered.index(value) for value in values))


def _plain(value: float, parameter: Parameter) -> Value:
    """Without the digits that dividing leaves behind; whole for a parameter of whole numbers."""
    return round(value) if isinstance(parameter.default, int) else float(f"{value:.9g}")
