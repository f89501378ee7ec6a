"""Files with a grammar of their own become the table that everything else is read as: one row a reading, in words.

NEM12 is Australia's meter data file (AEMO, Meter Data File Format Specification NEM12 & NEM13, v2.6): records 100, 200,
300, 400, 500, 900. Green Button is the XML of the ESPI standard (NAESB REQ.21): ReadingType, IntervalBlock,
IntervalReading. An Excel workbook is its first sheet that holds a table.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from core.readings.issues import Findings, quote
from core.readings.options import MAX_FILE_BYTES

TABLE = ("start", "household", "quantity", "value", "unit", "status")
"""Header of what NEM12 and Green Button become. start: with its offset from UTC; quantity: import or export; status:
empty, or estimated; the value is empty where the file says that there is none."""

NEM12_OFFSET = "+10:00"
"""NEM12 keeps Australian Eastern Standard Time all year, wherever the meter is."""
MAX_UNPACKED = 15
"""How many times the limit of a file a workbook may unpack to."""
MINUTES_A_DAY = 1_440
UNITS = {"WH": "Wh", "KWH": "kWh", "MWH": "MWh"}
REACTIVE = ("VARH", "VAH", "VAR", "VA")
ESPI_ENERGY_WH = "72"
ESPI_FLOW = {"1": "import", "19": "export"}
"""flowDirection of the ESPI standard: 1 delivered to the home, 19 received from it."""

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text. lines: where each row stands in the file, the first is 1. notes: what was decided on the way."""

    header: Row
    rows: list[Row]
    lines: list[int]
    notes: tuple[str, ...] = ()


def is_nem12(text: str) -> bool:
    """Whether the text begins like a NEM12 file."""
    return re.match(r'\s*"?100"?\s*,\s*"?NEM12"?', text, re.IGNORECASE) is not None


def is_green_button(text: str) -> bool:
    """Whether the text is XML that holds readings of the ESPI standard."""
    return text.lstrip("\ufeff \t\r\n").startswith("<") and "IntervalReading" in text


def nem12(text: str, findings: Findings) -> Sheet:
    """Every interval of every register. Raises FileRefused naming the line and what is wrong with it."""
    reader = _Nem12(findings)
    for line, raw in enumerate(text.split("\n"), start=1):
        if raw.strip():
            reader.take(line, [cell.strip().strip('"') for cell in raw.split(",")])
    return reader.sheet()


@dataclass(slots=True)
class _Day:
    """One 300 record. values: as in the file, "" where there is none; updated: when the record was made."""

    line: int
    values: list[str]
    status: list[str]
    updated: str


