"""Figures by hand, and the rule that a zero denominator is not defined."""

import math

import numpy as np
import pytest

from core.market.algorithms import find
from core.market.community import Tariff
from core.market.compare import compare, compare_all, run_algorithm
from core.market.quantities import FIGURES, figures_of, savings_percent
from core.market.totals import equality_index, gini_index, jain_index

TWO = Tariff.flat(2, retail_price=7.0, feed_in_price=3.0)


@pytest.fixture
def outcomes(community_of):
    # Slot 0: A needs 4, B needs 2, C offers 3. Slot 1: A needs 1, C offers 3. Each home uses 1 kWh of its own sun.
    community = community_of([[4.0, 2.0, -3.0], [1.0, 0.0, -3.0]], extra_kw=1.0, pv_kw=[0.0, 0.0, 5.0])
    return compare_all(["grid_only", "mid_market_rate", "mcafee_auction", "bill_sharing"], community, TWO)


def test_the_mid_market_rate_by_hand(outcomes):
    figures = outcomes["mid_market_rate"].figures
    # Slot 0: D 6, G 3, q 3: A buys 2 and B 1 at 5, the rest at 7. Slot 1: D 1, G 3, q 1 at 5, 2 exported at 3.
    # A: 10 + 14 + 5 = 29, B: 5 + 7 = 12, C: -15 - (5 + 6) = -26. Grid only: A 35, B 14, C -18.
    assert outcomes["mid_market_rate"].households["bill"] == pytest.approx([29.0, 12.0, -26.0])
    assert outcomes["mid_market_rate"].households["baseline_bill"] == pytest.approx([35.0, 14.0, -18.0])
    expected = {
        "community_cost": 15.0,
        "savings": 16.0,
        "savings_percent": 100 * 16 / 31,
        "traded_kwh": 4.0,
        "traded_share_of_supply": 4 / 6,
        "traded_share_of_demand": 4 / 7,
        "untraded_kwh": 0.0,
        "untraded_cost": 0.0,
        "avg_p2p_price": 5.0,
        "unmet_demand_kwh": 3.0,
        "self_consumption_share": 1 - 2 / 12,  # solar: 6 used at home at once, 6 offered, 2 of them exported
        "self_sufficiency_share": 1 - 3 / 13,  # load: 6 at once and 7 in need, 3 of them imported
        "peak_import_kw": 3.0,
        "peak_export_kw": 2.0,
        "peak_to_average": 3.0 / 1.5,
        "price_volatility": 0.0,
        "better_off_share": 1.0,
        "not_worse_share": 1.0,
        "worst_loss": 0.0,
        "budget_imbalance": 0.0,
        "jain": 16.0**2 / (3 * (36 + 4 + 64)),
        "gini": (4 + 2 + 6) * 2 / (2 * 9 * 16 / 3),
        "value_tapping": 1.0,  # without batteries nothing costs less than trading all that matches
        "participation_willingness": 1.0,
        "energy_balance": 1 - (3 + 2) / (13 + 12),
        "power_flatness": 0.0,  # all compared have the same flows, so each is the worst
    }
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value), name
    # Incomes -29, -12, 26 shifted to 0, 17, 55: Σ|differences| over ordered pairs 2·(17 + 55 + 38), mean 24.
    assert figures["equality"] == pytest.approx(1 - 2 * (17 + 55 + 38) / (2 * 9 * 24))
    economic = (1.0 + 1.0 + figures["equality"]) / 3
    technical = (figures["energy_balance"] + 0.0 + figures["self_sufficiency_share"]) / 3
    assert figures["overall_performance"] == pytest.approx((economic + technical) / 2)


def test_the_operators_surplus_is_apart_from_the_community(community_of):
    community = community_of([[2.0, 1.0, -1.0, -2.0]], pv_kw=[0.0, 0.0, 1.0, 2.0])
    tariff = Tariff.flat(1)
    outcome = run_algorithm("mcafee_auction", community, tariff, parameters={"strategy": "truthful"})
    # Bids 2 and 1 at 7, offers 2 and 1 at 3: the marginal bid of 1 and offer of 1 give way, 2 kWh trade at 7 and 3.
    figures = outcome.figures
    assert figures["traded_kwh"] == pytest.approx(2.0)
    assert figures["operator_surplus"] == pytest.approx(2.0 * (7.0 - 3.0))
    assert figures["avg_p2p_price"] == pytest.approx(5.0)  # the mean of what is paid and what is got
    assert figures["savings"] == pytest.approx(0.0)
    assert figures["untraded_kwh"] == pytest.approx(1.0)
    assert figures["untraded_cost"] == pytest.approx(4.0)
    assert figures["budget_imbalance"] == pytest.approx(0.0, abs=1e-12)


