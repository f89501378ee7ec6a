"""What the screen shows of a run: one scenario, one period, perhaps one household; every chart draws from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from core.market.community import Community, FloatArray
from core.market.quantities import FIGURES
from core.runs.results import ResultRow, RunResult
from core.web.charts import colour_of
from core.web.format import Numbers

PHYSICAL = tuple(key for key, figure in FIGURES.items() if figure.physical and not figure.comparative)
Period = tuple[date, date]
Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The rows of one scenario over the slots of one period.

    starts: of the period's slots by the clock on the site's wall, `[slot]`. household: the chosen one's place in
    `result.household_ids`. readings: the community of the run, None when it is no longer kept.
    """

    result: RunResult
    scenario: str
    slots: slice
    starts: Times
    numbers: Numbers
    readings: Callable[[], Community | None] = lambda: None
    household: int | None = None

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What tells this view from any other, for a Memory."""
        slots = (self.slots.start, self.slots.stop)
        return (self.result.result_digest, self.scenario, slots, self.numbers, self.household)

    @property
    def rows(self) -> tuple[ResultRow, ...]:
        """The algorithms of this scenario."""
        return self.result.of(self.scenario)

    @property
    def drawable(self) -> tuple[ResultRow, ...]:
        """Those that gave more than figures."""
        return tuple(row for row in self.rows if row.has_arrays)

    @property
    def whole(self) -> bool:
        """Whether the period is all of the run."""
        return len(self.starts) == self.result.slots

    def series(self, row: ResultRow, *names: str) -> list[FloatArray]:
        """Arrays of the period by name, `[slot]`."""
        found = self.result.series(row, names)
        return [found[name][self.slots] for name in names]

    def trades(self, row: ResultRow) -> bool:
        """Whether anything passed between neighbours in `row`, over the whole run."""
        return bool(row.figures.get("traded_kwh", 0.0) > 0)


def view_of(
    result: RunResult,
    scenario: str,
    *,
    numbers: Numbers,
    period: Period | None = None,
    readings: Callable[[], Community | None] = lambda: None,
    household_id: str = "",
) -> View:
    """The view of one scenario; a household that the run does not know is nobody."""
    starts = result.local_starts()
    slots = within(starts, period)
    return View(
        result=result,
        scenario=scenario,
        slots=slots,
        starts=starts[slots],
        numbers=numbers,
        readings=readings,
        household=result.household_ids.index(household_id) if household_id in result.household_ids else None,
    )


def within(starts: Times, period: Period | None) -> slice:
    """The slots whose local day lies in `period`, both ends included; all of them without one or if none does."""
    if period is None:
        return slice(0, len(starts))
    days = starts.astype("datetime64[D]")
    inside = np.flatnonzero((days >= np.datetime64(period[0], "D")) & (days <= np.datetime64(period[1], "D")))
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, len(starts))


def days_of(starts: Times) -> Period:
    """The first and the last local day."""
    first, last = (starts[place].astype("datetime64[D]").item() for place in (0, -1))
    return first, last


def colour(row: ResultRow) -> str:
    """The colour of the row's algorithm, the same everywhere."""
    return colour_of(row.algorithm_id)


def same_flows(view: View) -> list[list[ResultRow]]:
    """The rows in groups of the same dispatch: every figure that the dispatch alone decides is the same to the bit."""
    groups: dict[tuple[float | None, ...], list[ResultRow]] = {}
    for row in view.drawable:
        figures = (row.figures.get(key, math.nan) for key in PHYSICAL)
        groups.setdefault(tuple(None if math.isnan(value) else value for value in figures), []).append(row)
    return list(groups.values())
