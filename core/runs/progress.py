"""How far a run is and how long it still takes, from what the same algorithms took before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NEARLY = 0.95  # of its expected time: a row that takes longer than expected stands still here


@dataclass(frozen=True, slots=True)
class Progress:
    """rows_done of rows; fraction 0 to 1; left_s is None while there is nothing to judge it by."""

    rows_done: int
    rows: int
    fraction: float
    left_s: float | None
    message: str


class Speeds:
    """Seconds an algorithm takes per household and slot, remembered over runs."""

    def __init__(self) -> None:
        self._seconds_a_cell: dict[str, float] = {}

    def learn(self, algorithm_id: str, *, cells: int, seconds: float) -> None:
        """Take in what one row took; recent rows count for more."""
        found = seconds / max(cells, 1)
        before = self._seconds_a_cell.get(algorithm_id)
        self._seconds_a_cell[algorithm_id] = found if before is None else (before + found) / 2

    def expect(self, algorithm_id: str, *, cells: int) -> float | None:
        """Seconds a row should take; None for an algorithm never seen."""
        found = self._seconds_a_cell.get(algorithm_id)
        return None if found is None else found * max(cells, 1)


class RunProgress:
    """The rows of one run: which are done, which is under way since when.

    expected_s: seconds each row should take; 0 for one whose result is at hand, None for one never seen.
    """

    def __init__(self, expected_s: Sequence[float | None]) -> None:
        known = [seconds for seconds in expected_s if seconds]
        usual = sum(known) / len(known) if known else 1.0
        self._judged = bool(known) or all(seconds is not None for seconds in expected_s)
        self._expected_s = [usual if seconds is None else seconds for seconds in expected_s]
        self._done_s: list[float] = []
        self._since_s: float | None = None
        self._message = "The readings are opened"

    def begin(self, message: str, *, now_s: float) -> None:
        """The next row is under way."""
        self._message, self._since_s = message, now_s

    def end(self, *, now_s: float) -> None:
        """The row under way is done."""
        self._done_s.append(0.0 if self._since_s is None else now_s - self._since_s)
        self._since_s = None

    def at(self, now_s: float) -> Progress:
        """Where the run stands now."""
        done, rows = len(self._done_s), len(self._expected_s)
        expected_of_done = sum(self._expected_s[:done])
        slower = sum(self._done_s) / expected_of_done if expected_of_done > 0 else 1.0
        under_way = 0.0
        if self._since_s is not None and done < rows:
            under_way = min((now_s - self._since_s) / (slower or 1.0), _NEARLY * self._expected_s[done])
        total = sum(self._expected_s)
        gone = expected_of_done + under_way
        return Progress(
            rows_done=done,
            rows=rows,
            fraction=min(gone / total, 1.0) if total > 0 else 0.0,
            left_s=(total - gone) * slower if self._judged or expected_of_done > 0 else None,
            message=self._message,
        )
