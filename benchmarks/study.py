"""How fast a sweep settles scenarios, and whether it is right: ratios to `np.sort` and to `compare` in the same run.

`python -m benchmarks.study [households] [slots] [scenarios]` prints one JSON object; 100 households and a year of
quarter-hours unless told. Every scenario checked has each bill and figure within 1e-9 of the comparison's.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.market import community_of
from core.market.community import Community, Tariff
from core.market.compare import compare
from core.market.sweep import AUCTIONS, BY_PRICE, sweep, warm
from core.runs.study import carry_out_study
from core.runs.study_plan import plan_of
from core.runs.study_scenario import Base, scenario_of

NINE = [*BY_PRICE, *AUCTIONS]
DIMENSIONS = {
    "retail_price": [5, 10],
    "feed_in_share": [0.1, 0.6],
    "pv_share": [0.2, 1],
    "battery_share": [0, 1],
    "battery_kwh": [2, 14],
    "ev_share": [0, 0.5],
    "uniform_price_auction.k": [0, 1],
}
SOLVED = ("value_tapping", "economic_performance", "overall_performance")
TOLERANCE = 1e-9


def main(households: int, slots: int, scenarios: int) -> dict[str, object]:
    warm()
    community = community_of(households, slots)
    selections = [(name, {}) for name in NINE]
    sort_s = seconds_of(lambda: np.sort(np.random.default_rng(0).uniform(3, 7, (slots, households)), axis=1))
    sweep_s = seconds_of(lambda: sweep(community, Tariff.flat(slots), selections))
    compare_s = seconds_of(lambda: compare(selections, community, Tariff.flat(slots)), times=1)
    found: dict[str, object] = {
        "households": households,
        "slots": slots,
        "processor_seconds_of_np_sort": round(sort_s, 3),
        "scenario_in_sorts": round(sweep_s / sort_s, 1),
        "compare_in_scenarios": round(compare_s / sweep_s, 1),
    }
    for workers in (1, 2):
        found[f"study_with_{workers}_threads"] = study(community, scenarios, workers)
    rate = found["study_with_2_threads"]["wall_s"] / scenarios  # type: ignore[index]
    month = community_of(households, 1_440)
    return {
        **found,
        "hours_of_100000_scenarios": round(rate * 100_000 / 3_600, 1),
        "month_of_half_hours_ms": round(
            1_000 * seconds_of(lambda: sweep(month, Tariff.flat(1_440), selections), times=5), 1
        ),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
        "wrong_in_checked_scenarios": wrong(community_of(min(households, 40), min(slots, 2_000)), scenarios=8),
    }


def study(community: Community, scenarios: int, workers: int) -> dict[str, float]:
    """A Sobol sequence over tariffs, roofs, batteries and cars."""
    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), time.process_time()
        carry_out_study(
            asked(scenarios),
            community,
            dataset_digest="bench",
            time_zone="Asia/Kolkata",
            folder=Path(folder),
            workers=workers,
        )
        wall, used = time.perf_counter() - began, time.process_time() - used
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    return {
        "scenarios": scenarios,
        "wall_s": round(wall, 2),
        "processor_s": round(used, 2),
        "parquet_kb": size // 1_024,
    }


def asked(scenarios: int):  # type: ignore[no-untyped-def]
    """The study's plan."""
    return plan_of({"dimensions": DIMENSIONS, "scenarios": scenarios, "seed": 7, "algorithms": NINE})


def wrong(community: Community, *, scenarios: int) -> int:
    """Bills and figures further than 1e-9 from the comparison's."""
    base, plan, count = Base(community, "Asia/Kolkata"), asked(scenarios), 0
    for number, point in enumerate(plan.points):
        made, tariff, selections = scenario_of(base, plan, point, number)
        for mine, theirs in zip(sweep(made, tariff, selections), compare(selections, made, tariff), strict=True):
            pairs = list(zip(mine.bill, theirs.households["bill"], strict=True))
            left_out = SOLVED if mine.algorithm_id == "p2p_battery" else ()
            pairs += [(mine.figures[name], value) for name, value in theirs.figures.items() if name not in left_out]
            count += sum(not near(one, other) for one, other in pairs)
    return count


def near(one: float, other: float) -> bool:
    """Whether two numbers are the same but for rounding."""
    return (math.isnan(one) and math.isnan(other)) or abs(one - other) <= TOLERANCE * max(1.0, abs(other))


def seconds_of(do: Callable[[], object], times: int = 3) -> float:
    """Least processor time of a few tries."""
    tries = []
    for _ in range(times):
        began = time.process_time()
        do()
        tries.append(time.process_time() - began)
    return min(tries)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    given = [int(each) for each in sys.argv[1:]]
    print(json.dumps(main(*(given + [100, 35_040, 16][len(given) :])), indent=1))
