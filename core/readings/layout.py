"""Text to columns of cells: delimiter, preamble, header, comments, footer and every row's field count."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from core.readings.columns import NATIVE_NAMES, Column, Role, recognise
from core.readings.issues import FileRefused, Findings, count, quote, some
from core.readings.options import MAX_CELL_CHARACTERS, MAX_COLUMNS

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
MAX_PREAMBLE_LINES = 20
_MAX_LINE = MAX_COLUMNS * (MAX_CELL_CHARACTERS + 1)
_FOOTER = re.compile(
    r"\W*(grand\s+)?(sub-?)?(totals?|sum|average|mean|minimum|maximum|min|max|count|end of \w+)\b.*", re.I
)
_REQUIRED: tuple[Role, ...] = ("timestamp", "load")


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file as text, column by column.

    cells: text of each recognised column, one entry a row. lines: physical line of each row.
    remarks: what was left out and how the file is laid out, for the report.
    """

    delimiter: str
    header_line: int
    columns: dict[Role, Column]
    cells: dict[Role, list[str]]
    lines: list[int]
    remarks: tuple[str, ...]


def table_of(text: str, findings: Findings) -> Table:
    """Lay the text out. Raises FileRefused when there is no header, no row, or a row that does not fit."""
    lines = text.split("\n")
    header_at, delimiter, names, columns = _header(lines, findings)
    rows, numbers, remarks = _rows(lines, header_at, delimiter, names, findings)
    findings.stop_if_refused()
    if not rows:
        raise findings.refusal(
            "no_rows", "no data rows after the header", line=header_at + 1, fix="export the readings too"
        )
    cells = {role: [row[column.place].strip() for row in rows] for role, column in columns.items()}
    taken = {column.place for column in columns.values()}
    extra = [name.strip() for place, name in enumerate(names) if place not in taken and name.strip()]
    layout = [f"{DELIMITERS[delimiter]}-separated", f"header in line {header_at + 1}", *remarks]
    if extra:
        layout.append(f"{count(len(extra), 'other column')} ignored ({some(extra)})")
    return Table(delimiter, header_at + 1, columns, cells, numbers, tuple(layout))


def _header(lines: list[str], findings: Findings) -> tuple[int, str, list[str], dict[Role, Column]]:
    best: tuple[int, int, str, list[str]] | None = None
    looked = 0
    for at, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if looked > MAX_PREAMBLE_LINES:
            break
        looked += 1
        for delimiter in DELIMITERS:
            names = _split(line[:_MAX_LINE], delimiter)
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
                fix="keep one of them",
            )
        columns.setdefault(column.role, column)
    findings.stop_if_refused()
    return columns


def _rows(
    lines: list[str], header_at: int, delimiter: str, names: list[str], findings: Findings
) -> tuple[list[list[str]], list[int], list[str]]:
    rows: list[list[str]] = []
    numbers: list[int] = []
    comments = 0
    body = lines[header_at + 1 :]
    end = _footer_start(body, delimiter)
    width = len(names)
    for number, line in enumerate(body[:end], start=header_at + 2):
        if not line or line.isspace():
            continue
        if line[0] == "#":
            comments += 1
            continue
        row = (
            line.split(delimiter)
            if '"' not in line and len(line) <= _MAX_LINE
            else _odd_row(line, number, delimiter, names, findings)
        )
        if len(row) != width:
            row = _fit(row, number, width, findings)
        elif len(line) > MAX_CELL_CHARACTERS:
            _check_lengths(row, number, names, findings)
        if row:
            rows.append(row)
            numbers.append(number)
    for number, line in enumerate(body[end:], start=header_at + 2 + end):
        if line.strip():
            findings.warning(
                "footer",
                f"{quote(line)} is not a reading, left out",
                line=number,
                column=NATIVE_NAMES["timestamp"],
                raw=line,
            )
    remarks = [count(comments, "comment line") + " skipped"] if comments else []
    if header_at and any(line.strip() for line in lines[:header_at]):
        remarks.append(f"{count(header_at, 'line')} before the header skipped")
    return rows, numbers, remarks


def _footer_start(body: list[str], delimiter: str) -> int:
    """Where the lines at the end that start with a word such as Total begin."""
    end = len(body)
    while end and (not body[end - 1].strip() or _FOOTER.fullmatch(body[end - 1][:200].split(delimiter)[0].strip())):
        end -= 1
    return end


def _odd_row(line: str, number: int, delimiter: str, names: list[str], findings: Findings) -> list[str]:
    """A row with quotes, or one too long to be a row."""
    if len(line) > _MAX_LINE:
        row = line.split(delimiter, MAX_COLUMNS)
        if not _check_lengths(row, number, names, findings):
            raise findings.refusal(
                "too_many_columns", f"more than {MAX_COLUMNS} fields", line=number, fix="export it again"
            )
        return []
    row = _split(line, delimiter) or []
    if not row:
        findings.error(
            "unclosed_quote",
            "unclosed quote, or text after a closing one; a field may not span lines",
            line=number,
            raw=line,
            fix='close the quote, and write a quote inside a field as ""',
        )
    return row


def _fit(row: list[str], number: int, width: int, findings: Findings) -> list[str]:
    """A row of another width: empty fields at the end are harmless, anything else is refused."""
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        return row[:width]
    if row:
        findings.error(
            "field_count",
            f"{width} fields expected, {len(row)} found",
            line=number,
            fix="quote fields that hold the separator and give every row all fields",
        )
    return []


def _check_lengths(row: list[str], number: int, names: list[str], findings: Findings) -> bool:
    """Whether a cell was too long; it is then refused, quoted only in part."""
    for place, cell in enumerate(row):
        if len(cell) > MAX_CELL_CHARACTERS:
            findings.error(
                "cell_too_long",
                f"value too long: {len(cell):,} characters, at most {MAX_CELL_CHARACTERS:,}",
                line=number,
                column=names[place].strip() if place < len(names) else None,
                raw=cell,
                fix="shorten it",
            )
            return True
    return False


def _split(line: str, delimiter: str) -> list[str] | None:
    """The fields of one line, or None when a quote is not closed in it."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return None
