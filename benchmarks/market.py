"""How fast the market engine is: ratios measured in one run, medians, as one JSON object.

python -m benchmarks.market
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.market import battery, optimum, passes
from core.market.algorithms import find, get
from core.market.auctions import uniform_price
from core.market.clearing import clear
from core.market.community import Community, Tariff
from core.market.compare import compare_all, dispatch_with, settle
from core.market.dispatch import Storage, own_use

ROOT = Path(__file__).resolve().parent.parent
YEAR = 35_040
"""Slots of 15 minutes."""


def median_s(work: Callable[[], object], *, times: int = 9) -> float:
    """Median time of `work`, after one call to warm up."""
    return medians_s(work, times=times)[0]


def medians_s(*works: Callable[[], object], times: int = 9) -> list[float]:
    """Median times of several works done in turn, so that a busy moment of the machine meets them all.

    Processor time: all of them use one thread, and what else the machine does counts less than by the clock.
    """
    for work in works:
        work()
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for work, times_of_work in zip(works, taken, strict=True):
            start = time.process_time()
            work()
            times_of_work.append(time.process_time() - start)
    return [statistics.median(each) for each in taken]


def community_of(households: int, slots: int, *, seed: int = 1) -> Community:
    """Homes with an evening peak, every second one with a roof, in slots of 15 minutes."""
    rng = np.random.default_rng(seed)
    hour = (np.arange(slots) % 96) / 4.0
    evening, sun = np.exp(-(((hour - 19.0) / 2.0) ** 2)), np.exp(-(((hour - 12.5) / 3.0) ** 2))
    roof = np.where(np.arange(households) % 2 == 0, rng.uniform(2.0, 6.0, households), 0.0)
    load, solar = rng.random((slots, households)), np.empty((slots, households))
    load *= 0.7
    load += (0.3 + 0.8 * evening)[:, None]
    np.multiply(sun[:, None], roof[None, :], out=solar)
    ids = tuple(f"HH{i:04d}" for i in range(households))
    return Community(ids, datetime(2024, 1, 1, tzinfo=UTC), 0.25, load, solar, np.where(roof > 0.0, roof, 0.0))


def clearing(households: int, slots: int) -> dict[str, Any]:
    """Uniform-price clearing, orders given, against sorting the same prices."""
    rng = np.random.default_rng(0)
    net, price = rng.normal(0.0, 1.0, (slots, households)), rng.uniform(3.0, 7.0, (slots, households))
    sort_s, clear_s, priced_s = medians_s(
        lambda: np.sort(price, axis=1), lambda: clear(net, price), lambda: uniform_price(net, price, k=0.5)
    )
    return {
        "households": households,
        "slots": slots,
        "sort_ms": round(sort_s * 1e3, 2),
        "clear_ms": round(clear_s * 1e3, 2),
        "times_sort": round(clear_s / sort_s, 2),
        "with_prices_times_sort": round(priced_s / sort_s, 2),
        "million_household_slots_per_s": round(net.size / clear_s / 1e6, 1),
    }


def shared_prices() -> dict[str, Any]:
    """Settlement and bills of the mechanisms with one price, in passes over an array of 100 × 35,040."""
    community, tariff = community_of(100, YEAR), Tariff.flat(YEAR)
    dispatch = own_use(community)
    ids = ("mid_market_rate", "supply_demand_ratio", "bill_sharing")

    def bills(algorithm_id: str) -> Callable[[], object]:
        algorithm = get(algorithm_id)
        parameters = algorithm.complete({})
        return lambda: settle(algorithm, dispatch, tariff, parameters).account()

    pass_s, own_use_s, *taken = medians_s(
        lambda: np.add(community.load_kw, community.solar_kw), lambda: own_use(community), *map(bills, ids)
    )
    found: dict[str, Any] = {"one_pass_ms": round(pass_s * 1e3, 2)}
    found.update({f"{name}_passes": round(each / pass_s, 1) for name, each in zip(ids, taken, strict=True)})
    return {**found, "own_use_dispatch_passes": round(own_use_s / pass_s, 1)}


def batteries() -> dict[str, Any]:
    """Greedy batteries, 100 × 35,040; the first call in a fresh process with and without compiled code at hand."""
    community = community_of(100, YEAR)
    net, ones = own_use(community).net_kwh, np.ones(YEAR)
    storage = Storage(np.full(100, 5.0), np.full(100, 2.5), 0.95, 0.95)
    soc, limit = np.empty_like(net), storage.power_kw * 0.25
    compiled = passes.load_compiled()
    assert compiled is not None
    taken = median_s(
        lambda: compiled.store_greedily(
            net.copy(), ones, ones, storage.capacity_kwh, limit, 0.95, 0.95, np.zeros(100), soc
        )
    )
    whole = median_s(lambda: battery.greedy(community, storage), times=5)
    with tempfile.TemporaryDirectory() as empty:
        cold = _first_call_s({"NUMBA_CACHE_DIR": empty})
        cached = _first_call_s({"NUMBA_CACHE_DIR": empty})
    return {
        "million_household_slots_per_s": round(net.size / taken / 1e6, 1),
        "with_dispatch_million_household_slots_per_s": round(net.size / whole / 1e6, 1),
        "first_call_compiling_s": round(cold, 2),
        "first_call_cached_s": round(cached, 2),
    }


def _first_call_s(environment: dict[str, str]) -> float:
    """Import of the compiled passes and one call of each, in a fresh process."""
    script = (
        "import time; import numpy as np; from core.market import clearing, battery, passes;"
        "start = time.perf_counter();"
        "c = passes.load_compiled(); a = np.ones((2, 2)); b = np.ones(2);"
        "c.clear_slots(a, a, 1e-9, 1e-12, a.copy(), b.copy(), b.copy(), b.copy());"
        "c.store_greedily(a, b, b, b, b, 0.9, 0.9, b.copy(), a.copy()); print(time.perf_counter() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _optimum_work(households: int, owners: int, slots: int) -> list[Callable[[], object]]:
    """Dispatch, settlement and bills of the optimum; HiGHS alone on its model; and on one with a battery each."""
    community = community_of(households, slots)
    hour = np.arange(slots) % 96
    tariff = Tariff(np.where((hour >= 64) & (hour < 88), 9.0, 6.0), np.full(slots, 3.0))
    algorithm = get("community_optimum")
    parameters = algorithm.complete({"owners": " ".join(community.household_ids[: 2 * owners : 2])})
    storage = battery.storage_of(community, **parameters)  # type: ignore[arg-type]
    plain = own_use(community)
    net_kwh = np.round(plain.demand_kwh - plain.supply_kwh, optimum.DECIMALS)

    def whole() -> object:
        return settle(algorithm, dispatch_with(algorithm, community, tariff, parameters), tariff, parameters).account()

    def highs_itself(kinds: np.ndarray) -> Callable[[], object]:
        programme = optimum.programme(net_kwh, tariff, kinds=kinds, storage=storage, cyclic=True)
        return lambda: optimum.solver_of(programme).run()

    together, _ = optimum._kinds(storage, community.slot_h)
    return [whole, highs_itself(together), highs_itself(np.tile([5.0, 2.5 * 0.25], (owners, 1)))]


def community_optimum(households: int = 60, owners: int = 20, slots: int = 672) -> dict[str, Any]:
    """The optimum with settlement, against what HiGHS itself needs for the same model and for one battery each."""
    whole_s, same_s, each_s = medians_s(*_optimum_work(households, owners, slots), times=7)
    return {
        "households": households,
        "batteries": owners,
        "slots": slots,
        "whole_ms": round(whole_s * 1e3, 1),
        "highs_same_model_ms": round(same_s * 1e3, 1),
        "highs_one_battery_each_ms": round(each_s * 1e3, 1),
        "times_highs": round(whole_s / same_s, 2),
        "times_highs_one_battery_each": round(whole_s / each_s, 2),
    }


def optimum_s(slots: int) -> float:
    """The optimum of 60 households with 20 batteries over more slots."""
    return median_s(_optimum_work(60, 20, slots)[0], times=3)


def everything(households: int = 100, slots: int = YEAR) -> dict[str, Any]:
    """All mechanisms but the optimum, all figures and checks; meant for a fresh process, as peak memory is its own."""
    community, tariff = community_of(households, slots), Tariff.flat(slots)
    inputs_mb = (community.load_kw.nbytes + community.solar_kw.nbytes) / 2**20
    before_mb = _memory_mb("VmRSS")
    ids = [
        a.id for a in find().values() if not a.needs_folder and a.is_easy(households) and a.id != "community_optimum"
    ]
    start, start_cpu = time.perf_counter(), time.process_time()
    compare_all(ids, community, tariff)
    taken, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak_mb = _memory_mb("VmHWM")
    return {
        "households": households,
        "slots": slots,
        "algorithms": len(ids),
        "seconds": round(taken, 2),
        "processor_seconds": round(cpu, 2),
        "inputs_mb": round(inputs_mb, 1),
        "peak_times_inputs": round((peak_mb - before_mb + inputs_mb) / inputs_mb, 2),
        "microseconds_per_household_slot": round(cpu * 1e6 / (households * slots), 3),
    }


def _memory_mb(line: str) -> float:
    """A line of this process's memory: VmRSS now, VmHWM at most."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split(f"{line}:")[1].split()[0]) / 1024


def _everything_apart(households: int, slots: int) -> dict[str, Any]:
    arguments = [sys.executable, "-m", "benchmarks.market", "everything", str(households), str(slots)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Everything, or the one measurement a subprocess is asked for."""
    if sys.argv[1:2] == ["everything"]:
        print(json.dumps(everything(*map(int, sys.argv[2:]))))
        return
    sizes = [(100, YEAR), (1000, 2976), (10, YEAR)]
    growth = [(100, YEAR // 8), (100, YEAR // 4), (100, YEAR // 2), (25, YEAR), (50, YEAR), (200, YEAR)]
    report = {
        "uniform_price_clearing": [clearing(*size) for size in sizes],
        "shared_prices": shared_prices(),
        "greedy_battery": batteries(),
        "community_optimum": community_optimum(),
        "growth_of_optimum_ms": {slots: round(optimum_s(slots) * 1e3, 1) for slots in (672, 2016, 8760, YEAR)},
        "everything": _everything_apart(100, YEAR),
        "growth_of_clearing": [clearing(*size) for size in growth],
        "growth_of_everything": [_everything_apart(*size) for size in growth],
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
