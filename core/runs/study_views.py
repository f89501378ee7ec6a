"""What a study shows: who wins where, a figure along one dimension, which dimension moves it most, and who loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from core.errors import MarketError
from core.market.community import FloatArray, IntArray
from core.market.contract import Value, unknown
from core.market.quantities import FIGURES
from core.runs.study import StudyResult
from core.runs.study_plan import Dimension, StudyPlan, problem_of

SAME = 1e-9
"""Relative: figures closer than this are the same; what differs is rounding."""
FIRST = ("better_off_share", "worst_loss", "gini", "avg_p2p_price", "equality", "savings_percent", "community_cost")
"""Figures to begin with, those first in which settlements of one dispatch differ."""
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class StudyTable:
    """The figures of a study: `[scenario, algorithm]` by name, NaN where not defined; points by scenario."""

    plan: StudyPlan
    algorithms: tuple[str, ...]
    figures: dict[str, FloatArray]

    @property
    def points(self) -> tuple[dict[str, Value], ...]:
        """Every scenario's place in the dimensions."""
        return self.plan.points

    def dimension(self, name: str) -> Dimension:
        """One dimension. Raises MarketError with "did you mean"."""
        for each in self.plan.dimensions:
            if each.name == name:
                return each
        raise unknown("dimension of this study", name, {each.name: each for each in self.plan.dimensions})

    def figure(self, name: str) -> FloatArray:
        """One figure `[scenario, algorithm]`. Raises MarketError with "did you mean"."""
        if name not in self.figures:
            raise unknown("figure of this study", name, self.figures)
        return self.figures[name]


@dataclass(frozen=True, slots=True, eq=False)
class WinnerMap:
    """Who is best by one figure over two dimensions, `[y, x]`.

    x, y: labels of the cells. winner: place in `algorithms`, -1 where no scenario lies or nothing differs. margin: how
    far the second is behind, in the figure's unit. scenario: the one in the middle of each cell, -1 where none lies.
    """

    x: tuple[Value, ...]
    y: tuple[Value, ...]
    winner: IntArray
    margin: FloatArray
    scenario: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """One figure along one dimension: middle and the range that holds nine scenarios of ten, `[cell, algorithm]`."""

    at: tuple[Value, ...]
    low: FloatArray
    middle: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Swing:
    """How far one dimension moves a figure: its mean where the dimension is lowest and where it is highest."""

    dimension: str
    at_low: float
    at_high: float

    @property
    def size(self) -> float:
        """The distance between the two."""
        return abs(self.at_high - self.at_low)


def table_of(plan: StudyPlan, result: StudyResult) -> StudyTable:
    """The figures of a finished study, read from its files."""
    algorithms = tuple(name for name, _ in plan.algorithms)
    place = {name: at for at, name in enumerate(algorithms)}
    number: dict[str, list[int]] = {}
    for at, key in enumerate(result.keys):
        number.setdefault(key, []).append(at)
    figures = {name: np.full((len(result.keys), len(algorithms)), np.nan) for name in FIGURES}
    for path in result.parts:
        part = pq.read_table(path, columns=["key", "algorithm", *FIGURES]).to_pydict()
        for row, (key, algorithm) in enumerate(zip(part["key"], part["algorithm"], strict=True)):
            for at in number.get(key, ()):
                for name, values in figures.items():
                    if part[name][row] is not None:
                        values[at, place[algorithm]] = part[name][row]
    return StudyTable(plan, algorithms, figures)


def worth_showing(table: StudyTable) -> list[str]:
    """Figures in which algorithms differ anywhere, those that settlements decide first."""
    differing = [name for name, values in table.figures.items() if _differs(values)]
    order = {name: at for at, name in enumerate(FIRST)}
    return sorted(differing, key=lambda name: (order.get(name, len(order)), FIGURES[name].physical))


def _differs(values: FloatArray) -> bool:
    known = np.isfinite(values).sum(axis=1) >= 2
    if not known.any():
        return False
    some = values[known]
    spread = np.nanmax(some, axis=1) - np.nanmin(some, axis=1)
    return bool((spread > SAME * np.maximum(1.0, np.nanmax(np.abs(some), axis=1))).any())


def winner_map(table: StudyTable, x: str, y: str, *, figure: str, cells: int = 10) -> WinnerMap:
    """Who is best where. Raises MarketError for an unknown name, or a figure without a better direction."""
    values, better = table.figure(figure), FIGURES[figure].better
    if not better:
        raise MarketError(f"{FIGURES[figure].label} has no better direction.", fix="Choose another figure.")
    x_labels, x_cell, x_off = _cells(table, x, cells)
    y_labels, y_cell, y_off = _cells(table, y, cells)
    shape = (len(y_labels), len(x_labels))
    winner, margin = np.full(shape, -1, dtype=np.int64), np.full(shape, np.nan)
    scenario = np.full(shape, -1, dtype=np.int64)
    sign = 1.0 if better == "higher" else -1.0
    for place in np.ndindex(shape):
        inside = np.flatnonzero((y_cell == place[0]) & (x_cell == place[1]))
        if not inside.size:
            continue
        scenario[place] = inside[int(np.argmin(x_off[inside] + y_off[inside]))]
        mean = sign * _means(values[inside])
        known = np.flatnonzero(np.isfinite(mean))
        if known.size < 2:
            continue
        first, second = known[np.argsort(-mean[known], kind="stable")][:2]
        behind = float(mean[first] - mean[second])
        margin[place] = behind
        if behind > SAME * max(1.0, abs(float(mean[first]))):
            winner[place] = first
    return WinnerMap(x_labels, y_labels, winner, margin, scenario)


