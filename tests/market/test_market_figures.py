"""Figures by hand, and the rule that a zero denominator is not defined."""

import math

import numpy as np
import pytest

from core.market.community import Tariff
from core.market.compare import compare, compare_all, run_algorithm
from core.market.figures import FIGURES, equality, gini, jain, savings_percent

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
    assert outcome.figures["avg_p2p_price"] == 0.0
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


def test_a_loss_is_never_shown_as_a_saving():
    assert savings_percent(100.0, 110.0) == -10.0
    assert savings_percent(-100.0, -90.0) == -10.0


def test_fairness_indices_by_hand():
    assert jain(np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)
    assert gini(np.array([0.0, 0.0, 0.0, 4.0])) == pytest.approx(0.75)
    assert math.isnan(jain(np.array([1.0, -1.0])))
    assert math.isnan(gini(np.array([0.0, 0.0])))
    assert math.isnan(equality(np.array([2.0, 2.0])))


def test_gini_is_its_double_sum():
    values = np.random.default_rng(2).uniform(0.0, 5.0, 30)
    double = np.abs(values[:, None] - values[None, :]).sum() / (2 * 30**2 * values.mean())
    assert gini(values) == pytest.approx(double)


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
    alone = run_algorithm("p2p_battery", community, TWO).figures
    assert math.isnan(alone["value_tapping"])
    other = compare([("p2p_battery", {"capacity_kwh": 1.0}), ("community_optimum", {})], community, TWO)
    assert math.isnan(other[0].figures["value_tapping"])


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
