"""Cells to numbers: a plain decimal number, a missing value, or a refusal that quotes the cell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np

from core.market.community import FloatArray
from core.readings.issues import Cells

MISSING = frozenset(("", "na", "n/a", "#n/a", "null", "none", "nan", "-", "--"))
"""Spellings of a missing value, in lower case."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


def is_missing(cell: str) -> bool:
    """Whether the cell says that there is no value."""
    return cell.lower() in MISSING


def has_decimal_comma(columns: Iterable[Cells]) -> bool:
    """Whether the number columns of a file use the comma as the decimal sign, without doubt.

    Not when a decimal point is used too, nor when every comma could group thousands (1,234).
    """
    certain = False
    for cells in columns:
        for text in cells.texts:
            if "." in text and _NUMBER.fullmatch(text):
                return False
            if "," in text and _COMMA_NUMBER.fullmatch(text) and not _GROUPED.fullmatch(text):
                certain = True
    return certain


def numbers_of(cells: Cells, *, expected: str, decimal_comma: bool) -> FloatArray:
    """A column of numbers `[row]`, NaN where missing; a cell that is no number is an error that ends in `expected`."""
    values: list[float] = []
    known: dict[str, float] = {}
    for row, text in enumerate(cells.texts):
        value = known.get(text)
        if value is None:
            value = known[text] = _value(text.replace(",", ".", 1) if decimal_comma else text)
        values.append(value)
        if value == math.inf:
            _refuse(cells, row, expected)
    return np.array(values, dtype=np.float64)


def _value(text: str) -> float:
    """The number, NaN for a missing value, infinity for anything else."""
    if _NUMBER.fullmatch(text):
        return abs(float(text)) if math.isinf(float(text)) else float(text)
    return math.nan if is_missing(text) else math.inf


def _refuse(cells: Cells, row: int, expected: str) -> None:
    text = cells.texts[row]
    code, reason = "not_a_number", "is not a number"
    if _INFINITE.fullmatch(text) or _NUMBER.fullmatch(text):
        code, reason = "not_finite", "is not finite, out of range"
    elif _COMMA_NUMBER.fullmatch(text) or _GROUPED.fullmatch(text):
        reason = "is not a plain number (decimal comma or thousands)"
    cells.error(row, code, f"{cells.quoted(row)} {reason}", fix=expected)
