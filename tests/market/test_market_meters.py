"""Homes of which only import and export are known: nothing is netted, and what lies behind the meter is not guessed."""

import math
from dataclasses import replace

import numpy as np
import pytest

from core.errors import MarketError
from core.market.algorithms import find
from core.market.community import Community, Tariff
from core.market.compare import compare
from core.market.quantities import FIGURES

TARIFF = Tariff.flat(2)
BEHIND = {
    "self_consumption_share",
    "self_sufficiency_share",
    "energy_balance",
    "self_sufficiency_index",
    "technical_performance",
    "overall_performance",
}


@pytest.fixture
def metered(community_of):
    """A and B with load and solar; M imports and exports in the same slot."""
    community = community_of([[2.0, 0.0, 0.0], [0.0, -3.0, 0.0]], ids=["A", "B", "M"], pv_kw=[0.0, 4.0, math.nan])
    load, solar = community.load_kw.copy(), community.solar_kw.copy()
    load[:, 2], solar[:, 2] = (1.0, 0.5), (3.0, 0.0)
    return replace(community, load_kw=load, solar_kw=solar, metered=np.array([False, False, True]))


def outcomes(community):
    return {outcome.algorithm_id: outcome for outcome in compare([(each, {}) for each in find()], community, TARIFF)}


def test_import_and_export_of_a_slot_are_not_netted(metered):
    found = outcomes(metered)
    # Slot 0: A needs 2 and M imports 1; M exports 3: all 3 trade at 5. Slot 1: M imports 0.5, B offers 3.
    middle = found["mid_market_rate"]
    assert middle.slots["demand_kwh"] == pytest.approx([3.0, 0.5])
    assert middle.slots["supply_kwh"] == pytest.approx([3.0, 3.0])
    assert middle.slots["traded_kwh"] == pytest.approx([3.0, 0.5])
    assert middle.household_ids == ("A", "B", "M")
    # A: 2·5. B: 0.5·5 + 2.5·3. M: buys 1.5 and sells 3 at 5.
    assert middle.households["bill"] == pytest.approx([10.0, -10.0, 7.5 - 15.0])
    assert found["grid_only"].households["bill"] == pytest.approx([14.0, -9.0, 1.5 * 7.0 - 3.0 * 3.0])
    assert middle.households["import_kwh"] == pytest.approx([0.0, 0.0, 0.0])
    assert middle.households["bought_kwh"] == pytest.approx([2.0, 0.0, 1.5])


def test_what_lies_behind_the_meter_is_not_defined_and_that_is_said(metered):
    for outcome in outcomes(metered).values():
        undefined = {name for name, value in outcome.figures.items() if math.isnan(value)}
        assert undefined >= BEHIND
        for name in BEHIND - {"technical_performance", "overall_performance"}:
            assert "meter" in outcome.notes[name], name
        assert np.isnan(outcome.households["load_kwh"]).tolist() == [False, False, True]
        assert all(verdict.holds or verdict.exempt for verdict in outcome.invariants), outcome.name


def test_trades_name_the_household_and_not_its_registers(metered):
    for outcome in outcomes(metered).values():
        trades = outcome.settlement.trades()
        assert len(trades) == 0 or max(trades.buyer.max(), trades.seller.max()) < 3


def test_a_battery_at_a_meter_works_on_the_net(metered):
    # M's net is -2, then 0.5: the battery takes 2 off the export of 3, and serves the 0.5.
    size = {"owners": "M", "charge_efficiency": 1.0, "discharge_efficiency": 1.0, "start": "empty"}
    battery, optimum = compare([("p2p_battery", size), ("community_optimum", size)], metered, TARIFF)
    assert battery.slots["supply_kwh"] == pytest.approx([1.0, 3.0])
    assert battery.slots["demand_kwh"] == pytest.approx([3.0, 0.0])
    assert battery.households["stored_kwh"] == pytest.approx([0.0, 0.0, 1.5])
    assert all(verdict.holds for verdict in battery.invariants)
    assert optimum.figures["community_cost"] <= battery.figures["community_cost"] + 1e-9


def test_a_metered_home_that_never_does_both_is_like_any_other(community_of):
    rng = np.random.default_rng(1)
    plain = community_of(rng.normal(0.0, 1.0, (2, 5)))
    same = replace(plain, metered=np.array([False, True, False, True, False]))
    for mine, other in zip(outcomes(plain).values(), outcomes(same).values(), strict=True):
        if "auction" in mine.algorithm_id or mine.algorithm_id == "p2p_battery":
            continue  # what a roof asks goes with its sun, and owners with their roofs: a meter does not tell
        assert other.households["bill"] == pytest.approx(mine.households["bill"]), mine.name
        for name in FIGURES.keys() - BEHIND:
            assert other.figures[name] == pytest.approx(mine.figures[name], nan_ok=True), name


def test_positions_and_meters_are_checked_and_sorted_with_their_households(community_of):
    community = community_of([[1.0, -1.0]], ids=["B", "A"])
    given = {"metered": np.array([True, False]), "positions": np.array([[28.6, 77.2], [math.nan, math.nan]])}

    made = Community(
        ("B", "A"), community.start_at, 1.0, community.load_kw, community.solar_kw, community.pv_kw, **given
    )
    assert made.household_ids == ("A", "B")
    assert made.metered.tolist() == [False, True]
    assert made.positions[1].tolist() == [28.6, 77.2]
    assert np.isnan(made.positions[0]).all()
    with pytest.raises(MarketError, match=r"position of household A is \[91\.0, 0\.0\]"):
        replace(community, positions=np.array([[91.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(MarketError, match=r"metered and positions have the shapes \(1,\)"):
        replace(community, metered=np.array([True]))
