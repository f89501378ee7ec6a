"""The tabs of a result in their order, and which results they fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.runs.results import RunResult
from core.runs.runs import RunState
from core.web.compare.scene import Scene
from core.web.compare.tabs import certainty, energy, figures, households, over_time, scenarios, take_away


def _always(_: RunResult) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Tab:
    """A label, what it draws, and whether it has something to say about a result."""

    label: str
    draw: Callable[[Scene, RunState], None]
    fits: Callable[[RunResult], bool] = _always


def _has_scenarios(result: RunResult) -> bool:
    return len(result.scenarios) > 1


def _has_rivals(result: RunResult) -> bool:
    return sum(row.has_arrays for row in result.of(result.scenarios[0])) > 1


TABS = (
    Tab("Figures", figures.draw),
    Tab("Over time", over_time.draw),
    Tab("Households", households.draw),
    Tab("Energy", energy.draw),
    Tab("Certainty", certainty.draw, _has_rivals),
    Tab("Scenarios", scenarios.draw, _has_scenarios),
    Tab("Take away", take_away.draw),
)
