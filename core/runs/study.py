"""Carries out a study: every scenario once, in chunks, kept by digest; killed at any place, it goes on where it was.

    <folder>/<digest>.parquet      rows of one chunk of scenarios, one for each scenario and algorithm

A row holds the scenario's key, the point, every figure and the bills of the households. A scenario's key is the digest
of the market's code, the algorithms' files, the readings, and all that decides it; a file is named by the keys in it
and renamed to that name when it is whole. So what is there is right, and nothing is computed twice.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import LabError, MarketError
from core.market.algorithms import get
from core.market.community import Community
from core.market.contract import Value
from core.market.quantities import FIGURES
from core.market.sweep import Swept, sweep
from core.runs.comparison import market_digest
from core.runs.plan import digest
from core.runs.study_plan import StudyPlan
from core.runs.study_scenario import Base, scenario_of

FORMAT = 1
CHUNK_S = 5.0
CELLS_A_SECOND = 100e6
"""Household-slots times algorithms that a core settles in a second: what the size of a chunk is guessed from."""
MOST_IN_CHUNK = 256
Progress = Callable[[int, int], None]


class StudyStoppedError(LabError):
    """The study was asked to stop; what is done is kept."""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What came of a study. digest: of all rows in order, whatever was reused. compared: algorithms that the sweep
    kernel does not know and that went through the comparison."""

    scenarios: int
    computed: int
    reused: int
    digest: str
    seconds: float
    parts: tuple[Path, ...]
    compared: tuple[str, ...]
    keys: tuple[str, ...]


