"""Bytes of any layout to a table of text: delimiter, header wherever it stands, unit row, footer; nothing guessed about
what a column means."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass

from core.readings.grammars import Sheet, green_button, is_green_button, is_nem12, nem12, workbook
from core.readings.issues import FileRefused, Findings
from core.readings.options import MAX_CELL_CHARACTERS, MAX_WIDE_COLUMNS
from core.readings.source import text_of

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 200
"""Lines from which the layout is told."""
_TIME_LIKE = re.compile(
    r"\s*\"?(\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}.*|\d{1,2}[- ][A-Za-z]{3}[a-z]*[- ]\d{2,4}.*|\d{10}|\d{13}|\d{12}|\d{14}"
    r"|\d{8}|\d{1,2}:\d{2}(:\d{2})?)\"?\s*"
)
_NUMBER_LIKE = re.compile(r"\s*[+-]?[\d.,' ]*\d[\d.,]*([eE][+-]?\d+)?\s*")
_UNIT_CELL = re.compile(r"\s*[\[(]?(k?wh?|mwh|k?watts?|[dmyhs.:/ -]{6,})[\])]?\s*", re.I)
_FOOTER = re.compile(r"\W*(grand\s+)?(sub-?)?(totals?|sum|summe|gesamt|average|mean|end of \w+)\b.*", re.I)


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table of text. units: by column, from a row below the header; preamble: cells above it; lines: of each row."""

    file: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    lines: list[int]
    units: tuple[str, ...] = ()
    preamble: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def table_of_any(data: bytes, findings: Findings) -> RawTable:
    """The table in a file. Raises FileRefused naming what makes it none."""
    name = findings.file
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        return _of_sheet(workbook(data, findings), name)
    head = data[:4096].decode("utf-8", "replace")
    if is_green_button(data[:200_000].decode("utf-8", "replace")):
        sheet = green_button(data, findings, household=name.rpartition("/")[2].rpartition(".")[0])
        return RawTable(name, sheet.header, sheet.rows, sheet.lines, notes=sheet.notes)
    text, _ = text_of(data, findings)
    if is_nem12(head):
        sheet = nem12(text, findings)
        return RawTable(name, sheet.header, sheet.rows, sheet.lines, notes=sheet.notes)
    return _of_text(text, name, findings)


def _of_sheet(sheet: Sheet, name: str) -> RawTable:
    """A workbook's cells through the same search for the header."""
    cells = [list(sheet.header), *[list(row) for row in sheet.rows]]
    return _laid_out([[str(c) for c in row] for row in cells], name, notes=sheet.notes)


def _of_text(text: str, name: str, findings: Findings) -> RawTable:
    lines = text.split("\n")
    if max(map(len, lines)) > MAX_WIDE_COLUMNS * (MAX_CELL_CHARACTERS + 1):
        raise findings.refusal("bad_cell", "value too long", fix="export it again")
    looked = [line for line in lines[:LOOKED_AT] if line.strip()]
    best: tuple[int, str] | None = None
    for delimiter in DELIMITERS:
        widths = Counter(len(_cut(line, delimiter)) for line in looked)
        width, often = max(widths.items(), key=lambda item: (item[0] > 1) * item[1])
        if width > 1 and (best is None or often * min(width, 3) > best[0]):
            best = (often * min(width, 3), delimiter)
    if best is None:
        raise findings.refusal("header_missing", "no table found: every line is one field", fix="export it as CSV")
    delimiter = best[1]
    table = [_cut(line, delimiter) if line.strip() else [] for line in lines]
    if any(row is None for row in table):
        raise findings.refusal("unclosed_quote", "unclosed quote", fix="close the quote")
    return _laid_out(table, name)


def _cut(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    except (csv.Error, StopIteration):
        return [cell.strip() for cell in line.split(delimiter)]


def _laid_out(table: list[list[str]], name: str, notes: tuple[str, ...] = ()) -> RawTable:
    first = _first_data(table)
    header_at = next((at for at in range(first - 1, -1, -1) if _is_header(table[at], table[first])), None)
    if header_at is None:
        raise FileRefused
    width = len(table[header_at])
    while width > len(table[first]) and not table[header_at][width - 1]:
        width -= 1
    header = tuple(table[header_at][:width])
    between = [table[at] for at in range(header_at + 1, first) if table[at]]
    units = tuple(between[0][:width]) if between else ()
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    left_out = 0
    for at in range(first, len(table)):
        row = table[at]
        if not any(row):
            continue
        if row[0].startswith("#") and len(row) != width:
            continue
        if _FOOTER.fullmatch(row[0]) and not any(_TIME_LIKE.fullmatch(cell) for cell in row):
            left_out += 1
            continue
        if len(row) < width and len(row) < len(table[first]):
            raise _ragged(at + 1, width, len(row))
        if any(row[width:]):
            raise _ragged(at + 1, width, len(row))
        rows.append(tuple((row + [""] * width)[:width]))
        lines.append(at + 1)
    preamble = tuple(cell for row in table[:header_at] for cell in row if cell)
    if left_out:
        notes = (*notes, f"{left_out} lines of totals left out.")
    return RawTable(name, header, rows, lines, units, preamble, notes)


class Ragged(Exception):  # noqa: N818 - turned into a finding by whoever asked for the table
    """A row that does not fit: the sentence about it, and its line."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


def _ragged(line: int, expected: int, found: int) -> Ragged:
    return Ragged(f"{expected} fields expected, {found} found", line)


def _first_data(table: list[list[str]]) -> int:
    """The first row that looks like the rows after it: its width, with a time (or a number) and a number."""
    widths = Counter(len(row) for row in table[: LOOKED_AT * 2] if len(row) > 1)
    if not widths:
        raise FileRefused
    usual = max(widths.items(), key=lambda item: item[1])[0]
    for at, row in enumerate(table):
        if abs(len(row) - usual) <= 1 and len(row) > 1 and _is_data(row) and at > 0:
            return at
    raise FileRefused


def _is_data(row: list[str]) -> bool:
    timed = any(_TIME_LIKE.fullmatch(cell) for cell in row)
    numbers = sum(1 for cell in row if _NUMBER_LIKE.fullmatch(cell))
    filled = sum(1 for cell in row if cell)
    return (timed and (numbers >= 1 or filled >= 2)) or (
        filled > 1 and (numbers == filled or (numbers > 2 and numbers * 2 >= filled))
    )


def _is_header(row: list[str], data: list[str]) -> bool:
    """A row of words of about the data's width, not the row of units below it."""
    if len(row) < len(data) - 1 or len(row) < 2:
        return False
    filled = [cell for cell in row if cell]
    if len(filled) < 2 or all(_UNIT_CELL.fullmatch(cell) for cell in filled):
        return False
    if len(row) > 20:
        return True
    words = sum(1 for cell in filled if re.search(r"[^\W\d_]", cell) and not _TIME_LIKE.fullmatch(cell))
    return words * 2 >= len(filled)
