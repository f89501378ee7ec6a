"""Readings that are possible, yet tell of a wrong clock, unit or column: a warning, never a correction."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np

from core.market.community import FloatArray
from core.readings.issues import Findings
from core.readings.series import Series
from core.readings.zones import IntArray, wall_clock

NIGHT_ELEVATION_DEG = -3.0
NIGHT_SHARE = 0.005
_SINE_OF_NIGHT = float(np.sin(np.radians(NIGHT_ELEVATION_DEG)))
LONGEST_SLOT_S = 3 * 3600
"""Above this a slot has day and night in it."""

_UNLIKELY_MEAN_KW = 15.0
_UNLIKELY_HIGHEST_KW = 0.01


def check_series(series: Series, findings: Findings, *, zone: str, stated_zone: bool) -> None:
    """Warn about sunlight at night for the position, and about a load no single home has."""
    _check_load(series, findings)
    if series.position is None or series.slot_s > LONGEST_SLOT_S:
        return
    share, at = night_share(series)
    if share > NIGHT_SHARE:
        clock = (
            f"on the clock of {zone}; the times state their own offset"
            if stated_zone
            else f"the times were read as {zone}"
        )
        findings.warning(
            "sun_at_night",
            f"sunlight at night: {share:.0%} of the solar energy of {series.household_id} falls where the sun"
            f" is down at longitude {series.position[1]:g}, first at {wall_clock(at, ZoneInfo(zone))} ({clock})",
            column="solar_kW",
            fix="check the time zone; nothing was shifted",
        )


def night_share(series: Series) -> tuple[float, int]:
    """Share of the solar energy that falls while the sun is down, and the UTC second of the first such slot."""
    sunny = np.nonzero(series.solar_kw > 0)[0]
    if sunny.size == 0 or series.position is None:
        return 0.0, series.start_s
    starts = series.start_s + sunny * series.slot_s
    night = np.arange(len(sunny))
    for fraction in (0.5, 0.0, 1.0):
        down = sine_of_elevation(starts[night] + int(fraction * series.slot_s), *series.position) < _SINE_OF_NIGHT
        night = night[down]
    if night.size == 0:
        return 0.0, series.start_s
    solar = series.solar_kw[sunny]
    return float(solar[night].sum() / solar.sum()), int(starts[night[0]])


def sine_of_elevation(utc_s: IntArray, latitude: float, longitude: float) -> FloatArray:
    """Sine of the sun's height over the horizon, right to about one degree, `[time]`.

    Source: Spencer 1971 for declination and equation of time, taken once a day.
    """
    days, of_time = np.unique(utc_s // 86_400, return_inverse=True)
    day = 2 * np.pi * ((days - 10_956.5) % 365.2425) / 365.2425  # from 1 January 2000
    declination = (
        0.006918
        - 0.399912 * np.cos(day)
        + 0.070257 * np.sin(day)
        - 0.006758 * np.cos(2 * day)
        + 0.000907 * np.sin(2 * day)
        - 0.002697 * np.cos(3 * day)
        + 0.00148 * np.sin(3 * day)
    )
    equation_h = (24 / (2 * np.pi)) * (
        0.000075
        + 0.001868 * np.cos(day)
        - 0.032077 * np.sin(day)
        - 0.014615 * np.cos(2 * day)
        - 0.040849 * np.sin(2 * day)
    )
    phi = np.radians(latitude)
    noon_h = 12 - longitude / 15 - equation_h
    hour_angle = ((utc_s % 86_400) / 3600 - noon_h[of_time]) * (np.pi / 12)
    level, swing = np.sin(phi) * np.sin(declination), np.cos(phi) * np.cos(declination)
    sine: FloatArray = level[of_time] + swing[of_time] * np.cos(hour_angle)
    return sine


def _check_load(series: Series, findings: Findings) -> None:
    """Warn about a load no single home has: a factor of a thousand is easily lost in a unit."""
    known = series.load_kw[~np.isnan(series.load_kw)]
    mean, highest = float(known.mean()), float(known.max())
    if mean > _UNLIKELY_MEAN_KW:
        what = f"load of {series.household_id} up to {highest:g} kW, {mean:.1f} kW on average:"
        what += " not plausible for one home (watts?)"
    elif 0.0 < highest < _UNLIKELY_HIGHEST_KW:
        what = (
            f"load of {series.household_id} never above {highest * 1000:.3g} W: not plausible for a home (kilowatts?)"
        )
    else:
        return
    findings.warning("unlikely_load", what, column="load_kW", fix="check the unit of the column")
