"""A foreign table to tracks: one home, one quantity, times and values, with what was assumed on the way."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from core.market.community import FloatArray
from core.readings.issues import Findings, quote, some
from core.readings.moments import DAY_S, IntArray, Moments, NotATime, moments_of, moments_of_parts
from core.readings.options import Options
from core.readings.roles import (
    POWER_ROLES,
    Meaning,
    is_date,
    meanings,
    power_role,
    tokens_of,
    unit_of,
    words,
)
from core.readings.shapes import long_of
from core.readings.tables import RawTable
from core.readings.zones import place

MISSING = frozenset(
    (
        "",
        "-",
        "--",
        "?",
        "na",
        "n/a",
        "#n/a",
        "null",
        "none",
        "nan",
        "unavailable",
        "unknown",
        "no ct",
        "offline",
        "error",
    )
)
NO_DATE = "2024-01-01"
"""The day that readings without a date are put on, until a person names another."""
KNOWN_UNITS = {"global_active_power": "kW"}
WATTS_ABOVE = 25.0
"""Numbers without a unit above this at the middle are watts: no home draws so many kilowatts."""


@dataclass(frozen=True, slots=True)
class Track:
    """utc_s, values: `[reading]`, as in the file, NaN where missing; unit: of the values, "" where nobody says.

    ends: whether the times name the end of each interval. part: a phase or tariff that is added up.
    """

    home: str
    role: str
    unit: str
    utc_s: IntArray
    values: FloatArray
    lines: IntArray
    file: str
    column: str
    part: str = ""
    ends: bool = False
    running: bool = False


@dataclass(slots=True)
class Reading:
    """Tracks of one file, and what a person has to know: notes are certain, doubts are guesses.

    columns: what each column means, by its name, as `Options.columns` takes it.
    """

    tracks: list[Track] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    zoned: bool = False
    columns: dict[str, dict[str, str]] = field(default_factory=dict)


def tracks_of(table: RawTable, options: Options, findings: Findings) -> Reading:
    """Every track of a table. Raises FileRefused naming line, column and text."""
    reading = Reading(notes=list(table.notes))
    table = long_of(table)
    found = meanings(table, options.columns)
    reading.columns = {
        m.name: {"role": m.role, "unit": m.unit} if m.unit else {"role": m.role} for m in reversed(found)
    }
    moments, ends = _moments(table, found, options, findings, reading)
    homes = _homes(table, found, reading)
    role_of_file, stem, part_of_file = name_of_file(table.file)
    columns = [m for m in found if m.role in POWER_ROLES or m.role == "value"]
    columns = _without_registers(_without_totals(columns))
    quantity = _quantity(table, found, columns)
    if quantity is not None:
        columns = _one_unit(columns)
    if not columns:
        raise findings.refusal(
            "no_value",
            f"no column of energy or power among {some([n for n in table.header if n], 8)}",
            fix="choose the column, or export load and solar in kW or kWh",
        )
    wide = _wide(columns)
    for column in columns:
        for rows, home, role, sub in _groups(table, column, quantity, homes, wide, stem):
            role = _role(role, column, columns, role_of_file, table, reading)
            if role == "":
                continue
            unit = _unit(table, column, found, rows, options)
            values = _numbers(table, column, rows, findings)
            if role == "load" and np.nansum(values < 0) > 0.02 * len(values):
                role = "net"
                _once(reading.notes, f"{quote(column.name)} falls below zero: read as import less export.")
            utc_s = _utc(moments, rows, options, reading, table, found, findings)
            reading.tracks.append(
                Track(
                    home,
                    role,
                    unit,
                    utc_s,
                    values,
                    np.array([table.lines[r] for r in rows]),
                    table.file,
                    column.name,
                    "/".join(p for p in (column.part, sub, part_of_file) if p),
                    ends,
                    column.running,
                )
            )
    if not reading.tracks:
        raise findings.refusal("no_value", "no column with a meaning that is known", fix="choose what the columns mean")
    return reading


def _once(notes: list[str], sentence: str) -> None:
    if sentence not in notes:
        notes.append(sentence)


# ---- times


def _moments(
    table: RawTable, found: list[Meaning], options: Options, findings: Findings, reading: Reading
) -> tuple[Moments, bool]:
    """The times of all rows by the file's clock, and whether they name ends."""
    by_role = {m.role: m for m in reversed(found)}

    def cells(role: str) -> list[str]:
        return [row[by_role[role].place] for row in table.rows]

    order = options.date_order
    try:
        if "time" in by_role:
            moments, ends = moments_of([_trim(c) for c in cells("time")], order), False
        elif "date" in by_role and "clock" in by_role:
            moments, ends = moments_of_parts(cells("date"), cells("clock"), order), False
        elif "date" in by_role and ("hour" in by_role or "block" in by_role):
            moments, ends = _counted(table, by_role, order), False
        elif "end" in by_role:
            moments, ends = moments_of([_trim(c) for c in cells("end")], order), True
        elif "date_end" in by_role and "clock_end" in by_role:
            moments, ends = moments_of_parts(cells("date_end"), cells("clock_end"), order), True
        elif "date" in by_role and not _repeated(cells("date")):
            moments, ends = moments_of(cells("date"), order), False
        elif "clock" in by_role and "date" not in by_role:
            clocks = cells("clock")
            reading.doubts.append(
                f"The readings have no date: they were put on {NO_DATE}; choose the day if it matters (season, tariff)."
            )
            moments, ends = moments_of_parts([NO_DATE] * len(clocks), clocks, order), False
        else:
            raise findings.refusal(
                "no_time",
                f"no column of times among {some([n for n in table.header if n], 8)}",
                fix="give date and time of each reading",
            )
    except NotATime as error:
        code = "ambiguous_date" if error.ambiguous else "not_a_time"
        raise findings.refusal(
            code,
            str(error),
            line=table.lines[error.row],
            fix="say whether the day or the month comes first" if error.ambiguous else "need YYYY-MM-DD HH:MM:SS",
        ) from None
    if moments.guessed:
        reading.doubts.append("Day and month were told apart by the days following each other only.")
    return moments, ends


