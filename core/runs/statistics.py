"""Arrays over slots or households made small enough to look at, and differences with the doubt that belongs to them.

Pure functions; nothing here returns more than MAX_POINTS points, however long the run. Time groups are made of local
time (`local_starts`), so that a day is the day of the people who lived it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.market.community import FloatArray

MAX_POINTS = 5_000
DRAWS = 2_000
LEVEL = 0.95
FEWEST_DAYS = 5
"""With fewer days a bootstrap over days says nothing; its interval is not defined."""

Times = npt.NDArray[np.datetime64]
How = Literal["sum", "mean", "max"]
_STEPS_MIN = (1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1_440, 10_080, 40_320, 161_280, 645_120)
_CLOCK_STEPS_MIN = (1, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1_440)
_DAY_STEPS = (1, 7, 28, 112, 448, 1_792)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Points over time: local start of each group, its value (NaN where there is none), and the group's length."""

    start: Times
    value: FloatArray
    step_min: float


@dataclass(frozen=True, slots=True, eq=False)
class DayMatrix:
    """value `[day, time]`; NaN where there is no slot. day: local dates; minute: minute of the day."""

    day: Times
    minute: npt.NDArray[np.int64]
    value: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points of a curve, x ascending from 0 to 1."""

    x: FloatArray
    y: FloatArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference and where it lies with 95 % confidence, by days; NaN where not defined."""

    difference: float
    low: float
    high: float
    days: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero: a difference that is more than noise."""
        return self.low > 0.0 or self.high < 0.0


def resample(
    local_starts: Times,
    values: FloatArray,
    *,
    slot_h: float,
    how: How = "sum",
    weights: FloatArray | None = None,
    most: int = MAX_POINTS,
) -> Line:
    """Values `[slot]` in the finest equal groups of which there are at most `most`.

    how: "sum", "mean" (weighted by `weights` `[slot]`) or "max"; NaN values count for nothing, a group of nothing
    is NaN.
    """
    minutes = _minutes(local_starts)
    span_min = float(minutes[-1] - minutes[0]) + slot_h * 60.0
    step = _first(_STEPS_MIN, lambda step: step >= slot_h * 60.0 - 1e-9 and span_min / step + 1 <= most)
    groups, which = np.unique(_floor(minutes, step), return_inverse=True)
    value = _grouped(values, which, groups.size, how=how, weights=weights)
    return Line(groups.astype("datetime64[m]"), value, float(step))


def cumulative(local_starts: Times, values: FloatArray, *, slot_h: float, most: int = MAX_POINTS) -> Line:
    """The running sum of values `[slot]` at the end of each group."""
    line = resample(local_starts, values, slot_h=slot_h, most=most)
    return Line(line.start, np.cumsum(np.nan_to_num(line.value)), line.step_min)


def day_matrix(
    local_starts: Times,
    values: FloatArray,
    *,
    slot_h: float,
    how: How = "sum",
    weights: FloatArray | None = None,
    most: int = MAX_POINTS,
) -> DayMatrix:
    """Values `[slot]` by day and time of day, days or times merged until there are at most `most` cells."""
    minutes = _minutes(local_starts)
    days = int(minutes[-1] // 1_440 - minutes[0] // 1_440) + 1
    day_step = _first(_DAY_STEPS, lambda step: (days / step + 1) * 6 <= most)
    shown_days = days // day_step + 1
    clock_step = _first(
        _CLOCK_STEPS_MIN,
        lambda step: step >= min(slot_h * 60.0, 1_440.0) - 1e-9 and shown_days * (1_440 / step) <= most,
    )
    day = _floor(minutes // 1_440, day_step)
    first = int(day[0])
    rows, columns = int(day.max() - first) // day_step + 1, 1_440 // clock_step
    cell = (day - first) // day_step * columns + minutes % 1_440 // clock_step
    value = _grouped(values, cell, rows * columns, how=how, weights=weights).reshape(rows, columns)
    return DayMatrix(
        day=(first + np.arange(rows) * day_step).astype("datetime64[D]"),
        minute=np.arange(columns, dtype=np.int64) * clock_step,
        value=value,
    )


def duration_curve(values: FloatArray, *, most: int = MAX_POINTS) -> Curve:
    """Values from the largest to the smallest over the share of time in which they are reached or passed."""
    falling = np.sort(values[~np.isnan(values)])[::-1]
    return _thinned(Curve(np.arange(1, falling.size + 1) / max(falling.size, 1), falling), most)


def lorenz(values: FloatArray, *, most: int = MAX_POINTS) -> Curve:
    """The share of the whole that the poorest share of households has; NaN unless the whole is positive."""
    rising = np.sort(values)
    running = np.concatenate(([0.0], np.cumsum(rising)))
    share = running / running[-1] if running[-1] > 0.0 else np.full(running.size, np.nan)
    return _thinned(Curve(np.linspace(0.0, 1.0, running.size), share), most)


def daily_totals(values: FloatArray, *, slot_h: float) -> FloatArray:
    """Sums of values `[…, slot]` over each 24 hours from the first slot, `[…, day]`; a rest joins the last day."""
    slots = values.shape[-1]
    starts_h = np.arange(slots) * slot_h
    days = max(int((slots * slot_h + 1e-9) // 24), 1)
    day = np.minimum((starts_h + 1e-9) // 24, days - 1)
    first = np.searchsorted(day, np.arange(days))
    return np.asarray(np.add.reduceat(np.nan_to_num(values), first, axis=-1))


class Bootstrap:
    """Days drawn with replacement, the same for everything compared; made once for a run. Efron & Tibshirani 1993."""

    def __init__(self, days: int, *, seed: int, draws: int = DRAWS) -> None:
        """seed: the same draws for the same seed."""
        generator = np.random.default_rng(seed)
        self.days = days
        self._times_drawn = generator.multinomial(days, np.full(days, 1.0 / days), size=draws).astype(np.float64)

    def difference(
        self,
        first: FloatArray,
        second: FloatArray,
        *,
        figure: Callable[[FloatArray], FloatArray] = lambda totals: totals[0],
        level: float = LEVEL,
    ) -> Interval:
        """How far `figure` of `first` is above that of `second`, with its interval (percentiles of paired draws).

        first, second: totals of each day, `[component, day]`. figure: from totals over the period,
        `[component, …]`, to the figure, `[…]`.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            observed = float(figure(first.sum(axis=1)) - figure(second.sum(axis=1)))
            drawn = figure(first @ self._times_drawn.T) - figure(second @ self._times_drawn.T)
        defined = drawn[np.isfinite(drawn)]
        if self.days < FEWEST_DAYS or not np.isfinite(observed) or defined.size < drawn.size * level:
            return Interval(observed, np.nan, np.nan, self.days)
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(defined, [tail, 1.0 - tail])
        return Interval(observed, float(low), float(high), self.days)