class _Nem12:
    """Reads record after record; a 200 record says what the 300 records below it hold."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._register: tuple[str, str, str, str] | None = None  # NMI, suffix, quantity, unit
        self._minutes = 0
        self._days: dict[tuple[str, str, str, str, int, date], _Day] = {}
        self._day: _Day | None = None
        self._ignored: set[str] = set()
        self._replaced = 0
        self._ended = False

    def take(self, line: int, cells: list[str]) -> None:
        kind = cells[0]
        if kind == "200":
            self._begin(line, cells)
        elif kind == "300":
            self._read(line, cells)
        elif kind == "400":
            self._mark(line, cells)
        elif kind == "900":
            self._ended = True
        elif kind not in ("100", "500"):
            raise self._wrong(line, f"record {quote(kind)} is not one of 100, 200, 300, 400, 500, 900", cells)

    def sheet(self) -> Sheet:
        rows: list[Row] = []
        lines: list[int] = []
        for (nmi, _, quantity, unit, minutes, day), found in sorted(
            self._days.items(), key=lambda item: (item[0][0], item[0][5], item[0][1])
        ):
            midnight = datetime.combine(day, time())
            for place, (value, status) in enumerate(zip(found.values, found.status, strict=True)):
                start = midnight + timedelta(minutes=minutes * place)
                rows.append((f"{start:%Y-%m-%dT%H:%M:%S}{NEM12_OFFSET}", nmi, quantity, value, unit, status))
                lines.append(found.line)
        if not rows:
            raise self._findings.refusal(
                "no_rows", "a NEM12 file without an energy register", fix="export import (E) or export (B) registers"
            )
        notes = [f"NEM12: times are {NEM12_OFFSET[:3]} h from UTC all year, and name the start of each interval."]
        if self._ignored:
            notes.append(f"Registers that hold no energy were left out: {', '.join(sorted(self._ignored))}.")
        if self._replaced:
            notes.append(f"{self._replaced} day records were replaced by a newer one of the same register and day.")
        if not self._ended:
            notes.append("The file has no 900 record at its end: it may be cut off.")
        return Sheet(TABLE, rows, lines, tuple(notes))

    def _begin(self, line: int, cells: list[str]) -> None:
        self._day = None
        if len(cells) < 9:
            raise self._wrong(line, f"a 200 record has {len(cells)} fields, expected at least 9", cells)
        nmi, suffix, unit, minutes = cells[1], cells[4].upper(), cells[7].upper(), cells[8]
        if not minutes.isdigit() or int(minutes) not in (1, 5, 15, 30, 60):
            raise self._wrong(line, f"the interval length is {quote(minutes)}, expected 5, 15 or 30 minutes", cells)
        self._minutes = int(minutes)
        quantity = {"E": "import", "B": "export"}.get(suffix[:1])
        if unit.endswith(REACTIVE) or (unit in UNITS and quantity is None):
            self._ignored.add(f"{suffix} ({cells[7]})")
            self._register = None
            return
        if unit not in UNITS or quantity is None:
            raise self._wrong(
                line, f"register {quote(suffix)} in {quote(cells[7])} is not one of energy (E or B, in kWh)", cells
            )
        self._register = (nmi, suffix, quantity, UNITS[unit])

    def _read(self, line: int, cells: list[str]) -> None:
        if not self._minutes:
            raise self._wrong(line, "a 300 record stands before the first 200 record", cells)
        self._day = None
        if self._register is None:
            return
        count = MINUTES_A_DAY // self._minutes
        if len(cells) < count + 3:
            raise self._wrong(
                line, f"a day of {self._minutes} minutes has {len(cells)} fields, expected at least {count + 3}", cells
            )
        try:
            day = datetime.strptime(cells[1], "%Y%m%d").date()
        except ValueError:
            raise self._wrong(line, f"{quote(cells[1])} is not a date such as 20240601", cells) from None
        quality, updated = cells[2 + count], cells[6 + count] if len(cells) > 6 + count else ""
        status = "estimated" if quality[:1] in ("E", "S", "F") else ""
        values = cells[2 : 2 + count]
        if quality[:1] == "N":
            values = [""] * count
        found = _Day(line, list(values), [status] * count, updated)
        key = (*self._register, self._minutes, day)
        earlier = self._days.get(key)
        if earlier is not None:
            if earlier.updated == updated and earlier.values != found.values:
                raise self._wrong(
                    line, f"the day of line {earlier.line} again with other values and no newer time", cells
                )
            self._replaced += 1
        if earlier is None or updated >= earlier.updated:
            self._days[key] = found
        self._day = found

    def _mark(self, line: int, cells: list[str]) -> None:
        """A 400 record says the quality of some intervals of the day above it, counted from 1."""
        if self._register is None:
            return
        if self._day is None or len(cells) < 4 or not (cells[1].isdigit() and cells[2].isdigit()):
            raise self._wrong(line, "a 400 record does not belong to a day", cells)
        first, last, quality = int(cells[1]), int(cells[2]), cells[3][:1]
        if not 1 <= first <= last <= len(self._day.values):
            raise self._wrong(line, f"intervals {first} to {last} are not in the day", cells)
        for place in range(first - 1, last):
            if quality == "N":
                self._day.values[place] = ""
            self._day.status[place] = "estimated" if quality in ("E", "S", "F") else ""

    def _wrong(self, line: int, what: str, cells: list[str]) -> Exception:
        return self._findings.refusal(
            "nem12", what, line=line, raw=",".join(cells[:6]), fix="export the file again from the meter data portal"
        )


def green_button(data: bytes, findings: Findings, *, household: str) -> Sheet:
    """Every interval of every usage point. household: its name where the file has one usage point.

    Raises FileRefused naming what is missing: no ReadingType, another unit than Wh, an interval without a value.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError) as error:
        what = f"not valid XML ({str(error)[:80] or type(error).__name__})"
        raise findings.refusal("green_button", what, fix="download it again") from error
    return _Espi(findings, household).read(root)


