"""What a run compares, and that it is told apart from every other."""

from __future__ import annotations

import pytest

from core.errors import MarketError, TooLargeError
from core.runs.plan import RunPlan, Scenario, Selection, digest, matrix
from core.runs.tariffs import TariffPlan
from core.runs.transactions import check_size

FLAT = TariffPlan.flat()


def test_three_tariffs_and_two_battery_sizes_are_six_scenarios_of_one_run() -> None:
    tariffs = {"low": TariffPlan.flat(6.0), "flat": FLAT, "high": TariffPlan.flat(9.0)}
    scenarios = matrix(tariffs, {"5 kWh": {"capacity_kwh": 5.0}, "10 kWh": {"capacity_kwh": 10.0}})
    plan = RunPlan((Selection("grid_only"), Selection("p2p_battery")), scenarios)
    assert [scenario.name for scenario in scenarios] == [
        "low, 5 kWh", "low, 10 kWh", "flat, 5 kWh", "flat, 10 kWh", "high, 5 kWh", "high, 10 kWh",
    ]  # fmt: skip
    assert scenarios[5].parameters == {"capacity_kwh": 10.0}
    assert plan.rows == 12


def test_a_plan_read_back_from_json_is_equal() -> None:
    plan = RunPlan((Selection("a", {"x": 1.5, "order": "self_first"}),), (Scenario("s", FLAT, {"y": 2}),))
    assert RunPlan.from_json(plan.to_json()) == plan


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"b": 1, "a": [1.5, "ü"]}) == digest({"a": [1.5, "ü"], "b": 1})
    assert digest({"a": 1}) != digest({"a": 2})


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RunPlan(()), "No algorithm is selected"),
        (lambda: RunPlan((Selection("a"),), ()), "no scenario"),
        (lambda: RunPlan((Selection("a"), Selection("a", {"x": 1}))), 'Algorithm "a" appears twice'),
        (lambda: RunPlan((Selection("a"),), (Scenario("s"), Scenario("s"))), 'Scenario "s" appears twice'),
        (lambda: RunPlan((Selection("a"),), (Scenario(""),)), "expected 1 to 120"),
        (lambda: RunPlan.from_json({"selections": [{"name": "a"}], "scenarios": []}), "cannot be read"),
    ],
)
def test_a_plan_that_cannot_be_told_apart_is_refused(make, sentence) -> None:
    with pytest.raises(MarketError, match=sentence):
        make()


def test_a_run_too_large_for_one_transaction_is_refused_before_it_starts() -> None:
    selections = tuple(Selection(f"algorithm_{number}") for number in range(20))
    few = RunPlan(selections, tuple(Scenario(f"s{number}") for number in range(2)))
    many = RunPlan(selections, tuple(Scenario(f"s{number}") for number in range(10)))
    check_size(few)
    with pytest.raises(TooLargeError, match="10 scenarios of 20 algorithms do not fit one transaction"):
        check_size(many)
