"""Timestamp cells to seconds: one format for the whole column, and never a guess between day and month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from core.readings.issues import Findings, quote
from core.readings.numbers import is_missing
from core.readings.options import DateOrder

IntArray = npt.NDArray[np.int64]

FIRST_YEAR, LAST_YEAR = 1990, 2100
FIRST_S, LAST_S = 631_152_000, 4_133_980_800
"""The first second of the first year, and the one after the last year."""
NEED = "need YYYY-MM-DD HH:MM:SS"

_CLOCK = (
    r"(?:[T ,]\s*(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,]0+)?)?)?"
    r"(?:\s*([AaPp])\.?[Mm]\.?)?\s*([Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)
"""Hour, minute, second, A or P of am and pm, offset."""
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _CLOCK, re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})" + _CLOCK, re.ASCII)
_EPOCH = re.compile(r"\d{10}(?:\d{3})?", re.ASCII)
_NUMERIC = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)
_EPOCH_DAY = date(1970, 1, 1).toordinal()

Family = Literal["iso", "slashed", "epoch"]


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times.

    wall_s: seconds since 1970 as the clock of the file shows them, `[row]`.
    offset_s: seconds east of UTC that each row states, `[row]`; None when the rows state none.
    how: the format, for the report. hour_24: places of the rows written as 24:00.
    """

    wall_s: IntArray
    offset_s: IntArray | None
    how: str
    hour_24: list[int]


def times_of(cells: list[str], lines: list[int], findings: Findings, *, column: str, date_order: DateOrder) -> Times:
    """Read the column. Raises FileRefused when a cell is no time, or the column can be read in two ways."""
    family = _family(cells, lines, findings, column)
    if family == "epoch":
        return _epochs(cells, lines, findings, column)
    pattern = _ISO if family == "iso" else _SLASHED
    matches = [pattern.fullmatch(cell) for cell in cells]
    for row, match in enumerate(matches):
        if match is None:
            _refuse_cell(cells[row], lines[row], findings, column, cells[0])
    findings.stop_if_refused()
    found = [match for match in matches if match is not None]
    order = "ymd" if family == "iso" else _order(found, lines, findings, column, date_order)
    return _clock_times(found, lines, findings, column, order)


def _family(cells: list[str], lines: list[int], findings: Findings, column: str) -> Family:
    """The format of the first cell that has one."""
    for cell, line in zip(cells, lines, strict=True):
        if _ISO.fullmatch(cell):
            return "iso"
        if _SLASHED.fullmatch(cell):
            return "slashed"
        if _EPOCH.fullmatch(cell):
            return "epoch"
        _refuse_cell(cell, line, findings, column, None)
    findings.stop_if_refused()
    raise AssertionError("a column without a time was not refused")


def _refuse_cell(cell: str, line: int, findings: Findings, column: str, like: str | None) -> None:
    if is_missing(cell):
        what = f"empty, no time is given ({quote(cell)})" if cell else "empty, no time is given"
    elif _NUMERIC.fullmatch(cell):
        what = f"number found: {quote(cell)}"
    elif like is not None and (_ISO.fullmatch(cell) or _SLASHED.fullmatch(cell)):
        what = f"{quote(cell)} is not written like {quote(like)}, the first time of the file"
    else:
        what = f"{quote(cell)} is not a timestamp"
    findings.error("not_a_time" if cell else "empty_time", what, line=line, column=column, raw=cell, fix=NEED)


def _order(
    matches: list[re.Match[str]], lines: list[int], findings: Findings, column: str, date_order: DateOrder
) -> str:
    """Day first or month first, decided over the whole column."""
    day_first = next((row for row, match in enumerate(matches) if int(match[1]) > 12), None)
    month_first = next((row for row, match in enumerate(matches) if int(match[2]) > 12), None)
    if day_first is not None and month_first is not None:
        later = max(day_first, month_first)
        raise findings.refusal(
            "mixed_dates",
            f"{quote(matches[later][0])} contradicts line {lines[min(day_first, month_first)]}: day and"
            " month change places",
            line=lines[later],
            column=column,
            raw=matches[later][0],
            fix=NEED,
        )
    if day_first is not None or (date_order == "day_first" and month_first is None):
        return "dmy"
    if month_first is not None or date_order == "month_first":
        return "mdy"
    raise findings.refusal(
        "ambiguous_date",
        f"ambiguous date {quote(matches[0][0])}: day or month first?",
        line=lines[0],
        column=column,
        raw=matches[0][0],
        fix=f"{NEED}, or say whether the day or the month comes first",
    )


