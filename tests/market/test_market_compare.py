"""One bench for all: dispatches once, results that do not depend on order or path, errors that say what is allowed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import MarketError
from core.market import auctions, battery, passes
from core.market.algorithms import find, get
from core.market.clearing import clear
from core.market.community import Community, Tariff
from core.market.compare import compare, compare_all, run_algorithm
from core.market.contract import Parameter
from core.market.dispatch import own_use
from core.market.orders import OrderPrices

ROOT = Path(__file__).resolve().parents[2]
SUMMARY_KEYS = {
    "files_processed",
    "total_kwh_traded",
    "total_community_profit",
    "avg_p2p_price",
    "total_unmet_demand_kwh",
}


@pytest.fixture
def community(community_of):
    rng = np.random.default_rng(8)
    return community_of(rng.normal(0.0, 1.0, (48, 6)), extra_kw=0.2)


def test_the_same_input_gives_the_same_bytes_whatever_the_order_of_households(community):
    order = [3, 0, 5, 1, 4, 2]
    shuffled = Community(
        tuple(community.household_ids[i] for i in order),
        community.start_at,
        community.slot_h,
        community.load_kw[:, order],
        community.solar_kw[:, order],
        community.pv_kw[order],
    )
    assert shuffled.household_ids == community.household_ids
    tariff = Tariff.flat(48)
    once, again = (compare_all(find(), given, tariff) for given in (community, shuffled))
    assert {k: o.result_digest for k, o in once.items()} == {k: o.result_digest for k, o in again.items()}
    for name, values in once["pay_as_bid_auction"].households.items():
        assert np.array_equal(values, again["pay_as_bid_auction"].households[name])


def test_numpy_and_compiled_passes_give_the_same_result(community, monkeypatch):
    tariff, digests = Tariff.flat(48), []
    for threshold in (0, 10**12):
        monkeypatch.setattr(passes, "WORTH_COMPILING", threshold)
        monkeypatch.setattr(passes, "compiled_for", passes.compiled_for)
        if threshold:
            monkeypatch.setattr(passes, "load_compiled", lambda: None)
        digests.append({k: o.result_digest for k, o in compare_all(find(), community, tariff).items()})
    assert digests[0] == digests[1]


def test_the_digest_tells_parameters_seeds_and_readings_apart(community):
    tariff = Tariff.flat(48)

    def digest(parameters=None, tariff=tariff, algorithm_id="uniform_price_auction"):
        return run_algorithm(algorithm_id, community, tariff, parameters=parameters).result_digest

    random = {"strategy": "zero_intelligence"}
    assert digest({**random, "seed": 1}) == digest({**random, "seed": 1})
    different = {
        digest(),
        digest({"k": 0.25}),
        digest({**random, "seed": 1}),
        digest({**random, "seed": 2}),
        digest(tariff=Tariff.flat(48, retail_price=8.0)),
        digest(algorithm_id="pay_as_bid_auction"),
    }
    assert len(different) == 6


def test_the_digest_does_not_depend_on_what_else_is_compared(community):
    tariff = Tariff.flat(48)
    alone = run_algorithm("p2p_battery", community, tariff)
    beside = compare_all(["p2p_battery", "mid_market_rate"], community, tariff)["p2p_battery"]
    assert alone.result_digest == beside.result_digest
    assert alone.figures["power_flatness"] != beside.figures["power_flatness"]


def test_a_dispatch_is_computed_once_and_shared(community, monkeypatch):
    calls = []
    store = battery.store_in_numpy
    monkeypatch.setattr(battery, "compiled_for", lambda _: None)
    monkeypatch.setattr(battery, "store_in_numpy", lambda *args: calls.append(1) or store(*args))
    mine = {"start": "empty"}
    compare([("p2p_battery", mine), ("mid_market_rate", {}), ("p2p_battery", mine)], community, Tariff.flat(48))
    assert len(calls) == 1
    compare([("p2p_battery", mine), ("p2p_battery", {**mine, "capacity_kwh": 1.0})], community, Tariff.flat(48))
    assert len(calls) == 3


def test_the_same_algorithm_may_run_twice_with_other_parameters(community):
    outcomes = compare(
        [("p2p_battery", {"capacity_kwh": 1.0}), ("p2p_battery", {"capacity_kwh": 9.0})], community, Tariff.flat(48)
    )
    assert [outcome.parameters["capacity_kwh"] for outcome in outcomes] == [1.0, 9.0]
    assert outcomes[0].parameters["power_kw"] == 2.5
    assert outcomes[0].figures["community_cost"] != outcomes[1].figures["community_cost"]


def test_progress_counts_the_algorithms(community):
    seen = []
    compare_all(["grid_only", "mid_market_rate"], community, Tariff.flat(48), progress=lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]


def test_the_summary_has_the_ledgers_five_keys(community):
    outcomes = compare_all(["grid_only", "mid_market_rate"], community, Tariff.flat(48))
    summary = outcomes["mid_market_rate"].summary()
    assert set(summary) == SUMMARY_KEYS
    assert summary["files_processed"] == 6
    assert summary["total_community_profit"] == outcomes["mid_market_rate"].figures["savings"]
    assert outcomes["grid_only"].summary()["avg_p2p_price"] is None


def test_the_settlement_can_be_asked_for_again(community):
    outcome = run_algorithm("pay_as_bid_auction", community, Tariff.flat(48))
    assert outcome.settlement.account().bill == pytest.approx(outcome.households["bill"])


def test_who_has_a_battery_is_a_parameter(community_of):
    community = community_of([[-2.0, -2.0, 1.0], [1.0, 1.0, 1.0]], pv_kw=[3.0, np.nan, 0.0])
    assert battery.owners_of(community, "pv").tolist() == [True, True, False]
    assert battery.owners_of(community, "all").tolist() == [True, True, True]
    assert battery.owners_of(community, "HH003, HH001").tolist() == [True, False, True]
    with pytest.raises(MarketError, match='owners names "HH009"'):
        run_algorithm("p2p_battery", community, Tariff.flat(2), parameters={"owners": "HH009"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("charge_efficiency", 0.0, r'charge_efficiency is "0.0", expected a number > 0 and <= 1'),
        ("charge_efficiency", 1.01, "expected a number > 0 and <= 1"),
        ("charge_efficiency", float("nan"), "expected a number > 0 and <= 1"),
        ("capacity_kwh", -1.0, "expected a number >= 0"),
        ("capacity_kwh", float("inf"), "expected a number >= 0"),
        ("capacity_kwh", "much", 'capacity_kwh is "much"'),
        ("order", "grid_first", "expected one of: self_first, market_first"),
        ("capcity_kwh", 1.0, 'Did you mean "capacity_kwh"'),
    ],
)
def test_a_parameter_outside_its_bounds_is_refused(community, name, value, message):
    with pytest.raises(MarketError, match=message):
        run_algorithm("p2p_battery", community, Tariff.flat(48), parameters={name: value})


def test_an_unknown_algorithm_is_refused_with_the_one_meant(community):
    with pytest.raises(MarketError, match='Did you mean "mid_market_rate"'):
        run_algorithm("midmarket_rate", community, Tariff.flat(48))
    with pytest.raises(MarketError, match="There is: grid_only, simple_auction"):
        get("xyzzy")


def test_a_tariff_of_another_length_is_refused(community):
    with pytest.raises(MarketError, match="has 24 prices for 48 slots"):
        run_algorithm("mid_market_rate", community, Tariff.flat(24))


def test_compensation_above_the_gap_of_the_tariffs_is_refused(community):
    tariff = Tariff(np.full(48, 7.0), np.concatenate([np.full(40, 3.0), np.full(8, 6.5)]))
    with pytest.raises(MarketError, match=r"compensation is 1, and in slot 40 retail less feed-in is 0\.5"):
        run_algorithm("supply_demand_ratio", community, tariff, parameters={"compensation": 1.0})
    run_algorithm("supply_demand_ratio", community, tariff, parameters={"compensation": 0.5})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
def test_readings_that_are_no_power_are_refused_with_their_place(community, bad):
    load = community.load_kw.copy()
    load[5, 2] = bad
    with pytest.raises(MarketError, match=r"load_kw of household HH003 in slot 5 is"):
        Community(
            community.household_ids,
            community.start_at,
            community.slot_h,
            load,
            community.solar_kw,
            community.pv_kw,
        )


@pytest.mark.parametrize("bad", [np.inf, -0.5])
def test_a_roof_that_is_no_size_is_refused(community, bad):
    pv_kw = np.array([1.0, np.nan, bad, 0.0, 0.0, 0.0])
    with pytest.raises(MarketError, match="pv_kw of household HH003 is"):
        Community(
            community.household_ids,
            community.start_at,
            community.slot_h,
            community.load_kw,
            community.solar_kw,
            pv_kw,
        )


def test_without_compiled_code_numpy_does_the_work(monkeypatch, caplog):
    passes.load_compiled.cache_clear()
    monkeypatch.setitem(sys.modules, "core.market.compiled", None)
    monkeypatch.delattr("core.market.compiled", raising=False)
    assert passes.compiled_for(10**9) is None
    assert "NumPy does the work" in caplog.text
    monkeypatch.undo()
    passes.load_compiled.cache_clear()
    assert passes.load_compiled() is not None


def test_a_feed_in_price_above_retail_is_refused():
    with pytest.raises(MarketError, match=r"In slot 1 the retail price is 2\.0 and the feed-in price 3\.0"):
        Tariff(np.array([7.0, 2.0]), np.array([3.0, 3.0]))


def test_parameters_are_parsed_as_the_kind_of_their_default():
    number = Parameter("x", 1.0, unit="", help="", minimum=0.0)
    whole = Parameter("n", 1, unit="", help="", minimum=0)
    assert number.parse(" 2 ") == 2.0
    assert isinstance(number.check(2), float)
    assert whole.parse("3") == 3
    for parameter, text in ((whole, "3.5"), (whole, "x"), (number, "1e999"), (number, "-1"), (number, "")):
        with pytest.raises(MarketError):
            parameter.parse(text)
    for value in (True, 2.5, None):
        with pytest.raises(MarketError):
            whole.check(value)


def test_the_supply_demand_ratio_goes_from_retail_to_feed_in(community_of):
    tariff, last = Tariff.flat(1), 7.0
    for supply in (1e-6, 0.25, 0.5, 0.75, 1.0, 1.5, 4.0):
        outcome = run_algorithm("supply_demand_ratio", community_of([[1.0, -supply]]), tariff)
        price = outcome.slots["price"][0]
        assert 3.0 - 1e-12 <= price <= last
        last = price
        if supply < 1e-5:
            assert price == pytest.approx(7.0, abs=1e-4)
        if supply >= 1.0:
            assert price == pytest.approx(3.0)
        if supply == 0.5:  # 7·3 / (4·0.5 + 3)
            assert price == pytest.approx(21 / 5)


def test_importing_the_market_is_cheap():
    script = (
        "import sys; from core.market.compare import compare_all; from core.market.algorithms import find; find();"
        "import core.market.order_book, core.market.tariff;"
        "print([m for m in ('numba', 'scipy', 'highspy', 'pandas', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_sun_lowers_the_ask_between_retail_and_feed_in(community_of):
    # r 7, α 5, β 0.125: half sun asks 7 - 5·0.5 = 4.5; full sun, or more than the roof is rated for, asks 2,
    # or feed-in where that is more. A roof of unknown size counts its largest sun as full.
    community = community_of([[2.0, -1.0, -2.0, -3.0, -1.0], [2.0, 0.0, -1.0, -1.0, -2.0]], pv_kw=[0, 2, 2, 2, np.nan])
    for feed_in, asks in ((0.0, [4.5, 2.0, 2.0, 4.5]), (3.0, [4.5, 3.0, 3.0, 4.5])):
        tariff = Tariff.flat(2, retail_price=7.0, feed_in_price=feed_in)
        prices = run_algorithm("simple_auction", community, tariff).settlement.fills.order_price[:]
        assert prices[0].tolist() == [6.875, *asks]
    truthful = run_algorithm("mcafee_auction", community, tariff, parameters={"strategy": "truthful"})
    assert truthful.settlement.fills.order_price[:][0].tolist() == [7.0, 3.0, 3.0, 3.0, 3.0]


def test_zero_intelligence_draws_go_with_household_and_time(community_of):
    net = np.array([[1.0, -1.0], [1.0, -1.0]])
    parameters = {"strategy": "zero_intelligence", "seed": 5}
    wide = community_of(np.hstack([net, net]), ids=["A", "B", "C", "D"])
    narrow = community_of(net, ids=["A", "B"])
    prices = [
        run_algorithm("pay_as_bid_auction", c, Tariff.flat(2), parameters=parameters).settlement.fills.order_price[:]
        for c in (wide, narrow)
    ]
    assert np.array_equal(prices[0][:, :2], prices[1])
    assert len(np.unique(prices[0])) == 8
    assert ((prices[0] >= 3.0) & (prices[0] < 7.0)).all()


def test_zero_intelligence_is_uniform(community_of):
    community = community_of(np.ones((2000, 20)))
    parameters = {"strategy": "zero_intelligence", "seed": 1}
    price = run_algorithm("uniform_price_auction", community, Tariff.flat(2000), parameters=parameters)
    draws = (price.settlement.fills.order_price[:] - 3.0) / 4.0
    counts = np.histogram(draws, bins=20, range=(0.0, 1.0))[0]
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)
    assert abs(np.corrcoef(draws.T) - np.eye(20)).max() < 0.12
    assert abs(np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]) < 0.03


def test_equal_orders_are_cleared_once_and_give_what_each_gives_alone(community, monkeypatch):
    cleared = []
    monkeypatch.setattr(auctions, "clear", lambda *orders: cleared.append(1) or clear(*orders))
    selections = [
        (auction, parameters)
        for parameters in ({}, {"alpha": 1.0})
        for auction in ("simple_auction", "uniform_price_auction", "pay_as_bid_auction", "mcafee_auction")
    ]
    together = compare(selections, community, Tariff.flat(48))
    assert len(cleared) == 2  # once for each alpha
    for outcome, (auction, parameters) in zip(together, selections, strict=True):
        alone = run_algorithm(auction, community, Tariff.flat(48), parameters=parameters)
        assert alone.result_digest == outcome.result_digest
        assert alone.invariants == outcome.invariants


def test_order_prices_are_the_same_in_whatever_pieces_they_are_asked_for(community):
    dispatch, tariff = own_use(community), Tariff.flat(48)
    made = [OrderPrices(dispatch, tariff, strategy="zero_intelligence", alpha=0.0, beta=0.0, seed=3) for _ in range(2)]
    pieces = [made[0][slice(0, 5)].copy(), made[0][slice(30, 48)].copy()]
    whole = made[1][slice(0, 48)]
    assert np.isfinite(whole).all()
    assert (whole[:5] == pieces[0]).all()
    assert (whole[30:] == pieces[1]).all()
