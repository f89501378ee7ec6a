"""Text to columns of cells: delimiter, preamble, header, comments, footer and every row's field count."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from core.readings.columns import NATIVE_NAMES, Column, Role, recognise
from core.readings.issues import Cells, FileRefused, Findings, count, quote, some
from core.readings.options import MAX_CELL_CHARACTERS, MAX_COLUMNS

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
MAX_PREAMBLE_LINES = 20
_MAX_LINE = MAX_COLUMNS * (MAX_CELL_CHARACTERS + 1)
_FOOTER = re.compile(
    r"\W*(grand\s+)?(sub-?)?(totals?|sum|average|mean|minimum|maximum|min|max|count|end of \w+)\b.*", re.I
)
_BLANKS = " \t\xa0"
_SOME_TIME = re.compile(r"\d[-/.]\d|\d{10}")
_REQUIRED: tuple[Role, ...] = ("timestamp", "load")


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file as text, by recognised column.

    remarks: how the file is laid out and what was left out, for the report.
    """

    header_line: int
    columns: dict[Role, Column]
    cells: dict[Role, Cells]
    rows: int
    remarks: tuple[str, ...]


def table_of(text: str, findings: Findings) -> Table:
    """Lay the text out. Raises FileRefused when there is no header, no row, or a row that does not fit."""
    lines = text.split("\n")
    header_at, delimiter, names, columns = _header(lines, findings)
    layout = _Layout(delimiter, names, columns, header_at)
    end = layout.footer_start(lines)
    cells, numbers, comments = _rows(lines, end, layout, findings)
    findings.stop_if_refused()
    if not numbers:
        raise findings.refusal(
            "no_rows", "no data rows after the header", line=header_at + 1, fix="export the readings too"
        )
    _say_footer(lines, end, findings)
    taken = {column.place for column in columns.values()}
    extra = [name.strip() for place, name in enumerate(names) if place not in taken and name.strip()]
    remarks = [f"{DELIMITERS[delimiter]}-separated", f"header in line {header_at + 1}"]
    if any(line.strip() for line in lines[:header_at]):
        remarks.append(f"{count(header_at, 'line')} before it skipped")
    if comments:
        remarks.append(f"{count(comments, 'comment line')} skipped")
    if extra:
        remarks.append(f"{count(len(extra), 'other column')} ignored ({some(extra)})")
    by_role = {role: Cells(columns[role].name, texts, numbers, findings) for role, texts in cells.items()}
    return Table(header_at + 1, columns, by_role, len(numbers), tuple(remarks))


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the lines are cut: separator, header's names, the columns that are kept, place of the header line."""

    delimiter: str
    names: list[str]
    columns: dict[Role, Column]
    header_at: int

    def footer_start(self, lines: list[str]) -> int:
        """Place of the first of the lines at the end that start with a word such as Total and state no time."""
        end = len(lines)
        while end > self.header_at + 1 and (not lines[end - 1].strip() or self._is_footer(lines[end - 1])):
            end -= 1
        return end

    def _is_footer(self, line: str) -> bool:
        row = line[:_MAX_LINE].split(self.delimiter, MAX_COLUMNS)
        place = self.columns["timestamp"].place
        stated = place < len(row) and _SOME_TIME.search(row[place][:40]) is not None
        return not stated and _FOOTER.fullmatch(row[0][:200].strip()) is not None


def _header(lines: list[str], findings: Findings) -> tuple[int, str, list[str], dict[Role, Column]]:
    best: tuple[int, int, str, list[str]] | None = None
    looked = 0
    for at, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if looked > MAX_PREAMBLE_LINES:
            break
        looked += 1
        if len(line) > _MAX_LINE:
            what = f"value too long: a line of {len(line):,} characters"
            raise findings.refusal("bad_cell", what, line=at + 1, raw=line, fix="export it again")
        for delimiter in DELIMITERS:
            names = _split(line, delimiter)
            if names is None or len(names) < 2:
                continue
            roles = {column.role for column in recognise(names)}
            if roles.issuperset(_REQUIRED):
                return at, delimiter, names, _columns(at, names, findings)
            if roles and (best is None or len(roles) > best[0]):
                best = (len(roles), at, delimiter, names)
    raise _header_refusal(lines, best, findings)


def _header_refusal(lines: list[str], best: tuple[int, int, str, list[str]] | None, findings: Findings) -> FileRefused:
    if best is not None and best[0] >= 2:
        _, at, _, names = best
        present = {column.role for column in recognise(names)}
        for role in _REQUIRED:
            if role not in present:
                findings.error(
                    "column_missing",
                    f"required column missing: {NATIVE_NAMES[role]}",
                    line=at + 1,
                    column=NATIVE_NAMES[role],
                    fix=f"found {some([n.strip() for n in names], 8)}",
                )
        return FileRefused()
    first = next(at for at, line in enumerate(lines) if line.strip())
    start = lines[first].lstrip()
    what = "header not found (this is JSON)" if start[:1] in "[{" else "header not found"
    return findings.refusal(
        "header_missing",
        f"{what} in line {first + 1} or the {MAX_PREAMBLE_LINES} lines after it",
        line=first + 1,
        raw=start,
        fix="start the file with timestamp,household_id,load_kW,solar_kW",
    )


