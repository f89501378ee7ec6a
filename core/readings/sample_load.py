"""Load of the sample community's homes: who lives there, when they are at home, and how hot it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from core.market.community import FloatArray

EV_KW = 3.3
"""A wall socket's charger, 15 A."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Appliances used around an hour: centre and width in hours, kW on a working day and on a weekend."""

    hour: float
    width_h: float
    weekday_kw: float
    weekend_kw: float


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of home: fridge and standby, peaks, cooling and its hours, panels, battery, vehicle."""

    name: str
    base_kw: float
    peaks: tuple[Peak, ...]
    cooling_kw: float
    cooling_hours: tuple[float, float]
    pv_kw: float | None = None
    battery_kwh: float = 0.0
    electric_vehicle: bool = False


_MORNING, _EVENING = Peak(7.5, 1.0, 0.7, 0.5), Peak(20.5, 1.7, 0.9, 1.0)

FAMILY_HOUSE = Kind("family house", 0.16, (_MORNING, Peak(13.0, 1.5, 0.25, 0.6), _EVENING), 1.2, (20.5, 6.5), pv_kw=3.0)
APARTMENT = Kind(
    "apartment",
    0.10,
    (Peak(7.0, 0.9, 0.6, 0.3), Peak(10.5, 2.0, 0.1, 0.5), Peak(20.5, 1.6, 0.8, 0.8)),
    0.9,
    (21.0, 6.0),
)
APARTMENT_AT_HOME = Kind(
    "apartment, at home by day", 0.14, (_MORNING, Peak(12.5, 2.5, 0.5, 0.5), _EVENING), 1.0, (12.0, 23.5)
)
VILLA = Kind(
    "villa",
    0.35,
    (Peak(8.0, 1.2, 1.1, 0.9), Peak(14.0, 2.5, 0.5, 0.9), Peak(20.5, 2.0, 1.6, 1.8)),
    2.4,
    (13.0, 6.0),
    pv_kw=5.5,
    battery_kwh=10.0,
    electric_vehicle=True,
)
SHOP_HOUSE = Kind(
    "shop below a flat",
    0.25,
    (Peak(8.0, 1.0, 0.5, 0.5), Peak(14.5, 4.0, 1.0, 0.9), Peak(20.0, 1.5, 0.9, 0.9)),
    1.2,
    (11.0, 21.0),
)
JOINT_FAMILY = Kind(
    "joint family",
    0.30,
    (Peak(7.0, 1.2, 1.2, 1.0), Peak(13.0, 2.0, 0.8, 1.0), Peak(20.0, 2.0, 1.5, 1.6)),
    2.0,
    (20.0, 6.5),
    pv_kw=4.0,
)
HOME_OFFICE = Kind(
    "home office", 0.22, (Peak(8.5, 1.0, 0.5, 0.4), Peak(13.5, 3.5, 0.6, 0.3), _EVENING), 1.2, (10.0, 23.0), pv_kw=2.0
)
COUPLE_WITH_VEHICLE = Kind(
    "couple with a vehicle", 0.12, (Peak(7.5, 0.8, 0.7, 0.3), _EVENING), 0.9, (21.0, 6.0), electric_vehicle=True
)
FAMILY_WITH_BATTERY = Kind(
    "family house with a battery",
    0.16,
    (_MORNING, Peak(13.0, 1.5, 0.3, 0.6), _EVENING),
    1.2,
    (20.5, 6.5),
    pv_kw=3.5,
    battery_kwh=5.0,
)

KINDS: tuple[Kind, ...] = (
    FAMILY_HOUSE,
    APARTMENT,
    JOINT_FAMILY,
    SHOP_HOUSE,
    COUPLE_WITH_VEHICLE,
    FAMILY_WITH_BATTERY,
    APARTMENT_AT_HOME,
    HOME_OFFICE,
    APARTMENT,
    VILLA,
)
"""The kinds in the order in which they take turns."""


def load_kw(seed: int, at: int, kind: Kind, *, start: date, days: int, step_minutes: int) -> FloatArray:
    """Mean power of the home at this place in each step, kW, `[step]`."""
    habits = np.random.default_rng([seed, 3, at])
    size, shift_h = float(habits.uniform(0.8, 1.25)), float(habits.normal(0.0, 0.4))
    hours = (np.arange(1440 // step_minutes) + 0.5) * step_minutes / 60
    whole_days = [
        _day(np.random.default_rng([seed, 4, at, day.toordinal()]), kind, day, hours, shift_h) * size
        + _charging(np.random.default_rng([seed, 5, at, day.toordinal()]), kind, hours)
        for day in (start + timedelta(days=number) for number in range(days))
    ]
    return np.concatenate(whole_days)


def outdoor_c(day: date, hours: FloatArray) -> FloatArray:
    """Delhi's usual temperature, °C: coldest in early January, hottest in late May and June."""
    season = np.cos(2 * np.pi * (day.timetuple().tm_yday - 160) / 365.25)
    usual: FloatArray = 25.0 + 9.0 * season + 5.0 * np.cos(2 * np.pi * (hours - 15.5) / 24)
    return usual


def _day(draw: np.random.Generator, kind: Kind, day: date, hours: FloatArray, shift_h: float) -> FloatArray:
    weekend = day.weekday() >= 5
    load = np.full(len(hours), kind.base_kw)
    for peak in kind.peaks:
        centre = peak.hour + shift_h + draw.normal(0.0, 0.35)
        power = (peak.weekend_kw if weekend else peak.weekday_kw) * draw.lognormal(0.0, 0.2)
        load += power * np.exp(-0.5 * (_apart(hours, centre) / peak.width_h) ** 2)
    heat = np.clip((outdoor_c(day, hours) - 26.0) / 12.0, 0.0, 1.0) * draw.uniform(0.6, 1.0)
    load += kind.cooling_kw * heat * _between(hours, *kind.cooling_hours)
    knots = np.linspace(0.0, 24.0, 97)
    flicker = draw.lognormal(-0.02, 0.2, size=len(knots))
    uneven: FloatArray = load * np.interp(hours, knots, flicker)
    return uneven


def _charging(draw: np.random.Generator, kind: Kind, hours: FloatArray) -> FloatArray:
    """The vehicle's charge: four evenings in seven, one to three hours."""
    begin, length_h = draw.uniform(19.5, 21.0), draw.uniform(1.0, 3.0)
    if not kind.electric_vehicle or draw.random() > 4 / 7:
        return np.zeros(len(hours))
    half_h = 12 / len(hours)
    charging_h = np.minimum(hours + half_h, begin + length_h) - np.maximum(hours - half_h, begin)
    power: FloatArray = EV_KW * np.clip(charging_h / (2 * half_h), 0.0, 1.0)
    return power


def _apart(hours: FloatArray, centre: float) -> FloatArray:
    """Hours between a clock time and the centre, the short way round."""
    apart: FloatArray = (hours - centre + 12.0) % 24.0 - 12.0
    return apart


def _between(hours: FloatArray, begin: float, end: float) -> FloatArray:
    """1 in the hours from begin to end, past midnight where end is earlier, with half an hour to start and to stop."""
    length = (end - begin) % 24.0
    since = (hours - begin) % 24.0
    share: FloatArray = np.clip(np.minimum(since, length - since) / 0.5, 0.0, 1.0)
    return share
