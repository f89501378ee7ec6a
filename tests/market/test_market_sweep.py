"""The sweep kernel against the comparison: every bill and every figure, over random scenarios."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MarketError
from core.market.algorithms import find
from core.market.battery import greedy
from core.market.community import Tariff
from core.market.compare import compare
from core.market.dispatch import Storage
from core.market.quantities import FIGURES
from core.market.settlement import Settlement
from core.market.sweep import knows, sweep

SOLVED = ("value_tapping", "economic_performance", "overall_performance")
STRATEGIES = ("solar_abundance", "truthful", "zero_intelligence")
CLEARED = ("uniform_price_auction", "pay_as_bid_auction", "mcafee_auction")


def near(value, other):
    return (math.isnan(value) and math.isnan(other)) or abs(value - other) <= 1e-9 * max(1.0, abs(other))


def selections_of(rng):
    """Every algorithm, each auction with every strategy, batteries of both orders and starts, at random numbers."""
    alpha, beta, seed = float(rng.uniform(0.0, 8.0)), float(rng.uniform(0.0, 1.0)), int(rng.integers(0, 1000))
    chosen = [(name, {}) for name in find()]
    chosen += [("simple_auction", {"alpha": alpha, "beta": beta}), ("supply_demand_ratio", {"compensation": 0.05})]
    for strategy in STRATEGIES:
        given = {"strategy": strategy, "alpha": alpha, "beta": beta, "seed": seed}
        chosen += [(name, given) for name in CLEARED]
        chosen += [("uniform_price_auction", {**given, "k": float(rng.uniform())})]
        chosen += [("pay_as_bid_auction", {**given, "c": float(rng.uniform())})]
    for order in ("self_first", "market_first"):
        for start in ("cyclic", "empty"):
            size = {"capacity_kwh": float(rng.uniform(0.0, 20.0)), "power_kw": float(rng.uniform(0.0, 6.0))}
            chosen += [("p2p_battery", {**size, "order": order, "start": start, "owners": rng.choice(["pv", "all"])})]
    return [(name, dict(given)) for name, given in chosen]


def assert_the_same(community, tariff, selections):
    found = sweep(community, tariff, selections)
    for mine, theirs in zip(found, compare(selections, community, tariff), strict=True):
        what = (mine.algorithm_id, mine.parameters)
        assert (mine.algorithm_id, mine.parameters) == (theirs.algorithm_id, theirs.parameters)
        assert mine.through == ("kernel" if knows(mine.algorithm_id) else "compare")
        for bill, other in zip(mine.bill, theirs.households["bill"], strict=True):
            assert near(bill, other), what
        for name in FIGURES:
            if name in SOLVED and mine.algorithm_id == "p2p_battery":
                assert math.isnan(mine.figures[name])
            else:
                assert near(mine.figures[name], theirs.figures[name]), (what, name)


@given(
    seed=st.integers(0, 2**31),
    homes=st.integers(1, 14),
    slots=st.integers(1, 30),
    coarse=st.booleans(),
    known=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_the_kernel_gives_every_bill_and_figure_of_the_comparison(community_of, seed, homes, slots, coarse, known):
    rng = np.random.default_rng(seed)
    net = rng.normal(0.0, 1.5, (slots, homes))
    net = np.round(net) if coarse else net  # whole numbers tie, cancel and vanish
    net[rng.random(net.shape) < 0.1] = 1e-12
    community = community_of(
        net, slot_h=float(rng.choice([0.25, 0.5, 1.0])), pv_kw=rng.uniform(0.5, 4.0, homes) if known else None
    )
    feed_in = rng.uniform(0.0, 4.0, slots)
    tariff = Tariff(feed_in + 0.1 + rng.uniform(0.0, 5.0, slots), feed_in)
    assert_the_same(community, tariff, selections_of(rng))


def test_equal_units_settle_by_mcafees_own_rule_in_the_kernel_too(community_of):
    rng = np.random.default_rng(5)
    community = community_of(rng.choice([-1.0, 1.0, 0.0], (60, 9)), pv_kw=rng.uniform(0.5, 4.0, 9))
    assert_the_same(community, Tariff.flat(60), selections_of(rng))


def test_batteries_of_each_homes_own_size(community_of):
    rng = np.random.default_rng(7)
    community, tariff = community_of(rng.normal(0.0, 2.0, (200, 6))), Tariff.flat(200)
    storage = Storage(rng.uniform(0.0, 15.0, 6), rng.uniform(0.0, 4.0, 6), 0.9, 0.97)
    for order in ("self_first", "market_first"):
        dispatch = greedy(community, storage, order=order, cyclic=True)
        price = (tariff.retail_price + tariff.feed_in_price) / 2.0
        expected = Settlement.at_peer_price(dispatch, tariff, price=price).account().bill
        found = sweep(community, tariff, [("p2p_battery", {"order": order})], storage=storage)[0]
        assert found.bill == pytest.approx(expected, abs=1e-9)


def test_metered_homes_go_through_the_comparison(community_of):
    community = community_of(np.random.default_rng(2).normal(0.0, 1.0, (20, 4)))
    community = replace(community, metered=np.array([True, False, False, False]))
    found = sweep(community, Tariff.flat(20), [("mid_market_rate", {}), ("simple_auction", {})])
    assert [each.through for each in found] == ["compare", "compare"]
    assert math.isnan(found[0].figures["self_sufficiency_share"])


def test_what_the_comparison_refuses_the_sweep_refuses(community_of):
    community = community_of([[1.0, -1.0]])
    with pytest.raises(MarketError, match="2 prices for 1 slots"):
        sweep(community, Tariff.flat(2), [("grid_only", {})])
    with pytest.raises(MarketError, match="compensation is 9"):
        sweep(community, Tariff.flat(1), [("supply_demand_ratio", {"compensation": 9.0})])
    with pytest.raises(MarketError, match='owners names "X"'):
        sweep(community, Tariff.flat(1), [("p2p_battery", {"owners": "X"})])
