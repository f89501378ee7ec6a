"""Results on disk: what one algorithm made of one dataset is computed once, kept by its digest and read as needed.

    results/rows/<key>/outcome.json       figures, verdicts, digests
    results/rows/<key>/households.parquet one row a household
    results/rows/<key>/slots.parquet      one row a slot
    results/comparisons/<key>.json        the rows of one run, with the figures that depend on what else is compared

A row's key is the digest of dataset, algorithm (id and source), complete parameters and tariff. Everything is written
under another name and renamed when durable: what has its name is whole.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import NotFoundError
from core.market.community import FloatArray

FORMAT = 1


@dataclass(frozen=True, slots=True)
class RowVerdict:
    """Whether an invariant of the market held, and how far the worst case was off."""

    name: str
    holds: bool
    worst: float
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class ResultRow:
    """What one algorithm made of one scenario. Figures not defined are NaN."""

    scenario: str
    algorithm_id: str
    name: str
    parameters: Mapping[str, object]
    figures: Mapping[str, float]
    summary: Mapping[str, float]
    verdicts: tuple[RowVerdict, ...]
    source_digest: str
    result_digest: str
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """The rows of a run in the order of its plan; arrays are read from disk when asked for."""

    rows: tuple[ResultRow, ...]
    dataset_digest: str
    result_digest: str
    household_ids: tuple[str, ...]
    start_at: datetime
    slot_h: float
    slots: int
    folder: Path

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios, in order."""
        return tuple(dict.fromkeys(row.scenario for row in self.rows))

    @property
    def end_at(self) -> datetime:
        """End of the last slot, UTC."""
        return self.start_at + timedelta(hours=self.slot_h) * self.slots

    def slot_starts(self) -> npt.NDArray[np.datetime64]:
        """Start of each slot, UTC, `[slot]`, as datetime64[ms]."""
        start = np.datetime64(self.start_at.replace(tzinfo=None), "ms")
        return start + np.arange(self.slots) * np.timedelta64(round(self.slot_h * 3_600_000), "ms")

    def of(self, scenario: str) -> tuple[ResultRow, ...]:
        """The rows of one scenario."""
        return tuple(row for row in self.rows if row.scenario == scenario)

    def row(self, scenario: str, algorithm_id: str) -> ResultRow:
        """One row. Raises NotFoundError."""
        for row in self.rows:
            if (row.scenario, row.algorithm_id) == (scenario, algorithm_id):
                return row
        raise NotFoundError(f'The run has no row "{algorithm_id[:80]}" in the scenario "{scenario[:80]}".')

    def households(self, row: ResultRow) -> dict[str, FloatArray]:
        """Every array a household has in `row`, `[household]`."""
        return _columns(self._path(row, "households.parquet"), None)

    def series(self, row: ResultRow, names: Sequence[str] | None = None) -> dict[str, FloatArray]:
        """Arrays a slot has in `row`, `[slot]`; all of them unless `names` says which."""
        return _columns(self._path(row, "slots.parquet"), names)

    def _path(self, row: ResultRow, name: str) -> Path:
        path = self.folder / "rows" / row.key / name
        if not path.is_file():
            raise NotFoundError(
                f'The details of "{row.name}" are no longer on disk.',
                fix="Run the comparison again: it gives the same.",
            )
        return path


class Results:
    """The results under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("rows", "comparisons"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    def has_row(self, key: str) -> bool:
        """Whether the row has been computed before."""
        return (self.folder / "rows" / key / "outcome.json").is_file()

    def save_row(
        self,
        key: str,
        outcome: Mapping[str, object],
        *,
        households: Mapping[str, FloatArray],
        slots: Mapping[str, FloatArray],
    ) -> None:
        """Keep a row; durable when this returns. A row somebody else kept meanwhile stays: it is the same."""
        with _made_aside(self.folder / "rows") as aside:
            pq.write_table(pa.table(dict(households)), aside / "households.parquet")
            pq.write_table(
                pa.table(dict(slots)), aside / "slots.parquet", use_byte_stream_split=True, use_dictionary=False
            )
            (aside / "outcome.json").write_bytes(_json(outcome))
            _settle(aside, self.folder / "rows" / key)

    def outcome(self, key: str) -> dict[str, Any]:
        """The outcome of a kept row, as it was saved; None (NaN) figures are NaN again."""
        return _read_json(self.folder / "rows" / key / "outcome.json")

    def save_comparison(self, key: str, document: Mapping[str, object]) -> None:
        """Keep what a run compared; durable when this returns."""
        target = self.folder / "comparisons" / f"{key}.json"
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
            file.write(_json(document))
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, target)
        _sync(target.parent)

    def comparison(self, key: str) -> RunResult:
        """Read what a run compared. Raises NotFoundError when it is no longer on disk."""
        path = self.folder / "comparisons" / f"{key}.json"
        if not path.is_file():
            raise NotFoundError(
                "The result of this run is no longer on disk.", fix="Run the comparison again: it gives the same."
            )
        document = _read_json(path)
        return RunResult(
            rows=tuple(_row(each) for each in document["rows"]),
            dataset_digest=document["dataset_digest"],
            result_digest=document["result_digest"],
            household_ids=tuple(document["household_ids"]),
            start_at=datetime.fromtimestamp(document["start_at_ms"] / 1000, tz=UTC),
            slot_h=document["slot_h"],
            slots=document["slots"],
            folder=self.folder,
        )


def _row(document: Mapping[str, Any]) -> ResultRow:
    return ResultRow(
        scenario=document["scenario"],
        algorithm_id=document["algorithm_id"],
        name=document["name"],
        parameters=document["parameters"],
        figures=_numbers(document["figures"]),
        summary=_numbers(document["summary"]),
        verdicts=tuple(RowVerdict(**{**each, "worst": _number(each["worst"])}) for each in document["verdicts"]),
        source_digest=document["source_digest"],
        result_digest=document["result_digest"],
        key=document["key"],
    )


def _columns(path: Path, names: Sequence[str] | None) -> dict[str, FloatArray]:
    table = pq.read_table(path, columns=None if names is None else list(names), use_threads=False)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _json(document: object) -> bytes:
    return json.dumps(_finite(document), indent=1, ensure_ascii=False, allow_nan=False).encode()


def _finite(document: object) -> object:
    """JSON has no NaN: not defined is null."""
    if isinstance(document, float):
        return document if math.isfinite(document) else None
    if isinstance(document, Mapping):
        return {key: _finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_finite(value) for value in document]
    return document


def _numbers(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {key: _number(value) for key, value in figures.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _read_json(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_bytes())
    assert isinstance(document, dict)
    return document


@contextmanager
def _made_aside(parent: Path) -> Iterator[Path]:
    """A folder under another name, gone afterwards unless it was renamed."""
    aside = Path(tempfile.mkdtemp(dir=parent, prefix="."))
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _settle(aside: Path, target: Path) -> None:
    for file in aside.iterdir():
        _sync(file)
    _sync(aside)
    try:
        os.rename(aside, target)
    except OSError:
        if not target.is_dir():
            raise
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def names_of(rows: Iterable[ResultRow]) -> tuple[str, ...]:
    """Every figure that any of `rows` has, in the order of the first that has it."""
    return tuple(dict.fromkeys(name for row in rows for name in row.figures))
