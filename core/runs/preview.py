"""A dataset at a glance before anything is computed: the mean day, and load and solar over the whole time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.market.community import Community, FloatArray
from core.market.local_time import local_starts
from core.runs.statistics import Line, resample

STRIP_POINTS = 700
MINUTES_A_DAY = 1_440
_STEPS_MIN = (15, 30, 60, 120, 180, 240, 360, 720, 1_440)


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """minute: of the local day, `[step]`; load_kw, solar_kw: mean of all homes together at that time, `[step]`, NaN
    where there is none. load, solar: mean power of all homes together over local time.
    """

    minute: npt.NDArray[np.int64]
    load_kw: FloatArray
    solar_kw: FloatArray
    load: Line
    solar: Line


def preview_of(community: Community, *, time_zone: str) -> Preview:
    """The mean day in steps of a quarter of an hour or the slot, and the strip of all days."""
    local = local_starts(community.slot_starts(), time_zone)
    load, solar = community.load_kw.sum(axis=1), community.solar_kw.sum(axis=1)
    step = next((each for each in _STEPS_MIN if each >= community.slot_h * 60.0 - 1e-9), MINUTES_A_DAY)
    place = local.astype("datetime64[m]").astype(np.int64) % MINUTES_A_DAY // step
    steps = MINUTES_A_DAY // step
    counted = np.bincount(place, minlength=steps)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, power, minlength=steps) / counted for power in (load, solar)]
    strips = [resample(local, power, slot_h=community.slot_h, how="mean", most=STRIP_POINTS) for power in (load, solar)]
    return Preview(np.arange(steps, dtype=np.int64) * step, means[0], means[1], strips[0], strips[1])