def band(table: StudyTable, dimension: str, *, figure: str, cells: int = 10) -> Band:
    """One figure of every algorithm along one dimension, over whatever the others are."""
    values = table.figure(figure)
    labels, cell, _ = _cells(table, dimension, cells)
    found = np.full((3, len(labels), len(table.algorithms)), np.nan)
    for place in range(len(labels)):
        for algorithm in range(len(table.algorithms)):
            inside = values[cell == place, algorithm]
            inside = inside[np.isfinite(inside)]
            if inside.size:
                found[:, place, algorithm] = np.quantile(inside, (0.05, 0.5, 0.95))
    return Band(labels, found[0], found[1], found[2])


def tornado(table: StudyTable, *, figure: str, algorithm: str) -> list[Swing]:
    """How far each dimension moves a figure, the furthest first: its lowest fifth against its highest."""
    values = table.figure(figure)[:, _place(table, algorithm)]
    swings = []
    for dimension in table.plan.dimensions:
        labels, cell, _ = _cells(table, dimension.name, 5)
        ends = [values[(cell == place) & np.isfinite(values)] for place in (0, len(labels) - 1)]
        if all(end.size for end in ends):
            swings.append(Swing(dimension.name, *(float(end.mean()) for end in ends)))
    return sorted(swings, key=lambda swing: -swing.size)


def sobol_indices(table: StudyTable, *, figure: str, algorithm: str) -> dict[str, tuple[float, float]]:
    """First-order and total Sobol index of each dimension (Sobol 2001; Saltelli 2010), by SALib.

    Raises MarketError where the design is another, or the figure is not defined everywhere.
    """
    if table.plan.design != "saltelli":
        raise MarketError("Sobol indices need Saltelli's design.", fix='Give "design": "saltelli".')
    values = table.figure(figure)[:, _place(table, algorithm)]
    if not np.isfinite(values).all():
        raise MarketError(f"{FIGURES[figure].label} is not defined in every scenario.", fix="Choose another figure.")
    if float(np.ptp(values)) <= SAME * max(1.0, float(np.abs(values).max())):
        return {dimension.name: (0.0, 0.0) for dimension in table.plan.dimensions}
    from SALib.analyze import sobol

    found = sobol.analyze(problem_of(table.plan.dimensions), values, calc_second_order=False, seed=0)
    names = [dimension.name for dimension in table.plan.dimensions]
    pairs = zip(found["S1"].tolist(), found["ST"].tolist(), strict=True)
    return dict(zip(names, pairs, strict=True))


def losers(result: StudyResult, *, algorithm: str, than: str = "grid_only") -> dict[str, float]:
    """Share of the scenarios with a household in which it pays more under `algorithm` than under `than`."""
    lost: dict[str, int] = {}
    seen: dict[str, int] = {}
    for path in result.parts:
        part = pq.read_table(path, columns=["key", "algorithm", "household_ids", "bills"]).to_pylist()
        bills = {(row["key"], row["algorithm"]): row for row in part}
        for key in {row["key"] for row in part} & set(result.keys):
            mine, other = bills.get((key, algorithm)), bills.get((key, than))
            if mine is None or other is None:
                raise MarketError(f"The study has not both {algorithm} and {than}.", fix="Add them to its algorithms.")
            for household_id, bill, before in zip(mine["household_ids"], mine["bills"], other["bills"], strict=True):
                seen[household_id] = seen.get(household_id, 0) + 1
                lost[household_id] = lost.get(household_id, 0) + (bill - before > SAME * max(1.0, abs(before)))
    return {household_id: lost[household_id] / count for household_id, count in sorted(seen.items())}


def _place(table: StudyTable, algorithm: str) -> int:
    if algorithm not in table.algorithms:
        raise unknown("algorithm of this study", algorithm, dict.fromkeys(table.algorithms))
    return table.algorithms.index(algorithm)


def _means(values: FloatArray) -> FloatArray:
    """Mean of each column over what is defined; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    mean: FloatArray = np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)
    return mean


def _cells(table: StudyTable, name: str, cells: int) -> tuple[tuple[Value, ...], IntArray, FloatArray]:
    """Labels of a dimension's cells, the cell of every scenario, and how far from its middle it lies, 0 to 1."""
    dimension = table.dimension(name)
    given = [point[name] for point in table.points]
    distinct: Sequence[Value] = sorted(set(given), key=lambda value: (isinstance(value, str), value))
    if dimension.values or len(distinct) <= cells:
        order = {value: at for at, value in enumerate(dimension.values or distinct)}
        return tuple(order), np.array([order[value] for value in given]), np.zeros(len(given))
    share = (np.array(given, dtype=np.float64) - dimension.low) / (dimension.high - dimension.low)
    cell = np.minimum((share * cells).astype(np.int64), cells - 1)
    width = (dimension.high - dimension.low) / cells
    labels = tuple(float(dimension.low + (at + 0.5) * width) for at in range(cells))
    return labels, cell, np.abs(share * cells - cell - 0.5)