def test_bill_sharing_is_flagged_where_sellers_lose(outcomes):
    outcome = outcomes["bill_sharing"]
    # buy = 7·3/7 = 3, sell = 3·2/6 = 1: A 15, B 6, C -6 against -18 from the grid.
    assert outcome.households["bill"] == pytest.approx([15.0, 6.0, -6.0])
    assert outcome.figures["worst_loss"] == pytest.approx(12.0)
    assert outcome.figures["not_worse_share"] == pytest.approx(2 / 3)
    assert math.isnan(outcome.figures["jain"])
    assert math.isnan(outcome.figures["avg_p2p_price"])
    assert "no price per trade" in outcome.notes["avg_p2p_price"]
    assert np.isnan(outcome.slots["price"]).all()
    flagged = {verdict.name: verdict for verdict in outcome.invariants if verdict.exempt}
    assert set(flagged) == {"price_bounds", "individual_rationality"}
    assert not flagged["individual_rationality"].holds
    assert "HH003" in flagged["individual_rationality"].sentence


def test_every_figure_is_there_in_order(outcomes):
    for outcome in outcomes.values():
        assert list(outcome.figures) == list(FIGURES)


def test_zero_denominators_are_not_defined(community_of):
    figures = run_algorithm("mid_market_rate", community_of([[0.0], [0.0]]), TWO).figures
    undefined = {name for name, value in figures.items() if math.isnan(value)}
    assert undefined >= {
        "savings_percent",
        "traded_share_of_supply",
        "traded_share_of_demand",
        "avg_p2p_price",
        "self_consumption_share",
        "self_sufficiency_share",
        "peak_to_average",
        "price_volatility",
        "jain",
        "gini",
        "value_tapping",
        "equality",
        "energy_balance",
        "power_flatness",
    }
    assert figures["community_cost"] == figures["peak_import_kw"] == figures["worst_loss"] == 0.0


def test_a_loss_is_never_shown_as_a_saving(totals_with):
    for before, after in ((100.0, 110.0), (-100.0, -90.0)):
        totals = totals_with(baseline_bill=np.array([before]), bill=np.array([after]))
        assert savings_percent(totals) == -10.0


def test_fairness_indices_by_hand():
    assert jain_index(np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)
    assert gini_index(np.array([0.0, 0.0, 0.0, 4.0])) == pytest.approx(0.75)
    assert math.isnan(jain_index(np.array([1.0, -1.0])))
    assert math.isnan(gini_index(np.array([0.0, 0.0])))
    assert math.isnan(equality_index(np.array([2.0, 2.0])))


def test_gini_is_its_double_sum():
    values = np.random.default_rng(2).uniform(0.0, 5.0, 30)
    double = np.abs(values[:, None] - values[None, :]).sum() / (2 * 30**2 * values.mean())
    assert gini_index(values) == pytest.approx(double)


def test_value_is_tapped_against_the_optimum_on_the_same_batteries(community_of):
    community = community_of([[-4.0, 1.0], [3.0, 1.0]], pv_kw=[5.0, 0.0])
    ids = ["grid_only", "mid_market_rate", "p2p_battery", "community_optimum"]
    figures = {k: o.figures for k, o in compare_all(ids, community, TWO).items()}
    cost = {k: f["community_cost"] for k, f in figures.items()}
    gained = (cost["grid_only"] - cost["p2p_battery"]) / (cost["grid_only"] - cost["community_optimum"])
    assert figures["p2p_battery"]["value_tapping"] == pytest.approx(gained)
    assert figures["community_optimum"]["value_tapping"] == pytest.approx(1.0)
    assert figures["mid_market_rate"]["value_tapping"] == pytest.approx(1.0)
    assert figures["grid_only"]["value_tapping"] == pytest.approx(0.0)


def test_the_optimum_on_the_same_batteries_is_solved_without_being_asked_for(community_of):
    community = community_of([[-4.0, 1.0], [3.0, 1.0]], pv_kw=[5.0, 0.0])
    for parameters in ({}, {"capacity_kwh": 1.0}, {"start": "empty"}):
        mine = ("p2p_battery", parameters)
        beside = compare([mine, ("community_optimum", parameters)], community, TWO)[0]
        alone = compare([mine, ("community_optimum", {"capacity_kwh": 0.5})], community, TWO)[0]
        for name in ("value_tapping", "economic_performance", "overall_performance"):
            assert alone.figures[name] == pytest.approx(beside.figures[name])
        assert "same batteries" in alone.notes["value_tapping"]


