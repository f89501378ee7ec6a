"""Cells of dates and times in any of their spellings to seconds of a clock, and the zone that they state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from core.readings.options import DateOrder
from core.readings.times import FIRST_YEAR, LAST_S, LAST_YEAR

IntArray = npt.NDArray[np.int64]
DAY_S = 86_400
MONTHS = {
    name[:3]: number
    for names in (
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "jan feb mär apr mai jun jul aug sep okt nov dez",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "jan fév mar avr mai jui jul aoû sep oct nov déc",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "jan fev mar abr mai jun jul ago set out nov dez",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
    )
    for number, name in enumerate(names.split(), start=1)
}
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PARTS = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{1,2})[-/.](\d{1,2})[-/.](\d{2,4})|(\d{4})(\d{2})(\d{2})")
_NAMED = re.compile(r"(\d{1,2})[- ]([^\W\d_]{3,9})\.?[- ](\d{2,4})")
_CLOCK = re.compile(
    r"(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?(?:\s*([AaPp])\.?[Mm]\.?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?"
)


class NotATime(ValueError):  # noqa: N818 - it carries the sentence of a refusal
    """A cell that is no time: its place and the sentence."""

    def __init__(self, row: int, what: str, *, ambiguous: bool = False) -> None:
        super().__init__(what)
        self.row, self.ambiguous = row, ambiguous


@dataclass(frozen=True, slots=True)
class Moments:
    """wall_s: seconds since 1970 by the file's clock, `[row]`; offset_s: stated east of UTC, None where none is.

    guessed: whether day and month were told apart only by the days following each other.
    """

    wall_s: IntArray
    offset_s: IntArray | None
    guessed: bool = False


def days_of(cells: Sequence[str], order: DateOrder) -> tuple[dict[str, int], bool]:
    """Days since 1970 by cell, and whether the order of day and month was guessed. Raises NotATime."""
    unique = list(dict.fromkeys(cells))
    parts: dict[str, tuple[int, int, int] | None] = {}
    ambiguous: list[tuple[str, int, int, int]] = []
    for text in unique:
        named = _NAMED.fullmatch(text)
        found = _PARTS.fullmatch(text)
        if named and named[2][:3].lower() in MONTHS:
            parts[text] = (_year(named[3]), MONTHS[named[2][:3].lower()], int(named[1]))
        elif found and (found[1] or found[7]):
            parts[text] = (int(found[1] or found[7]), int(found[2] or found[8]), int(found[3] or found[9]))
        elif found:
            ambiguous.append((text, int(found[4]), int(found[5]), _year(found[6])))
        else:
            raise NotATime(cells.index(text), f'"{text[:80]}" is not a date')
    guessed = False
    if ambiguous:
        chosen, guessed = _day_first(ambiguous, order, cells)
        for text, one, two, year in ambiguous:
            parts[text] = (year, two, one) if chosen else (year, one, two)
    numbers = {text: _number(three) for text, three in parts.items() if three}
    for text, number in numbers.items():
        if number is None:
            raise NotATime(cells.index(text), f'"{text[:80]}" is not a day between {FIRST_YEAR} and {LAST_YEAR}')
    return {text: number for text, number in numbers.items() if number is not None}, guessed


def _year(text: str) -> int:
    return int(text) + 2000 if len(text) == 2 else int(text)


def _number(three: tuple[int, int, int]) -> int | None:
    if not FIRST_YEAR <= three[0] <= LAST_YEAR:
        return None
    try:
        return date(*three).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def _day_first(found: list[tuple[str, int, int, int]], order: DateOrder, cells: Sequence[str]) -> tuple[bool, bool]:
    """Whether the day stands first, and whether that is a guess."""
    day, month = any(one > 12 for _, one, _, _ in found), any(two > 12 for _, _, two, _ in found)
    if day and month:
        raise NotATime(cells.index(found[-1][0]), "day and month change places in the file")
    if day or month:
        return day, False
    if order != "decide":
        return order == "day_first", False
    if len(found) > 1:
        steps = []
        for first in (True, False):
            numbers = [_number((year, two, one) if first else (year, one, two)) for _, one, two, year in found]
            known = sorted(number for number in numbers if number is not None)
            steps.append(len(known) == len(found) and known[-1] - known[0] == len(known) - 1)
        if steps[0] != steps[1]:
            return steps[0], True
    raise NotATime(
        cells.index(found[0][0]), f'ambiguous date "{found[0][0]}": the day or the month may come first', ambiguous=True
    )


def clocks_of(cells: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Seconds of the day (86,400 for 24:00) and stated offset, by cell. Raises NotATime."""
    found: dict[str, tuple[int, int | None]] = {}
    for text in dict.fromkeys(cells):
        match = _CLOCK.fullmatch(text.strip()) if text else None
        if text == "":
            found[text] = (0, None)
            continue
        if match is None:
            raise NotATime(cells.index(text), f'"{text[:80]}" is not a time of day')
        hour, minute, second, half, offset = match.groups()
        seconds = int(hour) * 3600 + int(minute) * 60 + int(second or 0)
        if half:
            seconds = (int(hour) % 12 + (12 if half in "Pp" else 0)) * 3600 + int(minute) * 60 + int(second or 0)
        if int(minute) > 59 or int(second or 0) > 59 or seconds > DAY_S:
            raise NotATime(cells.index(text), f'"{text[:80]}" is not a time of the clock')
        found[text] = (seconds, _offset(offset))
    return found


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text in ("Z", "UTC"):
        return 0
    digits = text[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if text[0] == "-" else 1)


