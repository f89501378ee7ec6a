"""What rulebooks cost: ratios to the market's plain account measured in one run, medians, as one JSON object.

python -m benchmarks.rules
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc

import numpy as np

from benchmarks.market import YEAR, community_of, medians_s
from core.market.algorithms import get
from core.market.chunks import blocks
from core.market.community import Community, Tariff
from core.market.compare import settle
from core.market.dispatch import own_use
from core.market.rulebooks import Baseline, GivenPrices, Place, RuledAccount, mechanism_of, preset, presets
from core.market.rulebooks.contracts import Contracts, settle_contracts
from core.market.rulebooks.place import Members, ReferencePrices

HOUSEHOLDS, CONTRACTS = 100, 1_000_000


def members_of(community: Community) -> Members:
    return Members(sanctioned_kw=dict.fromkeys(community.household_ids, 3.0))


def bills_and_references(place: Place) -> None:
    """Grid-only bills of a year, and the reference price of every household in every slot."""
    position = place.own_position()
    Baseline(position)
    for exported in (False, True):
        prices = ReferencePrices(position, exported=exported)
        for part in blocks(place.community.slots, len(place.ids)):
            prices[part]


def contracts_of(number: int, *, households: int, slots: int) -> tuple[Contracts, np.ndarray, np.ndarray]:
    """Contracts between random homes, and meters of which many fall short on both sides."""
    rng = np.random.default_rng(3)
    half = households // 2
    contracts = Contracts(
        np.sort(rng.integers(0, slots, number)),
        rng.integers(0, half, number),
        rng.integers(half, households, number),
        rng.uniform(0.1, 2.0, number),
        np.full(number, 5.0),
    )
    needs, delivers = (rng.uniform(0.0, 2.0, (slots, households)) for _ in range(2))
    return contracts, needs, delivers


def peak_over_inputs(community: Community) -> float:
    """Peak memory of one account under Delhi's pilot, readings included, over the size of the readings."""
    inputs = community.load_kw.nbytes + community.solar_kw.nbytes
    tracemalloc.start()
    place = Place(preset("delhi_pilot_2026"), community, members=members_of(community))
    RuledAccount(place.own_position(), mechanism_of("mid_market_rate", {}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (inputs + peak) / inputs


def main() -> None:
    community = community_of(HOUSEHOLDS, YEAR)
    tariff = Tariff.flat(community.slots)
    zonal = np.full(community.slots, 0.1)

    def plain() -> None:
        settle(get("grid_only"), own_use(community), tariff, {}).account()

    places = [Place(preset(name), community, members=members_of(community), given=GivenPrices(zonal=zonal))
              for name in presets()]  # fmt: skip
    taken = medians_s(plain, *(lambda place=place: bills_and_references(place) for place in places), times=5)
    found: dict[str, object] = {
        "household_slots": HOUSEHOLDS * YEAR,
        "plain_account_ms": round(taken[0] * 1e3, 1),
        "bills_and_reference_prices_over_plain_account": {
            name: round(each / taken[0], 2) for name, each in zip(presets(), taken[1:], strict=True)
        },
    }
    contracts, needs, delivers = contracts_of(CONTRACTS, households=HOUSEHOLDS, slots=YEAR)
    for rule in ("min_pro_rata", "min_fifo", "min_seller_first", "own_deviation", "optimum"):
        settle_contracts(contracts, needed_kwh=needs, delivered_kwh=delivers, rule=rule)
        start = time.process_time()
        settle_contracts(contracts, needed_kwh=needs, delivered_kwh=delivers, rule=rule)
        found[f"million_contracts_{rule}_s"] = round(time.process_time() - start, 2)
    found["peak_memory_over_inputs"] = round(peak_over_inputs(community), 1)
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
