"""The times of a file on the clock of UTC, or the reason why they cannot be placed there with certainty."""

from __future__ import annotations

import numpy as np

from core.readings.issues import Findings, count, quote
from core.readings.layout import Table
from core.readings.options import Options
from core.readings.times import Times
from core.readings.zones import IntArray, offsets_of, place

_FIX_ZONE = "choose the zone the times were written in, such as UTC"


def utc_of(
    times: Times, table: Table, ids: list[str], codes: IntArray, *, options: Options, findings: Findings
) -> IntArray:
    """UTC second of each row. Raises FileRefused for a time that does not exist, or that could be two."""
    _say_hour_24(times, table, findings)
    if times.offset_s is not None:
        _check_offsets(times, times.offset_s, table, options, findings)
        return times.wall_s - times.offset_s
    placed = place(times.wall_s, codes, options.zone)
    for row in placed.skipped:
        what = f"{_cell(table, row)} does not exist in {options.time_zone}: the clock is put forward over it"
        _error("time_skipped", what, row, table, findings, fix=_FIX_ZONE)
    for row in placed.unclear:
        what = f"{_cell(table, row)} happens twice in {options.time_zone}, but not twice for {ids[codes[row]]}"
        _error(
            "time_unclear",
            f"{what} (daylight saving change)",
            row,
            table,
            findings,
            fix=f"state the UTC offset in every row, or {_FIX_ZONE}",
        )
    if placed.doubled:
        _check_order(placed.utc_s, ids, codes, table, findings)
        note_doubled(options, findings)
    findings.stop_if_refused()
    return placed.utc_s


def note_doubled(options: Options, findings: Findings) -> None:
    """Say that an hour was kept twice."""
    what = f"the hour that {options.time_zone} shows twice is kept twice, in the order of the rows"
    findings.note("time_twice_in_zone", what)


def _say_hour_24(times: Times, table: Table, findings: Findings) -> None:
    if times.hour_24:
        row = times.hour_24[0]
        findings.warning(
            "hour_24",
            f"{_cell(table, row)} is read as 00:00 of the next day ({count(len(times.hour_24), 'row')})",
            line=table.lines[row],
            column=table.columns["timestamp"].name,
            raw=table.cells["timestamp"][row],
            fix="if the times mark the end of the interval, every reading stands one interval late",
        )


def _check_offsets(times: Times, offset_s: IntArray, table: Table, options: Options, findings: Findings) -> None:
    """Several offsets are certain only when they are those of the site's own zone."""
    changes = np.nonzero(offset_s != offset_s[0])[0]
    if changes.size == 0:
        return
    early, late = offsets_of(times.wall_s, options.zone)
    if not ((offset_s == early) | (offset_s == late)).all():
        row = int(changes[0])
        _error(
            "offset_changes",
            f"UTC offset changes: {_cell(table, row)} after {_cell(table, row - 1)}",
            row,
            table,
            findings,
            fix=f"write one offset in all rows, or those of {options.time_zone}",
        )
        findings.stop_if_refused()


def _check_order(utc_s: IntArray, ids: list[str], codes: IntArray, table: Table, findings: Findings) -> None:
    """Where an hour is there twice only the order of the rows tells which is which, so they must be in order."""
    for code, household_id in enumerate(ids):
        rows = np.nonzero(codes == code)[0]
        steps = np.diff(utc_s[rows])
        if (steps > 0).any() and (steps < 0).any():
            back = int(rows[np.argmax(steps < 0) + 1])
            _error(
                "time_unclear",
                f"an hour happens twice (daylight saving change), but the rows of {household_id} are not in order",
                back,
                table,
                findings,
                fix="sort the file by time, or state the UTC offset in every row",
            )


def _cell(table: Table, row: int) -> str:
    return quote(table.cells["timestamp"][row])


def _error(code: str, what: str, row: int, table: Table, findings: Findings, *, fix: str) -> None:
    raw = table.cells["timestamp"][row]
    findings.error(code, what, line=table.lines[row], column=table.columns["timestamp"].name, raw=raw, fix=fix)
