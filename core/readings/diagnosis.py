"""The reader of any file: says how it understood the file, or names line, column and text of what it cannot read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from core.market.community import FloatArray
from core.readings.clock import utc_of
from core.readings.columns import Role
from core.readings.fields import Position, check_time_of_day, households_of, positions_of
from core.readings.issues import FileRefused, Findings
from core.readings.layout import Table, table_of
from core.readings.numbers import has_decimal_comma, numbers_of
from core.readings.options import MAX_HOUSEHOLDS, Options
from core.readings.power import Power, power_of, to_kilowatts
from core.readings.series import Rows, Series, grid_of, in_order, interval_of, minutes, on_grid
from core.readings.times import Times, times_of
from core.readings.zones import IntArray

_NUMERIC: tuple[Role, ...] = ("load", "solar", "latitude", "longitude")


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
class _Columns:
    """The columns of a file: times, ids and the place of each row's id, power in the file's unit, positions."""

    times: Times
    ids: list[str]
    codes: IntArray
    load: FloatArray
    solar: FloatArray
    positions: list[Position | None]


def diagnose(text: str, encoding: str, findings: Findings, *, options: Options) -> FileReading:
    """Read the text of one file. Raises FileRefused; the reasons are in `findings`."""
    table = table_of(text, findings)
    load = power_of(table, "load", options)
    solar = power_of(table, "solar", options) if "solar" in table.cells else None
    if solar is None:
        what = "no solar column: taken as a consumer without panels"
        findings.warning("no_solar", what, line=table.header_line, column="solar_kW")
    decimal_comma = has_decimal_comma(table.cells[role] for role in _NUMERIC if role in table.cells)
    columns = _columns(table, load, solar, decimal_comma, options)
    stamps = table.cells["timestamp"]
    utc_s = utc_of(columns.times, stamps, columns.ids, columns.codes, options=options)
    households = [in_order(rows, options.zone, stamps) for rows in _by_household(columns, utc_s)]
    findings.stop_if_refused()
    slot_s = interval_of(households, stamps)
    households = [to_kilowatts(rows, slot_s, load=load, solar=solar, options=options) for rows in households]
    _refuse_nothing_read(households, load)
    findings.stop_if_refused()
    start_s, slots = grid_of(households, slot_s, stamps)
    series = tuple(
        on_grid(rows, slot_s, start_s=start_s, slots=slots, file=findings.file, position=position)
        for rows, position in zip(households, columns.positions, strict=True)
    )
    stated_zone = columns.times.offset_s is not None
    how = how_read(
        [encoding, *table.remarks],
        units=[f"{power.cells.column} in {power.unit}" for power in (load, solar) if power is not None],
        times=columns.times.how,
        zone=None if stated_zone else options.time_zone,
        slot_s=slot_s,
    )
    return FileReading(series, table.rows, how + (", decimal comma" if decimal_comma else ""), stated_zone)


def how_read(layout: list[str], *, units: list[str], times: str, zone: str | None, slot_s: int) -> str:
    """The sentence that says how a file was read; zone None when the times state their own."""
    clock = "with their own UTC offset" if zone is None else f"on the clock of {zone}"
    return ", ".join([*layout, *units, f"{times} {clock}", f"{minutes(slot_s)} interval"])


def _columns(table: Table, load: Power, solar: Power | None, decimal_comma: bool, options: Options) -> _Columns:
    """Every cell read; what is wrong in one column does not hide what is wrong in the next."""
    findings = load.cells.findings
    with suppress(FileRefused):
        times = times_of(table.cells["timestamp"], date_order=options.date_order)
    with suppress(FileRefused):
        ids, codes = households_of(table, findings)
    with suppress(FileRefused):
        load_values = _power(load, decimal_comma)
        solar_values = np.zeros(table.rows) if solar is None else _power(solar, decimal_comma)
    findings.stop_if_refused()
    if len(ids) > MAX_HOUSEHOLDS:
        what = f"{len(ids):,} households, above the limit of {MAX_HOUSEHOLDS:,}"
        raise findings.refusal("too_many_households", what, fix="split the file")
    positions = positions_of(table, ids, codes, decimal_comma=decimal_comma)
    check_time_of_day(table, times)
    findings.stop_if_refused()
    return _Columns(times, ids, codes, load_values, solar_values, positions)


def _power(power: Power, decimal_comma: bool) -> FloatArray:
    """The numbers of a power column; missing ones are said."""
    expected = "give kilowatts, such as 0.42" if power.unit == "kW" else f"give {power.unit}, such as 0.42"
    values = numbers_of(power.cells, expected=expected, decimal_comma=decimal_comma)
    missing = np.nonzero(np.isnan(values))[0].tolist()
    if missing:
        first = missing[0]
        what = f"{power.cells.quoted(first)} is" if power.cells.texts[first] else "an empty cell is"
        power.cells.warning(first, "missing_value", f"{what} a missing value, not zero ({power.cells.listed(missing)})")
    return values


def _by_household(columns: _Columns, utc_s: IntArray) -> list[Rows]:
    whole = Rows("", utc_s, columns.load, columns.solar, np.arange(len(utc_s)))
    order = np.argsort(columns.codes, kind="stable")
    parts = np.split(order, np.searchsorted(columns.codes[order], np.arange(1, len(columns.ids))))
    return [replace(whole.take(rows), household_id=one) for one, rows in zip(columns.ids, parts, strict=True)]


def _refuse_nothing_read(households: list[Rows], load: Power) -> None:
    for rows in households:
        if (np.isnan(rows.load) | np.isnan(rows.solar)).all():
            column = "load" if np.isnan(rows.load).all() else "solar"
            what = f"{rows.household_id} has no reading with both load and solar"
            fix = f"give its {column}, or remove the column if there is none"
            load.cells.findings.error("no_value", what, fix=fix)
