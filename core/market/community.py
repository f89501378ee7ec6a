"""A community's readings and the grid's tariff, as validated arrays that nobody checks again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from core.errors import MarketError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
LARGEST_DEGREES = np.array([90.0, 180.0])


@dataclass(frozen=True, slots=True, eq=False)
class Community:
    """Readings of N households over T equal slots.

    household_ids: N ids, unique. Households are kept in the order of their ids, whatever order they come in:
        so the order of files or columns can never change a result.
    start_at: start of the first slot, aware, UTC.
    slot_h: length of a slot in hours.
    load_kw, solar_kw: mean power in the slot, kW, `[slot, household]`, finite and not negative. A household
        that takes no part in a slot has 0 in both.
    pv_kw: installed PV, kW, `[household]`; NaN where unknown.
    metered: `[household]`, whether only the meter's registers are known: `load_kw` is then its import and `solar_kw`
        its export, and the two are not netted within a slot. Nobody unless given.
    positions: `[household, 2]`, latitude and longitude in degrees; NaN where unknown. Unknown unless given.
    household_of: `[column]`, set by `core.market.meters.split` alone: which household a column of load and solar
        belongs to. Everywhere else a household is a column.

    Raises MarketError naming slot, household and value.
    """

    household_ids: tuple[str, ...]
    start_at: datetime
    slot_h: float
    load_kw: FloatArray
    solar_kw: FloatArray
    pv_kw: FloatArray
    metered: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    positions: FloatArray = field(default_factory=lambda: np.zeros((0, 2)))
    household_of: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        shape = (self.load_kw.shape[0] if self.load_kw.ndim == 2 else -1, len(self.household_ids))
        for name in ("load_kw", "solar_kw"):
            power = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if power.shape != shape:
                raise MarketError(
                    f"{name} has the shape {power.shape}, expected [slot, household] = {shape}.",
                    fix="Give one row a slot and one column a household.",
                )
            self._check_power(name, power)
            object.__setattr__(self, name, power)
        if not self.household_ids:
            raise MarketError("The community has no household.", fix="Give at least one.")
        if shape[0] == 0:
            raise MarketError("The community has no slot.", fix="Give readings of at least one interval.")
        if len(set(self.household_ids)) != len(self.household_ids):
            twice = sorted({i for i in self.household_ids if self.household_ids.count(i) > 1})
            raise MarketError(f"Household {twice[0]} appears twice.", fix="Give every household its own id.")
        if not (np.isfinite(self.slot_h) and self.slot_h > 0):
            raise MarketError(f"The slot length is {self.slot_h} h, expected a positive number of hours.")
        if self.start_at.tzinfo is None:
            raise MarketError("The start of the readings has no time zone.", fix="Give an aware time in UTC.")
        pv_kw = np.asarray(self.pv_kw, dtype=np.float64)
        if pv_kw.shape != (len(self.household_ids),):
            raise MarketError(f"pv_kw has the shape {pv_kw.shape}, expected one value a household.")
        wrong = ~(np.isnan(pv_kw) | (np.isfinite(pv_kw) & (pv_kw >= 0.0)))
        if wrong.any():
            household = int(np.argmax(wrong))
            raise MarketError(
                f"pv_kw of household {self.household_ids[household]} is {pv_kw[household]},"
                " expected a finite number of kilowatts that is not negative, or none."
            )
        object.__setattr__(self, "pv_kw", pv_kw)
        self._check_metered_and_positions()
        if np.array_equal(self.household_of, np.arange(self.household_of.size)):
            object.__setattr__(self, "household_of", np.arange(len(self.household_ids)))
            self._sort_households()

    def _check_metered_and_positions(self) -> None:
        households = len(self.household_ids)
        metered = np.asarray(self.metered, dtype=bool) if len(self.metered) else np.zeros(households, dtype=bool)
        positions = np.asarray(self.positions, dtype=np.float64)
        if not len(positions):
            positions = np.full((households, 2), np.nan)
        if metered.shape != (households,) or positions.shape != (households, 2):
            raise MarketError(
                f"metered and positions have the shapes {metered.shape} and {positions.shape},"
                f" expected ({households},) and ({households}, 2).",
                fix="Give one value and one pair of latitude and longitude a household.",
            )
        known = np.abs(positions) <= LARGEST_DEGREES
        wrong = ~known.all(axis=1) & ~np.isnan(positions).all(axis=1)
        if wrong.any():
            household = int(np.argmax(wrong))
            raise MarketError(
                f"The position of household {self.household_ids[household]} is {positions[household].tolist()},"
                " expected a latitude from -90 to 90 and a longitude from -180 to 180, or none of both."
            )
        object.__setattr__(self, "metered", metered)
        object.__setattr__(self, "positions", positions)

    def _sort_households(self) -> None:
        order = sorted(range(len(self.household_ids)), key=self.household_ids.__getitem__)
        if order == list(range(len(order))):
            return
        object.__setattr__(self, "household_ids", tuple(self.household_ids[i] for i in order))
        for name in ("load_kw", "solar_kw", "pv_kw", "metered"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name)[..., order]))
        object.__setattr__(self, "positions", self.positions[order])

    def _check_power(self, name: str, power: FloatArray) -> None:
        bad = ~(np.isfinite(power) & (power >= 0.0))
        if bad.any():
            slot, household = (int(i[0]) for i in np.nonzero(bad))
            raise MarketError(
                f"{name} of household {self.household_ids[household]} in slot {slot} is"
                f" {power[slot, household]}, expected a finite number of kilowatts that is not negative."
            )

    @property
    def slots(self) -> int:
        """T, the number of slots."""
        return int(self.load_kw.shape[0])

    @property
    def households(self) -> int:
        """N, the number of households."""
        return len(self.household_ids)

    @property
    def end_at(self) -> datetime:
        """End of the last slot, UTC."""
        return self.start_at + timedelta(hours=self.slot_h) * self.slots

    def slot_starts(self) -> npt.NDArray[np.datetime64]:
        """Start of each slot, UTC, `[slot]`, as datetime64[ms]."""
        start = np.datetime64(self.start_at.astimezone(UTC).replace(tzinfo=None), "ms")
        return start + np.arange(self.slots) * np.timedelta64(round(self.slot_h * 3_600_000), "ms")


@dataclass(frozen=True, slots=True, eq=False)
class Tariff:
    """What the grid charges (retail) and pays (feed-in), currency/kWh, `[slot]`, 0 <= feed-in <= retail.

    Raises MarketError naming the slot and the prices.
    """

    retail_price: FloatArray
    feed_in_price: FloatArray

    def __post_init__(self) -> None:
        retail = np.ascontiguousarray(self.retail_price, dtype=np.float64)
        feed_in = np.ascontiguousarray(self.feed_in_price, dtype=np.float64)
        if retail.ndim != 1 or retail.shape != feed_in.shape:
            raise MarketError(
                f"retail_price and feed_in_price have the shapes {retail.shape} and {feed_in.shape},"
                " expected one price a slot in both."
            )
        bad = ~(np.isfinite(retail) & np.isfinite(feed_in) & (feed_in >= 0.0) & (retail >= feed_in))
        if bad.any():
            slot = int(np.nonzero(bad)[0][0])
            raise MarketError(
                f"In slot {slot} the retail price is {retail[slot]} and the feed-in price {feed_in[slot]},"
                " expected 0 <= feed-in <= retail.",
                fix="Raise the retail price or lower the feed-in price.",
            )
        object.__setattr__(self, "retail_price", retail)
        object.__setattr__(self, "feed_in_price", feed_in)

    @classmethod
    def flat(cls, slots: int, *, retail_price: float = 7.0, feed_in_price: float = 3.0) -> Tariff:
        """The same two prices in every slot."""
        return cls(np.full(slots, float(retail_price)), np.full(slots, float(feed_in_price)))
