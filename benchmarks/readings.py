"""How fast files of readings are read: ratios to pyarrow.csv in the same run, and the limits of time and memory.

`python -m benchmarks.readings` prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from core.readings import read
from core.readings.sample import sample_community

YEAR = Path(__file__).resolve().parents[2] / "shared" / "data" / "fontana-year"
TYPES = {
    "timestamp": pa.timestamp("s"),
    "household_id": pa.string(),
    **dict.fromkeys(("load_kW", "solar_kW", "latitude", "longitude", "time_of_day"), pa.float64()),
}
HOUSEHOLDS, DAYS = 500, 365


def year_of_files() -> list[tuple[str, bytes]]:
    """17 homes, 8,760 hours: the measured ones when they are beside the checkout, else made up."""
    measured = [(path.name, path.read_bytes()) for path in sorted(YEAR.glob("HH*.csv"))]
    return measured or sample_community(1, 17, days=365, slot_h=1.0).csv_files()


def best_of(times: int, work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def ratio_to_pyarrow() -> dict[str, float]:
    files = year_of_files()

    def plain() -> None:
        for _, content in files:
            pc.read_csv(pa.BufferReader(content), convert_options=pc.ConvertOptions(column_types=TYPES))

    plain_s, ours_s = best_of(7, plain), best_of(7, lambda: read(files).require())
    return {
        "year_17_files_pyarrow_s": round(plain_s, 4),
        "year_17_files_s": round(ours_s, 4),
        "year_17_files_ratio": round(ours_s / plain_s, 2),
    }


def many_files() -> dict[str, float]:
    """500 files of 17,520 half hours, in a process of its own so that its peak memory is its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_many(Path(folder))
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.readings", "--many", folder], capture_output=True, check=True, text=True
        )
    found: dict[str, float] = json.loads(child.stdout)
    return found


def write_many(folder: Path) -> None:
    """Ten made-up homes, each under fifty names."""
    made = sample_community(1, 10, days=DAYS).csv_files()
    for number in range(1, HOUSEHOLDS + 1):
        name, content = made[number % 10]
        household_id = name.removesuffix(".csv").encode()
        (folder / f"HH{number:03d}.csv").write_bytes(content.replace(household_id, b"HH%03d" % number))


def read_many(folder: str) -> dict[str, float]:
    read(sample_community(1, 2, days=1).csv_files())  # what is imported and allocated once is not the readings'
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told: list[int] = []
    start = time.perf_counter()
    community = read(
        [(path.name, path) for path in sorted(Path(folder).iterdir())], progress=lambda done, _: told.append(done)
    ).require()
    seconds = time.perf_counter() - start
    arrays = community.load_kw.nbytes + community.solar_kw.nbytes
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return {
        "many_files": community.households,
        "many_rows_each": community.slots,
        "many_s": round(seconds, 2),
        "many_peak_over_arrays": round(peak / arrays, 2),
        "many_progress_calls": len(told),
    }


def first_findings() -> dict[str, float]:
    """A file at the limit of 20 MB whose last reading is text; and one in which no reading is a number."""
    _, content = sample_community(1, 1, days=365, slot_h=1 / 60).csv_files()[0]
    header, _, rows = content[:19_500_000].rpartition(b"\n")[0].partition(b"\n")
    last = header + b"\n" + rows + b"\n2030-01-01 00:00:00,HH001,abc,0,28.6,77.2\n"
    every = header + b"\n" + rows.replace(b",HH001,", b",HH001,x")
    found = {"bad_file_bytes": len(last)}
    for name, bad in (("last_line", last), ("every_line", every)):
        start, cpu = time.perf_counter(), time.process_time()
        readings = read([("HH001.csv", bad)])
        assert not readings.accepted
        found[f"bad_{name}_s"] = round(time.perf_counter() - start, 2)
        found[f"bad_{name}_cpu_s"] = round(time.process_time() - cpu, 2)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--many"]:
        print(json.dumps(read_many(sys.argv[2])))
    else:
        print(json.dumps({**ratio_to_pyarrow(), **many_files(), **first_findings()}, indent=1))
