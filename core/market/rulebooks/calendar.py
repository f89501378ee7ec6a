"""Billing months and time-of-day blocks of a horizon, by the local clock of the rulebook; a slot belongs to where it
starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from core.market.community import BoolArray, Community, FloatArray, IntArray
from core.market.local_time import Times, known_zone, local_starts, minute_of_day
from core.market.rulebooks.form import Rulebook, TimeOfDay
from core.market.tariff import in_hours


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The months of a horizon.

    local: `[slot]`, local time at the start. month_of: `[slot]`, place of the slot's month among `months`.
    months: first days, `[month]`. share: `[month]`, the part of each month that slabs and fixed charges count for.
    year_ends: `[month]`, whether a settlement year ends with this month, inside the horizon.
    """

    local: Times
    month_of: IntArray
    months: Times
    share: FloatArray
    year_ends: BoolArray

    def blocks(self, time_of_day: tuple[TimeOfDay, ...]) -> IntArray:
        """The time-of-day block of each slot, `[slot]`: 0 where no hours are named, else the place of the last that
        holds, from 1."""
        minute, block = minute_of_day(self.local), np.zeros(self.local.size, dtype=np.int64)
        for place, each in enumerate(time_of_day, start=1):
            block[in_hours(minute, each.hours)] = place
        return block


def calendar_of(rulebook: Rulebook, community: Community) -> Calendar:
    """The calendar of a community's horizon under a rulebook."""
    local = local_starts(community.slot_starts(), rulebook.time_zone)
    of_slot = local.astype("datetime64[M]")
    months, month_of = np.unique(of_slot, return_inverse=True)
    starts = np.array([_utc_s(month, rulebook.time_zone) for month in (*months, *(months[-1:] + 1))])
    following = np.array([_utc_s(month + 1, rulebook.time_zone) for month in months])
    hours = (following - starts[:-1]) / 3600.0
    counted = np.bincount(month_of, minlength=months.size) * community.slot_h
    next_month = (months + 1).astype(np.int64) % 12 + 1
    return Calendar(
        local,
        month_of.astype(np.int64),
        months,
        counted / hours if rulebook.prorate else np.ones(months.size),
        (next_month == rulebook.year_starts_month) & (following <= community.end_at.timestamp() + 1e-3),
    )


def _utc_s(month: np.datetime64, time_zone: str) -> float:
    """The moment at which a local month begins, seconds of UTC since 1970."""
    year, number = divmod(int(month.astype(np.int64)), 12)
    begins = datetime(1970 + year, number + 1, 1, tzinfo=known_zone(time_zone))
    return begins.astimezone(UTC).timestamp()
