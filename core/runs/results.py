"""Results on disk: what algorithms make of one scenario is computed once, kept by its digest and read as needed.

    results/<scenario>/scenario.json                  figures, verdicts, digests
    results/<scenario>/<algorithm>.households.parquet one row a household
    results/<scenario>/<algorithm>.slots.parquet      one row a slot
    results/<run>/run.json                            which scenarios a run has, and what they are called there

A scenario's key is the digest of the readings, the market's code, the tariff, and every algorithm compared (id, source,
complete parameters): figures such as value tapping depend on what else is compared. A folder is written under another
name and renamed when all of it is durable: what has its name is whole.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from core.durable import ASIDE, whole_folder
from core.errors import NotFoundError
from core.market.community import FloatArray
from core.market.local_time import local_starts
from core.market.outcome import DEFINED

_AGAIN = "Run the comparison again: it gives the same."


@dataclass(frozen=True, slots=True)
class RowVerdict:
    """Whether an invariant of the market held, and how far the worst case was off; exempt: known not to be promised."""

    name: str
    holds: bool
    worst: float
    sentence: str
    exempt: bool


@dataclass(frozen=True, slots=True, eq=False)
class ResultRow:
    """What one algorithm made of one scenario. Figures not defined are NaN; seconds is what it took to compute."""

    scenario: str
    scenario_key: str
    algorithm_id: str
    name: str
    parameters: Mapping[str, float | int | str]
    figures: Mapping[str, float]
    summary: Mapping[str, float | None]
    verdicts: tuple[RowVerdict, ...]
    source_digest: str
    result_digest: str
    seconds: float

    @property
    def has_arrays(self) -> bool:
        """Whether there is more than figures: the kind `run(path)` gives no more, what is undefined not even them."""
        return any(verdict.name != DEFINED for verdict in self.verdicts)


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
    time_zone: str
    folder: Path
    market_digest: str = ""

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios, in order."""
        return tuple(dict.fromkeys(row.scenario for row in self.rows))

    @property
    def figure_names(self) -> tuple[str, ...]:
        """Every figure that any row has."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.figures))

    @property
    def end_at(self) -> datetime:
        """End of the last slot, UTC."""
        return self.start_at + timedelta(hours=self.slot_h) * self.slots

    def slot_starts(self) -> npt.NDArray[np.datetime64]:
        """Start of each slot, UTC, `[slot]`, as datetime64[ms]."""
        start = np.datetime64(self.start_at.replace(tzinfo=None), "ms")
        return start + np.arange(self.slots) * np.timedelta64(round(self.slot_h * 3_600_000), "ms")

    def local_starts(self) -> npt.NDArray[np.datetime64]:
        """Start of each slot by the clock on the wall, `[slot]`, as datetime64[s]."""
        return local_starts(self.slot_starts(), self.time_zone)

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
        """Every array over households in `row`, `[household]` in the order of `household_ids`."""
        return self._arrays(row, "households", None)

    def series(self, row: ResultRow, names: Sequence[str] | None = None) -> dict[str, FloatArray]:
        """Arrays over slots in `row`, `[slot]`: all of them, or those of `names` that there are."""
        return self._arrays(row, "slots", names)

    def _arrays(self, row: ResultRow, over: str, names: Sequence[str] | None) -> dict[str, FloatArray]:
        if not row.has_arrays:
            return {}
        path = self.folder / row.scenario_key / f"{row.algorithm_id}.{over}.parquet"
        if not path.is_file():
            raise NotFoundError(f'The details of "{row.name}" are no longer on disk.', fix=_AGAIN)
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            table = file.read(columns=[name for name in there if names is None or name in names], use_threads=False)
        return {name: table.column(name).to_numpy() for name in table.column_names}


@dataclass(frozen=True, slots=True, eq=False)
class KeptOutcome:
    """One algorithm's part of a scenario, about to be kept."""

    row: ResultRow
    households: Mapping[str, FloatArray]
    slots: Mapping[str, FloatArray]


