"""Run against run: what differs is named, and days are compared in pairs where they are the same."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.market.rulebooks import preset, presets
from core.readings.sample import sample_community
from core.runs.against import held_against, present, shared, sides_of, what_differs
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.rules import RulesPlan
from core.runs.tariffs import TariffPlan

BOTH = (Selection("grid_only"), Selection("mid_market_rate"))


def fortnight(lab, seed: int, *, days: int = 15):
    files = sample_community(seed, 3, days=days, slot_h=1.0).csv_files()
    added = lab.datasets.add("ann", files, name=f"Street {seed}")
    assert added.dataset is not None
    return added.dataset


def ran(lab, dataset, *, selections=BOTH, tariff: TariffPlan | None = None, name: str = ""):
    plan = RunPlan(selections, (Scenario("Base", tariff or TariffPlan()),))
    run_id = lab.runs.start("ann", dataset.dataset_id, plan=plan, name=name)
    state = lab.runs.wait(run_id, user_id="ann", timeout_s=60.0)
    assert state.status == "done", state.message
    return state, lab.runs.result(run_id, user_id="ann")


def test_what_differs_is_named_and_what_is_equal_is_not(lab) -> None:
    lab.runs.start_workers()
    dataset = fortnight(lab, 1)
    first = ran(lab, dataset)
    dearer = ran(lab, dataset, tariff=TariffPlan.flat(9.0, 2.0))
    same = what_differs(sides_of([first, first]))
    assert same == ()
    [tariff] = what_differs(sides_of([first, dearer]))
    assert (tariff.what, tariff.values) == ("Tariff", ("7 / 3", "9 / 2"))


def test_readings_algorithms_and_parameters_differ(lab) -> None:
    lab.runs.start_workers()
    small = ran(lab, fortnight(lab, 1), selections=(Selection("p2p_battery", {"capacity_kwh": 3.0}), *BOTH))
    large = ran(lab, fortnight(lab, 2), selections=(Selection("p2p_battery", {"capacity_kwh": 9.0}), BOTH[0]))
    sides = sides_of([small, large])
    named = {each.what: each.values for each in what_differs(sides)}
    assert "Readings" in named
    assert "Days" not in named
    assert named["P2P with battery: capacity_kwh"] == ("3.0", "9.0")
    assert shared(sides) == ("p2p_battery", "grid_only")
    assert present(sides) == ("p2p_battery", "grid_only", "mid_market_rate")


def test_the_same_days_are_compared_in_pairs(lab) -> None:
    lab.runs.start_workers()
    dataset = fortnight(lab, 1)
    cheap, dear = ran(lab, dataset), ran(lab, dataset, tariff=TariffPlan.flat(9.0, 3.0))
    pinned, other = held_against(sides_of([cheap, dear]), "community_cost")["grid_only"]
    assert (pinned.difference, pinned.interval) == (0.0, None)
    bought = cheap[1].series(cheap[1].row("Base", "grid_only"), ["demand_kwh"])["demand_kwh"].sum()
    assert other.difference == pytest.approx(2.0 * bought)  # every kWh costs 2 more
    assert other.interval.days == 15
    assert other.interval.clear
    assert other.interval.difference == pytest.approx(2.0 * bought / 15)
    saved = held_against(sides_of([cheap, dear]), "savings", pinned=1)["mid_market_rate"]
    assert saved[0].difference == pytest.approx(-saved[1].value + saved[0].value)
    assert saved[0].interval.difference == pytest.approx(saved[0].difference / 15)


def test_other_days_are_not_paired_and_other_figures_have_no_days(lab) -> None:
    lab.runs.start_workers()
    long, short = ran(lab, fortnight(lab, 1)), ran(lab, fortnight(lab, 1, days=14))
    assert held_against(sides_of([long, short]), "community_cost")["grid_only"][1].interval is None
    assert held_against(sides_of([long, long]), "peak_import_kw")["grid_only"][1].interval is None


def test_an_algorithm_that_one_run_lacks_has_no_difference(lab) -> None:
    lab.runs.start_workers()
    dataset = fortnight(lab, 1)
    few, all_ = ran(lab, dataset, selections=BOTH[:1]), ran(lab, dataset)
    found = held_against(sides_of([few, all_]), "community_cost")["mid_market_rate"]
    assert found[0] is None
    assert np.isnan(found[1].difference)


def test_two_to_six_runs(lab) -> None:
    lab.runs.start_workers()
    one = ran(lab, fortnight(lab, 1))
    for number in (1, 7):
        with pytest.raises(InputError, match="2 to 6"):
            sides_of([one] * number)


def test_other_rules_differ(lab) -> None:
    lab.runs.start_workers()
    dataset = fortnight(lab, 1, days=3)
    name = next(iter(presets()))
    runs = []
    for rules in (None, RulesPlan.of(name)):
        plan = RunPlan(BOTH[:1], (Scenario("Base", rules=rules),))
        run_id = lab.runs.start("ann", dataset.dataset_id, plan=plan)
        state = lab.runs.wait(run_id, user_id="ann", timeout_s=60.0)
        assert state.status == "done", state.message
        runs.append((state, lab.runs.result(run_id, user_id="ann")))
    named = {each.what: each.values for each in what_differs(sides_of(runs))}
    assert named["Rules"][0] == "none"
    assert preset(name).digest[:12] in named["Rules"][1]
    assert "Tariff" not in named
