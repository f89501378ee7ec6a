"""The reader of clean native files: the same answer as the diagnosis, many times faster, or no answer at all.

Everything is checked that the diagnosis checks. Whatever gives the slightest doubt (a quote, a missing value, a step
that is not the interval, a value out of bounds, a second household) is left to the diagnosis, which names it.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from core.market.community import FloatArray
from core.readings.clock import note_doubled
from core.readings.diagnosis import FileReading, how_read
from core.readings.fields import HOUR_TOLERANCE, HOUSEHOLD_ID, LIMIT_DEG, hours_apart
from core.readings.issues import Findings
from core.readings.options import MAX_CELL_CHARACTERS, MAX_ROWS, Options
from core.readings.power import is_register
from core.readings.series import DAY_S, Series
from core.readings.times import FIRST_S, LAST_S
from core.readings.zones import IntArray, Placed, place

_HEADER = re.compile(rb"timestamp,household_id,load_kW,solar_kW(,latitude,longitude)?(,time_of_day)?\r?\n")
_FLOATS = ("load_kW", "solar_kW", "latitude", "longitude", "time_of_day")
_KILOWATTS = ["load_kW in kW", "solar_kW in kW"]
_STRICT = {"null_values": [], "strings_can_be_null": False}


def read_clean(data: bytes, findings: Findings, options: Options) -> FileReading | None:
    """Read a native file of one household, or None, and nothing found, when it is not all as the format says."""
    if options.unit not in ("header", "kW") or not _looks_clean(data):
        return None
    table, stated_zone = _table(data)
    if table is None or table.num_rows < 2:
        return None
    ids = table["household_id"].chunk(0).dictionary
    if len(ids) != 1 or not HOUSEHOLD_ID.fullmatch(ids[0].as_py()):
        return None
    wall_s = _seconds(table["timestamp"].chunk(0))
    if wall_s.min() < FIRST_S or wall_s.max() >= LAST_S:
        return None
    placed = Placed(wall_s, [], [], doubled=False) if stated_zone else place(wall_s, None, options.zone)
    utc_s = placed.utc_s
    if placed.skipped or placed.unclear or not _regular(wall_s, utc_s):
        return None
    columns = {name: _numbers(table[name].chunk(0)) for name in table.column_names if name in _FLOATS}
    if not _possible(columns, wall_s, utc_s, options):
        return None
    if placed.doubled:
        note_doubled(options, findings)
    position = (float(columns["latitude"][0]), float(columns["longitude"][0])) if "latitude" in columns else None
    slot_s = int(utc_s[1] - utc_s[0])
    series = Series(
        ids[0].as_py(), findings.file, int(utc_s[0]), slot_s, columns["load_kW"], columns["solar_kW"], position
    )
    how = how_read(
        ["UTF-8", "comma-separated", "header in line 1"],
        units=_KILOWATTS,
        times="times as year-month-day",
        zone=None if stated_zone else options.time_zone,
        slot_s=slot_s,
    )
    return FileReading((series,), len(utc_s), how, stated_zone)


def _looks_clean(data: bytes) -> bool:
    """Plain ASCII under a native header, without quotes, with one kind of line end, rows and lines within limits."""
    if not _HEADER.match(data) or not data.isascii() or b'"' in data or b"\0" in data:
        return False
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return False
    ends = np.nonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))[0]
    return bool(len(ends) <= MAX_ROWS and np.diff(ends, append=len(data)).max() <= MAX_CELL_CHARACTERS)


def _table(data: bytes) -> tuple[pa.Table | None, bool]:
    """The columns, and whether the times end in Z. None when a cell is not what its column holds."""
    header = _HEADER.match(data)
    assert header is not None
    names = header[0].strip().decode().split(",")
    first = data[header.end() : header.end() + 40].split(b",")[0]
    stated_zone = first.endswith(b"Z")
    types = dict.fromkeys(_FLOATS, pa.float64()) | {
        "timestamp": pa.timestamp("s", "UTC" if stated_zone else None),
        "household_id": pa.dictionary(pa.int32(), pa.string()),
    }
    try:
        table = pc.read_csv(
            pa.BufferReader(data),
            read_options=pc.ReadOptions(block_size=len(data) + 1),
            convert_options=pc.ConvertOptions(column_types={name: types[name] for name in names}, **_STRICT),
        )
    except pa.ArrowInvalid:
        return None, stated_zone
    if stated_zone and not _all_end_in_z(data, table):
        return None, stated_zone
    return table, stated_zone


def _seconds(column: pa.Array) -> IntArray:
    """A column of times without missing values as seconds, straight from its buffer.

    pyarrow's own way to numpy would import pandas first.
    """
    return np.frombuffer(column.buffers()[1], dtype=np.int64, count=len(column), offset=column.offset * 8)


def _numbers(column: pa.Array) -> FloatArray:
    """A column of numbers without missing values, in memory of its own: the table can go."""
    return np.frombuffer(column.buffers()[1], dtype=np.float64, count=len(column), offset=column.offset * 8).copy()


def _all_end_in_z(data: bytes, table: pa.Table) -> bool:
    """Whether every time states UTC with a Z: other offsets are for the diagnosis."""
    household_id = str(table["household_id"].chunk(0).dictionary[0]) if table.num_rows else ""
    return bool(data.count(b"Z,") == table.num_rows * (1 + household_id.endswith("Z")))


def _regular(wall_s: IntArray, utc_s: IntArray) -> bool:
    """Whether the times climb in equal steps of whole minutes, up to a day, within the years that are read."""
    steps = np.diff(utc_s)
    step = int(steps[0])
    within = wall_s[0] >= FIRST_S and wall_s[-1] < LAST_S
    return bool(within and 60 <= step <= DAY_S and step % 60 == 0 and (steps == step).all())


def _possible(columns: dict[str, FloatArray], wall_s: IntArray, utc_s: IntArray, options: Options) -> bool:
    """Whether every value is possible for a home, the position stays where it is, and the hour agrees with the time."""
    for column in ("load_kW", "solar_kW"):
        values = columns[column]
        if not (values.min() >= 0.0 and values.max() <= options.max_kw):  # false for NaN too
            return False
        if options.cumulative != "keep" and is_register(values, utc_s, "kW", DAY_S, options.max_kw):
            return False
    for column, limit in LIMIT_DEG.items():
        degrees = columns.get(column)
        if degrees is not None and not (abs(degrees[0]) <= limit and (degrees == degrees[0]).all()):
            return False
    hours = columns.get("time_of_day")
    if hours is None:
        return True
    within = hours.min() >= 0.0 and hours.max() <= 24.0
    return bool(within and (hours_apart(hours, wall_s) <= HOUR_TOLERANCE).all())
