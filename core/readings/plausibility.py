"""Readings that are possible, yet tell of a wrong clock, unit or column: a warning, never a correction."""

from __future__ import annotations

import numpy as np

from core.market.community import FloatArray
from core.readings.issues import Findings, some
from core.readings.series import Series
from core.readings.zones import IntArray

NIGHT_ELEVATION_DEG = -3.0
NIGHT_SHARE = 0.005
LONGEST_SLOT_S = 3 * 3600
"""Above this a slot has day and night in it."""

_UNLIKELY_MEAN_KW = 15.0


def check_series(series: Series, findings: Findings, *, zone: str, stated_zone: bool) -> None:
    """Warn about sunlight at night for the position, and about a mean load no single home has."""
    _check_mean(series, findings)
    if series.position is None or series.slot_s > LONGEST_SLOT_S:
        return
    share, at = night_share(series)
    if share > NIGHT_SHARE:
        clock = "the times state their own offset" if stated_zone else f"the times were read as {zone}"
        findings.warning(
            "sun_at_night",
            f"sunlight at night: {share:.0%} of the solar energy of {series.household_id} falls where the sun"
            f" is down at longitude {series.position[1]:g}, first at {np.datetime64(at, 's')} UTC ({clock})",
            column="solar_kW",
            fix="check the time zone; nothing was shifted",
        )


def check_positions(file_series: list[Series], findings: Findings) -> None:
    """Say for which households no position is known."""
    without = [series.household_id for series in file_series if series.position is None]
    if without:
        findings.warning(
            "no_position",
            f"no position: distance-based features off for {some(without)}, sunlight at night not checked",
        )


def night_share(series: Series) -> tuple[float, int]:
    """Share of the solar energy that falls while the sun is down, and the UTC second of the first such slot."""
    sunny = np.nonzero(series.solar_kw > 0)[0]
    if sunny.size == 0 or series.position is None:
        return 0.0, series.start_s
    starts = series.start_s + sunny * series.slot_s
    night = np.ones(len(sunny), dtype=bool)
    for fraction in (0.0, 0.5, 1.0):
        night &= elevation_deg(starts + int(fraction * series.slot_s), *series.position) < NIGHT_ELEVATION_DEG
    if not night.any():
        return 0.0, series.start_s
    solar = series.solar_kw[sunny]
    return float(solar[night].sum() / solar.sum()), int(starts[np.argmax(night)])


def elevation_deg(utc_s: IntArray, latitude: float, longitude: float) -> FloatArray:
    """Height of the sun over the horizon in degrees, right to about one degree.

    Source: Spencer 1971 for declination and equation of time.
    """
    day = 2 * np.pi * ((utc_s / 86_400 - 10_957) % 365.2425) / 365.2425  # from 1 January 2000
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
    hour_angle = ((utc_s % 86_400) / 3600 + longitude / 15 + equation_h - 12) * (np.pi / 12)
    phi = np.radians(latitude)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    elevation: FloatArray = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return elevation


def _check_mean(series: Series, findings: Findings) -> None:
    mean = float(np.nanmean(series.load_kw)) if not np.isnan(series.load_kw).all() else 0.0
    if mean > _UNLIKELY_MEAN_KW:
        findings.warning(
            "unlikely_load",
            f"load of {series.household_id} up to {np.nanmax(series.load_kw):g} kW, {mean:.1f} kW on"
            " average: not plausible for one home (watts?)",
            column="load_kW",
            fix="check the unit of the column",
        )
