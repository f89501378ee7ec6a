"""Moments as a person at the site reads them: in the site's zone, with the zone named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import InputError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?:(?:t|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})" + _TIME)
_WORDED = re.compile(rf"(?P<day>\d{{1,2}})\s+(?P<month>{'|'.join(MONTHS)})[a-z]*,?\s+(?P<year>\d{{4}})" + _TIME)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, milliseconds since 1970 UTC; the end is not part of it."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Clock:
    """The site's zone, by IANA name."""

    zone_name: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone's rules."""
        return ZoneInfo(self.zone_name)

    def at(self, at_ms: int) -> datetime:
        """The moment in the site's zone."""
        return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000).astimezone(self.zone)

    def moment(self, at_ms: int) -> str:
        """1 Jan 2026, 05:52:20 IST"""
        moment = self.at(at_ms)
        return f"{moment.day} {moment:%b %Y, %H:%M:%S} {self.abbreviation(at_ms)}"

    def exact(self, at_ms: int) -> str:
        """2026-01-01 05:52:20.000 IST (UTC+05:30)"""
        moment = self.at(at_ms)
        offset = f"{moment:%z}"
        return f"{moment:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d} {moment:%Z} (UTC{offset[:3]}:{offset[3:5]})"

    def column(self, at_ms: int) -> str:
        """2026-01-01 05:52:20, for a column whose head names the zone."""
        return f"{self.at(at_ms):%Y-%m-%d %H:%M:%S}"

    def day(self, at_ms: int) -> date:
        """The calendar day at the site."""
        return self.at(at_ms).date()

    def abbreviation(self, at_ms: int) -> str:
        """IST, BST, …; zones without letters are named by their offset."""
        name = f"{self.at(at_ms):%Z}"
        return f"UTC{name}" if name[:1] in "+-" else name

    def days(self, first: date, last: date) -> Span:
        """From the start of `first` to the end of `last`, as days are at the site."""
        return Span(self._midnight(first), self._midnight(last + timedelta(days=1)))

    def _midnight(self, day: date) -> int:
        return int(datetime.combine(day, time(), self.zone).timestamp()) * 1000

    def read(self, text: str) -> Span | None:
        """The day, minute or second that `text` names ("2026-01-05", "5 Jan 2026 14:30"); None if it names none.

        Raises InputError for a day or time that does not exist, such as 2026-02-30.
        """
        words = text.strip().lower()
        found = _ISO.fullmatch(words) or _WORDED.fullmatch(words)
        if found is None:
            return None
        month = MONTHS.index(found["month"]) + 1 if found["month"] in MONTHS else int(found["month"])
        try:
            day = date(int(found["year"]), month, int(found["day"]))
            if found["hour"] is None:
                return self.days(day, day)
            moment = time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
            start_ms = int(datetime.combine(day, moment, self.zone).timestamp()) * 1000
        except (ValueError, OverflowError):
            raise InputError(
                f'"{text.strip()[:80]}" is not a time that exists.',
                fix="Write a day such as 2026-01-31, or a minute such as 2026-01-31 14:30.",
            ) from None
        return Span(start_ms, start_ms + (1000 if found["second"] else 60_000))


def ago(seconds: float) -> str:
    """12 s ago, 3 min ago, 5 h ago, 2 days ago."""
    return f"{duration(seconds)} ago"


def duration(seconds: float) -> str:
    """12 s, 3 min, 5 h, 2 days: one unit, rounded down."""
    whole = max(0, int(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * 60:
        return f"{whole // 60} min"
    if whole < 36 * 3600:
        return f"{whole // 3600} h"
    return f"{whole // 86400} days"
