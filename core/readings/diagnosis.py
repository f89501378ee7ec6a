"""The reader of any file: says how it understood the file, or names line, column and text of what it cannot read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray
from core.readings.fields import Position, check_time_of_day, households_of, positions_of
from core.readings.issues import Findings, count, quote
from core.readings.layout import Table, table_of
from core.readings.numbers import Numbers, has_decimal_comma, numbers_of
from core.readings.options import MAX_HOUSEHOLDS, Options
from core.readings.power import Meaning, meaning_of, to_kilowatts
from core.readings.series import Rows, Series, grid_of, in_order, interval_of, minutes, on_grid
from core.readings.times import Times, times_of
from core.readings.zones import IntArray, place


@dataclass(frozen=True, slots=True)
class FileReading:
    """What one file holds.

    series: one a household. rows: rows of readings. how: how the file was read, a sentence.
    stated_zone: whether the times say their zone.
    """

    series: tuple[Series, ...]
    rows: int
    how: str
    stated_zone: bool


def diagnose(text: str, encoding: str, findings: Findings, *, options: Options) -> FileReading:
    """Read the text of one file. Raises FileRefused; the reasons are in `findings`."""
    table = table_of(text, findings)
    meanings = _meanings(table, options, findings)
    decimal_comma = has_decimal_comma(
        table.cells[role] for role in ("load", "solar", "latitude", "longitude") if role in table.cells
    )
    column = table.columns["timestamp"].name
    times = _first_findings(table, options, findings)
    ids, codes = households_of(table, findings)
    if len(ids) > MAX_HOUSEHOLDS:
        raise findings.refusal("too_many_households", f"{len(ids):,} households, above the limit of {MAX_HOUSEHOLDS:,}")
    load, solar = _numbers(table, decimal_comma, findings)
    positions = positions_of(table, ids, codes, findings, decimal_comma=decimal_comma)
    check_time_of_day(table, times, findings)
    _say_hour_24(table, times, findings)
    findings.stop_if_refused()
    utc_s = _utc(times, codes, ids, table, options, findings)
    households = _by_household(ids, codes, utc_s, load, solar, np.array(table.lines))
    households = [in_order(rows, options.zone, findings, column=column) for rows in households]
    findings.stop_if_refused()
    slot_s = interval_of(households, findings, column=column)
    households = [
        to_kilowatts(rows, slot_s, load=meanings[0], solar=meanings[1], options=options, findings=findings)
        for rows in households
    ]
    _refuse_nothing_read(households, findings)
    findings.stop_if_refused()
    series = _series(households, slot_s, positions, findings, column)
    return FileReading(
        series,
        len(table.lines),
        _how(table, times, meanings, encoding, slot_s, decimal_comma, options),
        times.offset_s is not None,
    )


def _first_findings(table: Table, options: Options, findings: Findings) -> Times:
    """The times; when they are bad, the ids and numbers are looked at too before the file is refused."""
    return times_of(
        table.cells["timestamp"],
        table.lines,
        findings,
        column=table.columns["timestamp"].name,
        date_order=options.date_order,
    )


def _meanings(table: Table, options: Options, findings: Findings) -> tuple[Meaning, Meaning | None]:
    load = meaning_of(table.columns["load"], table.header_line, options, findings)
    if "solar" in table.columns:
        return load, meaning_of(table.columns["solar"], table.header_line, options, findings)
    findings.warning(
        "no_solar", "no solar column: taken as a consumer without panels", line=table.header_line, column="solar_kW"
    )
    return load, None


def _numbers(table: Table, decimal_comma: bool, findings: Findings) -> tuple[FloatArray, FloatArray]:
    load = _column(table, "load", decimal_comma, findings)
    if "solar" not in table.columns:
        return load.values, np.zeros(len(table.lines))
    return load.values, _column(table, "solar", decimal_comma, findings).values


def _column(table: Table, role: str, decimal_comma: bool, findings: Findings) -> Numbers:
    column = table.columns[role]  # type: ignore[index]
    cells = table.cells[role]  # type: ignore[index]
    expected = f"give {column.unit or 'a plain number'}, such as 0.42"
    if column.unit in ("kW", ""):
        expected = "give kilowatts, such as 0.42"
    numbers = numbers_of(
        cells, table.lines, findings, column=column.name, expected=expected, decimal_comma=decimal_comma
    )
    if numbers.missing:
        rows = ", ".join(str(table.lines[row]) for row in numbers.missing[:5])
        more = ", …" if len(numbers.missing) > 5 else ""
        first = numbers.missing[0]
        what = f"{quote(cells[first])} is" if cells[first] else "an empty cell is"
        findings.warning(
            "missing_value",
            f"{what} a missing value, not zero ({count(len(numbers.missing), 'row')}: {rows}{more})",
            line=table.lines[first],
            column=column.name,
            raw=cells[first],
        )
    return numbers


def _say_hour_24(table: Table, times: Times, findings: Findings) -> None:
    if times.hour_24:
        row = times.hour_24[0]
        raw = table.cells["timestamp"][row]
        findings.warning(
            "hour_24",
            f"{quote(raw)} is read as 00:00 of the next day ({count(len(times.hour_24), 'row')})",
            line=table.lines[row],
            column=table.columns["timestamp"].name,
            raw=raw,
            fix="if the times mark the end of the interval, every reading stands one interval late",
        )


def _utc(times: Times, codes: IntArray, ids: list[str], table: Table, options: Options, findings: Findings) -> IntArray:
    """UTC second of each row."""
    column = table.columns["timestamp"].name
    if times.offset_s is not None:
        _check_offsets(times, table, options, findings, column)
        return times.wall_s - times.offset_s
    placed = place(times.wall_s, options.zone)
    for row in placed.skipped[:10]:
        cell = table.cells["timestamp"][row]
        findings.error(
            "time_skipped",
            f"{quote(cell)} does not exist in {options.time_zone}: the clock is put forward over it",
            line=table.lines[row],
            column=column,
            raw=cell,
            fix="choose the zone the times were written in, such as UTC",
        )
    utc_s = placed.early_s.copy()
    twice = np.nonzero(placed.early_s != placed.late_s)[0]
    twice = twice[~np.isin(twice, placed.skipped)]
    if twice.size:
        _place_twice(twice, utc_s, placed.late_s, times.wall_s, codes, ids, table, options, findings)
    findings.stop_if_refused()
    return utc_s


def _place_twice(
    twice: IntArray,
    utc_s: IntArray,
    late_s: IntArray,
    wall_s: IntArray,
    codes: IntArray,
    ids: list[str],
    table: Table,
    options: Options,
    findings: Findings,
) -> None:
    """In the hour that the clock shows twice, the second of two rows of a household is the later one."""
    column = table.columns["timestamp"].name
    newest_first = len(wall_s) > 1 and wall_s[0] > wall_s[-1]
    seen: dict[tuple[int, int], list[int]] = {}
    for row in twice:
        seen.setdefault((int(codes[row]), int(wall_s[row])), []).append(int(row))
    for (code, _), rows in seen.items():
        if len(rows) == 2:
            later = rows[0] if newest_first else rows[1]
            utc_s[later] = late_s[later]
            continue
        cell, line = table.cells["timestamp"][rows[-1]], table.lines[rows[-1]]
        findings.error(
            "time_unclear",
            f"{quote(cell)} happens twice in {options.time_zone} (daylight saving change), but"
            f" {ids[code]} has it {count(len(rows), 'time')}",
            line=line,
            column=column,
            raw=cell,
            fix="state the UTC offset in every row, or choose the zone the times were written in",
        )
    findings.note(
        "time_twice_in_zone", f"the hour that {options.time_zone} shows twice is kept twice, in the order of the rows"
    )


def _check_offsets(times: Times, table: Table, options: Options, findings: Findings, column: str) -> None:
    """Several offsets are certain only when they are those of the site's own zone."""
    assert times.offset_s is not None
    changes = np.nonzero(times.offset_s != times.offset_s[0])[0]
    if changes.size == 0:
        return
    utc_s = times.wall_s - times.offset_s
    placed = place(times.wall_s, options.zone)
    own = (utc_s == placed.early_s) | (utc_s == placed.late_s)
    if not own.all():
        row = int(changes[0])
        raise findings.refusal(
            "offset_changes",
            f"UTC offset changes: {quote(table.cells['timestamp'][row])} after"
            f" {quote(table.cells['timestamp'][row - 1])}",
            line=table.lines[row],
            column=column,
            raw=table.cells["timestamp"][row],
            fix=f"write one offset in all rows, or those of {options.time_zone}",
        )


