"""What the clock on the wall says: at the start of each slot, and at every minute of a horizon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from core.errors import MarketError

Times = npt.NDArray[np.datetime64]
_DAY_S = 86_400
_QUARTER_S = 900  # since 1972 every zone of the tz database changes its offset on a quarter of an hour
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_starts(slot_starts: Times, time_zone: str) -> Times:
    """Local times, without a zone, of `slot_starts` (UTC, `[slot]`), as datetime64[s]. Raises MarketError."""
    zone = known_zone(time_zone)
    seconds = slot_starts.astype("datetime64[s]").astype(np.int64)
    days, of_day = np.unique(seconds // _DAY_S, return_inverse=True)
    before, after = _offsets(days * _DAY_S, zone), _offsets((days + 1) * _DAY_S, zone)
    offsets = before[of_day]
    changing = np.flatnonzero((before != after)[of_day])  # only on these days every quarter of an hour is looked at
    if changing.size:
        quarters, of_quarter = np.unique(seconds[changing] // _QUARTER_S, return_inverse=True)
        offsets[changing] = _offsets(quarters * _QUARTER_S, zone)[of_quarter]
    return (seconds + offsets).astype("datetime64[s]")


def minute_of_day(local: Times) -> npt.NDArray[np.int64]:
    """Minutes since local midnight."""
    minutes: npt.NDArray[np.int64] = local.astype("datetime64[s]").astype(np.int64) % _DAY_S // 60
    return minutes


def weekday(local: Times) -> npt.NDArray[np.int64]:
    """0 Monday to 6 Sunday."""
    days: npt.NDArray[np.int64] = (local.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01: a Thursday
    return days


def month(local: Times) -> npt.NDArray[np.int64]:
    """1 to 12."""
    months: npt.NDArray[np.int64] = local.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return months


def known_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises MarketError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MarketError(
            f'The time zone "{name[:80]}" is not known.', fix="Give an IANA name, such as Asia/Kolkata."
        ) from None


def _offsets(at_s: npt.NDArray[np.int64], zone: ZoneInfo) -> npt.NDArray[np.int64]:
    return np.array([_offset_s(second, zone) for second in at_s.tolist()], dtype=np.int64)


def _offset_s(at_s: int, zone: ZoneInfo) -> int:
    offset = (_EPOCH + timedelta(seconds=at_s)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
