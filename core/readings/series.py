"""Rows in any order to one gapless series a household: sorted, repeats dropped, the interval inferred."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from core.market.community import FloatArray
from core.readings.issues import Cells, count
from core.readings.options import MAX_READINGS, MAX_ROWS
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

    utc_s, load, solar, row: `[reading]`; load and solar in the file's own unit until `power` makes them kW, NaN where
    missing; row is the place among the rows of the file.
    """

    household_id: str
    utc_s: IntArray
    load: FloatArray
    solar: FloatArray
    row: IntArray

    def values(self, name: str) -> FloatArray:
        """The readings of "load" or "solar"."""
        return self.load if name == "load" else self.solar

    def with_values(self, name: str, values: FloatArray) -> Rows:
        """The same rows with other readings of "load" or "solar"."""
        return replace(self, load=values) if name == "load" else replace(self, solar=values)

    def take(self, order: npt.NDArray[np.intp]) -> Rows:
        """Some of the rows, in this order."""
        return Rows(self.household_id, self.utc_s[order], self.load[order], self.solar[order], self.row[order])


def in_order(rows: Rows, zone: ZoneInfo, cells: Cells) -> Rows:
    """Sort by time and drop exact repeats; two rows of one time with other values are refused, both named."""
    backwards = np.nonzero(np.diff(rows.utc_s) < 0)[0]
    if backwards.size:
        what = f"{count(backwards.size, 'step')} back in time; rows sorted by time"
        cells.warning(int(rows.row[backwards[0] + 1]), "unsorted", what)
        rows = rows.take(np.argsort(rows.utc_s, kind="stable"))
    repeats = np.nonzero(np.diff(rows.utc_s) == 0)[0]
    if repeats.size == 0:
        return rows
    same = _equal(rows.load, repeats) & _equal(rows.solar, repeats)
    for at in repeats[~same]:
        first, second = sorted(rows.row[at : at + 2].tolist())
        what = f"timestamp twice (daylight saving change?): {wall_clock(int(rows.utc_s[at]), zone)} of"
        what += f" {rows.household_id} is also in line {cells.lines[first]}, with other values"
        fix = "keep one of the two, or choose the zone whose clock changes there"
        cells.error(second, "time_twice", what, fix=fix)
    if same.any():
        dropped = np.sort(np.maximum(rows.row[repeats], rows.row[repeats + 1])[same]).tolist()
        what = f"{count(len(dropped), 'repeated row')} dropped ({cells.listed(dropped)})"
        cells.warning(dropped[0], "repeated_row", what)
    keep = np.ones(len(rows.utc_s), dtype=bool)
    keep[repeats + 1] = False
    return rows.take(np.nonzero(keep)[0])


def interval_of(households: list[Rows], cells: Cells) -> int:
    """The one interval of the file in seconds. Raises FileRefused when there is none, or more than one."""
    several = [rows for rows in households if len(rows.utc_s) > 1]
    if not several:
        what = "one row a household: the interval between readings cannot be known"
        raise cells.refusal(0, "one_row", what, fix="give two rows or more")
    lengths, counts = np.unique(np.concatenate([np.diff(rows.utc_s) for rows in several]), return_counts=True)
    slot_s = int(lengths[np.argmax(counts)])
    for rows in several:
        _refuse_change(rows, slot_s, cells)
    if not 60 <= slot_s <= DAY_S or slot_s % 60:
        what = f"interval of {minutes(slot_s)} not supported"
        raise cells.refusal(0, "interval", what, fix="give whole minutes, from 1 minute to 1 day")
    return slot_s


def grid_of(households: list[Rows], slot_s: int, cells: Cells) -> tuple[int, int]:
    """First second and number of slots that hold all rows of the file."""
    start_s = min(int(rows.utc_s[0]) for rows in households)
    slots = (max(int(rows.utc_s[-1]) for rows in households) - start_s) // slot_s + 1
    if slots > MAX_ROWS or slots * len(households) > MAX_READINGS:
        what = f"{slots:,} intervals from first to last for {count(len(households), 'household')} are too many"
        fix = "check the first and the last time, or split the file"
        raise cells.refusal(int(households[0].row[0]), "span_too_long", what, fix=fix)
    for rows in households:
        odd = np.nonzero((rows.utc_s - start_s) % slot_s)[0]
        if odd.size:
            what = f"{rows.household_id} is not in step with the rows of {households[0].household_id}"
            fix = "start the intervals of all households together"
            raise cells.refusal(int(rows.row[odd[0]]), "grid", what, fix=fix)
    return start_s, slots


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


def minutes(seconds: int) -> str:
    """'60 minutes', '1 day', '90 seconds'."""
    if seconds == DAY_S:
        return "1 day"
    return count(seconds // 60, "minute") if seconds % 60 == 0 else count(seconds, "second")


def _refuse_change(rows: Rows, slot_s: int, cells: Cells) -> None:
    """Raise FileRefused where a household's steps are another interval, not gaps.

    A gap is a whole number of intervals; a run of equal longer steps is another interval.
    """
    step = np.diff(rows.utc_s)
    at = _change(step, slot_s)
    if at is None:
        return
    before, after = int(step[at - 1] if at else slot_s), int(step[at])
    what = f"interval changes from {minutes(before)} to {minutes(after)}"
    fix = "give one interval a file"
    if slot_s == DAY_S and after in (DAY_S - 3600, DAY_S + 3600):
        fix = "days on which the clock changes are shorter or longer: give hours, or choose the zone UTC"
    raise cells.refusal(int(rows.row[at + 1]), "interval_changes", what, fix=fix)


def _change(step: IntArray, slot_s: int) -> int | None:
    """Place of the first step that is no gap but another interval, None when all are gaps."""
    odd = np.nonzero(step % slot_s)[0]
    if odd.size:
        return int(odd[0])
    starts = np.concatenate(([0], np.nonzero(np.diff(step))[0] + 1))
    runs = np.diff(starts, append=len(step))
    enough = min(_RUN_OF_ANOTHER_INTERVAL, max(2, len(step) // 10))
    other = np.nonzero((step[starts] != slot_s) & (runs >= enough))[0]
    if other.size == 0:
        return None
    run = int(other[0])
    return int(starts[1]) if run == 0 and len(starts) > 1 else int(starts[run])


def _equal(values: FloatArray, at: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether the values at these places equal those after them; missing equals missing."""
    left, right = values[at], values[at + 1]
    same: npt.NDArray[np.bool_] = (left == right) | (np.isnan(left) & np.isnan(right))
    return same