def _by_household(
    ids: list[str], codes: IntArray, utc_s: IntArray, load: FloatArray, solar: FloatArray, lines: IntArray
) -> list[Rows]:
    if len(ids) == 1:
        return [Rows(ids[0], utc_s, load, solar, lines)]
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.searchsorted(codes[order], np.arange(1, len(ids))))
    return [Rows(i, utc_s[at], load[at], solar[at], lines[at]) for i, at in zip(ids, parts, strict=True)]


def _refuse_nothing_read(households: list[Rows], findings: Findings) -> None:
    for rows in households:
        if (np.isnan(rows.load) | np.isnan(rows.solar)).all():
            what = "load" if np.isnan(rows.load).all() else "solar"
            findings.error(
                "no_value",
                f"{rows.household_id} has no row with both load and solar",
                line=int(rows.line[0]) if len(rows.line) else None,
                fix=f"give its {what}, or remove the column if there is none",
            )


def _series(
    households: list[Rows], slot_s: int, positions: list[Position | None], findings: Findings, column: str
) -> tuple[Series, ...]:
    start_s, slots = grid_of(households, slot_s, findings, column=column)
    return tuple(
        on_grid(rows, slot_s, start_s=start_s, slots=slots, file=findings.file, position=position)
        for rows, position in zip(households, positions, strict=True)
    )


def _how(
    table: Table,
    times: Times,
    meanings: tuple[Meaning, Meaning | None],
    encoding: str,
    slot_s: int,
    decimal_comma: bool,
    options: Options,
) -> str:
    units = dict.fromkeys(f"{meaning.name} in {meaning.unit}" for meaning in meanings if meaning is not None)
    zone = "with their own UTC offset" if times.offset_s is not None else f"on the clock of {options.time_zone}"
    parts = [encoding, *table.remarks, *units, f"{times.how} {zone}", f"{minutes(slot_s)} interval"]
    return ", ".join([*parts, "decimal comma"] if decimal_comma else parts)
