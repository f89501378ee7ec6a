"""Totals of the index gathered to minutes, quarters, hours or days as they are at the site.

The index counts in milliseconds since 1970 UTC. Every zone's offset is a whole number of quarters of an hour, so hours
and days of the site are made of whole quarters, on the days of a clock change too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.store.columns import Columns
from core.web.explorer.times import Clock

MINUTE_MS = 60_000
QUARTER_MS = 15 * MINUTE_MS
DAY_MS = 96 * QUARTER_MS


@dataclass(frozen=True, slots=True)
class Unit:
    """A period of a chart, and the bucket of the index that it is made of."""

    name: str
    bucket_ms: int


MINUTE = Unit("minute", MINUTE_MS)
QUARTER = Unit("quarter of an hour", QUARTER_MS)
HOUR = Unit("hour", QUARTER_MS)
DAY = Unit("day", QUARTER_MS)


def unit_for(span_ms: int) -> Unit:
    """The finest unit that keeps a chart over `span_ms` readable."""
    if span_ms <= DAY_MS // 8:
        return MINUTE
    if span_ms <= 4 * DAY_MS:
        return QUARTER
    return HOUR if span_ms <= 60 * DAY_MS else DAY


BUCKETS_MS = (MINUTE_MS, QUARTER_MS, 4 * QUARTER_MS, 24 * QUARTER_MS, DAY_MS, 7 * DAY_MS)
MOST_BUCKETS = 2_000
LONGEST_GAP = 3
"""Buckets without anything that a line still crosses."""


def bucket_for(span_ms: int) -> int:
    """The finest bucket that makes at most MOST_BUCKETS of `span_ms`: for what cannot be added up, such as medians."""
    return next((bucket for bucket in BUCKETS_MS if span_ms <= MOST_BUCKETS * bucket), BUCKETS_MS[-1])


@dataclass(frozen=True, slots=True)
class Gathered:
    """Sums by period: its start at the site (without zone, for an axis that names it), and each column's sum."""

    unit: Unit
    at: list[datetime]
    sums: dict[str, NDArray[np.int64]]


def gather(totals: Columns, clock: Clock, *, unit: Unit, columns: Sequence[str]) -> Gathered:
    """Add up the buckets, which are in order of time, by the period of the site they are in."""
    starts = [_start(clock.at(int(at_ms)).replace(tzinfo=None), unit) for at_ms in totals["at_ms"]]
    firsts = [place for place, start in enumerate(starts) if place == 0 or start != starts[place - 1]]
    sums = {
        name: np.add.reduceat(np.asarray(totals[name], dtype=np.int64), firsts) if firsts else np.zeros(0, np.int64)
        for name in columns
    }
    return Gathered(unit, [starts[place] for place in firsts], sums)


def with_gaps(
    at_ms: NDArray[np.int64], values: NDArray[np.float64], *, bucket_ms: int
) -> tuple[list[int], list[float]]:
    """The same points with a NaN wherever buckets are missing, so that no line is drawn over a time without any."""
    times: list[int] = []
    found: list[float] = []
    for moment, value in zip(at_ms.tolist(), values.tolist(), strict=True):
        if times and moment - times[-1] > LONGEST_GAP * bucket_ms:
            times.append(times[-1] + bucket_ms)
            found.append(float("nan"))
        times.append(moment)
        found.append(value)
    return times, found


def _start(moment: datetime, unit: Unit) -> datetime:
    if unit is DAY:
        return moment.replace(hour=0, minute=0)
    return moment.replace(minute=0) if unit is HOUR else moment