def _grouped(
    values: FloatArray, group: npt.NDArray[np.int64], groups: int, *, how: How, weights: FloatArray | None
) -> FloatArray:
    there = ~np.isnan(values)
    group, values = group[there], values[there]
    if how == "max":
        highest = np.full(groups, -np.inf)
        np.maximum.at(highest, group, values)
        return np.where(np.isneginf(highest), np.nan, highest)
    weight = np.ones(values.size) if weights is None else weights[there]
    weighed = np.bincount(group, weight, minlength=groups)
    counted = np.bincount(group, minlength=groups)
    total = np.bincount(group, values * weight, minlength=groups).astype(np.float64)
    if how == "sum":
        return np.where(counted > 0, total, np.nan)
    mean = np.full(groups, np.nan)
    np.divide(total, weighed, out=mean, where=weighed > 0.0)
    return mean


def _thinned(curve: Curve, most: int) -> Curve:
    if curve.x.size <= most:
        return curve
    kept = np.unique(np.linspace(0, curve.x.size - 1, most).round().astype(np.int64))
    return Curve(curve.x[kept], curve.y[kept])


def _minutes(times: Times) -> npt.NDArray[np.int64]:
    return times.astype("datetime64[m]").astype(np.int64)


def _floor(numbers: npt.NDArray[np.int64], step: int) -> npt.NDArray[np.int64]:
    return numbers // step * step


def _first(steps: Sequence[int], fits: Callable[[int], bool]) -> int:
    return next((step for step in steps if fits(step)), steps[-1])
