"""A settlement that breaks a promise is found out, with slot, household and amount; trades add up or are refused."""

import numpy as np
import pytest

from core.errors import MarketError, TooLargeError
from core.market.battery import greedy
from core.market.community import Tariff
from core.market.compare import run_algorithm
from core.market.dispatch import Storage, own_use
from core.market.invariants import require
from core.market.settlement import Fills, Settlement

FLAT = Tariff.flat(1)
MIDDLE = np.array([5.0])


@pytest.fixture
def dispatch(community_of):
    return own_use(community_of([[2.0, 1.0, -1.0]]))


def broken(settlement):
    return {verdict.name: verdict.sentence for verdict in settlement.check() if not verdict.holds}


def fills_of(filled, *, buy=MIDDLE, sell=MIDDLE, orders=((7.0, 7.0, 3.0),)):
    return Fills(np.array([filled]), np.array(orders), buy, sell)


def test_a_sound_settlement_breaks_nothing(dispatch):
    sound = Settlement.at_peer_price(dispatch, FLAT, price=MIDDLE)
    assert broken(sound) == {}
    assert broken(Settlement.of_fills(dispatch, FLAT, fills_of([0.5, 0.5, -1.0]))) == {}


def test_buying_what_nobody_sells_is_found(dispatch):
    found = broken(Settlement.of_fills(dispatch, FLAT, fills_of([1.0, 0.5, -1.0])))
    assert "in slot 0" in found["energy_balance"]
    assert "0.5 kWh" in found["energy_balance"]


def test_buying_more_than_the_deficit_is_found_with_the_household(dispatch):
    found = broken(Settlement.of_fills(dispatch, FLAT, fills_of([-0.5, 1.5, -1.0])))
    assert "slot 0, household HH001" in found["within_position"] or "household HH002" in found["within_position"]
    assert "0.5 kWh" in found["within_position"]


def test_trading_more_than_there_is_pro_rata_is_found(dispatch):
    found = broken(
        Settlement.at_unit_prices(
            dispatch, FLAT, buy_price=MIDDLE, sell_price=MIDDLE, traded_kwh=np.array([2.0]), price=MIDDLE
        )
    )
    assert "within_position" in found


def test_charging_the_peers_price_for_grid_energy_breaks_the_budget(dispatch):
    # The defect of published tools: 3 kWh needed, 1 from a peer; all of it billed at the peers' price.
    wrong = Settlement.at_unit_prices(
        dispatch, FLAT, buy_price=MIDDLE, sell_price=MIDDLE, traded_kwh=dispatch.matched_kwh, price=MIDDLE
    )
    assert "off by 4 in money" in broken(wrong)["budget_balance"]  # 2 kWh at 7 - 5


def test_prices_outside_the_tariffs_or_the_orders_are_found(dispatch):
    assert "price_bounds" in broken(Settlement.at_peer_price(dispatch, FLAT, price=np.array([7.5])))
    dear = fills_of([1.0, 0.0, -1.0], buy=np.array([8.0]), sell=np.array([8.0]))
    found = broken(Settlement.of_fills(dispatch, FLAT, dear))
    assert "household HH001" in found["price_bounds"]
    assert "off by 1 per kWh" in found["price_bounds"]
    assert "HH001" in found["individual_rationality"]


def test_an_operator_that_pays_in_is_found(dispatch):
    lossy = fills_of([1.0, 0.0, -1.0], buy=np.array([4.0]), sell=np.array([6.0]))
    assert "in slot 0" in broken(Settlement.of_fills(dispatch, FLAT, lossy))["operator_surplus"]


def test_a_profitable_pair_left_over_is_found(dispatch):
    assert "no_trade_left" in broken(Settlement.of_fills(dispatch, FLAT, fills_of([0.25, 0.25, -0.5])))


def test_a_bill_that_is_no_number_is_found(dispatch):
    nan = np.array([np.nan])
    wrong = Settlement.at_unit_prices(dispatch, FLAT, buy_price=nan, sell_price=nan, traded_kwh=np.zeros(1))
    assert {"finite", "budget_balance", "price_bounds"} <= set(broken(wrong))


