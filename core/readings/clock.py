"""The times of a file on the clock of UTC, or the reason why they cannot be placed there with certainty."""

from __future__ import annotations

import numpy as np

from core.readings.issues import Cells, Findings
from core.readings.options import Options
from core.readings.times import Times
from core.readings.zones import IntArray, offsets_of, place

_FIX_ZONE = "choose the zone the times were written in, such as UTC"


def utc_of(times: Times, cells: Cells, ids: list[str], codes: IntArray, *, options: Options) -> IntArray:
    """UTC second of each row. Raises FileRefused for a time that does not exist, or that could be two."""
    if times.hour_24:
        cells.warning(
            times.hour_24[0],
            "hour_24",
            f"{cells.quoted(times.hour_24[0])} is read as 00:00 of the next day ({cells.listed(times.hour_24)})",
            fix="if the times mark the end of the interval, every reading stands one interval late",
        )
    if times.offset_s is not None:
        _check_offsets(times, times.offset_s, cells, options)
        return times.wall_s - times.offset_s
    placed = place(times.wall_s, codes, options.zone)
    for row in placed.skipped:
        what = f"{cells.quoted(row)} does not exist in {options.time_zone}: the clock is put forward over it"
        cells.error(row, "time_skipped", what, fix=_FIX_ZONE)
    for row in placed.unclear:
        what = f"{cells.quoted(row)} happens twice in {options.time_zone} (daylight saving change)"
        what += f", but not twice for {ids[codes[row]]}"
        cells.error(row, "time_unclear", what, fix=f"state the UTC offset in every row, or {_FIX_ZONE}")
    if placed.doubled:
        _check_order(placed.utc_s, ids, codes, cells)
        note_doubled(options, cells.findings)
    cells.findings.stop_if_refused()
    return placed.utc_s


def note_doubled(options: Options, findings: Findings) -> None:
    """Say that an hour was kept twice."""
    what = f"the hour that {options.time_zone} shows twice is kept twice, in the order of the rows"
    findings.note("time_twice_in_zone", what)


def _check_offsets(times: Times, offset_s: IntArray, cells: Cells, options: Options) -> None:
    """Several offsets are certain only when they are those of the site's own zone."""
    changes = np.nonzero(offset_s != offset_s[0])[0]
    if changes.size == 0:
        return
    early, late = offsets_of(times.wall_s, options.zone)
    if not ((offset_s == early) | (offset_s == late)).all():
        row = int(changes[0])
        what = f"UTC offset changes: {cells.quoted(row)} after {cells.quoted(row - 1)}"
        raise cells.refusal(row, "offset_changes", what, fix=f"write one offset, or those of {options.time_zone}")


def _check_order(utc_s: IntArray, ids: list[str], codes: IntArray, cells: Cells) -> None:
    """Where an hour is there twice only the order of the rows tells which is which, so they must be in order."""
    for code, household_id in enumerate(ids):
        rows = np.nonzero(codes == code)[0]
        steps = np.diff(utc_s[rows])
        if (steps > 0).any() and (steps < 0).any():
            back = int(rows[np.argmax(steps < 0) + 1])
            what = f"an hour happens twice (daylight saving change), but the rows of {household_id} are not in order"
            cells.error(back, "time_unclear", what, fix="sort the file by time, or state the UTC offset in every row")
