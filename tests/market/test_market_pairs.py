"""Who trades with whom, where the algorithm decides it: nearest neighbours, and what becomes of pairs."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import MarketError
from core.market.algorithms.nearest_neighbour import distances_km
from core.market.community import Tariff
from core.market.compare import compare_all, run_algorithm
from core.market.dispatch import own_use
from core.market.invariants import require
from core.market.pairing import Pairs
from core.market.settlement import Fills, Settlement


def at(community, *places):
    return replace(community, positions=np.array(places, dtype=float))


def test_distances_are_great_circles():
    # A degree of the meridian is 6371·π/180 = 111.19 km; on the 60th parallel a degree of longitude is half of it.
    found = distances_km(np.array([[0.0, 0.0], [1.0, 0.0], [60.0, 0.0], [60.0, 1.0], [np.nan, np.nan]]))
    assert found[0, 1] == pytest.approx(111.19, abs=0.01)
    assert found[2, 3] == pytest.approx(55.6, abs=0.01)
    assert np.isinf(found[4]).all()


def test_energy_goes_to_the_nearest_in_need_first(community_of):
    # On a line: S offers 5; A, 1 away, needs 3; B, 2 away, needs 4; T, 1 beyond B and 3 from A, offers 1.
    community = at(community_of([[3.0, 4.0, -5.0, -1.0]], ids=["A", "B", "S", "T"]), (0, 1), (0, 2), (0, 0), (0, 3))
    outcome = run_algorithm("nearest_neighbour", community, Tariff.flat(1))
    trades = outcome.settlement.trades()
    who = {(b, s): e for b, s, e in zip(trades.buyer, trades.seller, trades.energy_kwh, strict=True)}
    # At distance 1 both A-S and B-T trade, then B takes the 2 kWh that S has left; B buys 1 from the grid.
    assert who == pytest.approx({(0, 2): 3.0, (1, 3): 1.0, (1, 2): 2.0})
    assert trades.price == pytest.approx([5.0, 5.0, 5.0])
    assert outcome.households["bill"] == pytest.approx([15.0, 15.0 + 7.0, -25.0, -5.0])
    nearer = run_algorithm("mid_market_rate", community, Tariff.flat(1))
    assert nearer.households["bill"][0] > outcome.households["bill"][0]  # A's place is worth money here


def test_homes_equally_far_share_pro_rata_and_unknown_places_come_last(community_of):
    community = community_of([[2.0, 1.0, -2.0, 3.0]], ids=["A", "B", "S", "X"])
    community = at(community, (0, 1), (0, -1), (0, 0), (np.nan, np.nan))
    bought = run_algorithm("nearest_neighbour", community, Tariff.flat(1)).households["bought_kwh"]
    assert bought == pytest.approx([4 / 3, 2 / 3, 0.0, 0.0])


def test_without_positions_nearest_neighbour_is_the_mid_market_rate(community_of):
    community = community_of(np.random.default_rng(1).normal(0.0, 1.0, (40, 6)))
    found = compare_all(["mid_market_rate", "nearest_neighbour"], community, Tariff.flat(40))
    bills = [outcome.households["bill"] for outcome in found.values()]
    assert bills[1] == pytest.approx(bills[0])


def test_a_year_of_pairs_adds_up_with_any_positions(community_of):
    rng = np.random.default_rng(4)
    community = community_of(rng.normal(0.0, 1.0, (500, 12)))
    places = rng.integers(0, 3, (12, 2)) / 100.0
    places[3] = np.nan
    outcome = run_algorithm("nearest_neighbour", at(community, *places), Tariff.flat(500))
    assert outcome.figures["untraded_kwh"] == pytest.approx(0.0, abs=1e-6)
    trades = outcome.settlement.trades()
    assert np.bincount(trades.slot, trades.energy_kwh, 500) == pytest.approx(outcome.slots["traded_kwh"], abs=1e-8)
    assert len(outcome.settlement.trades(slice(7, 9))) == np.isin(trades.slot, (7, 8)).sum()


def settlement_of(community, pairs, filled=None):
    dispatch, tariff = own_use(community), Tariff.flat(community.slots)
    price = np.full(community.slots, 5.0)
    orders = np.where(dispatch.net_kwh > 0.0, 7.0, 3.0)
    fills = Fills.of_pairs(pairs, orders, shape=dispatch.net_kwh.shape)
    if filled is not None:
        fills = Fills(filled, orders, price, price, pairs=pairs)
    return Settlement.of_fills(dispatch, tariff, fills)


def test_pairs_keep_their_own_price_in_trades_and_bills(community_of):
    community = community_of([[2.0, 1.0, -3.0]])
    pairs = Pairs(np.array([0, 0]), np.array([1, 0]), np.array([2, 2]), np.array([1.0, 2.0]), np.array([4.0, 6.0]))
    settlement = settlement_of(community, pairs)
    trades = settlement.trades()
    assert sorted(zip(trades.buyer.tolist(), trades.price.tolist(), strict=True)) == [(0, 6.0), (1, 4.0)]
    assert settlement.account().bill == pytest.approx([12.0, 4.0, -16.0])
    require(settlement.check(), algorithm="Pairs")


def test_pairs_that_do_not_add_up_to_the_fills_are_refused(community_of):
    community = community_of([[2.0, 1.0, -3.0]])
    pairs = Pairs(np.array([0, 0]), np.array([1, 0]), np.array([2, 2]), np.array([1.0, 1.0]), np.array([5.0, 5.0]))
    with pytest.raises(
        MarketError, match="energy_balance: peers buy what peers sell; at worst in slot 0 it is off by 1"
    ):
        require(settlement_of(community, pairs, np.array([[2.0, 1.0, -3.0]])).check(), algorithm="Pairs")
    with pytest.raises(MarketError, match="have no prices"):
        settlement_of(community, replace(pairs, price=None))
