"""Tables that are wide in time become long: a column an hour, a block or a moment turns into rows."""

from __future__ import annotations

import re
from dataclasses import replace

from core.readings.roles import is_clock, is_timestamp
from core.readings.tables import RawTable

FEWEST_HOURS = 23
"""Columns named by times of the day from which a table is taken to be wide: an hour may be missing in spring."""
FEWEST_MOMENTS = 5


def long_of(table: RawTable) -> RawTable:
    """The table with its columns of times turned into rows; the table itself where it has none."""
    moments = [place for place, name in enumerate(table.header) if is_timestamp(_iso(name))]
    if len(moments) >= FEWEST_MOMENTS:
        return _turned(table, moments, [_iso(table.header[place]) for place in moments], "timestamp")
    hours = _hours(table.header)
    if len(hours) >= FEWEST_HOURS:
        return _turned(table, [place for place, _ in hours], [clock for _, clock in hours], "clock time")
    return table


def _iso(name: str) -> str:
    return re.sub(r"\.\d+(?=Z|$)", "", name.strip())


def _hours(header: tuple[str, ...]) -> list[tuple[int, str]]:
    """Places of the columns of one day, and the time of day at which each begins."""
    ranges = [
        (place, re.split(r"\s*[-–]\s*", name)[0])
        for place, name in enumerate(header)
        if is_clock(re.split(r"\s*[-–]\s*", name.strip())[0])
    ]
    if len(ranges) >= FEWEST_HOURS:
        first, last = ranges[0][1], ranges[-1][1]
        if not first.startswith(("00:00", "0:00")) and last.startswith(("24:00", "00:00", "0:00")):
            return _of_count([place for place, _ in ranges])  # named by their ends
        return ranges
    numbers = [(place, int(found[1])) for place, name in enumerate(header) if (found := _number(name))]
    runs = [place for place, _ in numbers]
    counted = [number for _, number in numbers]
    running = counted and counted[0] in (0, 1) and counted == list(range(counted[0], counted[0] + len(counted)))
    return _of_count(runs) if running and len(counted) in (24, 25, 48, 96) else []


def _number(name: str) -> re.Match[str] | None:
    return re.fullmatch(r"\s*(?:h|hour|block|b|slot|period|hh|hora|ora|stunde|q)?[ _-]?0*(\d{1,2})\s*", name, re.I)


def _of_count(places: list[int]) -> list[tuple[int, str]]:
    minutes = 1440 // (len(places) if len(places) in (24, 48, 96) else 24)
    return [(place, f"{k * minutes // 60:02d}:{k * minutes % 60:02d}") for k, place in enumerate(places)]


def _turned(table: RawTable, places: list[int], names: list[str], head: str) -> RawTable:
    taken = set(places)
    kept = [place for place in range(len(table.header)) if place not in taken]
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    for row, line in zip(table.rows, table.lines, strict=True):
        fixed = tuple(row[place] for place in kept)
        for place, name in zip(places, names, strict=True):
            if row[place] != "" or len(places) != 25:  # the 25th hour is empty on all days but one
                rows.append((*fixed, name, row[place]))
                lines.append(line)
    header = (*(table.header[place] for place in kept), head, "value")
    notes = (*table.notes, f"{len(places)} columns of times were turned into rows.")
    return replace(table, header=header, rows=rows, lines=lines, units=(), notes=notes)
