"""A finding says where, what was found, what is expected and what to do, in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]

QUOTED_CHARACTERS = 80
EXAMPLES = 5
"""Findings of one kind in one file that are spelled out; the rest are counted."""
MAX_ERRORS = 1_000
"""After so many errors in one file nothing more of it is read."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about the readings.

    file: name the upload carries, "" when the finding is about all files together.
    line: physical line, the first is 1; None when it is about the whole file.
    column: the column's name as the file spells it (the documented name when it is missing).
    raw: what was found there, cut and escaped.
    code: stable word for programs. message: the whole sentence, remedy included. fix: the remedy alone.
    """

    severity: Severity
    file: str
    line: int | None
    column: str | None
    raw: str | None
    code: str
    message: str
    fix: str


def plain(text: str) -> str:
    """Foreign text for a message: cut at 80 characters, control and invisible characters escaped."""
    cut = text if len(text) <= QUOTED_CHARACTERS else text[: QUOTED_CHARACTERS - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def quote(text: str) -> str:
    """Foreign text in quotation marks, cut and escaped."""
    return f'"{plain(text)}"'


def count(number: int, noun: str) -> str:
    """'1 row', '12 rows'."""
    plural = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


def some(names: list[str], limit: int = 5) -> str:
    """'HH001, HH002 and 14 more'."""
    shown = ", ".join(plain(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


class FileRefused(Exception):  # noqa: N818 - it ends the reading of one file; the finding is already written down
    """Nothing more can be read from this file."""


class Findings:
    """The findings about one file (or about all files together, with the name "")."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._issues: list[Issue] = []
        self._seen: Counter[tuple[Severity, str, str | None, str]] = Counter()
        self._errors = 0

    def error(
        self,
        code: str,
        what: str,
        *,
        line: int | None = None,
        column: str | None = None,
        raw: str | None = None,
        fix: str = "",
        file: str = "",
    ) -> None:
        """The file is refused for this. Raises FileRefused when there are too many errors to go on."""
        self._add("error", code, what, line, column, raw, fix, file or self.file)
        if self._errors >= MAX_ERRORS:
            raise FileRefused

    def warning(
        self,
        code: str,
        what: str,
        *,
        line: int | None = None,
        column: str | None = None,
        raw: str | None = None,
        fix: str = "",
        file: str = "",
    ) -> None:
        """Read with certainty, yet a person should know."""
        self._add("warning", code, what, line, column, raw, fix, file or self.file)

    def note(self, code: str, what: str) -> None:
        """How it was read, where that is worth a line."""
        self._add("note", code, what, None, None, None, "", self.file)

    def refusal(
        self,
        code: str,
        what: str,
        *,
        line: int | None = None,
        column: str | None = None,
        raw: str | None = None,
        fix: str = "",
    ) -> FileRefused:
        """What to raise when the file is refused for this and nothing after it would make sense."""
        self._add("error", code, what, line, column, raw, fix, self.file)
        return FileRefused()

    def adopt(self, other: Findings) -> None:
        """Take over the findings about a file as they were written: their sentences name it already."""
        self._issues.extend(other.all())
        self._errors += other._errors

    def stop_if_refused(self) -> None:
        """Raise FileRefused when an error was found."""
        if self.refused:
            raise FileRefused

    @property
    def refused(self) -> bool:
        """Whether an error was found."""
        return self._errors > 0

    def all(self) -> tuple[Issue, ...]:
        """Every finding spelled out, and one line a kind for those only counted."""
        more = [
            Issue(severity, file, None, column, None, code, self._more(seen - EXAMPLES, file, column), "")
            for (severity, code, column, file), seen in self._seen.items()
            if seen > EXAMPLES
        ]
        return (*self._issues, *more)

    def _more(self, number: int, file: str, column: str | None) -> str:
        at_least = "at least " if self._errors >= MAX_ERRORS else ""
        return f"{_place(file, None, column)}{at_least}{count(number, 'more finding')} of the same kind."

    def _add(
        self,
        severity: Severity,
        code: str,
        what: str,
        line: int | None,
        column: str | None,
        raw: str | None,
        fix: str,
        file: str,
    ) -> None:
        kind = (severity, code, column, file)
        self._errors += severity == "error"
        self._seen[kind] += 1
        if self._seen[kind] > EXAMPLES:
            return
        sentence = _place(file, line, column) + what + (f"; {fix}." if fix else ".")
        remedy = f"{fix[:1].upper()}{fix[1:]}." if fix else ""
        shown = None if raw is None else plain(raw)
        spelled = None if column is None else plain(column)
        self._issues.append(Issue(severity, file, line, spelled, shown, code, sentence, remedy))


def _place(file: str, line: int | None, column: str | None) -> str:
    """'HH001.csv line 3, load_kW: '."""
    parts = [plain(file) + (f" line {line}" if line is not None else ""), plain(column or "")]
    place = ", ".join(part for part in parts if part)
    return f"{place}: " if place else ""


@dataclass(frozen=True, slots=True)
class Cells:
    """One column of a file as text, and where findings about its cells go.

    column: name in the file. texts: one a row. lines: physical line of each row.
    """

    column: str
    texts: list[str]
    lines: list[int]
    findings: Findings

    def quoted(self, row: int) -> str:
        """The text of a row, cut, escaped and in quotation marks."""
        return quote(self.texts[row])

    def error(self, row: int, code: str, what: str, *, fix: str) -> None:
        """The file is refused for the cell in this row."""
        self.findings.error(code, what, line=self.lines[row], column=self.column, raw=self.texts[row], fix=fix)

    def refusal(self, row: int, code: str, what: str, *, fix: str) -> FileRefused:
        """What to raise when nothing after the cell in this row would make sense."""
        return self.findings.refusal(code, what, line=self.lines[row], column=self.column, raw=self.texts[row], fix=fix)

    def warning(self, row: int, code: str, what: str, *, fix: str = "") -> None:
        """A person should know about the cell in this row."""
        self.findings.warning(code, what, line=self.lines[row], column=self.column, raw=self.texts[row], fix=fix)

    def listed(self, rows: Sequence[int]) -> str:
        """'row 3', 'rows 3, 7 and 12 more'."""
        shown = ", ".join(str(self.lines[row]) for row in rows[:EXAMPLES])
        more = f" and {len(rows) - EXAMPLES:,} more" if len(rows) > EXAMPLES else ""
        return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}"
