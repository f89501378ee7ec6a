"""Cells to numbers: a plain decimal number, a missing value, or a refusal that quotes the cell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray
from core.readings.issues import Findings, quote

MISSING = frozenset(("", "na", "n/a", "#n/a", "null", "none", "nan", "-", "--"))
"""Spellings of a missing value, in lower case."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers, NaN where missing.

    values: `[row]`. missing: places of the rows without a value.
    """

    values: FloatArray
    missing: list[int]


def is_missing(cell: str) -> bool:
    """Whether the cell says that there is no value."""
    return cell.lower() in MISSING


def has_decimal_comma(columns: Iterable[list[str]]) -> bool:
    """Whether the number columns of a file use the comma as the decimal sign, without doubt.

    Not when a decimal point is used too, nor when every comma could group thousands (1,234).
    """
    certain = False
    for cells in columns:
        for cell in cells:
            if "." in cell and _NUMBER.fullmatch(cell):
                return False
            if "," in cell and _COMMA_NUMBER.fullmatch(cell) and not _GROUPED.fullmatch(cell):
                certain = True
    return certain


def numbers_of(
    cells: list[str], lines: list[int], findings: Findings, *, column: str, expected: str, decimal_comma: bool
) -> Numbers:
    """Read a column; each cell that is no number is an error of its own. `expected` ends the sentence."""
    values = np.empty(len(cells), dtype=np.float64)
    missing: list[int] = []
    plain = _NUMBER.fullmatch
    for row, cell in enumerate(cells):
        text = cell.replace(",", ".", 1) if decimal_comma else cell
        if plain(text):
            value = float(text)
            values[row] = value
            if math.isinf(value):
                _not_finite(cell, lines[row], findings, column, expected)
        elif cell.lower() in MISSING:
            values[row] = math.nan
            missing.append(row)
        else:
            values[row] = 0.0
            _not_a_number(cell, lines[row], findings, column, expected)
    return Numbers(values, missing)


def _not_finite(cell: str, line: int, findings: Findings, column: str, expected: str) -> None:
    findings.error(
        "not_finite", f"{quote(cell)} is not finite, out of range", line=line, column=column, raw=cell, fix=expected
    )


def _not_a_number(cell: str, line: int, findings: Findings, column: str, expected: str) -> None:
    if _INFINITE.fullmatch(cell):
        _not_finite(cell, line, findings, column, expected)
        return
    reason = "is not a number"
    if "\0" in cell:
        reason = "is not a number, it holds a NUL byte"
    elif _COMMA_NUMBER.fullmatch(cell) or _GROUPED.fullmatch(cell):
        reason = "is not a plain number: decimal comma or thousands?"
    findings.error("not_a_number", f"{quote(cell)} {reason}", line=line, column=column, raw=cell, fix=expected)