def _columns(at: int, names: list[str], findings: Findings) -> dict[Role, Column]:
    if len(names) > MAX_COLUMNS:
        raise findings.refusal(
            "too_many_columns",
            f"{len(names)} columns, above the limit of {MAX_COLUMNS}",
            line=at + 1,
            fix="keep timestamp, household_id, load_kW and solar_kW",
        )
    columns: dict[Role, Column] = {}
    for column in recognise(names):
        if column.role in columns:
            findings.error(
                "column_twice",
                f"{quote(columns[column.role].name)} and {quote(column.name)} both say {column.role}",
                line=at + 1,
                column=column.name,
                fix="keep one of them, and date and time in one column",
            )
        columns.setdefault(column.role, column)
    findings.stop_if_refused()
    return columns


def _rows(
    lines: list[str], end: int, layout: _Layout, findings: Findings
) -> tuple[dict[Role, list[str]], list[int], int]:
    """Cells of the kept columns, the physical line of each row, and how many comment lines there were."""
    cells: dict[Role, list[str]] = {role: [] for role in layout.columns}
    kept = [(cells[role].append, column.place) for role, column in layout.columns.items()]
    numbers: list[int] = []
    comments = 0
    delimiter, width = layout.delimiter, len(layout.names)
    blank = delimiter + _BLANKS
    for number, line in enumerate(lines[layout.header_at + 1 : end], start=layout.header_at + 2):
        if len(line) > MAX_CELL_CHARACTERS or '"' in line or "\0" in line:
            row = _odd_row(line, number, layout, findings)
        elif not line.strip(blank):
            continue
        elif (
            line[0] == "#" and len(line.split(delimiter)) != width
        ):  # with every field it is a reading, such as ########
            comments += 1
            continue
        else:
            row = line.split(delimiter)
        if len(row) != width:
            row = _fit(row, number, width, findings)
        if row:
            numbers.append(number)
            for keep, place in kept:
                keep(row[place].strip())
    return cells, numbers, comments


def _say_footer(lines: list[str], end: int, findings: Findings) -> None:
    for number, line in enumerate(lines[end:], start=end + 1):
        if line.strip():
            what = f"{quote(line)} is not a reading, left out"
            findings.warning("footer", what, line=number, column=NATIVE_NAMES["timestamp"], raw=line)


def _odd_row(line: str, number: int, layout: _Layout, findings: Findings) -> list[str]:
    """The fields of a line that has quotes, a NUL byte, or a great length; none when it was refused or is blank."""
    if len(line) > _MAX_LINE:
        row: list[str] | None = line.split(layout.delimiter, MAX_COLUMNS)
    else:
        row = _split(line, layout.delimiter)
    if row is None:
        findings.error(
            "unclosed_quote",
            "unclosed quote, or text after a closing one; a field may not span lines",
            line=number,
            raw=line,
            fix='close the quote, and write a quote inside a field as ""',
        )
        return []
    for place, cell in enumerate(row):
        if len(cell) > MAX_CELL_CHARACTERS or "\0" in cell:
            column = layout.names[place].strip() if place < len(layout.names) else None
            if "\0" in cell:
                what, fix = f"{quote(cell)} holds a NUL byte", "export the file again"
            else:
                what, fix = f"value too long: {len(cell):,} characters, at most {MAX_CELL_CHARACTERS:,}", "shorten it"
            findings.error("bad_cell", what, line=number, column=column, raw=cell, fix=fix)
            return []
    if len(row) > MAX_COLUMNS:
        findings.error("too_many_columns", f"more than {MAX_COLUMNS} fields", line=number, fix="export it again")
        return []
    return row if any(cell.strip() for cell in row) else []


def _fit(row: list[str], number: int, width: int, findings: Findings) -> list[str]:
    """A row of another width: empty fields at the end earn a warning, anything else is refused."""
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        findings.warning("empty_fields", f"{width} fields expected, {len(row)} found, the last ones empty", line=number)
        return row[:width]
    if row:
        fix = "quote fields that hold the separator and give every row all fields"
        findings.error("field_count", f"{width} fields expected, {len(row)} found", line=number, fix=fix)
    return []


def _split(line: str, delimiter: str) -> list[str] | None:
    """The fields of one line, or None when a quote is not closed in it."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return None
