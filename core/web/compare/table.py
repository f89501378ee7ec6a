"""The table of figures: a line an algorithm, a pinned baseline, differences, and the best of each figure marked.

The same `Cell`s are written to the screen and to exports, so that what is taken away equals what was seen. Bounds (see
`core.runs.answer`) are never marked: no rule between neighbours competes with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.market.quantities import FIGURES, Quantity, quantity_of
from core.runs.answer import is_bound, same
from core.runs.results import ResultRow
from core.web.format import Numbers

Mode = Literal["Values", "Difference", "Percent"]
MODES: tuple[Mode, ...] = ("Values", "Difference", "Percent")
MOST_BEST = 2
"""Where more than so many rules are best, none stands out and none is marked."""


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
    """The lines and figures of one scenario, the baseline first; common: those left out, as no line differs in them."""

    figures: tuple[Quantity, ...]
    lines: tuple[Line, ...]
    mode: Mode
    baseline: ResultRow
    common: tuple[Quantity, ...] = ()

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
    wanted = [
        figure
        for figure in _figures(rows)
        if not group or group in (figure.group, figure.key) or (group == KEY and figure.key in KEY_FIGURES)
    ]
    common = [figure for figure in wanted if differences_only and len(rows) > 1 and _alike(rows, figure)]
    figures = [figure for figure in wanted if figure not in common]
    lines = tuple(
        Line(row, row is baseline, tuple(_cell(row, baseline, rows, figure, mode) for figure in figures))
        for row in ordered
    )
    return FigureTable(tuple(figures), lines, mode, baseline, tuple(common))


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
    difference = 0.0 if same(value, reference) else value - reference
    shown = value
    if mode == "Difference":
        shown = difference
    elif mode == "Percent":
        shown = difference / abs(reference) * 100 if reference else (0.0 if difference == 0 else math.nan)
    better = None
    decimals = 1 if mode == "Percent" else figure.decimals
    told = round(difference if mode == "Values" else shown, decimals) if math.isfinite(difference) else 0.0
    if figure.better and told:
        better = (difference > 0) == (figure.better == "higher")
    return Cell(value, shown, _is_best(row, rows, figure), better)


def _is_best(row: ResultRow, rows: Sequence[ResultRow], figure: Quantity) -> bool:
    rivals = [rival for rival in rows if not is_bound(rival.algorithm_id) and math.isfinite(_value(rival, figure))]
    if not figure.better or row not in rivals or len(rivals) < 2 or _alike(rivals, figure):
        return False
    values = [_value(rival, figure) for rival in rivals]
    best = max(values) if figure.better == "higher" else min(values)
    winners = [rival for rival in rivals if same(_value(rival, figure), best)]
    return row in winners and len(winners) <= MOST_BEST


def folded(table: FigureTable) -> list[list[Line]]:
    """Lines in groups that are alike in every cell, in order; the baseline and bounds stand alone."""
    groups: dict[object, list[Line]] = {}
    for line in table.lines:
        alone = line.is_baseline or is_bound(line.row.algorithm_id)
        texts = [f"{cell.shown:.{figure.decimals}f}" for cell, figure in zip(line.cells, table.figures, strict=True)]
        key = line.row.algorithm_id if alone else tuple(texts)
        groups.setdefault(key, []).append(line)
    return list(groups.values())


def _alike(rows: Sequence[ResultRow], figure: Quantity) -> bool:
    first = _value(rows[0], figure)
    return all(same(_value(row, figure), first) for row in rows)


def _value(row: ResultRow, figure: Quantity) -> float:
    return row.figures.get(figure.key, math.nan) * figure.scale
