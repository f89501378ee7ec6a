"""The table of figures: a line an algorithm, a pinned baseline, differences, and the best of each figure marked.

The same `Cell`s are written to the screen and to exports, so that what is taken away equals what was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.market.quantities import FIGURES, Quantity, quantity_of
from core.runs.results import ResultRow
from core.web.format import Numbers

Mode = Literal["Values", "Difference", "Percent"]
MODES: tuple[Mode, ...] = ("Values", "Difference", "Percent")
TOLERANCE = 1e-9
"""Relative: figures closer than this are the same; what differs is rounding."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one algorithm. shown: what the mode asks for, in the figure's unit or percent; NaN not defined."""

    value: float
    shown: float
    best: bool
    better: bool | None


@dataclass(frozen=True, slots=True)
class Line:
    """One algorithm."""

    row: ResultRow
    is_baseline: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class FigureTable:
    """The lines and figures of one scenario, the baseline first."""

    figures: tuple[Quantity, ...]
    lines: tuple[Line, ...]
    mode: Mode
    baseline: ResultRow

    def text(self, cell: Cell, figure: Quantity, *, is_baseline: bool, numbers: Numbers) -> str:
        """What stands in the cell, without marks."""
        if self.mode == "Values" or is_baseline:
            return numbers.number(cell.value, figure.decimals)
        if self.mode == "Percent":
            return numbers.percent(cell.shown, sign=True)
        return numbers.number(cell.shown, figure.decimals, sign=True)


def table_of(
    rows: Sequence[ResultRow],
    *,
    baseline_id: str = "",
    mode: Mode = "Values",
    group: str = "",
    differences_only: bool = False,
) -> FigureTable:
    """The figures of `group` (all of them if empty) that any row defines; `rows` are of one scenario.

    An unknown baseline is the first row. differences_only: leaves out figures in which no row differs.
    """
    baseline = next((row for row in rows if row.algorithm_id == baseline_id), rows[0])
    ordered = [baseline, *(row for row in rows if row is not baseline)]
    figures = [
        figure
        for figure in _figures(rows)
        if (not group or group in (figure.group, figure.key) or (group == KEY and figure.key in KEY_FIGURES))
        and not (differences_only and _alike(rows, figure))
    ]
    lines = tuple(
        Line(row, row is baseline, tuple(_cell(row, baseline, rows, figure, mode) for figure in figures))
        for row in ordered
    )
    return FigureTable(tuple(figures), lines, mode, baseline)


KEY = "Key figures"
KEY_FIGURES = (
    "community_cost",
    "savings",
    "savings_percent",
    "traded_kwh",
    "avg_p2p_price",
    "self_sufficiency_share",
    "peak_import_kw",
    "better_off_share",
    "worst_loss",
)
"""What is looked at first."""


def groups_of(rows: Sequence[ResultRow]) -> list[str]:
    """The groups that have a figure in `rows`, after the key figures."""
    return [KEY, *dict.fromkeys(figure.group for figure in _figures(rows))]


def _figures(rows: Sequence[ResultRow]) -> list[Quantity]:
    names = dict.fromkeys(name for row in rows for name in row.figures)
    there = [name for name in names if any(math.isfinite(row.figures.get(name, math.nan)) for row in rows)]
    return [figure for key, figure in FIGURES.items() if key in there] + [
        quantity_of(name) for name in there if name not in FIGURES
    ]


def _cell(row: ResultRow, baseline: ResultRow, rows: Sequence[ResultRow], figure: Quantity, mode: Mode) -> Cell:
    value, reference = _value(row, figure), _value(baseline, figure)
    difference = 0.0 if _same(value, reference) else value - reference
    shown = value
    if mode == "Difference":
        shown = difference
    elif mode == "Percent":
        shown = difference / abs(reference) * 100 if reference else (0.0 if difference == 0 else math.nan)
    better = None
    if figure.better and math.isfinite(difference) and difference:
        better = (difference > 0) == (figure.better == "higher")
    return Cell(value, shown, _is_best(value, rows, figure), better)


def _is_best(value: float, rows: Sequence[ResultRow], figure: Quantity) -> bool:
    values = [known for row in rows if math.isfinite(known := _value(row, figure))]
    if not figure.better or not math.isfinite(value) or len(values) < 2 or _alike(rows, figure):
        return False
    return _same(value, max(values) if figure.better == "higher" else min(values))


def _alike(rows: Sequence[ResultRow], figure: Quantity) -> bool:
    first = _value(rows[0], figure)
    return all(_same(_value(row, figure), first) for row in rows)


def _same(value: float, other: float) -> bool:
    if math.isnan(value) or math.isnan(other):
        return math.isnan(value) and math.isnan(other)
    return math.isclose(value, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _value(row: ResultRow, figure: Quantity) -> float:
    return row.figures.get(figure.key, math.nan) * figure.scale
