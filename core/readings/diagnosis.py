"""The reader of any file: says how it understood the file, or names line, column and text of what it cannot read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray
from core.readings.clock import utc_of
from core.readings.columns import Role
from core.readings.fields import Position, check_time_of_day, households_of, positions_of
from core.readings.issues import FileRefused, Findings, count, quote
from core.readings.layout import Table, table_of
from core.readings.numbers import has_decimal_comma, numbers_of
from core.readings.options import MAX_HOUSEHOLDS, Options
from core.readings.power import Meaning, meaning_of, to_kilowatts
from core.readings.series import Rows, Series, grid_of, in_order, interval_of, minutes, on_grid
from core.readings.times import Times, times_of
from core.readings.zones import IntArray


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


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a file, read: times, ids and the place of each row's id, power in the file's unit, positions."""

    times: Times
    ids: list[str]
    codes: IntArray
    load: FloatArray
    solar: FloatArray
    positions: list[Position | None]


def diagnose(text: str, encoding: str, findings: Findings, *, options: Options) -> FileReading:
    """Read the text of one file. Raises FileRefused; the reasons are in `findings`."""
    table = table_of(text, findings)
    load, solar = _meanings(table, options, findings)
    decimal_comma = has_decimal_comma(
        table.cells[role] for role in ("load", "solar", "latitude", "longitude") if role in table.cells
    )
    cells = _cells(table, decimal_comma, options, findings)
    column = table.columns["timestamp"].name
    utc_s = utc_of(cells.times, table, cells.ids, cells.codes, options=options, findings=findings)
    households = _by_household(cells, utc_s, np.array(table.lines))
    households = [in_order(rows, options.zone, findings, column=column) for rows in households]
    findings.stop_if_refused()
    slot_s = interval_of(households, findings, column=column)
    households = [
        to_kilowatts(rows, slot_s, load=load, solar=solar, options=options, findings=findings) for rows in households
    ]
    _refuse_nothing_read(households, findings)
    findings.stop_if_refused()
    series = _series(households, slot_s, cells.positions, findings, column)
    how = how_read(
        [encoding, *table.remarks],
        units=[meaning for meaning in (load, solar) if meaning is not None],
        times=cells.times.how,
        zone=None if cells.times.offset_s is not None else options.time_zone,
        slot_s=slot_s,
    )
    how += ", decimal comma" if decimal_comma else ""
    return FileReading(series, len(table.lines), how, cells.times.offset_s is not None)


def how_read(layout: list[str], *, units: list[Meaning], times: str, zone: str | None, slot_s: int) -> str:
    """The sentence that says how a file was read; zone None when the times state their own."""
    power = dict.fromkeys(f"{meaning.name} in {meaning.unit}" for meaning in units)
    clock = "with their own UTC offset" if zone is None else f"on the clock of {zone}"
    return ", ".join([*layout, *power, f"{times} {clock}", f"{minutes(slot_s)} interval"])


def _cells(table: Table, decimal_comma: bool, options: Options, findings: Findings) -> _Cells:
    """Every cell read; what is wrong in one column does not hide what is wrong in the next."""
    column = table.columns["timestamp"].name
    with suppress(FileRefused):
        times = times_of(table.cells["timestamp"], table.lines, findings, column=column, date_order=options.date_order)
    with suppress(FileRefused):
        ids, codes = households_of(table, findings)
    with suppress(FileRefused):
        load = _power(table, "load", decimal_comma, findings)
        solar = _power(table, "solar", decimal_comma, findings) if "solar" in table.columns else np.zeros(len(load))
    findings.stop_if_refused()
    if len(ids) > MAX_HOUSEHOLDS:
        raise findings.refusal(
            "too_many_households",
            f"{len(ids):,} households, above the limit of {MAX_HOUSEHOLDS:,}",
            fix="split the file",
        )
    positions = positions_of(table, ids, codes, findings, decimal_comma=decimal_comma)
    check_time_of_day(table, times, findings)
    findings.stop_if_refused()
    return _Cells(times, ids, codes, load, solar, positions)


def _meanings(table: Table, options: Options, findings: Findings) -> tuple[Meaning, Meaning | None]:
    load = meaning_of(table.columns["load"], table.header_line, options, findings)
    if "solar" in table.columns:
        return load, meaning_of(table.columns["solar"], table.header_line, options, findings)
    findings.warning(
        "no_solar", "no solar column: taken as a consumer without panels", line=table.header_line, column="solar_kW"
    )
    return load, None


def _power(table: Table, role: Role, decimal_comma: bool, findings: Findings) -> FloatArray:
    column, cells = table.columns[role], table.cells[role]
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
    return numbers.values


def _by_household(cells: _Cells, utc_s: IntArray, lines: IntArray) -> list[Rows]:
    if len(cells.ids) == 1:
        return [Rows(cells.ids[0], utc_s, cells.load, cells.solar, lines)]
    order = np.argsort(cells.codes, kind="stable")
    parts = np.split(order, np.searchsorted(cells.codes[order], np.arange(1, len(cells.ids))))
    return [
        Rows(household_id, utc_s[at], cells.load[at], cells.solar[at], lines[at])
        for household_id, at in zip(cells.ids, parts, strict=True)
    ]


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
