"""What holds for every algorithm in the folder, on every community: a new file is tested by being there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.market.algorithms import find, get
from core.market.community import Community, Tariff
from core.market.compare import compare_all, run_algorithm
from core.market.dispatch import own_use

ALGORITHMS = [algorithm_id for algorithm_id, algorithm in find().items() if not algorithm.needs_folder]
EVERY = pytest.mark.parametrize("algorithm_id", ALGORITHMS)
STRATEGIES = ("solar_abundance", "truthful", "zero_intelligence")
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

energy = st.one_of(
    st.just(0.0),
    st.sampled_from([1e-14, 5e-10, 1.0, 2.0]),
    st.floats(0.0, 6.0, allow_subnormal=False).map(lambda x: round(x, 3)),
)


@st.composite
def markets(draw, most_slots=6):
    """Small communities with ties, dust, empty slots and idle homes, and flat or changing tariffs."""
    slots, households = draw(st.integers(1, most_slots)), draw(st.integers(1, 5))
    power = st.lists(energy, min_size=slots * households, max_size=slots * households)
    load, solar = (np.array(draw(power)).reshape(slots, households) for _ in range(2))
    pv_kw = np.array(draw(st.lists(st.sampled_from([1.0, 3.0, 5.0]), min_size=households, max_size=households)))
    prices = st.lists(st.sampled_from([0.0, 1.5, 3.0, 7.0]), min_size=slots, max_size=slots)
    feed_in = np.array(draw(prices))
    retail = feed_in + np.array(draw(prices))
    return _community(load, solar, pv_kw), Tariff(retail, feed_in)


def _community(load, solar, pv_kw, ids=None, slot_h=0.5, start_at=None) -> Community:
    from datetime import UTC, datetime

    ids = ids or tuple(f"HH{i + 1:03d}" for i in range(load.shape[1]))
    return Community(ids, start_at or datetime(2024, 6, 1, tzinfo=UTC), slot_h, load, solar, pv_kw)


def _parameters(algorithm_id, strategy):
    names = {parameter.name for parameter in get(algorithm_id).parameters}
    return {"strategy": strategy, "seed": 7} if "strategy" in names else {}


def _strategies(algorithm_id):
    return STRATEGIES if _parameters(algorithm_id, "truthful") else STRATEGIES[:1]


@EVERY
@given(market=markets())
@FEW
def test_every_promise_holds_on_random_communities(algorithm_id, market):
    community, tariff = market
    for strategy in _strategies(algorithm_id):
        # run_algorithm raises with the sentence of the first broken invariant
        outcome = run_algorithm(algorithm_id, community, tariff, parameters=_parameters(algorithm_id, strategy))
        assert all(verdict.holds or verdict.exempt for verdict in outcome.invariants)
        assert abs(outcome.figures["budget_imbalance"]) < 1e-6
        assert outcome.figures["untraded_cost"] > -1e-6
        assert np.isfinite(outcome.households["bill"]).all()


@EVERY
@given(market=markets(), order=st.permutations(range(5)))
@FEW
def test_permuting_households_permutes_the_results(algorithm_id, market, order):
    community, tariff = market
    order = [i for i in order if i < community.households]
    # The same homes under other names: what was at place order[j] now comes first, second, …
    renamed = _community(community.load_kw[:, order], community.solar_kw[:, order], community.pv_kw[order])
    given_as = tuple(community.household_ids[i] for i in order)
    moved = _community(renamed.load_kw, renamed.solar_kw, renamed.pv_kw, ids=given_as)
    for strategy in _strategies(algorithm_id):
        parameters = _parameters(algorithm_id, strategy)
        outcome = run_algorithm(algorithm_id, community, tariff, parameters=parameters)
        assert run_algorithm(algorithm_id, moved, tariff, parameters=parameters).result_digest == outcome.result_digest
        if strategy != "zero_intelligence":  # whose draws go with the id
            other = run_algorithm(algorithm_id, renamed, tariff, parameters=parameters)
            assert other.households["bill"] == pytest.approx(outcome.households["bill"][order], abs=1e-6)
            assert other.households["sold_kwh"] == pytest.approx(outcome.households["sold_kwh"][order], abs=1e-6)


@EVERY
@given(market=markets(), factor=st.sampled_from([0.5, 3.0, 1000.0]))
@FEW
def test_scaling_quantities_scales_money(algorithm_id, market, factor):
    community, tariff = market
    community = _without_dust(community)
    names = {parameter.name for parameter in get(algorithm_id).parameters}
    size = {"capacity_kwh": 5.0 * factor, "power_kw": 2.5 * factor} if "capacity_kwh" in names else {}
    larger = _community(community.load_kw * factor, community.solar_kw * factor, community.pv_kw * factor)
    for strategy in _strategies(algorithm_id):
        parameters = _parameters(algorithm_id, strategy)
        bill = run_algorithm(algorithm_id, community, tariff, parameters=parameters).households["bill"]
        scaled = run_algorithm(algorithm_id, larger, tariff, parameters={**parameters, **size}).households["bill"]
        assert scaled == pytest.approx(bill * factor, abs=1e-6 * factor)


@EVERY
@given(market=markets())
@FEW
def test_a_household_without_load_and_solar_changes_nothing(algorithm_id, market):
    community, tariff = market
    nothing = np.zeros((community.slots, 1))
    ids = (*community.household_ids, "HH003b")
    joined = _community(
        np.hstack([community.load_kw, nothing]),
        np.hstack([community.solar_kw, nothing]),
        np.append(community.pv_kw, 0.0),
        ids=ids,
    )
    keep = [joined.household_ids.index(household_id) for household_id in community.household_ids]
    for strategy in _strategies(algorithm_id):
        parameters = _parameters(algorithm_id, strategy)
        outcome = run_algorithm(algorithm_id, community, tariff, parameters=parameters)
        other = run_algorithm(algorithm_id, joined, tariff, parameters=parameters)
        assert other.households["bill"][keep] == pytest.approx(outcome.households["bill"], abs=1e-6)
        assert other.households["bill"].sum() == pytest.approx(outcome.households["bill"].sum(), abs=1e-6)
        assert other.slots["traded_kwh"] == pytest.approx(outcome.slots["traded_kwh"], abs=1e-9)


@EVERY
@given(market=markets(), cut=st.integers(1, 5))
@FEW
def test_cutting_the_horizon_in_two_changes_no_bill(algorithm_id, market, cut):
    if "additive_over_slots" in get(algorithm_id).exempt:
        return
    community, tariff = market
    cut = min(cut, community.slots)
    for strategy in _strategies(algorithm_id):
        parameters = _parameters(algorithm_id, strategy)
        whole = run_algorithm(algorithm_id, community, tariff, parameters=parameters).households["bill"]
        parts = np.zeros_like(whole)
        for part in (slice(0, cut), slice(cut, community.slots)):
            if part.start < part.stop:
                start_at = community.slot_starts()[part.start].astype("datetime64[us]").item()
                from datetime import UTC

                piece = _community(
                    community.load_kw[part],
                    community.solar_kw[part],
                    community.pv_kw,
                    start_at=start_at.replace(tzinfo=UTC),
                )
                prices = Tariff(tariff.retail_price[part], tariff.feed_in_price[part])
                parts += run_algorithm(algorithm_id, piece, prices, parameters=parameters).households["bill"]
        assert parts == pytest.approx(whole, abs=1e-6)


@EVERY
@given(market=markets())
@FEW
def test_the_order_of_slots_does_not_matter_without_batteries(algorithm_id, market):
    if "additive_over_slots" in get(algorithm_id).exempt:
        return
    community, tariff = market
    backwards = _community(community.load_kw[::-1], community.solar_kw[::-1], community.pv_kw)
    prices = Tariff(tariff.retail_price[::-1], tariff.feed_in_price[::-1])
    for strategy in set(_strategies(algorithm_id)) - {"zero_intelligence"}:  # whose draws go with the time
        parameters = _parameters(algorithm_id, strategy)
        bill = run_algorithm(algorithm_id, community, tariff, parameters=parameters).households["bill"]
        other = run_algorithm(algorithm_id, backwards, prices, parameters=parameters).households["bill"]
        assert other == pytest.approx(bill, abs=1e-9)


@EVERY
@given(market=markets())
@FEW
def test_trades_add_up_to_what_was_bought_and_sold(algorithm_id, market):
    community, tariff = market
    for strategy in _strategies(algorithm_id):
        outcome = run_algorithm(algorithm_id, community, tariff, parameters=_parameters(algorithm_id, strategy))
        trades = outcome.settlement.trades()
        homes, slots = community.households, community.slots
        assert np.bincount(trades.buyer, trades.energy_kwh, homes) == pytest.approx(
            outcome.households["bought_kwh"], abs=1e-8
        )
        assert np.bincount(trades.seller, trades.energy_kwh, homes) == pytest.approx(
            outcome.households["sold_kwh"], abs=1e-8
        )
        assert np.bincount(trades.slot, trades.energy_kwh, slots) == pytest.approx(
            outcome.slots["traded_kwh"], abs=1e-8
        )
        assert (trades.energy_kwh > 0.0).all()
        if outcome.settlement.no_price:
            assert np.isnan(trades.price).all()
            continue
        money = np.bincount(trades.slot, trades.energy_kwh * trades.price, slots)
        priced = np.nan_to_num(outcome.slots["price"]) * outcome.slots["traded_kwh"]
        assert money == pytest.approx(priced, abs=1e-6)


@given(market=markets())
@FEW
def test_settlements_that_trade_everything_cost_the_community_the_same(market):
    community, tariff = market
    everything = ["mid_market_rate", "supply_demand_ratio", "bill_sharing", "uniform_price_auction"]
    truthful = {"uniform_price_auction": {"strategy": "truthful"}}
    outcomes = compare_all(everything, community, tariff, truthful)
    least = outcomes["mid_market_rate"].figures["community_cost"]
    for outcome in outcomes.values():
        assert outcome.figures["community_cost"] == pytest.approx(least, abs=1e-6)
        assert outcome.figures["untraded_kwh"] == pytest.approx(0.0, abs=1e-8)


@given(market=markets())
@FEW
def test_nothing_costs_less_than_the_optimum_on_the_same_batteries(market):
    community, tariff = market
    orders = [("p2p_battery", {"order": order}) for order in ("self_first", "market_first")]
    best = run_algorithm("community_optimum", community, tariff).figures["community_cost"]
    for algorithm_id, parameters in orders:
        cost = run_algorithm(algorithm_id, community, tariff, parameters=parameters).figures["community_cost"]
        assert cost >= best - 1e-6
    for algorithm_id in ALGORITHMS:
        assert run_algorithm(algorithm_id, community, tariff).figures["community_cost"] >= best - 1e-6


@EVERY
def test_each_algorithm_says_what_it_is(algorithm_id):
    algorithm = get(algorithm_id)
    assert algorithm.name
    assert algorithm.promise.endswith(".")
    assert algorithm.source
    assert all(parameter.help for parameter in algorithm.parameters)
    assert len(algorithm.source_digest) == 64
    for parameter in algorithm.parameters:
        assert parameter.check(parameter.default) == parameter.default


@EVERY
@pytest.mark.parametrize(
    ("load", "solar"),
    [
        ([[1.0]], [[0.0]]),  # one household
        ([[0.0]], [[1.0]]),
        ([[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]),  # nothing at all
        ([[1.0, 2.0]], [[0.0, 0.0]]),  # no PV
        ([[0.0, 0.0]], [[1.0, 2.0]]),  # no load
        ([[1e-14, 0.0]], [[0.0, 1e-14]]),  # dust
        ([[1.0, 0.0]], [[0.0, 1.0]]),  # exactly balanced
    ],
)
@pytest.mark.parametrize(("retail", "feed_in"), [(7.0, 3.0), (5.0, 5.0), (7.0, 0.0), (0.0, 0.0)])
def test_the_smallest_and_emptiest_communities_settle(algorithm_id, load, solar, retail, feed_in):
    community = _community(np.array(load), np.array(solar), np.ones(len(load[0])))
    tariff = Tariff.flat(community.slots, retail_price=retail, feed_in_price=feed_in)
    outcome = run_algorithm(algorithm_id, community, tariff)
    if max(np.max(load), np.max(solar)) < 1e-9:
        assert outcome.figures["traded_kwh"] == 0.0
        assert np.isnan(outcome.figures["avg_p2p_price"])
        assert len(outcome.settlement.trades()) == 0


def _without_dust(community: Community) -> Community:
    load, solar = (np.where(power < 1e-6, 0.0, power) for power in (community.load_kw, community.solar_kw))
    return replace(community, load_kw=load, solar_kw=solar)


def test_dust_neither_trades_nor_sets_a_price(community_of):
    community = community_of([[1.0, 1e-14, -1.0]], pv_kw=[1.0, 1.0, 1.0])
    plain = community_of([[1.0, 0.0, -1.0]], pv_kw=[1.0, 1.0, 1.0])
    assert own_use(community).net_kwh[0, 1] == 0.0
    for algorithm_id in ALGORITHMS:
        for outcome in (run_algorithm(algorithm_id, c, Tariff.flat(1)) for c in (community, plain)):
            price, bill = outcome.slots["price"][0], outcome.households["bill"]
            assert outcome.households["bought_kwh"][1] == 0.0
            assert bill[1] == 0.0
            assert np.isnan(price) or 3.0 <= price <= 7.0 or algorithm_id == "bill_sharing"
