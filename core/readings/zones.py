"""Wall-clock seconds to UTC seconds, with both change days of a zone right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Placed:
    """Wall-clock times of households placed in a zone.

    utc_s: UTC second, `[row]`, right for the rows in none of the lists below.
    skipped: rows whose time the clock never shows, in spring.
    unclear: rows whose time the clock shows twice, in autumn, while their household does not have it twice.
    doubled: whether a household has such a time twice; the second row is the later one.
    """

    utc_s: IntArray
    skipped: list[int]
    unclear: list[int]
    doubled: bool


def place(wall_s: IntArray, household: IntArray | None, zone: ZoneInfo) -> Placed:
    """Place wall-clock seconds `[row]` in the zone; household is the number of each row's, None for one and the same.

    Only the days on which the clock changes cost time. Where the clock shows a time twice, the order of the rows
    decides; in a file that runs backwards, the reverse.
    """
    days, of_row = np.unique(wall_s // _DAY_S, return_inverse=True)
    offsets = [_of_day(int(day), zone.key) for day in days]
    utc_s = wall_s - np.array([early for early, _ in offsets], dtype=np.int64)[of_row]
    changing = np.array([early != late for early, late in offsets])
    skipped: list[int] = []
    twice: dict[tuple[int, int], list[int]] = {}
    for row in np.nonzero(changing[of_row])[0].tolist() if changing.any() else ():
        wall = int(wall_s[row])
        early, late = _offset(wall, zone, fold=0), _offset(wall, zone, fold=1)
        utc_s[row] = wall - early
        if early < late:
            skipped.append(row)
        elif early > late:
            twice.setdefault((0 if household is None else int(household[row]), wall), []).append(row)
    backwards = len(wall_s) > 1 and wall_s[0] > wall_s[-1]
    unclear = _second_is_later(twice, utc_s, zone, backwards=bool(backwards))
    return Placed(utc_s, skipped, unclear, doubled=len(unclear) < sum(len(rows) for rows in twice.values()))


def offsets_of(wall_s: IntArray, zone: ZoneInfo) -> tuple[IntArray, IntArray]:
    """Seconds east of UTC that the zone's clock may mean at wall-clock seconds: the earlier and the later reading."""
    days, of_row = np.unique(wall_s // _DAY_S, return_inverse=True)
    offsets = [_of_day(int(day), zone.key) for day in days]
    early = np.array([offset for offset, _ in offsets], dtype=np.int64)[of_row]
    late = early.copy()
    changing = np.array([one != other for one, other in offsets])
    for row in np.nonzero(changing[of_row])[0].tolist():
        early[row], late[row] = (_offset(int(wall_s[row]), zone, fold=fold) for fold in (0, 1))
    return early, late


def wall_clock(utc_s: int, zone: ZoneInfo) -> datetime:
    """The zone's clock, naive, at a UTC second."""
    return datetime.fromtimestamp(utc_s, UTC).astimezone(zone).replace(tzinfo=None)


def _second_is_later(
    twice: dict[tuple[int, int], list[int]], utc_s: IntArray, zone: ZoneInfo, *, backwards: bool
) -> list[int]:
    """Move the second row of each pair to the later reading of its time; the rows without a pair are unclear."""
    unclear: list[int] = []
    for (_, wall), rows in twice.items():
        if len(rows) == 2:
            utc_s[rows[0] if backwards else rows[1]] = wall - _offset(wall, zone, fold=1)
        else:
            unclear.append(rows[-1])
    return unclear


@lru_cache(maxsize=200_000)
def _of_day(day: int, zone: str) -> tuple[int, int]:
    """Offsets at the start and at the end of a day; they differ when the clock changes on it."""
    place = ZoneInfo(zone)
    return _offset(day * _DAY_S, place, fold=0), _offset((day + 1) * _DAY_S, place, fold=1)


def _offset(wall_s: int, zone: ZoneInfo, *, fold: int) -> int:
    """Seconds east of UTC that the zone's clock shows at a wall-clock second."""
    wall = (_EPOCH + timedelta(seconds=wall_s)).replace(tzinfo=zone, fold=fold)
    offset = wall.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