def carry_out_study(
    plan: StudyPlan,
    community: Community,
    *,
    dataset_digest: str,
    time_zone: str,
    folder: Path,
    workers: int = 0,
    progress: Progress = lambda done, all_: None,
    stop: threading.Event | None = None,
) -> StudyResult:
    """Compute what is not in `folder` yet. workers: threads, as many as processors unless given.

    progress: called with (scenarios done, all) after each chunk. stop: looked at before every scenario; the chunk under
    way is left. Raises MarketError naming the scenario, StudyStoppedError.
    """
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    keys = keys_of(plan, community, dataset_digest=dataset_digest, time_zone=time_zone)
    kept = kept_in(folder)
    missing = [number for number, key in enumerate(keys) if key not in kept]
    base = Base(community, time_zone)
    threads = workers or os.cpu_count() or 1
    size = _chunk_size(community, plan, most=-(-len(missing) // threads))
    chunks = [missing[at : at + size] for at in range(0, len(missing), size)]
    done = len(keys) - len(missing)
    progress(done, len(keys))
    stop = stop or threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        waiting = iter(chunks)
        running: dict[Future[None], int] = {}
        try:
            while True:
                while len(running) < threads and (chunk := next(waiting, None)) is not None:
                    running[pool.submit(_chunk, base, plan, chunk, keys, folder, stop)] = len(chunk)
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    done += running.pop(future)
                    future.result()
                    progress(done, len(keys))
        except BaseException:
            stop.set()  # the other threads leave their chunk at the next scenario
            raise
    rows = kept_in(folder)
    return StudyResult(
        scenarios=len(keys),
        computed=len(missing),
        reused=len(keys) - len(missing),
        digest=digest([rows[key][0] for key in keys]),
        seconds=time.perf_counter() - began,
        parts=tuple(sorted({rows[key][1] for key in keys})),
        compared=tuple(sorted({name for key in keys for name in rows[key][2]})),
        keys=tuple(keys),
    )


def keys_of(plan: StudyPlan, community: Community, *, dataset_digest: str, time_zone: str) -> list[str]:
    """The key of every scenario, in order."""
    shared = {
        "format": FORMAT,
        "market": market_digest(),
        "dataset": [dataset_digest, _beside_the_readings(community)],
        "time_zone": time_zone,
        "seed": plan.seed,
        "prices": [plan.retail, plan.feed_in],
        "algorithms": [[name, get(name).source_digest, dict(given)] for name, given in plan.algorithms],
    }
    head = digest(shared)
    drawn = plan.design == "monte_carlo"
    return [digest([head, point, number if drawn else None]) for number, point in enumerate(plan.points)]


def _beside_the_readings(community: Community) -> str:
    """Digest of what decides results and is no reading: installed PV, places, who is known by the meter alone."""
    parts = (community.pv_kw, community.positions, community.metered)
    return hashlib.sha256(b"\0".join(np.ascontiguousarray(each).tobytes() for each in parts)).hexdigest()


def kept_in(folder: Path) -> dict[str, tuple[str, Path, tuple[str, ...]]]:
    """Every whole scenario of a folder by key: digest of its rows, its file, algorithms that went through compare."""
    found: dict[str, tuple[str, Path, tuple[str, ...]]] = {}
    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path, columns=["key", "result", "algorithm", "through"]).to_pydict()
        rows: dict[str, list[tuple[str, str, str]]] = {}
        for key, *row in zip(*table.values(), strict=True):
            rows.setdefault(key, []).append(tuple(row))
        for key, each in rows.items():
            compared = tuple(name for _, name, through in each if through == "compare")
            found[key] = (digest([result for result, _, _ in each]), path, compared)
    return found


def rows_of(plan: StudyPlan, result: StudyResult) -> Iterator[dict[str, Any]]:
    """Every row of a study, by scenario and algorithm; what is not defined is None."""
    by_key: dict[str, list[dict[str, Any]]] = {}
    for path in result.parts:
        for row in pq.read_table(path).to_pylist():
            by_key.setdefault(row["key"], []).append(row)
    for number, (key, point) in enumerate(zip(result.keys, plan.points, strict=True)):
        for row in by_key[key]:
            yield {
                "scenario": number,
                "dimensions": dict(point),
                "algorithm": row["algorithm"],
                "through": row["through"],
                "figures": {name: row[name] for name in FIGURES if name in row},
                "bills": dict(zip(row["household_ids"], row["bills"], strict=True)),
                "key": key,
            }


def _chunk_size(community: Community, plan: StudyPlan, *, most: int) -> int:
    """Scenarios of one chunk: a few seconds' work, and no more than leaves every thread one."""
    cells = community.load_kw.size * max(1, len(plan.algorithms))
    return max(1, min(MOST_IN_CHUNK, most, int(CHUNK_S * CELLS_A_SECOND / cells)))


def _chunk(
    base: Base, plan: StudyPlan, numbers: Sequence[int], keys: Sequence[str], folder: Path, stop: threading.Event
) -> None:
    """Compute these scenarios and keep them in one file."""
    columns: dict[str, list[object]] = {}
    for number in numbers:
        if stop.is_set():
            raise StudyStoppedError("The study was stopped.", fix="Start it again: it goes on where it was.")
        for row in _rows(base, plan, number, keys[number]):
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    name = hashlib.sha256("".join(keys[number] for number in numbers).encode()).hexdigest()
    aside = folder / f".{name}.{os.getpid()}.aside"
    table = {name: pa.array(values, pa.float64() if name in FIGURES else None) for name, values in columns.items()}
    pq.write_table(pa.table(table), aside)
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(folder / f"{name}.parquet")  # from here on the chunk is kept


def _rows(base: Base, plan: StudyPlan, number: int, key: str) -> list[dict[str, object]]:
    point = plan.points[number]
    try:
        community, tariff, selections = scenario_of(base, plan, point, number)
        swept = sweep(community, tariff, selections)
    except MarketError as refusal:
        raise MarketError(f"Scenario {number} ({_words(point)}): {refusal}") from None
    return [_row(each, key, number, point, community) for each in swept]


def _row(each: Swept, key: str, number: int, point: Mapping[str, Value], community: Community) -> dict[str, object]:
    figures = {name: each.figures.get(name, math.nan) for name in FIGURES}
    bills = np.ascontiguousarray(each.bill, dtype="<f8")
    numbers = np.array(list(figures.values()), dtype="<f8").tobytes()
    result = hashlib.sha256(each.algorithm_id.encode() + numbers + bills.tobytes()).hexdigest()
    return {
        "key": key,
        "scenario": number,
        **{f"at_{name}": value for name, value in point.items()},
        "algorithm": each.algorithm_id,
        "through": each.through,
        **{name: value if math.isfinite(value) else None for name, value in figures.items()},
        "household_ids": list(community.household_ids),
        "bills": bills.tolist(),
        "result": result,
    }


def _words(point: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in point.items())


def summary(result: StudyResult) -> dict[str, object]:
    """The result as JSON, without its rows."""
    document = asdict(result)
    del document["keys"]
    return {**document, "parts": [str(path) for path in result.parts]}
