"""How long a click on the sample community takes, what a run costs beside its algorithms, and what pages feel of it.

`python -m benchmarks.runs [households] [days]` prints one JSON object; the large run has 100 households and a year.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles

import psutil

from core.market.algorithms import find
from core.readings.sample import sample_community
from core.runs import Datasets, RunPlan, Runs, Scenario, Selection, TariffPlan
from core.runs.statistics import cumulative, daily_totals, day_matrix, duration_curve, paired_interval, resample
from core.settings import Settings
from core.store import Store
from core.store.pool import Pool

USER = "bench"
TICK_S = 0.05


class Ticks:
    """What a page that refreshes feels: a small piece of work every 50 ms, and how late each was done."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._late_s: list[float] = []
        self._thread = threading.Thread(target=self._tick)

    def __enter__(self) -> Ticks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _tick(self) -> None:
        due = time.perf_counter() + TICK_S
        while not self._over.wait(max(due - time.perf_counter(), 0.0)):
            json.loads(json.dumps({str(number): number for number in range(5_000)}))
            self._late_s.append(time.perf_counter() - due)
            due += TICK_S

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of lateness, the work itself included."""
        return quantiles(self._late_s, n=20)[-1] * 1_000


def main(households: int, days: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", uploads_dir=Path(folder) / "uploads")
        store = Store(settings.resolved_database_url)
        datasets = Datasets(store, settings)
        runs = Runs(store, settings, datasets=datasets, pool=Pool(store))
        try:
            return {**sample(datasets, runs), **large(datasets, runs, households, days)}
        finally:
            runs.stop_workers()
            store.close()


def plan_of_all(households: int) -> RunPlan:
    fitting = (each for each in find().values() if not each.needs_folder and each.is_easy(households))
    return RunPlan(tuple(Selection(each.id) for each in fitting))


def timed_run(runs: Runs, dataset_id: str, households: int) -> tuple[float, str]:
    began = time.perf_counter()
    run_id = runs.start(USER, dataset_id, plan=plan_of_all(households))
    state = runs.wait(run_id, user_id=USER, timeout_s=3_600.0)
    assert state.status == "done", state.message
    return time.perf_counter() - began, run_id


def sample(datasets: Datasets, runs: Runs) -> dict[str, object]:
    """The first click of a visitor, before a spare worker stands ready, and the same comparison once more."""
    began = time.perf_counter()
    runs.start_workers()
    dataset = datasets.sample(USER)
    timed_run(runs, dataset.dataset_id, dataset.households)
    cold = time.perf_counter() - began
    runs.wait_for_spare(60.0)
    again, _ = timed_run(runs, dataset.dataset_id, dataset.households)
    return {
        "algorithms": len(plan_of_all(dataset.households).selections),
        "click_to_finished_comparison_right_after_start_s": round(cold, 2),
        "click_bound_s": 10.0,
        "kept_comparison_again_s": round(again, 2),
    }


def cancel(runs: Runs, dataset_id: str, households: int) -> dict[str, object]:
    """From the call to the end of the worker that was in the middle of an algorithm."""
    took = []
    for number in range(5):
        runs.wait_for_spare(60.0)
        workers = [child.pid for child in psutil.Process().children()]
        plan = RunPlan(
            plan_of_all(households).selections, (Scenario(f"cancelled {number}", TariffPlan.flat(7.0 + number)),)
        )
        run_id = runs.start(USER, dataset_id, plan=plan)
        while runs.state(run_id, user_id=USER).rows_done < 1:
            time.sleep(0.001)
        began = time.perf_counter()
        runs.cancel(run_id, user_id=USER)
        while any(map(psutil.pid_exists, workers)):
            time.sleep(0.001)
        took.append(time.perf_counter() - began)
    return {"cancel_until_worker_is_gone_ms": round(median(took) * 1_000, 1), "cancel_bound_ms": 1_000.0}


def large(datasets: Datasets, runs: Runs, households: int, days: int) -> dict[str, object]:
    files = sample_community(7, households, days=days, slot_h=0.25).csv_files()
    began = time.perf_counter()
    added = datasets.add(USER, files, name="Large")
    read_s = time.perf_counter() - began
    assert added.dataset is not None
    runs.wait_for_spare(60.0)
    with Ticks() as idle:
        time.sleep(5.0)
    with Ticks() as busy:
        run_s, run_id = timed_run(runs, added.dataset.dataset_id, households)
    runs.wait_for_spare(60.0)
    again_s, _ = timed_run(runs, added.dataset.dataset_id, households)
    result = runs.result(run_id, user_id=USER)
    algorithms_s = sum(row.seconds for row in result.rows)
    return {
        "households": households,
        "slots": result.slots,
        "read_and_kept_s": round(read_s, 2),
        "run_s": round(run_s, 2),
        "algorithms_s": {row.algorithm_id: round(row.seconds, 2) for row in result.rows},
        "run_over_its_algorithms": round(run_s / algorithms_s, 2),
        "kept_comparison_again_large_s": round(again_s, 2),
        "tick_late_p95_ms_idle": round(idle.p95_ms, 1),
        "tick_late_p95_ms_during_run": round(busy.p95_ms, 1),
        "tick_bound_ms": 250.0,
        "charts_ms": charts_ms(runs, run_id),
        **cancel(runs, added.dataset.dataset_id, households),
    }


def charts_ms(runs: Runs, run_id: str) -> dict[str, float]:
    """What each chart's numbers cost, from the result on disk."""
    result = runs.result(run_id, user_id=USER)
    row = result.rows[-1]
    local = result.local_starts()
    series = result.series(row)
    slot_h = result.slot_h
    days = daily_totals(series["community_cost"], slot_h=slot_h)
    work = {
        "open_result": lambda: runs.result(run_id, user_id=USER),
        "read_two_series": lambda: result.series(row, ["traded_kwh", "price"]),
        "local_time": result.local_starts,
        "over_time": lambda: resample(local, series["price"], slot_h=slot_h, how="mean", weights=series["traded_kwh"]),
        "cumulative": lambda: cumulative(local, series["community_cost"], slot_h=slot_h),
        "heat_map": lambda: day_matrix(local, series["traded_kwh"], slot_h=slot_h),
        "duration": lambda: duration_curve(series["import_kwh"]),
        "interval": lambda: paired_interval(days, days * 0.9),
    }
    return {name: round(median(_seconds(each) for _ in range(5)) * 1_000, 1) for name, each in work.items()}


def _seconds(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    asked = [int(each) for each in sys.argv[1:3]]
    print(json.dumps(main(*(asked or [100, 365])), indent=1))
