"""A grid tariff as a person writes it: two prices, and hours of the day in which others hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import MarketError
from core.market.community import Community, Tariff
from core.runs.local_time import known_zone, local_starts

MICRO = 1_000_000
MINUTES_A_DAY = 1_440


@dataclass(frozen=True, slots=True)
class Period:
    """Prices that hold from `start_minute` until before `end_minute` of the local day, over midnight if start > end.

    days: 0 Monday to 6 Sunday. months: 1 to 12. Both of the local day, minute by minute.
    Prices in millionths of the currency per kWh.
    """

    start_minute: int
    end_minute: int
    retail_micro_per_kwh: int
    feed_in_micro_per_kwh: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    months: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)

    def __post_init__(self) -> None:
        _check_prices(self.retail_micro_per_kwh, self.feed_in_micro_per_kwh)
        for name in ("start_minute", "end_minute"):
            minute = getattr(self, name)
            if not 0 <= minute <= MINUTES_A_DAY:
                raise MarketError(f"{name} is {minute}, expected a minute of the day from 0 to {MINUTES_A_DAY}.")
        if not set(self.days) <= set(range(7)) or not self.days:
            raise MarketError(f"days is {list(self.days)}, expected weekdays from 0 (Monday) to 6 (Sunday).")
        if not set(self.months) <= set(range(1, 13)) or not self.months:
            raise MarketError(f"months is {list(self.months)}, expected months from 1 to 12.")
        object.__setattr__(self, "days", tuple(sorted(set(self.days))))
        object.__setattr__(self, "months", tuple(sorted(set(self.months))))

    def holds(self, local: LocalTimes) -> npt.NDArray[np.bool_]:
        """At which of these times these prices hold."""
        minute = local.minute
        if self.start_minute < self.end_minute:
            within = (minute >= self.start_minute) & (minute < self.end_minute)
        else:
            within = (minute >= self.start_minute) | (minute < self.end_minute)
        return within & np.isin(local.weekday, self.days) & np.isin(local.month, self.months)


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """Local minute of the day, weekday (0 Monday) and month, one of each for every time asked about."""

    minute: npt.NDArray[np.int64]
    weekday: npt.NDArray[np.int64]
    month: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TariffPlan:
    """What the grid charges and pays all day, and the periods in which it differs; of two that overlap the later wins.

    Prices in millionths of the currency per kWh, so that the ledger repeats them to the digit.
    Raises MarketError naming the price or the zone.
    """

    retail_micro_per_kwh: int = 7 * MICRO
    feed_in_micro_per_kwh: int = 3 * MICRO
    periods: tuple[Period, ...] = ()
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        _check_prices(self.retail_micro_per_kwh, self.feed_in_micro_per_kwh)
        known_zone(self.time_zone)

    @classmethod
    def flat(cls, retail_price: float = 7.0, feed_in_price: float = 3.0) -> TariffPlan:
        """The same two prices at all times, currency/kWh."""
        return cls(micro(retail_price), micro(feed_in_price))

    def of(self, community: Community) -> Tariff:
        """The prices in each slot of `community`: the mean over its minutes, as the command line has it."""
        if not self.periods:
            prices = (self.retail_micro_per_kwh, self.feed_in_micro_per_kwh)
            return Tariff(*(np.full(community.slots, price / MICRO) for price in prices))
        length = max(1, round(community.slot_h * 60))
        minutes = np.arange(length) * np.timedelta64(1, "m")
        local = _local_times((community.slot_starts()[:, np.newaxis] + minutes).ravel(), self.time_zone)
        retail = np.full(local.minute.shape, self.retail_micro_per_kwh, dtype=np.int64)
        feed_in = np.full(local.minute.shape, self.feed_in_micro_per_kwh, dtype=np.int64)
        for period in self.periods:
            holds = period.holds(local)
            retail[holds] = period.retail_micro_per_kwh
            feed_in[holds] = period.feed_in_micro_per_kwh
        return Tariff(*(prices.reshape(-1, length).sum(axis=1) / (length * MICRO) for prices in (retail, feed_in)))

    def to_json(self) -> dict[str, object]:
        """The plan as JSON of integers and text; `from_json` reads it back to an equal plan."""
        return {
            "retail_micro_per_kwh": self.retail_micro_per_kwh,
            "feed_in_micro_per_kwh": self.feed_in_micro_per_kwh,
            "time_zone": self.time_zone,
            "periods": [
                {
                    "start_minute": period.start_minute,
                    "end_minute": period.end_minute,
                    "retail_micro_per_kwh": period.retail_micro_per_kwh,
                    "feed_in_micro_per_kwh": period.feed_in_micro_per_kwh,
                    "days": list(period.days),
                    "months": list(period.months),
                }
                for period in self.periods
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> TariffPlan:
        """Read what `to_json` wrote. Raises MarketError when a key is missing or of the wrong type."""
        try:
            found = dict(document)
            listed = found.pop("periods")
            if not isinstance(listed, list):
                raise TypeError("periods is not a list")
            periods = tuple(
                Period(**{**each, "days": tuple(each["days"]), "months": tuple(each["months"])}) for each in listed
            )
            return cls(periods=periods, **found)  # type: ignore[arg-type]
        except (TypeError, KeyError, AttributeError) as error:
            raise MarketError(
                f"The tariff cannot be read: {error}.", fix="Give what TariffPlan.to_json wrote."
            ) from None


def micro(price: float) -> int:
    """A price, currency/kWh, in millionths, rounded half-even. Raises MarketError when it is not finite."""
    if not np.isfinite(price):
        raise MarketError(f"The price is {price}, expected a finite number per kWh.")
    return round(price * MICRO)


def _local_times(slot_starts: npt.NDArray[np.datetime64], time_zone: str) -> LocalTimes:
    local = local_starts(slot_starts, time_zone)
    seconds = local.astype(np.int64)
    return LocalTimes(
        minute=seconds % 86_400 // 60,
        weekday=(seconds // 86_400 + 3) % 7,  # 1970-01-01 was a Thursday
        month=local.astype("datetime64[M]").astype(np.int64) % 12 + 1,
    )


def _check_prices(retail: int, feed_in: int) -> None:
    for name, price in (("retail", retail), ("feed-in", feed_in)):
        if isinstance(price, bool) or not isinstance(price, int):
            raise MarketError(f"The {name} price is {price!r}, expected a whole number of millionths per kWh.")
    if not 0 <= feed_in <= retail:
        raise MarketError(
            f"The retail price is {retail / MICRO} and the feed-in price {feed_in / MICRO} per kWh,"
            " expected 0 <= feed-in <= retail.",
            fix="Raise the retail price or lower the feed-in price.",
        )
