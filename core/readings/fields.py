"""Who and where: household ids, positions and the hour of the day that a file states."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import numpy as np

from core.market.community import FloatArray
from core.readings.columns import Role
from core.readings.issues import Cells, Findings, count, quote
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
    if "household_id" not in table.cells:
        return _from_name(table.rows, findings)
    cells = table.cells["household_id"]
    ids: dict[str, int] = {}
    codes = np.empty(table.rows, dtype=np.int64)
    for row, text in enumerate(cells.texts):
        known = ids.get(text)
        if known is None:
            known = ids[text] = len(ids)
            _check_id(cells, row)
        codes[row] = known
    findings.stop_if_refused()
    return list(ids), codes


def positions_of(table: Table, ids: list[str], codes: IntArray, *, decimal_comma: bool) -> list[Position | None]:
    """Latitude and longitude of each household: the first that the file states."""
    if not table.cells.keys() >= LIMIT_DEG.keys():
        return [None] * len(ids)
    latitudes, longitudes = (
        _degrees(table.cells[role], role, len(ids), codes, decimal_comma=decimal_comma) for role in LIMIT_DEG
    )
    unknown = np.isnan(latitudes) | np.isnan(longitudes)
    pairs = zip(latitudes.tolist(), longitudes.tolist(), strict=True)
    return [None if unknown[at] else pair for at, pair in enumerate(pairs)]


def check_time_of_day(table: Table, times: Times) -> None:
    """Warn when the column time_of_day shows another hour than the timestamp; the timestamp counts."""
    cells = table.cells.get("time_of_day")
    if cells is None or "since 1970" in times.how:
        return
    said = np.array([_hour(text) for text in cells.texts])
    odd = np.nonzero(~(hours_apart(said, times.wall_s) <= HOUR_TOLERANCE))[0]
    if odd.size:
        what = f"time_of_day does not match timestamp in {count(odd.size, 'row')}; timestamp used"
        cells.warning(int(odd[0]), "time_of_day", what)


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


def _check_id(cells: Cells, row: int) -> None:
    text = cells.texts[row]
    if not text:
        cells.error(row, "household_id_empty", "household_id is empty", fix="write the id in every row")
    elif not HOUSEHOLD_ID.fullmatch(text):
        what = f"{quote(text)} cannot be a household: household_id must match [A-Za-z0-9_-]{{1,64}}"
        cells.error(row, "household_id", what, fix="use letters, digits, _ and -")


def _degrees(cells: Cells, role: Role, households: int, codes: IntArray, *, decimal_comma: bool) -> FloatArray:
    """The first stated value of each household, `[household]`, NaN where none is."""
    limit = LIMIT_DEG[role]
    values = numbers_of(cells, expected="give degrees, such as 28.6", decimal_comma=decimal_comma)
    cells.findings.stop_if_refused()
    for row in np.nonzero(np.abs(values) > limit)[0].tolist():
        what = f"{cells.quoted(row)} is out of range: {role} must be -{limit:.0f}..{limit:.0f}"
        cells.error(row, "position", what, fix="give degrees, or remove the column")
    first = np.full(households, np.nan)
    stated = np.nonzero(~np.isnan(values))[0][::-1]
    first[codes[stated]] = values[stated]
    moved = np.nonzero(np.abs(values - first[codes]) > 1e-9)[0]
    if moved.size:
        row = int(moved[0])
        cells.warning(row, "position_changes", f"{role} changes in row {cells.lines[row]}; first value used")
    return first


def _hour(cell: str) -> float:
    try:
        hour = float(cell.replace(",", "."))
    except ValueError:
        return float("nan")
    return hour if 0 <= hour <= 24 else float("nan")