def _trim(cell: str) -> str:
    """A time without fractions of a second: 2024-06-01 00:00:00.0000000."""
    return re.sub(r"(:\d{2})[.,]\d+", r"\1", cell.strip())


def _repeated(dates: list[str]) -> bool:
    return len(set(dates)) < len(dates) and is_date(dates[0])


def _counted(table: RawTable, by_role: dict[str, Meaning], order: str) -> Moments:
    """A date and a number: hours 0 to 23 are starts, 1 to 24 (25 in autumn) ends; blocks count from 1."""
    role = "block" if "block" in by_role else "hour"
    numbers = [int(row[by_role[role].place] or 0) for row in table.rows]
    dates = [row[by_role["date"].place] for row in table.rows]
    midnights = moments_of_parts(dates, ["00:00"] * len(dates), order)  # type: ignore[arg-type]
    most, least = max(numbers), min(numbers)
    if role == "block":
        per_day = 96 if most > 50 else 48 if most > 25 else 24
        seconds = [(n - 1) * DAY_S // per_day for n in numbers]
    else:
        first = 1 if least == 1 else 0
        seconds = [(n - first) * 3600 for n in numbers]
    return Moments(midnights.wall_s + np.array(seconds, dtype=np.int64), None, midnights.guessed)


def _utc(
    moments: Moments,
    rows: list[int],
    options: Options,
    reading: Reading,
    table: RawTable,
    found: list[Meaning],
    findings: Findings,
) -> IntArray:
    """Seconds UTC of some rows: by the offset they state, the zone their column names, else the site's zone."""
    at = np.array(rows)
    wall: IntArray = moments.wall_s[at]
    if moments.offset_s is not None:
        reading.zoned = True
        stated: IntArray = wall - moments.offset_s[at]
        return stated
    zone = next((m.zone for m in found if m.role in ("time", "date", "clock", "end") and m.zone), "")
    if zone == "UTC":
        reading.zoned = True
        if options.time_zone != "UTC":
            _once(reading.notes, f"Times are UTC, as the file says; the site is in {options.time_zone}.")
        return wall
    from zoneinfo import ZoneInfo, available_timezones

    used = ZoneInfo(zone) if zone in available_timezones() else options.zone
    if zone and zone != options.time_zone:
        _once(reading.notes, f"Times are those of {zone}, as the file says; the site is in {options.time_zone}.")
    hour = next((m for m in found if m.role == "hour"), None)
    if hour is not None and np.any(wall % DAY_S == 0):
        return _by_count(wall, used)
    placed = place(wall, None, used)
    if placed.skipped:
        row = rows[placed.skipped[0]]
        raise findings.refusal(
            "no_such_time",
            f"a time that the clock of {used.key} never shows",
            line=table.lines[row],
            fix="choose the zone of the file",
        )
    return placed.utc_s


def _by_count(wall: IntArray, zone: object) -> IntArray:
    """Hours counted through the day: the 24th or 25th of a day on which the clock changes stands where it counts to."""
    from datetime import UTC, datetime, timedelta

    days = wall // DAY_S
    hours = wall - days * DAY_S
    midnights = {}
    # the 25th hour was written as 24:00 or later, which is the next day by the clock
    for k in range(1, len(wall)):
        if hours[k] == 0 and hours[k - 1] == 23 * 3600 and days[k] == days[k - 1] + 1:
            following = k + 1 < len(wall) and hours[k + 1] == 0 and days[k + 1] == days[k]
            if following:
                days[k], hours[k] = days[k - 1], DAY_S
    for day in np.unique(days).tolist():
        midnight = datetime(1970, 1, 1) + timedelta(days=day)
        midnights[day] = int(midnight.replace(tzinfo=zone).astimezone(UTC).timestamp())  # type: ignore[arg-type]
    return np.array([midnights[int(d)] for d in days], dtype=np.int64) + hours


# ---- homes and quantities


def _homes(table: RawTable, found: list[Meaning], reading: Reading) -> list[str] | None:
    """The home of each row by a column, None where no column tells homes apart."""
    columns = [m for m in found if m.role == "household"]
    named = [
        m for m in columns if not words()["household"].isdisjoint({"_".join(tokens_of(m.name)), *tokens_of(m.name)})
    ]
    for m in named + [c for c in columns if c not in named]:
        values = [row[m.place] for row in table.rows]
        distinct = set(values)
        if "" not in distinct and (m in named or len(distinct) > 1) and len(distinct) <= 10_000:
            return [re.sub(r'^="?|"$', "", value) for value in values]
    return None


def name_of_file(file: str) -> tuple[str, str, str]:
    """Role, home and part that a file's name states: HH001_import.csv, house1/pv.csv, HH001_phaseA.csv."""
    path = PurePosixPath(file)
    stem = re.sub(r"(\s*\(\d+\)|\s+-\s+Copy.*)$", "", path.stem)
    pieces = [piece for piece in re.split(r"[^0-9A-Za-z\u0080-\uffff]+", stem) if piece]
    role, part, kept = "", "", []
    for piece in pieces:
        tokens = tokens_of(piece)
        said = power_role(tokens) if not re.search(r"\d", piece) else ""
        if said in POWER_ROLES and tokens[-1] not in ("house", "home", "haus", "casa", "maison", "huis", "net"):
            role = role or said
        elif re.fullmatch(r"phase[abc123]?|l[123]|t[12]", piece, re.I):
            part = piece.lower()
        else:
            kept.append(piece)
    home = "_".join(kept) if role or part else stem
    if not kept or (role and not home):
        home = path.parent.name or ""
    return role, home, part


def _quantity(table: RawTable, found: list[Meaning], columns: list[Meaning]) -> Meaning | None:
    """The column that says what each row measures: the one with most meanings among its values."""
    best: tuple[int, Meaning] | None = None
    for m in found:
        if m.role != "quantity":
            continue
        roles = {_role_of_text(text) for text in {row[m.place] for row in table.rows[:5000]}} - {""}
        distinct = {row[m.place] for row in table.rows[:5000]}
        told = len(distinct) > 1 or all(c.role == "value" for c in columns)
        if roles and told and (best is None or len(roles) > best[0]):
            best = (len(roles), m)
    return best[1] if best else None


def _role_of_text(text: str) -> str:
    if re.fullmatch(r"E\d*", text):
        return "import"
    if re.fullmatch(r"B\d*", text):
        return "export"
    role = power_role(tokens_of(text))
    return role if role in POWER_ROLES else ""


def _without_totals(columns: list[Meaning]) -> list[Meaning]:
    """Where a column is the total of a role, the others of that role are its parts."""
    kept = []
    for m in columns:
        same = [o for o in columns if o.role == m.role and o.of == m.of]
        totals = [o for o in same if set(tokens_of(o.name)) & words()["total"]]
        if totals and len(totals) < len(same) and m not in totals:
            continue
        kept.append(m)
    return kept


def _without_registers(columns: list[Meaning]) -> list[Meaning]:
    """A meter's total beside the energy of each interval says the same twice."""
    plain = [m for m in columns if not m.running and m.role in POWER_ROLES]
    return [m for m in columns if not m.running] if plain else columns


def _one_unit(columns: list[Meaning]) -> list[Meaning]:
    """Energy beside power of the same rows says the same twice: energy is kept."""
    energy = [m for m in columns if m.unit.endswith("h")]
    return energy if energy and len(energy) < len(columns) else columns


def _wide(columns: list[Meaning]) -> bool:
    """Whether the columns belong to several homes, told by what is left of their names."""
    homes = {m.of for m in columns if m.of}
    if len(homes) < 2 or any(not m.of for m in columns):
        return len(columns) >= 2 and len(homes) == 1 and all(m.of for m in columns) and _ends_in_digit(homes)
    per_role = Counter(m.role for m in columns)
    return max(per_role.values()) >= 2


def _ends_in_digit(homes: set[str]) -> bool:
    return all(re.search(r"\d$", home) for home in homes)


def _groups(
    table: RawTable, column: Meaning, quantity: Meaning | None, homes: list[str] | None, wide: bool, stem: str
) -> list[tuple[list[int], str, str, str]]:
    """Rows of the table by home and quantity: (rows, home, role or "", part)."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for at, row in enumerate(table.rows):
        home = homes[at] if homes is not None else column.of if wide else stem
        role, part = "", ""
        if quantity is not None:
            text = row[quantity.place]
            role = _role_of_text(text)
            if role == "":
                continue
            part = text
        found.setdefault((home, role, part), []).append(at)
    return [(rows, home, role, part) for (home, role, part), rows in found.items()]


def _role(role: str, column: Meaning, columns: list[Meaning], of_file: str, table: RawTable, reading: Reading) -> str:
    if role:
        return role
    if column.role in POWER_ROLES and not (column.role == "load" and of_file in ("export", "solar", "import")):
        return column.role
    if of_file:
        return of_file
    if column.role in POWER_ROLES:
        return column.role
    others = {c.role for c in columns if c.role in POWER_ROLES}
    if others == {"export"}:
        return "import"
    said = power_role(tokens_of(" ".join(table.preamble[:60])))
    if said in POWER_ROLES:
        _once(reading.notes, f"{quote(column.name)} is the {said}, as the lines above the table say.")
        return said
    if others:
        return ""
    _once(reading.doubts, f"{quote(column.name)} was taken as the load: nothing says what it measures.")
    return "load"


def _unit(table: RawTable, column: Meaning, found: list[Meaning], rows: list[int], options: Options) -> str:
    if options.unit != "header":
        return options.unit
    unit_column = next((m for m in found if m.role == "unit"), None)
    if unit_column is not None:
        stated = {unit_of(tokens_of(table.rows[r][unit_column.place])) for r in rows} - {""}
        if len(stated) == 1:
            return stated.pop()
    if column.unit:
        return column.unit
    for cell in table.preamble:
        stated_unit = unit_of(tokens_of(cell.partition(":")[2] or cell))
        if stated_unit not in ("", "other"):
            return stated_unit
    return KNOWN_UNITS.get("_".join(tokens_of(column.name)), "") or _in_text(table, rows, found)


def _in_text(table: RawTable, rows: list[int], found: list[Meaning]) -> str:
    """The unit in the name of what a row measures: sensor.solar_power_w."""
    quantity = next((m for m in found if m.role == "quantity"), None)
    return unit_of(tokens_of(table.rows[rows[0]][quantity.place])) if quantity is not None else ""


# ---- numbers


def _numbers(table: RawTable, column: Meaning, rows: list[int], findings: Findings) -> FloatArray:
    style = _style(table)
    known: dict[str, float] = {}
    values = np.empty(len(rows))
    for k, at in enumerate(rows):
        text = table.rows[at][column.place]
        if text not in known:
            value = None if style == "?" and "," in text else _number(text, style)
            if value is None:
                raise findings.refusal(
                    "not_a_number",
                    f"{quote(text)} is not a number",
                    line=table.lines[at],
                    column=column.name,
                    raw=text,
                    fix="give a number, or leave the cell empty where there is none",
                )
            known[text] = value
        values[k] = known[text]
    return values


def _style(table: RawTable) -> str:
    """The decimal sign of a table, "," or "."; "?" where every comma could group thousands and nothing tells.

    A comma is one where no cell has a decimal point, and one of them is no group of thousands (0,5 or 0,260).
    """
    grouped = decimal = point = 0
    for row in table.rows[:2000]:
        for cell in row:
            if "." not in cell and "," not in cell:
                continue
            if re.fullmatch(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+", cell):
                return ","
            if re.fullmatch(r"[+-]?[\d,]*\.\d+(?:[eE][+-]?\d+)?", cell):
                point += 1
            elif re.fullmatch(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", cell):
                grouped += 1
            elif re.fullmatch(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", cell):
                decimal += 1
    if point:
        return "."
    return "," if decimal else "?" if grouped else "."


def _number(text: str, style: str) -> float | None:
    """The number, NaN where missing, None where it is none."""
    if text.lower() in MISSING:
        return float("nan")
    plain = re.sub(r"(?<=\d)['\u00a0\u202f ](?=\d{3})", "", text)
    if style == ",":
        if not re.fullmatch(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*)(?:,\d+)?(?:[eE][+-]?\d+)?", plain) or not plain:
            return None
        plain = plain.replace(".", "").replace(",", ".")
    elif "," in plain:
        if not re.fullmatch(r"[+-]?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?", plain):
            return None
        plain = plain.replace(",", "")
    if not re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", plain, re.ASCII):
        return None
    value = float(plain)
    return value if np.isfinite(value) else None
