"""Time-of-use tariffs: prices by the hour of the local day, or a series with one price a slot."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import numpy as np

from core.errors import MarketError
from core.market.community import Community, FloatArray, Tariff

MINUTES = 1440
FORM = 'Give one price such as 7.0, or a price and its exceptions such as "6.5, 17-22=9, 0-5:30=4".'
_BAND = re.compile(r"(\d{1,2})(?::([0-5]\d))?\s*-\s*(\d{1,2})(?::([0-5]\d))?\s*=\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Band:
    """A price from `start_minute` to before `end_minute` of the local day; over midnight when it ends earlier."""

    start_minute: int
    end_minute: int
    price: float


@dataclass(frozen=True, slots=True)
class DayPrices:
    """A price for all day, and bands that replace it; where bands overlap the later one holds."""

    price: float
    bands: tuple[Band, ...] = ()

    @classmethod
    def parse(cls, text: str, *, name: str) -> DayPrices:
        """From a person's text: "7", or "6.5, 17-22=9, 22:30-5=4". Raises MarketError naming `name` and the part."""
        first, *others = text.split(",")
        return cls(_price(first, name), tuple(_band(part, name) for part in others))

    def of_minutes(self) -> FloatArray:
        """Price of every minute of the day, `[1440]`."""
        prices = np.full(MINUTES, self.price)
        for band in self.bands:
            if band.start_minute < band.end_minute:
                prices[band.start_minute : band.end_minute] = band.price
            else:
                prices[band.start_minute :] = prices[: band.end_minute] = band.price
        return prices

    def over(self, community: Community, zone: tzinfo) -> FloatArray:
        """Price of every slot, `[slot]`: the mean over its minutes on the clock of `zone`, daylight saving included."""
        if not self.bands:
            return np.full(community.slots, self.price)
        length = max(1, round(community.slot_h * 60))
        whole_days, rest = divmod(length, MINUTES)
        prices = self.of_minutes()
        until = np.concatenate([[0.0], np.cumsum(np.concatenate([prices, prices]))])
        start = _local_minutes(community, zone)
        mean: FloatArray = (until[start + rest] - until[start] + whole_days * until[MINUTES]) / length
        return mean


def tariff_of(community: Community, *, retail: DayPrices, feed_in: DayPrices, zone: tzinfo) -> Tariff:
    """The tariff of a community's slots. Raises MarketError where feed-in is above retail."""
    return Tariff(retail.over(community, zone), feed_in.over(community, zone))


def _local_minutes(community: Community, zone: tzinfo) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Minute of the local day at which each slot starts, `[slot]`: the offset to UTC is looked up once an hour."""
    minutes = community.slot_starts().astype("datetime64[m]").astype(np.int64)
    hours, of_slot = np.unique(minutes // 60, return_inverse=True)
    offsets = [datetime.fromtimestamp(int(hour) * 3600, UTC).astimezone(zone).utcoffset() for hour in hours]
    offset = np.array([0 if o is None else round(o.total_seconds() / 60) for o in offsets], dtype=np.int64)
    return (minutes + offset[of_slot]) % MINUTES


def _price(text: str, name: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not 0.0 <= price < math.inf:
        raise MarketError(f'{name} is "{text.strip()[:80]}", expected a price of 0 or more.', fix=FORM)
    return price


def _band(text: str, name: str) -> Band:
    found = _BAND.fullmatch(text.strip())
    if found is None:
        raise MarketError(f'{name}: "{text.strip()[:80]}" is not HOUR-HOUR=PRICE.', fix=FORM)
    start, end = (int(found[i]) * 60 + int(found[i + 1] or 0) for i in (1, 3))
    if start >= MINUTES or end > MINUTES or start == end:
        raise MarketError(f'{name}: "{text.strip()[:80]}" does not lie within a day of 0 to 24 hours.', fix=FORM)
    return Band(start, end, _price(found[5], name))