def _clock_times(matches: list[re.Match[str]], lines: list[int], findings: Findings, column: str, order: str) -> Times:
    walls = np.zeros(len(matches), dtype=np.int64)
    offsets = np.zeros(len(matches), dtype=np.int64)
    stated = 0
    hour_24: list[int] = []
    days: dict[tuple[str, str, str], int | None] = {}
    seconds_of: dict[tuple[str, ...], int | None] = {}
    for row, match in enumerate(matches):
        one, two, three, *clock, offset = match.groups()
        date_key, clock_key = (one, two, three), tuple(clock)
        if date_key not in days:
            days[date_key] = _day_number(date_key, order)
        if clock_key not in seconds_of:
            seconds_of[clock_key] = _seconds(*clock_key)
        day, seconds = days[date_key], seconds_of[clock_key]
        if day is None or seconds is None:
            _refuse_value(match[0], day, seconds, lines[row], findings, column)
            continue
        if seconds == 86_400:
            hour_24.append(row)
        walls[row] = day * 86_400 + seconds
        if offset:
            stated += 1
            offsets[row] = _offset(offset)
    findings.stop_if_refused()
    if 0 < stated < len(matches):
        odd = next(row for row, match in enumerate(matches) if bool(match[8]) != bool(matches[0][8]))
        raise findings.refusal(
            "mixed_zones",
            f"{quote(matches[odd][0])}: some rows state a UTC offset and others none",
            line=lines[odd],
            column=column,
            raw=matches[odd][0],
            fix="state it in every row or in none",
        )
    how = {"ymd": "year-month-day", "dmy": "day/month/year", "mdy": "month/day/year"}[order]
    return Times(walls, offsets if stated else None, f"times as {how}", hour_24)


def _day_number(parts: tuple[str, str, str], order: str) -> int | None:
    """Days since 1970, None when the calendar has no such day or it is out of range."""
    numbers = dict(zip(order, (int(part) for part in parts), strict=True))
    if not FIRST_YEAR <= numbers["y"] <= LAST_YEAR:
        return None
    try:
        return date(numbers["y"], numbers["m"], numbers["d"]).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def _seconds(hour_text: str | None, minute_text: str | None, second_text: str | None, half: str | None) -> int | None:
    """Seconds of the day, 86,400 for 24:00, None when the clock shows no such time."""
    hour, minute, second = (int(text or 0) for text in (hour_text, minute_text, second_text))
    if minute > 59 or second > 59:
        return None
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "Pp" else 0)
    if hour > 24 or (hour == 24 and (minute or second)):
        return None
    return hour * 3600 + minute * 60 + second


def _offset(text: str) -> int:
    if text in ("Z", "z", "UTC"):
        return 0
    digits = text[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if text[0] == "-" else seconds


def _refuse_value(cell: str, day: int | None, seconds: int | None, line: int, findings: Findings, column: str) -> None:
    year = re.search(r"\d{4}", cell)
    if year is not None and not FIRST_YEAR <= int(year[0]) <= LAST_YEAR:
        what = f"date out of range: {quote(cell)} is not between {FIRST_YEAR} and {LAST_YEAR}"
    elif day is None:
        what = f"{quote(cell)} is not a day of the calendar"
    else:
        what = f"{quote(cell)} is not a time of the clock"
    findings.error("time_out_of_range", what, line=line, column=column, raw=cell, fix=NEED)


def _epochs(cells: list[str], lines: list[int], findings: Findings, column: str) -> Times:
    digits = len(cells[0])
    for row, cell in enumerate(cells):
        if not _EPOCH.fullmatch(cell) or len(cell) != digits:
            _refuse_cell(cell, lines[row], findings, column, cells[0])
    findings.stop_if_refused()
    counts = np.array([int(cell) for cell in cells], dtype=np.int64)
    seconds = counts if digits == 10 else counts // 1000
    if digits == 13 and (counts % 1000).any():
        row = int(np.nonzero(counts % 1000)[0][0])
        raise findings.refusal(
            "time_out_of_range",
            f"{quote(cells[row])} is not a whole second",
            line=lines[row],
            column=column,
            raw=cells[row],
            fix=NEED,
        )
    outside = (seconds < FIRST_S) | (seconds >= LAST_S)
    if outside.any():
        row = int(np.nonzero(outside)[0][0])
        raise findings.refusal(
            "time_out_of_range",
            f"date out of range: {quote(cells[row])} seconds since 1970",
            line=lines[row],
            column=column,
            raw=cells[row],
            fix=NEED,
        )
    unit = "seconds" if digits == 10 else "milliseconds"
    return Times(seconds, np.zeros(len(cells), dtype=np.int64), f"times as {unit} since 1970 UTC", [])
