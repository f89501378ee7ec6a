"""A grid tariff as a person writes it: two prices, and hours of the day in which others hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import MarketError
from core.market.community import Community, Tariff
from core.market.local_time import known_zone
from core.market.tariff import EVERY_DAY, EVERY_MONTH, MICRO, MINUTES, Band, DayPrices, tariff_of
from core.runs.serialization import plain, read

MOST_PRICE = 1_000_000
"""Currency/kWh, either way: far above any tariff, and in millionths still exact."""


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
    days: tuple[int, ...] = EVERY_DAY
    months: tuple[int, ...] = EVERY_MONTH

    def __post_init__(self) -> None:
        _check_prices(self.retail_micro_per_kwh, self.feed_in_micro_per_kwh)
        for name in ("start_minute", "end_minute"):
            minute = getattr(self, name)
            if not 0 <= minute <= MINUTES:
                raise MarketError(f"{name} is {minute}, expected a minute of the day from 0 to {MINUTES}.")
        if not set(self.days) <= set(range(7)) or not self.days:
            raise MarketError(f"days is {list(self.days)}, expected weekdays from 0 (Monday) to 6 (Sunday).")
        if not set(self.months) <= set(range(1, 13)) or not self.months:
            raise MarketError(f"months is {list(self.months)}, expected months from 1 to 12.")
        object.__setattr__(self, "days", tuple(sorted(set(self.days))))
        object.__setattr__(self, "months", tuple(sorted(set(self.months))))

    def bands(self) -> tuple[Band, Band]:
        """The retail and the feed-in price as bands of the local clock."""
        prices = (self.retail_micro_per_kwh / MICRO, self.feed_in_micro_per_kwh / MICRO)
        return (
            Band(self.start_minute, self.end_minute, prices[0], self.days, self.months),
            Band(self.start_minute, self.end_minute, prices[1], self.days, self.months),
        )


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
        bands = [period.bands() for period in self.periods]
        retail = DayPrices(self.retail_micro_per_kwh / MICRO, tuple(retail for retail, _ in bands))
        feed_in = DayPrices(self.feed_in_micro_per_kwh / MICRO, tuple(feed_in for _, feed_in in bands))
        return tariff_of(community, retail=retail, feed_in=feed_in, time_zone=self.time_zone)

    def to_json(self) -> dict[str, object]:
        """The plan as JSON of integers and text; `from_json` reads it back to an equal plan."""
        return dict(plain(self))

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> TariffPlan:
        """Read what `to_json` wrote. Raises MarketError when a key is missing, unknown or of the wrong type."""
        if not isinstance(document, Mapping) or "periods" not in document:
            raise MarketError("The tariff cannot be read: it has no periods.", fix="Give what to_json wrote.")
        return read(document, cls, what="The tariff")


def micro(price: float) -> int:
    """A price, currency/kWh, in millionths, rounded half-even. Raises MarketError where the ledger cannot hold it."""
    if not abs(price) <= MOST_PRICE:  # false for NaN too
        raise MarketError(f"The price is {price:g}, expected a finite number of at most {MOST_PRICE:,} per kWh.")
    return round(price * MICRO)


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