class _Espi:
    """Entries are tied by their links: a meter reading's self link is the parent of its blocks, and names its type."""

    def __init__(self, findings: Findings, household: str) -> None:
        self._findings, self._household = findings, household
        self._rows: list[Row] = []
        self._left_out: set[str] = set()

    def read(self, root: Any) -> Sheet:
        entries = [node for node in root.iter() if _name(node) == "entry"] or [root]
        types = {
            link: node
            for place, entry in enumerate(entries)
            for node in _all(entry, "ReadingType")
            for link in _links(entry, "self") or [f"#{place}"]
        }
        typed: dict[str, str] = {}
        for entry in entries:
            if next(_all(entry, "MeterReading"), None) is not None:
                of_type = [link for link in _links(entry, "related") if link in types]
                typed.update({link: of_type[0] for link in _links(entry, "self") if of_type})
        points = sorted({_point(link) for e in entries for link in _links(e, "self") if _point(link)})
        for entry in entries:
            for block in _all(entry, "IntervalBlock"):
                kind = self._type_of(entry, types, typed)
                point = next((_point(link) for link in _links(entry, "self") + _links(entry, "up") if _point(link)), "")
                home = self._household if len(points) < 2 else f"{self._household}-{points.index(point) + 1}"
                self._block(block, kind, home)
        if not self._rows:
            left_out = f" ({', '.join(sorted(self._left_out))} left out)" if self._left_out else ""
            raise self._findings.refusal(
                "green_button", f"no electricity reading in it{left_out}", fix="download the usage of electricity"
            )
        notes = ["Green Button: times are UTC and name the start of each interval."]
        if self._left_out:
            notes.append(f"Left out: {', '.join(sorted(self._left_out))}.")
        return Sheet(TABLE, self._rows, [1] * len(self._rows), tuple(notes))

    def _type_of(self, entry: Any, types: dict[str, Any], typed: dict[str, str]) -> Any:
        reading = next((typed[up] for link in _links(entry, "up") if (up := _parent(link)) in typed), "")
        if reading:
            return types[reading]
        if len(types) == 1:
            return next(iter(types.values()))
        raise self._findings.refusal(
            "green_button",
            "no ReadingType" if not types else "blocks that do not say which of several ReadingTypes they have",
            fix="download the file again, with its unit and direction",
        )

    def _block(self, block: Any, kind: Any, home: str) -> None:
        unit, direction = _text(kind, "uom"), _text(kind, "flowDirection") or "1"
        if unit != ESPI_ENERGY_WH:
            self._left_out.add(f"readings in unit {unit or 'unknown'}")
            return
        if _text(kind, "accumulationBehaviour") not in ("", "4", "0"):
            self._left_out.add("running totals")
            return
        if direction not in ESPI_FLOW:
            self._left_out.add(f"readings of direction {direction}")
            return
        power = _whole(_text(kind, "powerOfTenMultiplier") or "0")
        for reading in _all(block, "IntervalReading"):
            start, value = _whole(_text(reading, "start")), _whole(_text(reading, "value"))
            if start is None or power is None or not abs(start) < 2**40:
                raise self._findings.refusal(
                    "green_button", "an interval without a start", fix="download the file again"
                )
            at = datetime.fromtimestamp(start, UTC)
            energy = "" if value is None else f"{value}e{power}"
            self._rows.append((f"{at:%Y-%m-%dT%H:%M:%SZ}", home, ESPI_FLOW[direction], energy, "Wh", ""))


def _name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


def _all(node: Any, name: str) -> Iterator[Any]:
    return (found for found in node.iter() if _name(found) == name)


def _text(node: Any, name: str) -> str:
    found = next(_all(node, name), None)
    return "" if found is None or found.text is None else str(found.text).strip()


def _links(entry: Any, relation: str) -> list[str]:
    return [str(link.get("href", "")) for link in _all(entry, "link") if link.get("rel") == relation]


def _parent(link: str) -> str:
    """The meter reading that a block's `up` link belongs to: the collection below it."""
    return link.removesuffix("/IntervalBlock")


def _point(link: str) -> str:
    found = re.search(r"UsagePoint/([^/]+)", link)
    return found.group(1) if found else ""


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def workbook(data: bytes, findings: Findings) -> Sheet:
    """The first sheet of an Excel workbook that holds a table, every cell as text: dates in ISO, numbers with a point.

    Raises FileRefused where it cannot be opened or every sheet is empty.
    """
    from python_calamine import CalamineWorkbook

    _check_unpacked(data, findings)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
        sheets = [book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names]
    except Exception as error:  # the library's own errors share no class of their own
        raise findings.refusal(
            "spreadsheet", f"spreadsheet that cannot be opened ({str(error)[:80]})", fix="save the sheet as CSV UTF-8"
        ) from error
    filled = [(name, cells) for name, cells in zip(names, sheets, strict=True) if any(map(any, cells))]
    if not filled:
        raise findings.refusal("empty_file", "spreadsheet without a filled cell", fix="export it again")
    name, cells = next(((name, cells) for name, cells in filled if len(cells) > 1), filled[0])
    rows = [tuple(_cell(cell) for cell in row) for row in cells]
    others = [quote(other) for other, _ in filled if other != name]
    notes = [f"Read from the sheet {quote(name)}" + (f"; not read: {', '.join(others)}." if others else ".")]
    return Sheet(rows[0], rows[1:], list(range(2, len(rows) + 1)), tuple(notes))


def _check_unpacked(data: bytes, findings: Findings) -> None:
    """A workbook is an archive: what it unpacks to is looked up before it is unpacked."""
    try:
        size = sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(data)).infolist())
    except zipfile.BadZipFile:
        return  # the old binary format is not packed
    if size > MAX_UNPACKED * MAX_FILE_BYTES:
        limit = MAX_UNPACKED * MAX_FILE_BYTES // 1_000_000
        what = f"spreadsheet that unpacks to {size:,} bytes, above the limit of {limit} MB"
        raise findings.refusal("too_large", what, fix="split it by household or time")


def _cell(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{int(cell)}" if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return f"{_to_the_second(cell):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return f"{cell:%H:%M:%S}"
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    return str(cell)


def _to_the_second(at: datetime) -> datetime:
    """A spreadsheet's time is a fraction of a day: 00:14:59.999 is a quarter past."""
    return (at + timedelta(milliseconds=500)).replace(microsecond=0)
