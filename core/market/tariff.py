"""The one tariff engine: prices by hours, weekdays and months of the local clock, turned into a price for every slot.

The price of a slot is the mean over its minutes, whatever the slot's length, on days when clocks change and in zones
that are half an hour off. Command line, page, REST, rulebooks and the live market all ask here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import MarketError
from core.market.community import Community, FloatArray, Tariff
from core.market.local_time import Times, local_starts, minute_of_day, month, weekday

MINUTES = 1440
MICRO = 1_000_000
EVERY_DAY = tuple(range(7))
EVERY_MONTH = tuple(range(1, 13))
FORM = 'Give one price such as 7.0, or a price and its exceptions such as "6.5, 17-22=9, 0-5:30=4".'
_HOURS = r"(\d{1,2})(?::([0-5]\d))?\s*-\s*(\d{1,2})(?::([0-5]\d))?"
_BAND = re.compile(_HOURS + r"\s*=\s*(\S+)")
_RANGE = re.compile(_HOURS)
Numbers = np.int64 | np.float64


@dataclass(frozen=True, slots=True)
class Band:
    """A price from `start_minute` to before `end_minute` of the local day; over midnight unless it ends later.

    days: 0 Monday to 6 Sunday. months: 1 to 12. Both of the local day, minute by minute.
    """

    start_minute: int
    end_minute: int
    price: float
    days: tuple[int, ...] = EVERY_DAY
    months: tuple[int, ...] = EVERY_MONTH

    def holds(self, local: Times) -> npt.NDArray[np.bool_]:
        """At which of these local times it holds."""
        within = in_hours(minute_of_day(local), ((self.start_minute, self.end_minute),))
        if self.days != EVERY_DAY:
            within &= np.isin(weekday(local), self.days)
        if self.months != EVERY_MONTH:
            within &= np.isin(month(local), self.months)
        return within


@dataclass(frozen=True, slots=True)
class DayPrices:
    """A price for all times, and bands that replace it; where bands overlap the later one holds."""

    price: float
    bands: tuple[Band, ...] = ()

    @classmethod
    def parse(cls, text: str, *, name: str, least: float = 0.0) -> DayPrices:
        """From a person's text: "7", or "6.5, 17-22=9, 22:30-5=4". Raises MarketError naming `name` and the part."""
        first, *others = text.split(",")
        return cls(_price(first, name, least), tuple(_band(part, name, least) for part in others))

    def over(self, community: Community, time_zone: str) -> FloatArray:
        """Price of every slot, `[slot]`."""
        return self.in_slots(community.slot_starts(), slot_h=community.slot_h, time_zone=time_zone)

    def in_slots(self, slot_starts: Times, *, slot_h: float, time_zone: str) -> FloatArray:
        """Price of every slot of a horizon without gaps, `[slot]`: the mean over its minutes on the local clock.

        slot_starts: UTC, ascending by `slot_h`.
        """
        if not self.bands:
            return np.full(slot_starts.size, self.price)
        edges = slot_starts.astype("datetime64[ms]").astype(np.int64)
        length = max(1, round(slot_h * 3_600_000))
        minutes = np.arange(edges[0] // 60_000, -(-(edges[-1] + length) // 60_000))
        prices, per = self._at(local_starts((minutes * 60).astype("datetime64[s]"), time_zone))
        return _means(prices, edges - minutes[0] * 60_000, length, per=per)

    def _at(self, local: Times) -> tuple[npt.NDArray[Numbers], int]:
        """The price at each local time and what to divide it by: whole millionths where that is exact."""
        given = [self.price, *(band.price for band in self.bands)]
        micro = [round(price * MICRO) for price in given]
        exact = all(each / MICRO == price for each, price in zip(micro, given, strict=True))
        values = np.array(micro) if exact else np.array(given)
        chosen = np.zeros(local.size, dtype=np.int64)
        for place, band in enumerate(self.bands, start=1):
            chosen[band.holds(local)] = place
        return values[chosen], MICRO if exact else 1


def _means(values: npt.NDArray[Numbers], start_ms: npt.NDArray[np.int64], length_ms: int, *, per: int) -> FloatArray:
    """Mean over each slot of values by the minute over `per`, counted from the first minute of `values`.

    Whole numbers stay whole up to the one division: a wrapped sum of int64 still differs by the right amount.
    """
    unit = 60_000 if length_ms % 60_000 == 0 and not (start_ms % 60_000).any() else 1
    until = np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values)])

    def up_to(at_ms: npt.NDArray[np.int64]) -> npt.NDArray[Numbers]:
        minute, rest = np.divmod(at_ms, 60_000)
        if unit == 60_000:
            return until[minute]
        beyond = np.append(values, values[-1:])
        return until[minute] * 60_000 + beyond[minute] * rest

    found: FloatArray = (up_to(start_ms + length_ms) - up_to(start_ms)) / (length_ms // unit * per)
    return found


def tariff_of(community: Community, *, retail: DayPrices, feed_in: DayPrices, time_zone: str) -> Tariff:
    """The tariff of a community's slots. Raises MarketError where feed-in is above retail."""
    return Tariff(retail.over(community, time_zone), feed_in.over(community, time_zone))


def in_hours(minute: npt.NDArray[np.int64], hours: Sequence[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    """Which minutes of the day lie in any of these ranges; a range that does not end later passes midnight."""
    within = np.zeros(minute.shape, dtype=bool)
    for start, end in hours:
        after, before = minute >= start, minute < end
        within |= (after & before) if start < end else (after | before)
    return within


def parse_hours(text: str, *, name: str) -> tuple[tuple[int, int], ...]:
    """Ranges of minutes of the day from "14-17, 22:30-1". Raises MarketError naming `name` and the part."""
    found = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise MarketError(f'{name}: "{part.strip()[:80]}" is not HOUR-HOUR.', fix='Such as "14-17, 22:30-1".')
        found.append(_minutes(match, part, name))
    return tuple(found)


def _price(text: str, name: str, least: float) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not least <= price < math.inf or math.isinf(price):
        allowed = f"a price of {least:g} or more" if math.isfinite(least) else "a finite price"
        raise MarketError(f'{name} is "{text.strip()[:80]}", expected {allowed}.', fix=FORM)
    return price


def _band(text: str, name: str, least: float) -> Band:
    found = _BAND.fullmatch(text.strip())
    if found is None:
        raise MarketError(f'{name}: "{text.strip()[:80]}" is not HOUR-HOUR=PRICE.', fix=FORM)
    start, end = _minutes(found, text, name)
    return Band(start, end, _price(found[5], name, least))


def _minutes(found: re.Match[str], text: str, name: str) -> tuple[int, int]:
    start, end = (int(found[i]) * 60 + int(found[i + 1] or 0) for i in (1, 3))
    if start >= MINUTES or end > MINUTES or start == end:
        raise MarketError(f'{name}: "{text.strip()[:80]}" does not lie within a day of 0 to 24 hours.', fix=FORM)
    return start, end
