"""Arrays over slots or households made small enough to look at, and differences with the doubt that belongs to them.

Pure functions; nothing here returns more than MAX_POINTS points, however long the run. Time groups are made of local
time (`local_starts`), so that a day is the day of the people who lived it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as dt_time
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from core.market.community import FloatArray
from core.market.local_time import known_zone

MAX_POINTS = 5_000
FEWEST_DAYS = 14
"""With fewer days no interval holds the truth as often as it should: too few days to tell."""

_UPPER = 0.975
_SLOW_UPPER = 0.95  # where the two together hold the truth in 0.90 to 0.97 of all cases
_SWINGS = 6
_DAYS_WITH_SWINGS = 56
_DUST = 1e-9
_MINUTE_H = 1e-6

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


@dataclass(frozen=True, slots=True, eq=False)
class WholeDays:
    """Local days of a span of slots. day: dates; edges: where each begins and the last ends, in slots, `[day + 1]`."""

    day: Times
    edges: FloatArray
    slots: int

    @property
    def broken_first(self) -> bool:
        """Whether something before the first whole day is left out."""
        return bool(self.day.size == 0 or self.edges[0] > 0.0)

    @property
    def broken_last(self) -> bool:
        """Whether something after the last whole day is left out."""
        return bool(self.day.size == 0 or self.edges[-1] < self.slots)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean daily difference and where it lies with 95 % confidence; NaN where not defined.

    effective_days: how many independent days the days are worth.
    """

    difference: float
    low: float
    high: float
    days: int
    effective_days: float

    @property
    def told(self) -> bool:
        """Whether there are days enough for an interval."""
        return bool(np.isfinite(self.low))

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


def whole_days(start_at: datetime, *, slot_h: float, slots: int, time_zone: str) -> WholeDays:
    """The local days of the site that lie wholly in `slots` slots from `start_at`, without broken ones at the ends."""
    zone, start_at = known_zone(time_zone), start_at.astimezone(UTC)
    end_at = start_at + timedelta(hours=slot_h) * slots
    first, last = start_at.astimezone(zone).date(), end_at.astimezone(zone).date()
    dates = [first + timedelta(days=each) for each in range((last - first).days + 2)]
    hours = np.array([(datetime.combine(each, dt_time(), zone) - start_at) / timedelta(hours=1) for each in dates])
    within = np.flatnonzero((hours >= -_MINUTE_H) & (hours <= slots * slot_h + _MINUTE_H))
    edges = np.clip(hours[within] / slot_h, 0.0, slots)
    lived = np.flatnonzero(np.diff(edges) > 0.0)  # a zone that crosses the date line skips a day
    return WholeDays(
        day=np.array(dates, dtype="datetime64[D]")[within][lived],
        edges=edges[[*lived, lived[-1] + 1]] if lived.size else np.zeros(1),
        slots=slots,
    )


def daily_totals(values: FloatArray, *, slot_h: float, days: WholeDays | None = None) -> FloatArray:
    """Sums of values `[…, slot]` over each whole day, `[…, day]`; a slot on both sides of midnight is divided.

    days: the local days of the site; without them, each 24 hours from the first slot. What is left at the ends of no
    whole day is left out.
    """
    slots = values.shape[-1]
    edges = np.arange(int((slots * slot_h + _MINUTE_H) // 24) + 1) * 24 / slot_h if days is None else days.edges
    running = np.concatenate((np.zeros((*values.shape[:-1], 1)), np.cumsum(np.nan_to_num(values), axis=-1)), axis=-1)
    before = np.minimum(np.floor(edges + 1e-9).astype(np.int64), slots)
    part = np.clip(edges - before, 0.0, 1.0)
    reached = running[..., before] * (1.0 - part) + running[..., np.minimum(before + 1, slots)] * part
    return np.asarray(np.diff(reached, axis=-1))


def paired_interval(first: FloatArray, second: FloatArray) -> Interval:
    """How far the mean day of `first` is above that of `second`, both `[day]` of the same days, with its 95 % interval.

    The wider of two: Student's t on as many independent days as the neighbouring days leave, n(1−ρ)/(1+ρ), ρ the
    correlation of neighbours corrected for its bias over few days (Zwiers & von Storch 1995); and, from eight weeks on,
    t on the six slowest swings of the differences, which see what changes over months (Lazarus, Lewis, Stock & Watson
    2018). `benchmarks/intervals.py` shows how often it holds the truth. With fewer than FEWEST_DAYS days it is not
    defined. Differences that are rounding alone are none.
    """
    pairs = first - second
    days = int(pairs.size)
    if not days:
        return Interval(np.nan, np.nan, np.nan, 0, 0.0)
    dust = _DUST * max(1.0, float(np.abs(first).mean()))
    mean, spread = float(pairs.mean()), float(pairs.std())
    if np.abs(pairs).max() <= dust:
        return Interval(0.0, 0.0, 0.0, days, float(days))
    if days < FEWEST_DAYS:
        return Interval(mean, np.nan, np.nan, days, np.nan)
    if spread <= dust:
        return Interval(mean, mean, mean, days, float(days))
    effective = effective_days(pairs)
    half = float(stdtrit(effective - 1.0, _UPPER)) * spread / np.sqrt(effective - 1.0)
    if days >= _DAYS_WITH_SWINGS:
        half = max(half, _slow_half(pairs))
    return Interval(mean, mean - half, mean + half, days, effective)


def every_pair(totals: Mapping[str, FloatArray]) -> dict[tuple[str, str], Interval]:
    """The interval of each ordered pair of what is compared, totals `[day]` by name: the first minus the second."""
    return {(one, two): paired_interval(totals[one], totals[two]) for one in totals for two in totals if one != two}


def effective_days(values: FloatArray) -> float:
    """How many independent days say as much of the mean as `values` `[day]`, where neighbours resemble; at least 2."""
    days, centred = values.size, values - values.mean()
    neighbours = float(centred[1:] @ centred[:-1]) / float(centred @ centred)
    # corrected for the bias of few days; the two constants are those that keep the coverage within its bounds
    corrected = min(max((days * neighbours + 1.15) / (days - 4.15), 0.0), 0.97)
    return max(days * (1.0 - corrected) / (1.0 + corrected), 2.0)


def _slow_half(values: FloatArray) -> float:
    """Half the interval of the mean from the slowest cosines of the days alone."""
    days, swings = values.size, np.arange(1, _SWINGS + 1)[:, np.newaxis]
    cosines = np.sqrt(2.0 / days) * np.cos(np.pi * swings * (np.arange(days) + 0.5) / days)
    return float(stdtrit(_SWINGS, _SLOW_UPPER)) * float(np.sqrt(np.mean((cosines @ values) ** 2) / days))


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