def test_a_battery_that_cheats_is_found(community_of):
    community = community_of([[-2.0], [2.0]])
    storage = Storage(np.array([5.0]), np.array([1.0]), 0.9, 0.9)
    honest = greedy(community, storage)
    tariff = Tariff.flat(2)
    assert broken(Settlement.at_peer_price(honest, tariff, price=np.full(2, 5.0))) == {}
    for shift, name in ((0.3, "battery_losses"), (-1.0, "battery_level"), (9.0, "battery_level")):
        cheat = greedy(community, storage)
        cheat.storage.soc_kwh[0] += shift
        assert name in broken(Settlement.at_peer_price(cheat, tariff, price=np.full(2, 5.0)))
    cheat = greedy(community, storage)
    cheat.net_kwh[1] -= 5.0
    found = broken(Settlement.at_peer_price(cheat, tariff, price=np.full(2, 5.0)))
    assert "in slot 1, household HH001," in found["battery_power"]
    hungry = greedy(community, storage)
    hungry.net_kwh[1] += 1.0
    assert "battery_import" in broken(Settlement.at_peer_price(hungry, tariff, price=np.full(2, 5.0)))


def test_a_broken_promise_fails_with_its_sentence_unless_exempt(dispatch):
    dear = Settlement.at_peer_price(dispatch, FLAT, price=np.array([7.5]))
    with pytest.raises(MarketError, match=r"Dear breaks price_bounds: .* in slot 0"):
        require(dear.check(), algorithm="Dear")
    require(dear.check(exempt=("price_bounds", "individual_rationality")), algorithm="Dear")


def test_trades_of_a_slot_range_carry_its_slots(community_of):
    community = community_of([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0], [2.0, -1.0, -1.0]])
    settlement = run_algorithm("mid_market_rate", community, Tariff.flat(3)).settlement
    trades = settlement.trades(slice(1, 3))
    assert trades.slot.tolist() == [2, 2]
    assert trades.buyer.tolist() == [0, 0]
    assert sorted(trades.seller.tolist()) == [1, 2]
    assert trades.energy_kwh == pytest.approx([1.0, 1.0])
    assert trades.price == pytest.approx([5.0, 5.0])
    assert len(settlement.trades(slice(1, 2))) == 0


def test_pairs_are_as_few_as_can_be(community_of):
    rng = np.random.default_rng(4)
    net = rng.normal(0.0, 1.0, (50, 20))
    trades = run_algorithm("mid_market_rate", community_of(net), Tariff.flat(50)).settlement.trades()
    both = (net > 0).any(axis=1) & (net < 0).any(axis=1)
    assert len(trades) <= (net != 0).sum(axis=1)[both].sum() - both.sum()


def test_more_trades_than_allowed_are_refused(community_of):
    net = np.random.default_rng(4).normal(0.0, 1.0, (50, 20))
    for algorithm_id in ("mid_market_rate", "simple_auction"):
        settlement = run_algorithm(algorithm_id, community_of(net), Tariff.flat(50)).settlement
        with pytest.raises(TooLargeError, match="more than 30 trades"):
            settlement.trades(limit=30)


EMPTY = {"start": "empty"}


def test_market_first_serves_peers_before_the_battery(community_of):
    community = community_of([[-3.0, 2.0], [2.0, 0.0]])
    tariff = Tariff.flat(2)
    outcomes = {
        order: run_algorithm("p2p_battery", community, tariff, parameters={"order": order, "owners": "HH001", **EMPTY})
        for order in ("self_first", "market_first")
    }
    # 3 kWh of sun: self first stores 2.5 (its power) and sells 0.5; market first sells 2 and stores 1.
    assert outcomes["self_first"].slots["traded_kwh"] == pytest.approx([0.5, 0.0])
    assert outcomes["market_first"].slots["traded_kwh"] == pytest.approx([2.0, 0.0])
    assert outcomes["market_first"].slots["stored_kwh"][0] == pytest.approx(0.95)
    # later the battery gives 0.95 of what it holds, up to the 2 kWh needed
    left = 2.0 - 0.95 * 0.95
    assert outcomes["market_first"].slots["import_kwh"][1] == pytest.approx(left)
