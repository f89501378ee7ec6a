"""Rows in any order to one gapless series a household: sorted, repeats dropped, the interval inferred."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from core.market.community import FloatArray
from core.readings.issues import Findings, count
from core.readings.options import MAX_ROWS
from core.readings.zones import IntArray, wall_clock

DAY_S = 86_400
_RUN_OF_ANOTHER_INTERVAL = 3


@dataclass(frozen=True, slots=True)
class Series:
    """A household's readings on a regular grid.

    start_s: UTC second of the first slot. slot_s: length of a slot in seconds.
    load_kw, solar_kw: mean power `[slot]`, NaN in both where a reading is missing.
    position: latitude and longitude in degrees, None where the file gives none.
    """

    household_id: str
    file: str
    start_s: int
    slot_s: int
    load_kw: FloatArray
    solar_kw: FloatArray
    position: tuple[float, float] | None = None

    @property
    def end_s(self) -> int:
        """UTC second at which the last slot ends."""
        return self.start_s + self.slot_s * len(self.load_kw)


@dataclass(frozen=True, slots=True)
class Rows:
    """The readings of one household as the file lists them.

    utc_s, load, solar, line: `[row]`; load and solar in the file's own unit until `power` makes them kW, NaN where
    missing; line is the physical line.
    """

    household_id: str
    utc_s: IntArray
    load: FloatArray
    solar: FloatArray
    line: IntArray


def in_order(rows: Rows, zone: ZoneInfo, findings: Findings, *, column: str) -> Rows:
    """Sort by time and drop exact repeats; two rows of one time with other values are refused, both named."""
    backwards = np.nonzero(np.diff(rows.utc_s) < 0)[0]
    if backwards.size:
        line = int(rows.line[backwards[0] + 1])
        findings.warning(
            "unsorted",
            f"{count(int(backwards.size), 'step')} back in time; rows sorted by time",
            line=line,
            column=column,
        )
        rows = _take(rows, np.argsort(rows.utc_s, kind="stable"))
    repeats = np.nonzero(np.diff(rows.utc_s) == 0)[0]
    if repeats.size == 0:
        return rows
    same = _equal(rows.load, repeats) & _equal(rows.solar, repeats)
    for at in repeats[~same]:
        first, second = sorted((int(rows.line[at]), int(rows.line[at + 1])))
        findings.error(
            "time_twice",
            f"timestamp twice (daylight saving change?): {wall_clock(int(rows.utc_s[at]), zone)} of"
            f" {rows.household_id} is also in line {first}, with other values",
            line=second,
            column=column,
            fix="keep one of the two, or choose the zone whose clock changes there",
        )
    if same.any():
        _say_repeated(np.sort(np.maximum(rows.line[repeats], rows.line[repeats + 1])[same]), findings, column)
    keep = np.ones(len(rows.utc_s), dtype=bool)
    keep[repeats + 1] = False
    return _take(rows, np.nonzero(keep)[0])


def interval_of(households: list[Rows], findings: Findings, *, column: str) -> int:
    """The one interval of the file in seconds. Raises FileRefused when there is none, or more than one."""
    steps = [np.diff(rows.utc_s) for rows in households if len(rows.utc_s) > 1]
    if not steps:
        raise findings.refusal(
            "one_row", "one row a household: the interval between readings cannot be known", fix="give two rows or more"
        )
    lengths, counts = np.unique(np.concatenate(steps), return_counts=True)
    slot_s = int(lengths[np.argmax(counts)])
    for rows, step in zip((rows for rows in households if len(rows.utc_s) > 1), steps, strict=True):
        change = _change(step, slot_s)
        if change is not None:
            before, after = int(step[change - 1] if change else slot_s), int(step[change])
            raise findings.refusal(
                "interval_changes",
                f"interval changes from {minutes(before)} to {minutes(after)}",
                line=int(rows.line[change + 1]),
                column=column,
                fix="give one interval a file",
            )
    if not 60 <= slot_s <= DAY_S or slot_s % 60:
        raise findings.refusal(
            "interval",
            f"interval of {minutes(slot_s)} not supported",
            column=column,
            fix="give whole minutes, from 1 minute to 1 day",
        )
    return slot_s


def on_grid(
    rows: Rows, slot_s: int, *, start_s: int, slots: int, file: str, position: tuple[float, float] | None
) -> Series:
    """Place sorted rows on the grid; what no row fills is NaN. load and solar must be kW by now."""
    at = (rows.utc_s - start_s) // slot_s
    load, solar = np.full(slots, np.nan), np.full(slots, np.nan)
    load[at], solar[at] = rows.load, rows.solar
    absent = np.isnan(load) | np.isnan(solar)
    load[absent] = solar[absent] = np.nan
    return Series(rows.household_id, file, start_s, slot_s, load, solar, position)


def grid_of(households: list[Rows], slot_s: int, findings: Findings, *, column: str) -> tuple[int, int]:
    """First second and number of slots that hold all rows of the file."""
    start_s = min(int(rows.utc_s[0]) for rows in households)
    slots = (max(int(rows.utc_s[-1]) for rows in households) - start_s) // slot_s + 1
    if slots > MAX_ROWS:
        raise findings.refusal(
            "span_too_long",
            f"{slots:,} intervals from first to last, above the limit of {MAX_ROWS:,}",
            column=column,
            fix="check the first and the last time, or split the file",
        )
    for rows in households:
        odd = np.nonzero((rows.utc_s - start_s) % slot_s)[0]
        if odd.size:
            raise findings.refusal(
                "grid",
                f"{rows.household_id} is not in step with the rows of {households[0].household_id}",
                line=int(rows.line[odd[0]]),
                column=column,
                fix="start the intervals of all households together",
            )
    return start_s, slots


def minutes(seconds: int) -> str:
    """'60 minutes', '1 day', '90 seconds'."""
    if seconds == DAY_S:
        return "1 day"
    return count(seconds // 60, "minute") if seconds % 60 == 0 else count(seconds, "second")


def _change(step: IntArray, slot_s: int) -> int | None:
    """Place of the first step that is no gap but another interval, None when all are gaps.

    A gap is a whole number of intervals; a run of equal longer steps is another interval.
    """
    odd = np.nonzero(step % slot_s)[0]
    if odd.size:
        return int(odd[0])
    edges = np.nonzero(np.diff(step))[0] + 1
    runs = np.diff(np.concatenate(([0], edges, [len(step)])))
    starts = np.concatenate(([0], edges))
    enough = min(_RUN_OF_ANOTHER_INTERVAL, max(2, len(step) // 10))
    other = np.nonzero((step[starts] != slot_s) & (runs >= enough))[0]
    if other.size == 0:
        return None
    run = int(other[0])
    return int(starts[run]) if run else int(runs[0])


def _take(rows: Rows, order: npt.NDArray[np.intp]) -> Rows:
    return Rows(rows.household_id, rows.utc_s[order], rows.load[order], rows.solar[order], rows.line[order])


def _equal(values: FloatArray, at: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether the values at these places equal those after them; missing equals missing."""
    left, right = values[at], values[at + 1]
    same: npt.NDArray[np.bool_] = (left == right) | (np.isnan(left) & np.isnan(right))
    return same


def _say_repeated(lines: IntArray, findings: Findings, column: str) -> None:
    shown = ", ".join(str(line) for line in lines[:5]) + (", …" if lines.size > 5 else "")
    findings.warning(
        "repeated_row", f"{count(lines.size, 'repeated row')} dropped (row {shown})", line=int(lines[0]), column=column
    )