class Results:
    """The results under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def has_scenario(self, key: str) -> bool:
        """Whether the scenario has been computed before."""
        return (self.folder / key / "scenario.json").is_file()

    def has_run(self, key: str) -> bool:
        """Whether the very same run has been made before."""
        return (self.folder / key / "run.json").is_file()

    def save_scenario(self, key: str, outcomes: Sequence[KeptOutcome]) -> None:
        """Keep a scenario; durable when this returns. One that somebody else kept meanwhile stays: it is the same."""
        with whole_folder(self.folder / key) as aside:
            for outcome in outcomes:
                for over, arrays in (("households", outcome.households), ("slots", outcome.slots)):
                    if arrays:
                        _write_parquet(aside / f"{outcome.row.algorithm_id}.{over}.parquet", arrays)
            (aside / "scenario.json").write_bytes(_json([_without_scenario(outcome.row) for outcome in outcomes]))

    def scenario(self, key: str, *, name: str) -> tuple[ResultRow, ...]:
        """The rows of a kept scenario, under the name it has in a run."""
        path = self.folder / key / "scenario.json"
        if not path.is_file():
            raise NotFoundError(f'The result of the scenario "{name[:80]}" is no longer on disk.', fix=_AGAIN)
        return tuple(_row(each, name, key) for each in msgspec.json.decode(path.read_bytes()))

    def save_run(self, key: str, document: Mapping[str, object]) -> None:
        """Keep which scenarios a run has; durable when this returns."""
        with whole_folder(self.folder / key) as aside:
            (aside / "run.json").write_bytes(_json(document))

    def run(self, key: str) -> RunResult:
        """The result of a run. Raises NotFoundError when it, or a part of it, is no longer on disk."""
        path = self.folder / key / "run.json"
        if not path.is_file():
            raise NotFoundError("The result of this run is no longer on disk.", fix=_AGAIN)
        document = msgspec.json.decode(path.read_bytes())
        return RunResult(
            rows=tuple(row for each in document["scenarios"] for row in self.scenario(each["key"], name=each["name"])),
            dataset_digest=document["dataset_digest"],
            result_digest=document["result_digest"],
            household_ids=tuple(document["household_ids"]),
            start_at=datetime.fromtimestamp(document["start_at_ms"] / 1000, tz=UTC),
            slot_h=document["slot_h"],
            slots=document["slots"],
            time_zone=document["time_zone"],
            market_digest=document["market"],
            folder=self.folder,
        )

    def prune(self, keep: Iterable[str], *, older_than_s: float) -> int:
        """Take away what was left half-written, and results of no run in `keep` that are older. Returns how many.

        Nobody may be writing results meanwhile.
        """
        used = set(keep)
        for path in [self.folder / key / "run.json" for key in used]:
            with suppress(FileNotFoundError):
                used.update(each["key"] for each in msgspec.json.decode(path.read_bytes())["scenarios"])
        stale = [path for path in self.folder.iterdir() if path.name not in used and _is_stale(path, older_than_s)]
        for path in stale:
            shutil.rmtree(path, ignore_errors=True)
        return len(stale)


def _is_stale(path: Path, older_than_s: float) -> bool:
    return path.name.startswith(ASIDE) or time.time() - path.stat().st_mtime > older_than_s


def _without_scenario(row: ResultRow) -> dict[str, object]:
    return {key: value for key, value in asdict(row).items() if key not in ("scenario", "scenario_key")}


def _row(document: dict[str, Any], scenario: str, key: str) -> ResultRow:
    """A row as it was kept, by this version or an earlier one."""
    figures = {name: _number(value) for name, value in document["figures"].items()}
    verdicts = [{**each, "worst": _number(each["worst"])} for each in document["verdicts"]]
    return msgspec.convert(
        {**document, "scenario": scenario, "scenario_key": key, "figures": figures, "verdicts": verdicts}, ResultRow
    )


def _write_parquet(path: Path, arrays: Mapping[str, FloatArray]) -> None:
    pq.write_table(pa.table(dict(arrays)), path, use_dictionary=False, use_byte_stream_split=True)


def _json(document: object) -> bytes:
    """JSON, in which a number that is not defined is null."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=float), indent=1)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
