"""What-if against the comparison of the changed community, and a kept run that means the same."""

import numpy as np
import pytest

from core.errors import MarketError, TooLargeError
from core.market.algorithms import get
from core.market.community import Tariff
from core.market.compare import compare
from core.readings.sample import sample_community
from core.runs import what_if as module
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.study_scenario import Base
from core.runs.tariffs import Period, TariffPlan
from core.runs.what_if import as_run, what_if

ALGORITHMS = ("grid_only", "mid_market_rate", "p2p_battery", "nearest_neighbour")


@pytest.fixture(scope="module")
def base():
    return Base(sample_community(3, 9, days=3, slot_h=0.5).community, "Asia/Kolkata")


def complete(plan):

    return [(each.algorithm_id, get(each.algorithm_id).complete(each.parameters)) for each in plan.selections]


PLAN = RunPlan(tuple(Selection(each) for each in ALGORITHMS), (Scenario("Base", TariffPlan.flat()),))


def test_no_change_is_the_run_and_what_cannot_follow_is_left_out(base):
    found = what_if(base, Tariff.flat(base.community.slots), complete(PLAN), {})
    expected = compare([(each, {}) for each in ALGORITHMS[:3]], base.community, Tariff.flat(base.community.slots))
    assert [each.algorithm_id for each in found] == list(ALGORITHMS[:3])
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.bill == pytest.approx(theirs.households["bill"], abs=1e-9)


def test_changed_prices_and_batteries_are_the_comparison_of_the_kept_run(base):
    changes = {"retail_price": 9.0, "battery_kwh": 10.0, "battery_share": 0.5}
    found = what_if(base, Tariff.flat(base.community.slots), complete(PLAN), changes)
    kept = as_run(base, PLAN, PLAN.scenarios[0], changes)
    assert kept.scenarios[0].tariff == TariffPlan.flat(9.0, 3.0)
    expected = compare(complete(kept)[:3], base.community, kept.scenarios[0].tariff.of(base.community))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.bill == pytest.approx(theirs.households["bill"], abs=1e-9)
        assert mine.figures["savings"] == pytest.approx(theirs.figures["savings"], abs=1e-9)
    battery = dict(complete(kept))["p2p_battery"]
    assert (battery["capacity_kwh"], battery["power_kw"]) == (10.0, 5.0)
    assert 0 < len(battery["owners"].split()) < base.has_pv.sum()


def test_fewer_roofs_make_less_solar_and_are_no_run(base):
    found = what_if(base, Tariff.flat(base.community.slots), complete(PLAN), {"pv_share": 0.0})
    assert all(each.figures["peak_export_kw"] == 0.0 for each in found)
    share = float(base.has_pv.mean())
    same, more = (
        what_if(base, Tariff.flat(base.community.slots), complete(PLAN), changes)[0].figures["peak_export_kw"]
        for changes in ({"pv_share": share}, {"pv_share": 1.0})
    )
    assert same == what_if(base, Tariff.flat(base.community.slots), complete(PLAN), {})[0].figures["peak_export_kw"]
    assert more > same
    with pytest.raises(MarketError, match="readings as they are"):
        as_run(base, PLAN, PLAN.scenarios[0], {"pv_share": 0.0})


def test_one_changed_price_does_not_silently_drop_times_of_use(base):
    tariff = TariffPlan(7_000_000, 3_000_000, (Period(1020, 1320, 9_000_000, 3_000_000),), "Asia/Kolkata")
    plan = RunPlan(PLAN.selections, (Scenario("Evening", tariff),))
    prices = tariff.of(base.community)
    assert np.ptp(prices.retail_price) > 0.0
    assert as_run(base, plan, plan.scenarios[0], {"battery_kwh": 3.0}).scenarios[0].tariff == tariff
    with pytest.raises(MarketError, match="Move both prices"):
        as_run(base, plan, plan.scenarios[0], {"retail_price": 8.0})


def test_prices_that_cross_and_readings_that_are_too_many_are_refused(base, monkeypatch):
    tariff = Tariff.flat(base.community.slots)
    with pytest.raises(MarketError, match="above the retail price"):
        what_if(base, tariff, complete(PLAN), {"retail_price": 2.0})
    monkeypatch.setattr(module, "MOST_CELLS", 10)
    with pytest.raises(TooLargeError, match="python -m core study"):
        what_if(base, tariff, complete(PLAN), {})
