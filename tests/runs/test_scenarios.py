"""Tariffs and varied parameters make scenarios with names a person reads, and a map says which rule is best where."""

from __future__ import annotations

import pytest

from core.errors import MarketError
from core.market.algorithms import get
from core.runs.plan import RunPlan, Scenario, Selection, matrix
from core.runs.scenarios import dimensions_of, parameter_sets, same_tariffs, values_of, winner_map
from core.runs.tariffs import TariffPlan

BATTERY = {parameter.name: parameter for parameter in get("p2p_battery").parameters}


def test_values_are_listed_or_spread_from_to_in_steps() -> None:
    capacity = BATTERY["capacity_kwh"]
    assert values_of(capacity, "5; 10;5") == (5.0, 10.0)
    assert values_of(capacity, "2 to 10 in 5 steps") == (2.0, 4.0, 6.0, 8.0, 10.0)
    assert values_of(capacity, " 0.1 TO 0.3 in 3 ") == (0.1, 0.2, 0.3)
    assert values_of(capacity, "10 to 2 in 2 steps") == (10.0, 2.0)


@pytest.mark.parametrize(
    "text",
    ["", "; ;", "2 to 10 in 1 steps", "2 to 10 in 999 steps", "2 to many in 3 steps", "-1 to 3 in 2 steps"],
)
def test_what_cannot_be_varied_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(MarketError):
        values_of(BATTERY["capacity_kwh"], text)


def test_words_have_no_steps() -> None:
    word = next(each for each in BATTERY.values() if each.choices)
    assert values_of(word, word.choices[0]) == (word.choices[0],)
    with pytest.raises(MarketError, match="no steps"):
        values_of(word, "a to b in 3 steps")


def test_several_parameters_are_combined_under_names_in_words() -> None:
    sets = parameter_sets([(BATTERY["capacity_kwh"], (5.0, 10.0)), (BATTERY["power_kw"], (2.5,))])
    assert list(sets.values()) == [
        {"capacity_kwh": 5.0, "power_kw": 2.5},
        {"capacity_kwh": 10.0, "power_kw": 2.5},
    ]
    assert all("kWh" in name and "_" not in name and "5.0" not in name for name in sets)


def test_tariffs_that_are_the_same_are_named() -> None:
    flat = TariffPlan.flat(7.0, 3.0)
    assert same_tariffs({"A": flat, "B": TariffPlan.flat(9.0, 2.0), "C": TariffPlan.flat(7.0, 3.0)}) == (("A", "C"),)
    assert same_tariffs({"A": flat}) == ()


def test_dimensions_are_what_differs_in_order_of_size() -> None:
    tariffs = {"dear": TariffPlan.flat(9.0, 3.0), "cheap": TariffPlan.flat(5.0, 3.0)}
    plan = RunPlan(
        (Selection("p2p_battery"),), matrix(tariffs, {"b": {"capacity_kwh": 10.0}, "a": {"capacity_kwh": 5.0}})
    )
    retail, capacity = dimensions_of(plan)
    assert (retail.name, retail.values, retail.of_scenario) == ("Retail price", ("5", "9"), (1, 1, 0, 0))
    assert (capacity.name, capacity.values, capacity.of_scenario) == ("Battery size (kWh)", ("5", "10"), (1, 0, 1, 0))


def test_the_map_has_the_best_rule_of_each_place_and_no_bound(lab) -> None:
    lab.runs.start_workers()
    prices = {f"{retail}": TariffPlan.flat(retail, 3.0) for retail in (5.0, 9.0)}
    plan = RunPlan(
        tuple(map(Selection, ("grid_only", "mid_market_rate", "p2p_battery", "community_optimum"))),
        (*matrix(prices, {"small": {"capacity_kwh": 1.0}, "large": {"capacity_kwh": 8.0}}),),
    )
    run_id = lab.runs.start("ann", lab.dataset().dataset_id, plan=plan)
    assert lab.runs.wait(run_id, user_id="ann", timeout_s=60.0).status == "done"
    result = lab.runs.result(run_id, user_id="ann")
    across, down = dimensions_of(plan)
    found = winner_map(result, plan, across, down, figure="community_cost", higher_is_better=False)
    assert len(found) == len(found[0]) == 2
    for line in found:
        for cell in line:
            rows = [row for row in result.of(cell.scenario) if row.algorithm_id in ("mid_market_rate", "p2p_battery")]
            costs = sorted(row.figures["community_cost"] for row in rows)
            assert cell.value == pytest.approx(costs[0])
            assert [row.algorithm_id for row in cell.best] in (["mid_market_rate"], ["p2p_battery"])
            assert cell.margin == pytest.approx(costs[1] - costs[0])


def test_a_place_without_a_scenario_is_empty(lab) -> None:
    plan = RunPlan(
        (Selection("mid_market_rate"),),
        (Scenario("a", TariffPlan.flat(5.0, 3.0)), Scenario("b", TariffPlan.flat(9.0, 2.0))),
    )
    lab.runs.start_workers()
    run_id = lab.runs.start("ann", lab.dataset().dataset_id, plan=plan)
    assert lab.runs.wait(run_id, user_id="ann", timeout_s=60.0).status == "done"
    across, down = dimensions_of(plan)
    found = winner_map(
        lab.runs.result(run_id, user_id="ann"), plan, across, down, figure="savings", higher_is_better=True
    )
    assert [[cell is None for cell in line] for line in found] == [[True, False], [False, True]]