def moments_of(cells: Sequence[str], order: DateOrder) -> Moments:
    """A column of times, each cell whole. Raises NotATime naming the row."""
    if not cells or not cells[0]:
        raise NotATime(0, "empty, no time is given")
    if re.fullmatch(r"\d{10}|\d{13}", cells[0]):
        return _epochs(cells)
    if re.fullmatch(r"\d{12}|\d{14}", cells[0]):
        return moments_of_parts(
            [c[:8] for c in cells], [f"{c[8:10]}:{c[10:12]}:{c[12:14] or '00'}" for c in cells], order
        )
    parts = [_split(cell) for cell in cells]
    return moments_of_parts([day for day, _ in parts], [clock for _, clock in parts], order)


def moments_of_parts(dates: Sequence[str], clocks: Sequence[str], order: DateOrder) -> Moments:
    """Dates and times of day in two columns. Raises NotATime."""
    days, guessed = days_of(dates, order)
    seconds = clocks_of(clocks)
    wall = np.array([days[d] * DAY_S + seconds[c][0] for d, c in zip(dates, clocks, strict=True)], dtype=np.int64)
    offsets = [seconds[c][1] for c in clocks]
    stated = None
    if any(offset is not None for offset in offsets):
        if None in offsets:
            raise NotATime(offsets.index(None), "some rows state a UTC offset and others none")
        stated = np.array(offsets, dtype=np.int64)
    return Moments(wall, stated, guessed)


def _split(cell: str) -> tuple[str, str]:
    """Date and clock of a cell: at the last blank or T before the time of day."""
    found = re.match(r"(.*?\d)(?:,?\s+|T)(\d{1,2}:\d{2}.*)$", cell)
    return (found[1], found[2]) if found else (cell, "")


def _epochs(cells: Sequence[str]) -> Moments:
    digits = len(cells[0])
    for row, text in enumerate(cells):
        if not text.isdigit() or len(text) != digits:
            raise NotATime(row, f'"{text[:80]}" is not written like the first time of the file')
    seconds = np.array([int(text) for text in cells], dtype=np.int64) // (1 if digits == 10 else 1000)
    if seconds.min() < 0 or seconds.max() >= LAST_S:
        raise NotATime(int(seconds.argmax()), f"not between {FIRST_YEAR} and {LAST_YEAR}")
    return Moments(seconds, np.zeros(len(cells), dtype=np.int64))
