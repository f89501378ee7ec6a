"""Wall-clock seconds to UTC seconds, with both change days of a zone right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ZonedTimes:
    """Wall-clock times placed in a zone.

    early_s, late_s: the UTC second, `[row]`; they differ where the clock shows the time twice, in autumn.
    skipped: places of the rows whose time the clock never shows, in spring.
    """

    early_s: IntArray
    late_s: IntArray
    skipped: IntArray


def place(wall_s: IntArray, zone: ZoneInfo) -> ZonedTimes:
    """Place wall-clock seconds `[row]` in the zone; only the days on which the clock changes cost time."""
    days, of_row = np.unique(wall_s // _DAY_S, return_inverse=True)
    starts = [_offset(int(day) * _DAY_S, zone, fold=0) for day in days]
    ends = [_offset((int(day) + 1) * _DAY_S, zone, fold=1) for day in days]
    early = wall_s - np.array(starts, dtype=np.int64)[of_row]
    late = early.copy()
    skipped: list[int] = []
    changing = np.array([start != end for start, end in zip(starts, ends, strict=True)])
    for row in np.nonzero(changing[of_row])[0]:
        wall = int(wall_s[row])
        first, second = _offset(wall, zone, fold=0), _offset(wall, zone, fold=1)
        early[row], late[row] = wall - first, wall - second
        if first < second:
            skipped.append(int(row))
    return ZonedTimes(early, late, np.array(skipped, dtype=np.int64))


def wall_clock(utc_s: int, zone: ZoneInfo) -> datetime:
    """The zone's clock, naive, at a UTC second."""
    return datetime.fromtimestamp(utc_s, UTC).astimezone(zone).replace(tzinfo=None)


def _offset(wall_s: int, zone: ZoneInfo, *, fold: int) -> int:
    """Seconds east of UTC that the zone's clock shows at a wall-clock second."""
    wall = (_EPOCH + timedelta(seconds=wall_s)).replace(tzinfo=zone, fold=fold)
    offset = wall.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
