"""Sun, cloud and roofs of the sample community: clear sky and position from pvlib, cloud drawn day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from core.market.community import FloatArray

LATITUDE, LONGITUDE, ALTITUDE_M = 28.6139, 77.209, 216.0
TIME_ZONE = "Asia/Kolkata"

AEROSOL_DEPTH = 0.35
"""Delhi's haze on a day without cloud, at 700 nm."""
WATER_CM = 2.0
PERFORMANCE = 0.82
"""AC power over what the cells would give at 25 °C: dust, wiring, inverter."""
HEAT_LOSS = 0.10
"""Lost at full sun because the cells are hot."""

_CLOUDY_SHARE = (0.35, 0.25, 0.2, 0.15, 0.15, 0.35, 0.7, 0.7, 0.4, 0.1, 0.15, 0.35)
"""Share of cloudy days in each month of the year; July and August are the monsoon."""


@dataclass(frozen=True, slots=True)
class Roof:
    """A photovoltaic roof: installed kW, tilt from level and direction (180 is south), both in degrees."""

    pv_kw: float
    tilt_deg: float
    azimuth_deg: float

    @classmethod
    def drawn(cls, draw: np.random.Generator, around_kw: float) -> Roof:
        """A roof of about this size; most look south, some east or west, some lie flat."""
        azimuth = float(draw.choice([180.0, 180.0, 150.0, 210.0, 95.0, 265.0])) + float(draw.uniform(-10, 10))
        tilt = float(draw.choice([25.0, 25.0, 15.0, 8.0]))
        size = round(around_kw * float(draw.uniform(0.8, 1.25)), 1)
        return cls(size, tilt, azimuth)


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Irradiance at each step, W/m²: global and diffuse on the level, direct towards the sun; the sun's angles."""

    zenith_deg: FloatArray
    azimuth_deg: FloatArray
    ghi: FloatArray
    dni: FloatArray
    dhi: FloatArray

    @classmethod
    def over(cls, seed: int, *, start: date, days: int, step_minutes: int) -> Sky:
        """The sky over Delhi in the middle of each step."""
        import pandas as pd
        from pvlib import clearsky, solarposition

        midnight = datetime.combine(start, time(), ZoneInfo(TIME_ZONE))
        middle = timedelta(minutes=step_minutes / 2)
        times = pd.date_range(midnight + middle, periods=days * 1440 // step_minutes, freq=f"{step_minutes}min")
        sun = solarposition.get_solarposition(times, LATITUDE, LONGITUDE, altitude=ALTITUDE_M)
        clear = clearsky.simplified_solis(
            sun["apparent_elevation"].to_numpy(), aod700=AEROSOL_DEPTH, precipitable_water=WATER_CM
        )
        share = np.concatenate([_sunshine(seed, start + timedelta(days=day), step_minutes) for day in range(days)])
        ghi, dhi = _column(clear["ghi"]), _column(clear["dhi"])
        direct = _column(clear["dni"]) * share
        level = direct * np.cos(np.radians(sun["apparent_zenith"].to_numpy())).clip(0)
        diffuse = np.minimum(dhi + 0.35 * (1 - share) * (ghi - dhi).clip(0), ghi)
        return cls(sun["apparent_zenith"].to_numpy(), sun["azimuth"].to_numpy(), level + diffuse, direct, diffuse)


def solar_kw(sky: Sky, roof: Roof | None) -> FloatArray:
    """AC power of a roof at each step, kW, `[step]`; zero without one."""
    if roof is None or roof.pv_kw == 0:
        return np.zeros(len(sky.ghi))
    from pvlib import irradiance

    plane = irradiance.get_total_irradiance(
        roof.tilt_deg, roof.azimuth_deg, sky.zenith_deg, sky.azimuth_deg, sky.dni, sky.ghi, sky.dhi
    )
    suns = _column(plane["poa_global"]).clip(0) / 1000
    return roof.pv_kw * np.minimum(suns * PERFORMANCE * (1 - HEAT_LOSS * suns), 1.0)


def _sunshine(seed: int, day: date, step_minutes: int) -> FloatArray:
    """Share of the direct light that reaches the ground at each step of one day, 0 to 1."""
    draw = np.random.default_rng([seed, 2, day.toordinal()])
    cloudy = draw.random() < _CLOUDY_SHARE[day.month - 1]
    usual = draw.uniform(0.1, 0.55) if cloudy else draw.uniform(0.85, 1.0)
    swing = 0.25 if cloudy else 0.06
    hours = np.arange(0, 24.5, 0.5)
    walk = np.empty(len(hours))
    walk[0] = draw.normal()
    shocks = draw.normal(size=len(hours))
    for at in range(1, len(hours)):
        walk[at] = 0.75 * walk[at - 1] + 0.66 * shocks[at]
    middles = (np.arange(1440 // step_minutes) + 0.5) * step_minutes / 60
    return np.interp(middles, hours, np.clip(usual + swing * walk, 0.0, 1.0))


def _column(values: Any) -> FloatArray:
    return np.nan_to_num(np.asarray(values, dtype=np.float64))
