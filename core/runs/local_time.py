"""What the clock on the wall says at the start of each slot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from core.errors import MarketError

_QUARTER_S = 900  # since 1972 every zone of the tz database changes its offset on a quarter of an hour
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_starts(slot_starts: npt.NDArray[np.datetime64], time_zone: str) -> npt.NDArray[np.datetime64]:
    """Local times, without a zone, of `slot_starts` (UTC, `[slot]`), as datetime64[s]. Raises MarketError."""
    zone = known_zone(time_zone)
    seconds = slot_starts.astype("datetime64[s]").astype(np.int64)
    quarters, which = np.unique(seconds // _QUARTER_S, return_inverse=True)
    offsets = np.array([_offset_s(int(quarter) * _QUARTER_S, zone) for quarter in quarters], dtype=np.int64)
    return (seconds + offsets[which]).astype("datetime64[s]")


def known_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises MarketError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MarketError(
            f'The time zone "{name[:80]}" is not known.', fix="Give an IANA name, such as Asia/Kolkata."
        ) from None


def _offset_s(at_s: int, zone: ZoneInfo) -> int:
    offset = (_EPOCH + timedelta(seconds=at_s)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
