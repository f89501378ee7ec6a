"""How long the questions of stability take, as one JSON object: seconds of processor time, medians.

python -m benchmarks.stability
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np

from benchmarks.market import community_of, median_s
from core.market.algorithms import get
from core.market.community import Tariff
from core.market.compare import settle
from core.market.dispatch import own_use
from core.market.stability.blocking import most_blocking
from core.market.stability.game import Game
from core.market.stability.nucleolus import nucleolus
from core.market.stability.shapley import shapley

WEEK, MONTH, YEAR = 672, 2_976, 35_040
LIMIT_S = 20.0
MECHANISMS = ("mid_market_rate", "supply_demand_ratio", "bill_sharing", "uniform_price_auction")


def blocking(households: int, slots: int) -> dict[str, Any]:
    """The group that gains most, for each mechanism."""
    community, tariff = community_of(households, slots), Tariff.flat(slots)
    dispatch = own_use(community)
    game = Game.of(dispatch, tariff)
    found: dict[str, Any] = {"households": households, "slots": slots}
    for name in MECHANISMS:
        algorithm = get(name)
        bills = settle(algorithm, dispatch, tariff, algorithm.complete({})).account().bill
        answer = most_blocking(game, bills, time_limit_s=LIMIT_S)
        search = partial(most_blocking, game, bills, time_limit_s=LIMIT_S)
        found[name] = {
            "s": round(median_s(search, times=1), 3),
            "homes": int(answer.members.sum()),
            "percent_of_all_bills": round(100.0 * answer.gain / abs(float(bills.sum())), 3),
            "solver_gap_percent_of_gain": round(100.0 * answer.solver_gap / answer.gain, 3) if answer.gain else 0.0,
        }
    return found


def game_of(households: int, slots: int) -> Game:
    """The game of a community under a flat tariff."""
    return Game.of(own_use(community_of(households, slots)), Tariff.flat(slots))


def shapley_of(households: int, slots: int) -> dict[str, Any]:
    """The Shapley value, and its largest standard error in percent of a home's share."""
    game = game_of(households, slots)
    found = shapley(game)
    return {
        "households": households,
        "slots": slots,
        "s": round(median_s(partial(shapley, game), times=3), 3),
        "exact": found.exact,
        "largest_error_percent": round(100.0 * float(np.max(found.standard_error / found.share)), 3),
    }


def nucleolus_of(households: int, slots: int) -> dict[str, Any]:
    """The nucleolus."""
    game = game_of(households, slots)
    return {"households": households, "slots": slots, "s": round(median_s(partial(nucleolus, game), times=1), 3)}


def main() -> None:
    """Everything."""
    report = {
        "blocking": [blocking(*size) for size in ((100, 96), (100, MONTH), (200, 96), (30, YEAR))],
        "shapley": [shapley_of(*size) for size in ((16, WEEK), (100, MONTH), (500, WEEK), (100, YEAR))],
        "nucleolus": [nucleolus_of(*size) for size in ((12, WEEK), (20, WEEK))],
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
