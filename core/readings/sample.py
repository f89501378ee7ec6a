"""A made-up community in Delhi that is worth trading in: seeded, any size, span and interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from core.errors import ReadingError
from core.market.community import Community, FloatArray
from core.readings.native import to_csv
from core.readings.sample_load import KINDS, Kind, load_kw
from core.readings.sample_sun import LATITUDE, LONGITUDE, TIME_ZONE, Roof, Sky, solar_kw

MAX_HOUSEHOLDS, MAX_DAYS = 500, 731
MODEL_MINUTES = 15
"""The model's own step; coarser slots are its means, finer ones follow it in straight lines."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A made-up community, and what the model knows about its homes, each `[household]`.

    kinds: what kind of home it is. battery_kwh: usable size of its battery, 0 without one.
    electric_vehicle: whether one is charged there.
    """

    community: Community
    kinds: tuple[str, ...]
    battery_kwh: FloatArray
    electric_vehicle: tuple[bool, ...]

    def csv_files(self, *, time_zone: str | None = TIME_ZONE) -> list[tuple[str, bytes]]:
        """The community as native files, in Delhi's own time (or UTC, with None); they read back equal."""
        positions = dict.fromkeys(self.community.household_ids, (LATITUDE, LONGITUDE))
        return to_csv(self.community, time_zone=time_zone, positions=positions)


def sample_community(
    seed: int = 1,
    households: int = 20,
    *,
    days: int = 7,
    slot_h: float = 0.5,
    start: date = date(2025, 4, 1),
) -> Sample:
    """Make a community of so many homes over so many days from midnight in Delhi.

    The same seed gives the same homes and the same weather: fewer days or homes are the beginning of more.
    slot_h: length of a slot in hours, whole minutes that divide a day.

    Raises ReadingError naming the argument that is out of bounds.
    """
    _check(households, days, slot_h)
    minutes = round(slot_h * 60)
    step = minutes if minutes < MODEL_MINUTES or minutes % MODEL_MINUTES else MODEL_MINUTES
    midnight = datetime.combine(start, time(), ZoneInfo(TIME_ZONE)).astimezone(UTC)
    sky = Sky.over(seed, start=start, days=days, step_minutes=step)
    homes = [_home(seed, at) for at in range(households)]
    load = np.column_stack(
        [load_kw(seed, at, home.kind, start=start, days=days, step_minutes=step) for at, home in enumerate(homes)]
    )
    solar = np.column_stack([solar_kw(sky, home.roof) for home in homes])
    community = Community(
        household_ids=tuple(f"HH{number:03d}" for number in range(1, households + 1)),
        start_at=midnight,
        slot_h=minutes / 60,
        load_kw=_slots(load, minutes // step),
        solar_kw=_slots(solar, minutes // step),
        pv_kw=np.array([home.roof.pv_kw if home.roof is not None else 0.0 for home in homes]),
    )
    return Sample(
        community,
        kinds=tuple(home.kind.name for home in homes),
        battery_kwh=np.array([home.battery_kwh for home in homes]),
        electric_vehicle=tuple(home.kind.electric_vehicle for home in homes),
    )


@dataclass(frozen=True, slots=True)
class _Home:
    kind: Kind
    roof: Roof | None
    battery_kwh: float


def _home(seed: int, at: int) -> _Home:
    """The home at this place: its kind comes in turn, its roof and battery are drawn."""
    kind = KINDS[at % len(KINDS)]
    draw = np.random.default_rng([seed, 1, at])
    roof = Roof.drawn(draw, kind.pv_kw) if kind.pv_kw is not None else None
    return _Home(kind, roof, kind.battery_kwh)


def _slots(power: FloatArray, ratio: int) -> FloatArray:
    """Means over slots of `ratio` steps, to the watt's tenth as native files have it."""
    means: FloatArray = power.reshape(-1, ratio, power.shape[1]).mean(axis=1)
    return np.round(means, 4)


def _check(households: int, days: int, slot_h: float) -> None:
    if not 1 <= households <= MAX_HOUSEHOLDS:
        raise ReadingError(f"households is {households}, expected 1 to {MAX_HOUSEHOLDS}.")
    if not 1 <= days <= MAX_DAYS:
        raise ReadingError(f"days is {days}, expected 1 to {MAX_DAYS}.")
    minutes = slot_h * 60
    if not (minutes >= 1 and abs(minutes - round(minutes)) < 1e-9 and 1440 % round(minutes) == 0):
        raise ReadingError(f"slot_h is {slot_h}, expected whole minutes that divide a day, such as 0.25, 0.5 or 1 h.")
