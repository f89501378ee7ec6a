"""The zone in which a dataset should be read, where the sun says that the chosen one is wrong.

Readings have the position of each home; the position has a civil time zone. Where the chosen zone puts solar energy
into the night and the position's own puts it into the day, that is offered. Nothing is ever shifted by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import tzfpy

from core.market.community import Community
from core.readings import Options
from core.readings.plausibility import NIGHT_SHARE, sine_of_elevation
from core.runs.datasets import Added, Datasets
from core.runs.reports import Report

_SINE_OF_NIGHT = -0.1  # well below the horizon: dusk is no night
_MOST_SLOTS = 20_000
_DAY_H = 24.0


@dataclass(frozen=True, slots=True)
class ZoneAdvice:
    """zones: what to try, in order: the position's civil zone, then its standard time, for files without summer time.

    night_share: of the solar energy that falls into the night as read now. night_share_then: in the first of zones.
    """

    zones: tuple[str, ...]
    night_share: float
    night_share_then: float

    @property
    def time_zone(self) -> str:
        """The zone of the homes' position."""
        return self.zones[0]


def zone_advice(community: Community, report: Report) -> ZoneAdvice | None:
    """The better zone, None where the chosen one is plausible, the position unknown or no other does better."""
    if not report.positions or community.slot_h >= _DAY_H or not community.solar_kw.any():
        return None
    latitude, longitude = (float(each) for each in np.median(list(report.positions.values()), axis=0))
    now = _night_share(community, latitude, longitude, shift_s=0)
    civil = tzfpy.get_tz(longitude, latitude)
    if now <= NIGHT_SHARE or not civil or civil == report.time_zone:
        return None
    wall = community.start_at.astimezone(ZoneInfo(report.time_zone)).replace(tzinfo=None)
    shift_s = round((wall.replace(tzinfo=ZoneInfo(civil)) - community.start_at.astimezone(UTC)).total_seconds())
    then = _night_share(community, latitude, longitude, shift_s=shift_s)
    if then > min(NIGHT_SHARE, now / 2.0):
        return None
    return ZoneAdvice((civil, *_standard_time(civil, community.start_at.year)), now, then)


def read_in_zone(datasets: Datasets, dataset_id: str, *, options: Options, zones: Sequence[str], user_id: str) -> Added:
    """Read one's dataset again in the first of `zones` that its files fit; the answer to the last where none does."""
    for zone in zones:
        added = datasets.extend(dataset_id, (), user_id=user_id, options=replace(options, time_zone=zone))
        if added.dataset is not None:
            break
    return added


def _night_share(community: Community, latitude: float, longitude: float, *, shift_s: int) -> float:
    """The share of all solar energy that falls while the sun is down, with every time later by `shift_s`."""
    solar = community.solar_kw.sum(axis=1)
    sunny = np.flatnonzero(solar > 0.0)
    sunny = sunny[:: -(-sunny.size // _MOST_SLOTS)]
    slot_s = community.slot_h * 3_600.0
    starts = community.start_at.timestamp() + sunny * slot_s + shift_s
    down = np.ones(sunny.size, dtype=bool)
    for part in (0.0, 0.5, 1.0):
        down &= sine_of_elevation((starts + part * slot_s).astype(np.int64), latitude, longitude) < _SINE_OF_NIGHT
    return float(solar[sunny][down].sum() / solar[sunny].sum())


def _standard_time(zone: str, year: int) -> tuple[str, ...]:
    """The zone's fixed standard time, where it is whole hours and its clock changes."""
    offsets = [datetime(year, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)]
    seconds = [int(each.total_seconds()) for each in offsets if each is not None]
    hours, rest = divmod(min(seconds), 3_600)
    if len(set(seconds)) == 1 or rest:
        return ()
    return ("Etc/GMT" if hours == 0 else f"Etc/GMT{-hours:+d}",)
