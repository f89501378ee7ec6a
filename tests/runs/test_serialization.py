"""Plans, tariffs and results survive JSON, those of the first version open, and nothing is half understood."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.errors import MarketError
from core.runs.plan import RunPlan, Scenario, Selection, digest
from core.runs.results import KeptOutcome, ResultRow, Results, RowVerdict
from core.runs.tariffs import Period, TariffPlan

values = some.floats(allow_nan=False, allow_infinity=False) | some.integers(-(2**53), 2**53) | some.text(max_size=9)
parameters = some.dictionaries(some.text(min_size=1, max_size=9), values, max_size=4)
prices = some.tuples(some.integers(0, 10**8), some.integers(0, 10**8)).map(lambda pair: (max(pair), min(pair)))
periods = some.builds(
    lambda start, end, pair, days, months: Period(start, end, *pair, tuple(days), tuple(months)),
    some.integers(0, 1440),
    some.integers(0, 1440),
    prices,
    some.sets(some.integers(0, 6), min_size=1),
    some.sets(some.integers(1, 12), min_size=1),
)
tariffs = some.builds(
    lambda pair, periods, zone: TariffPlan(*pair, tuple(periods), zone),
    prices,
    some.lists(periods, max_size=3),
    some.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin"]),
)


@given(tariffs, parameters, parameters)
def test_a_plan_survives_json_text(tariff: TariffPlan, ours: dict, theirs: dict) -> None:
    plan = RunPlan((Selection("a", ours),), (Scenario("s", tariff, theirs),))
    assert RunPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_the_form_of_a_plan_is_that_of_the_first_version() -> None:
    # Keys of results on disk and what the ledger says of tariffs are made of it: it must never change.
    tariff = TariffPlan(periods=(Period(1, 2, 9, 3, (6, 0)),), time_zone="Asia/Kolkata")
    plan = RunPlan(
        (Selection("p2p_battery", {"capacity_kwh": 4.0, "order": "x"}),), (Scenario("a", tariff, {"z": 1, "b": 2.5}),)
    )
    assert digest(plan.to_json()) == "29317e2cba9779344a9bf7ec063b882680a8103f5c43fd458f1cb41477aadc7e"


@pytest.mark.parametrize(
    "change",
    [
        {"retail": 7},
        {"periods": [{"start_minute": 1}]},
        {"periods": "none"},
        {"retail_micro_per_kwh": 7.5},
        {"retail_micro_per_kwh": "7"},
        {"time_zone": 5},
    ],
)
def test_a_tariff_that_is_half_understood_is_refused(change: dict) -> None:
    with pytest.raises(MarketError, match="The tariff cannot be read"):
        TariffPlan.from_json({**TariffPlan().to_json(), **change})
    with pytest.raises(MarketError):
        TariffPlan.from_json({})


def test_a_price_that_does_not_fit_says_so_and_not_that_it_cannot_be_read() -> None:
    with pytest.raises(MarketError, match="expected 0 <= feed-in <= retail"):
        TariffPlan.from_json({**TariffPlan().to_json(), "feed_in_micro_per_kwh": 8_000_000})


def kept_row(**figures: float) -> ResultRow:
    return ResultRow(
        scenario="",
        scenario_key="",
        algorithm_id="mid_market_rate",
        name="Mid-market rate",
        parameters={"k": 0.5, "seed": 3, "order": "self_first"},
        figures=figures,
        summary={"savings_percent": None},
        verdicts=(RowVerdict("budget", True, math.nan, "Bills add up.", False),),
        source_digest="a" * 64,
        result_digest="b" * 64,
        seconds=0.25,
    )


def test_a_result_survives_the_disk(tmp_path) -> None:
    results = Results(tmp_path)
    results.save_scenario("key", [KeptOutcome(kept_row(savings=1.5, gini=math.nan), {}, {})])
    [row] = results.scenario("key", name="Base")
    assert (row.scenario, row.scenario_key) == ("Base", "key")
    assert (row.figures["savings"], row.parameters) == (1.5, {"k": 0.5, "seed": 3, "order": "self_first"})
    assert math.isnan(row.figures["gini"])
    assert math.isnan(row.verdicts[0].worst)
    assert row.summary == {"savings_percent": None}


def test_a_result_of_the_first_version_opens(tmp_path) -> None:
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / "scenario.json").write_text(FIRST)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(FIRST_RUN)
    result = Results(tmp_path).run("run")
    [row] = result.rows
    assert (row.name, row.figures["community_cost"], row.verdicts[0].exempt) == ("Grid only", 12.0, False)
    assert math.isnan(row.figures["gini"])
    assert (result.slots, result.start_at.year, result.market_digest) == (24, 2024, "m" * 64)


FIRST = """[
 {
  "algorithm_id": "grid_only",
  "name": "Grid only",
  "parameters": {},
  "figures": {"community_cost": 12, "gini": null},
  "summary": {"community_cost": 12.0},
  "verdicts": [{"name": "budget", "holds": true, "worst": 0.0, "sentence": "Bills add up.", "exempt": false}],
  "source_digest": "aa",
  "result_digest": "bb",
  "seconds": 0.01
 }
]"""
FIRST_RUN = """{"market": "%s", "dataset_digest": "cc", "result_digest": "dd",
 "scenarios": [{"name": "Base", "key": "key"}], "household_ids": ["HH001"], "start_at_ms": 1717200000000,
 "slot_h": 1.0, "slots": 24, "time_zone": "Asia/Kolkata"}""" % ("m" * 64)
