"""Timestamp cells to seconds: one format for the whole column, and never a guess between day and month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from core.readings.issues import Cells, quote
from core.readings.numbers import is_missing
from core.readings.options import DateOrder

IntArray = npt.NDArray[np.int64]

FIRST_YEAR, LAST_YEAR = 1970, 2100
FIRST_S, LAST_S = 0, 4_133_980_800
"""The first second of the first year, and the one after the last year."""
NEED = "need YYYY-MM-DD HH:MM:SS"

_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2}),?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}),?", re.ASCII)
_CLOCK = re.compile(
    r"\s*(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,]0+)?)?)?(?:\s*([AaPp])\.?[Mm]\.?)?"
    r"\s*([Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
"""Hour, minute, second, A or P of am and pm, offset."""
_EPOCH = re.compile(r"\d{10}(?:\d{3})?", re.ASCII)
_NUMERIC = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)
_EPOCH_DAY = date(1970, 1, 1).toordinal()


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


@dataclass(frozen=True, slots=True)
class _Clock:
    """A time of day: seconds (86,400 for 24:00; None when no clock shows it) and the offset that is stated."""

    seconds: int | None
    offset_s: int | None


def times_of(cells: Cells, *, date_order: DateOrder) -> Times:
    """Read the column. Raises FileRefused when a cell is no time, or the column can be read in two ways."""
    first = next((text for text in cells.texts if not is_missing(text)), "")
    if _EPOCH.fullmatch(first):
        return _epochs(cells)
    parts = [_split(text) for text in cells.texts]
    pattern = _SLASHED if _SLASHED.fullmatch(_split(first)[0]) else _ISO
    dates = {text: pattern.fullmatch(text) for text in dict.fromkeys(day for day, _ in parts)}
    clocks = {text: _clock(text) for text in dict.fromkeys(clock for _, clock in parts)}
    if None in dates.values() or None in clocks.values():
        good = [dates[day] is not None and clocks[clock] is not None for day, clock in parts]
        _refuse_shapes(cells, good)
    numbers = {text: (int(match[1]), int(match[3]), int(match[4])) for text, match in dates.items() if match}
    order = "ymd" if pattern is _ISO else _order(numbers, cells, parts, date_order)
    days = {text: _day_number(three, order) for text, three in numbers.items()}
    return _placed(cells, parts, days, {text: clock for text, clock in clocks.items() if clock is not None}, order)


def _split(cell: str) -> tuple[str, str]:
    """The date and the clock time of a cell: they part at the first blank or T."""
    blank = cell.find(" ")
    letter = cell.find("T") if blank < 0 else cell.find("T", 0, blank)
    at = blank if letter < 0 else letter
    return (cell, "") if at < 0 else (cell[:at], cell[at + 1 :])


def _clock(text: str) -> _Clock | None:
    """The time of day, None when the text is none; no text is midnight."""
    match = _CLOCK.fullmatch(text or "00:00")
    if match is None:
        return None
    hour, minute, second, half, offset = match.groups()
    return _Clock(_seconds(hour, minute, second, half), None if offset is None else _offset(offset))


def _refuse_shapes(cells: Cells, good: list[bool]) -> None:
    like = next((cells.quoted(row) for row, fine in enumerate(good) if fine), None)
    for row, fine in enumerate(good):
        if not fine:
            _refuse_cell(cells, row, like)
    cells.findings.stop_if_refused()


def _refuse_cell(cells: Cells, row: int, like: str | None) -> None:
    text = cells.texts[row]
    if is_missing(text):
        what = f"empty, no time is given ({quote(text)})" if text else "empty, no time is given"
    elif _NUMERIC.fullmatch(text):
        what = f"number found: {quote(text)}"
    elif like is not None and (_ISO.match(text) or _SLASHED.match(text)):
        what = f"{quote(text)} is not written like {like}, the first time of the file"
    else:
        what = f"{quote(text)} is not a timestamp"
    cells.error(row, "not_a_time" if text else "empty_time", what, fix=NEED)


def _order(
    numbers: dict[str, tuple[int, int, int]], cells: Cells, parts: list[tuple[str, str]], date_order: DateOrder
) -> str:
    """Day first or month first, decided over the whole column."""
    day_first = next((text for text, (one, _, _) in numbers.items() if one > 12), None)
    month_first = next((text for text, (_, two, _) in numbers.items() if two > 12), None)
    if day_first is not None and month_first is not None:
        rows = [next(row for row, (day, _) in enumerate(parts) if day == text) for text in (day_first, month_first)]
        what = f"{cells.quoted(max(rows))} contradicts line {cells.lines[min(rows)]}: day and month change places"
        raise cells.refusal(max(rows), "mixed_dates", what, fix=NEED)
    if day_first is not None or (date_order == "day_first" and month_first is None):
        return "dmy"
    if month_first is not None or date_order == "month_first":
        return "mdy"
    what = f"ambiguous date {cells.quoted(0)}: the day or the month may come first"
    raise cells.refusal(0, "ambiguous_date", what, fix=f"{NEED}, or say whether the day or the month comes first")


def _placed(
    cells: Cells,
    parts: list[tuple[str, str]],
    days: dict[str, int | None],
    clocks: dict[str, _Clock],
    order: str,
) -> Times:
    """The times of cells whose dates and clock times were understood, if the calendar and the clock have them."""
    if None in days.values() or any(clock.seconds is None for clock in clocks.values()):
        for row, (day, clock) in enumerate(parts):
            if days[day] is None or clocks[clock].seconds is None:
                _refuse_value(cells, row, days[day])
        cells.findings.stop_if_refused()
    seconds = {text: clock.seconds or 0 for text, clock in clocks.items()}
    walls = np.array([(days[day] or 0) * 86_400 + seconds[clock] for day, clock in parts], dtype=np.int64)
    offsets = None
    if any(clock.offset_s is not None for clock in clocks.values()):
        offsets = _offsets([clocks[clock].offset_s for _, clock in parts], cells)
    hour_24 = []
    if 86_400 in seconds.values():
        hour_24 = [row for row, (_, clock) in enumerate(parts) if seconds[clock] == 86_400]
    how = {"ymd": "year-month-day", "dmy": "day/month/year", "mdy": "month/day/year"}[order]
    return Times(walls, offsets, f"times as {how}", hour_24)


def _offsets(stated: list[int | None], cells: Cells) -> IntArray:
    """The offset of every row. Raises FileRefused when only some rows state one."""
    if None in stated:
        odd = next(row for row, offset in enumerate(stated) if (offset is None) != (stated[0] is None))
        what = f"{cells.quoted(odd)}: some rows state a UTC offset and others none"
        raise cells.refusal(odd, "mixed_zones", what, fix="state it in every row or in none")
    return np.array(stated, dtype=np.int64)


def _day_number(parts: tuple[int, int, int], order: str) -> int | None:
    """Days since 1970, None when the calendar has no such day or it is out of range."""
    numbers = dict(zip(order, parts, strict=True))
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


def _refuse_value(cells: Cells, row: int, day: int | None) -> None:
    year = re.search(r"\d{4}", cells.texts[row])
    what = f"{cells.quoted(row)} is not a time of the clock"
    if year is not None and not FIRST_YEAR <= int(year[0]) <= LAST_YEAR:
        what = f"date out of range: {cells.quoted(row)} is not between {FIRST_YEAR} and {LAST_YEAR}"
    elif day is None:
        what = f"{cells.quoted(row)} is not a day of the calendar"
    cells.error(row, "time_out_of_range", what, fix=NEED)


def _epochs(cells: Cells) -> Times:
    digits = len(cells.texts[0])
    for row, text in enumerate(cells.texts):
        if not _EPOCH.fullmatch(text) or len(text) != digits:
            _refuse_cell(cells, row, None)
    cells.findings.stop_if_refused()
    counts = np.array([int(text) for text in cells.texts], dtype=np.int64)
    per_second = 1 if digits == 10 else 1000
    seconds = counts // per_second
    odd = np.nonzero((counts % per_second != 0) | (seconds < FIRST_S) | (seconds >= LAST_S))[0]
    if odd.size:
        what = f"date out of range: {cells.quoted(int(odd[0]))} is no whole second between {FIRST_YEAR} and {LAST_YEAR}"
        raise cells.refusal(int(odd[0]), "time_out_of_range", what, fix=NEED)
    unit = "seconds" if digits == 10 else "milliseconds"
    return Times(seconds, np.zeros(len(counts), dtype=np.int64), f"times as {unit} since 1970 UTC", [])
