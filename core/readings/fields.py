"""Who and where: household ids, positions and the hour of the day that a file states."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import numpy as np

from core.market.community import FloatArray
from core.readings.columns import Role
from core.readings.issues import Findings, count, quote
from core.readings.layout import Table
from core.readings.numbers import numbers_of
from core.readings.times import Times
from core.readings.zones import IntArray

HOUSEHOLD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_COPY_SUFFIX = re.compile(r"(\s*\(\d+\)|\s+-\s+Copy.*)$")
HOUR_TOLERANCE = 0.02
LIMIT_DEG: dict[Role, float] = {"latitude": 90.0, "longitude": 180.0}

Position = tuple[float, float]


def id_of_file(name: str) -> str:
    """The household id that a file's name states: HH001 for HH001.csv and for HH001 (1).csv."""
    return _COPY_SUFFIX.sub("", PurePosixPath(name).stem)


def households_of(table: Table, findings: Findings) -> tuple[list[str], IntArray]:
    """The ids in the order they appear, and for each row the place of its id."""
    if "household_id" not in table.columns:
        return _from_name(len(table.lines), findings)
    column = table.columns["household_id"].name
    ids: dict[str, int] = {}
    codes = np.empty(len(table.lines), dtype=np.int64)
    for row, cell in enumerate(table.cells["household_id"]):
        known = ids.get(cell)
        if known is None:
            known = ids[cell] = len(ids)
            _check_id(cell, table.lines[row], findings, column)
        codes[row] = known
    findings.stop_if_refused()
    return list(ids), codes


def positions_of(
    table: Table, ids: list[str], codes: IntArray, findings: Findings, *, decimal_comma: bool
) -> list[Position | None]:
    """Latitude and longitude of each household: the first that the file states."""
    if "latitude" not in table.columns or "longitude" not in table.columns:
        return [None] * len(ids)
    stated = [_degrees(table, role, limit, ids, codes, findings, decimal_comma) for role, limit in LIMIT_DEG.items()]
    pairs = zip(*stated, strict=True)
    return [
        None if np.isnan(latitude) or np.isnan(longitude) else (latitude, longitude) for latitude, longitude in pairs
    ]


def check_time_of_day(table: Table, times: Times, findings: Findings) -> None:
    """Warn when the column time_of_day shows another hour than the timestamp; the timestamp counts."""
    column = table.columns.get("time_of_day")
    if column is None or "since 1970" in times.how:
        return
    said = np.array([_hour(cell) for cell in table.cells["time_of_day"]])
    odd = np.nonzero(~(hours_apart(said, times.wall_s) <= HOUR_TOLERANCE))[0]
    if odd.size:
        findings.warning(
            "time_of_day",
            f"time_of_day does not match timestamp in {count(int(odd.size), 'row')}; timestamp used",
            line=table.lines[odd[0]],
            column=column.name,
            raw=table.cells["time_of_day"][odd[0]],
        )


def hours_apart(hours: FloatArray, wall_s: IntArray) -> FloatArray:
    """Hours between stated hours of the day and the clock's, the short way round, `[row]`."""
    apart: FloatArray = np.abs((hours - wall_s % 86_400 / 3600 + 12) % 24 - 12)
    return apart


def _from_name(rows: int, findings: Findings) -> tuple[list[str], IntArray]:
    household_id = id_of_file(findings.file)
    if not HOUSEHOLD_ID.fullmatch(household_id):
        raise findings.refusal(
            "household_id",
            f"no household_id column, and the file name {quote(household_id)} is no household id",
            column="household_id",
            raw=household_id,
            fix="name the file like HH001.csv, or add the column",
        )
    findings.note("id_from_name", f"no household_id column: {household_id} taken from the file name")
    return [household_id], np.zeros(rows, dtype=np.int64)


def _check_id(cell: str, line: int, findings: Findings, column: str) -> None:
    if not cell:
        findings.error(
            "household_id_empty",
            "household_id is empty",
            line=line,
            column=column,
            raw=cell,
            fix="write the id in every row",
        )
    elif not HOUSEHOLD_ID.fullmatch(cell):
        findings.error(
            "household_id",
            f"{quote(cell)} cannot be a household: household_id must match [A-Za-z0-9_-]{{1,64}}",
            line=line,
            column=column,
            raw=cell,
            fix="use letters, digits, _ and -",
        )


def _degrees(
    table: Table, role: Role, limit: float, ids: list[str], codes: IntArray, findings: Findings, decimal_comma: bool
) -> FloatArray:
    """The first stated value of each household, `[household]`, NaN where none is."""
    column, cells = table.columns[role].name, table.cells[role]
    values = numbers_of(
        cells, table.lines, findings, column=column, expected="give degrees, such as 28.6", decimal_comma=decimal_comma
    ).values
    for row in np.nonzero(np.abs(values) > limit)[0][:10]:
        findings.error(
            "position",
            f"{quote(cells[row])} is out of range: {role} must be -{limit:.0f}..{limit:.0f}",
            line=table.lines[row],
            column=column,
            raw=cells[row],
            fix="give degrees, or remove the column",
        )
    first = np.full(len(ids), np.nan)
    stated = np.nonzero(~np.isnan(values))[0][::-1]
    first[codes[stated]] = values[stated]
    moved = np.nonzero(np.abs(values - first[codes]) > 1e-9)[0]
    if moved.size:
        row = int(moved[0])
        findings.warning(
            "position_changes",
            f"{role} changes in row {table.lines[row]}; first value used",
            line=table.lines[row],
            column=column,
            raw=cells[row],
        )
    return first


def _hour(cell: str) -> float:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return float("nan")