def test_an_optimum_that_takes_too_long_is_not_solved_and_that_is_said(community_of, monkeypatch):
    monkeypatch.setattr("core.market.compare.MOST_SLOTS_SOLVED", 1)
    outcome = run_algorithm("p2p_battery", community_of([[-4.0, 1.0], [3.0, 1.0]], pv_kw=[5.0, 0.0]), TWO)
    assert math.isnan(outcome.figures["value_tapping"])
    assert "add the community optimum" in outcome.notes["value_tapping"]


def test_savings_that_are_rounding_are_no_savings(totals_with):
    bills = np.array([3.0, 1e6, 0.0])
    totals = totals_with(bill=bills, baseline_bill=bills + np.array([1e-13, -1e-4, 1e-10]))
    figures = figures_of(totals)
    assert figures["savings"] == figures["savings_percent"] == figures["worst_loss"] == 0.0
    assert figures["better_off_share"] == 0.0
    assert figures["not_worse_share"] == 1.0
    assert math.isnan(figures["jain"])
    assert math.isnan(figures["gini"])


@pytest.mark.parametrize("price", [7.0, 5.5, 0.0])
def test_where_feed_in_is_retail_nobody_saves_and_nothing_is_fair_or_unfair(community_of, price):
    rng = np.random.default_rng(3)
    community = community_of(rng.normal(0.0, 1.0, (48, 7)), extra_kw=0.3)
    tariff = Tariff.flat(48, retail_price=price, feed_in_price=price)
    for outcome in compare([(each, {}) for each in find()], community, tariff):
        if outcome.algorithm_id in ("p2p_battery", "bill_sharing"):  # its losses, and its one price, cost somebody
            continue
        assert outcome.figures["savings"] == 0.0, outcome.name
        assert math.isnan(outcome.figures["jain"]), outcome.name
        assert math.isnan(outcome.figures["gini"]), outcome.name
        assert (outcome.households["savings"] == 0.0).all(), outcome.name


def test_no_ratio_is_made_of_dust(community_of, totals_with):
    figures = figures_of(totals_with(load_kwh=1e-13, solar_kwh=1e-13, demand_kwh=1e-14, supply_kwh=1e-14))
    for name in ("self_sufficiency_share", "self_consumption_share", "energy_balance", "traded_share_of_supply"):
        assert math.isnan(figures[name]), name
    # Balanced to the last watt-hour, in a community so large that adding up leaves more than dust.
    net = np.full((4, 30), 1e5 / 3)
    net[:, 15:] *= -1.0
    net[1] *= 1.0 + 3e-16
    found = run_algorithm("mid_market_rate", community_of(net), Tariff.flat(4)).figures
    for name in ("peak_import_kw", "peak_export_kw"):
        assert found[name] == 0.0, name
    for name in ("peak_to_average", "power_flatness"):
        assert math.isnan(found[name]), name


def test_the_text_of_the_average_price_gives_what_is_shown(community_of):
    # Bids 7, 7 and asks 3, 3; the marginal pair gives way: buyers pay 7, sellers get 3, and the operator keeps 4.
    community = community_of([[2.0, 1.0, -1.0, -2.0], [1.0, 0.5, -0.5, -2.0]], pv_kw=[0.0, 0.0, 1.0, 2.0])
    outcome = run_algorithm("mcafee_auction", community, TWO, parameters={"alpha": 2.0})
    settlement, slots = outcome.settlement, outcome.slots
    account, q = settlement.account(), slots["traded_kwh"]
    buyers = (account.paid - 7.0 * (slots["demand_kwh"] - q)).sum() / q.sum()
    sellers = (account.earned - 3.0 * (slots["supply_kwh"] - q)).sum() / q.sum()
    assert buyers > sellers
    assert outcome.figures["avg_p2p_price"] == pytest.approx((buyers + sellers) / 2.0)
    assert FIGURES["avg_p2p_price"].formula.startswith("½·(Σ paid by buyers - Σ r·(demand - q) + Σ earned")


def test_flatness_is_against_the_worst_compared(community_of):
    community = community_of([[-4.0, 1.0], [3.0, 1.0]], pv_kw=[5.0, 0.0])
    figures = {k: o.figures for k, o in compare_all(["grid_only", "p2p_battery"], community, TWO).items()}
    # grid only exchanges 3 and 4: max/mean 4/3.5; with the battery 2.5 kWh less in and 2.25625 less out at most
    flat = [4 / 3.5]
    charged = 2.5
    discharged = min(3.0, 2.5, charged * 0.95 * 0.95)
    exchanged = [3 - charged, 4 - discharged]
    flat.append(max(exchanged) / (sum(exchanged) / 2))
    for name, ratio in zip(("grid_only", "p2p_battery"), flat, strict=True):
        assert figures[name]["power_flatness"] == pytest.approx(1 - ratio / max(flat))
