"""Studies: designs of named dimensions, scenarios that the comparison agrees with, and files that survive a kill."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pytest

from core.__main__ import main
from core.errors import LabError, MarketError
from core.market.compare import compare
from core.readings.sample import sample_community
from core.runs import study
from core.runs.study import StudyStoppedError, carry_out_study, rows_of
from core.runs.study_plan import DESIGNS, DIMENSIONS, plan_of
from core.runs.study_scenario import Base, scenario_of

ROOT = Path(__file__).resolve().parents[2]
ZONE = "Asia/Kolkata"
EVERYTHING = {
    "retail_price": [5, 9],
    "feed_in_share": [0.1, 0.6],
    "pv_share": [0, 1],
    "pv_scale": [0.5, 2],
    "battery_share": [0, 1],
    "battery_kwh": [0, 14],
    "battery_kw": [1, 5],
    "ev_share": [0, 0.5],
    "community_size": [3, 12],
    "uniform_price_auction.k": [0, 1],
    "p2p_battery.order": ["self_first", "market_first"],
}
FOUR = ["grid_only", "mid_market_rate", "p2p_battery", "uniform_price_auction"]


@pytest.fixture(scope="module")
def community():
    return sample_community(1, 8, days=3, slot_h=0.5).community


def plan(**changes):
    return plan_of({"design": "sobol", "dimensions": EVERYTHING, "scenarios": 8, "algorithms": FOUR, **changes})


def carried_out(asked, community, folder, **how):
    return carry_out_study(asked, community, dataset_digest="d", time_zone=ZONE, folder=folder, **how)


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_gives_points_within_its_ranges_and_the_same_ones_again(design):
    ranges = {"retail_price": [5, 9], "community_size": [3, 12], "p2p_battery.order": ["self_first", "market_first"]}
    points = plan(design=design, dimensions=ranges, scenarios=20, seed=4).points
    assert points == plan(design=design, dimensions=ranges, scenarios=20, seed=4).points
    assert 8 <= len(points) <= 20
    for point in points:
        assert 5 <= point["retail_price"] <= 9
        assert point["community_size"] in range(3, 13)
        assert point["p2p_battery.order"] in ("self_first", "market_first")
    if design != "grid":
        assert points != plan(design=design, dimensions=ranges, scenarios=20, seed=5).points


def test_a_grid_has_all_combinations_and_the_ends_of_ranges():
    points = plan(design="grid", dimensions={"retail_price": [6, 7, 8], "pv_share": [0, 1]}, scenarios=0).points
    assert len(points) == 6
    finer = plan(design="grid", dimensions={"retail_price": [6, 7, 8], "pv_share": [0, 1]}, scenarios=15).points
    assert sorted({point["pv_share"] for point in finer}) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_every_scenario_is_what_the_comparison_makes_of_the_same_community(community, tmp_path):
    asked = plan()
    rows = list(rows_of(asked, carried_out(asked, community, tmp_path)))
    assert len(rows) == 8 * 4
    base = Base(community, ZONE)
    for number, point in enumerate(asked.points):
        outcomes = compare(*_of(scenario_of(base, asked, point, number)))
        mine = {row["algorithm"]: row for row in rows if row["scenario"] == number}
        for outcome in outcomes:
            row = mine[outcome.algorithm_id]
            assert row["dimensions"] == point
            assert list(row["bills"].values()) == pytest.approx(outcome.households["bill"], rel=1e-9, abs=1e-9)
            for name in ("savings", "gini", "peak_import_kw", "avg_p2p_price", "power_flatness"):
                value = np.nan if row["figures"][name] is None else row["figures"][name]
                assert value == pytest.approx(outcome.figures[name], rel=1e-9, abs=1e-9, nan_ok=True), name


def _of(scenario):
    community, tariff, selections = scenario
    return selections, community, tariff


def test_a_larger_share_contains_the_smaller_one(community):
    base, asked = Base(community, ZONE), plan(dimensions={"pv_share": [0, 1], "ev_share": [0, 1]})
    homes = []
    for share in (0.2, 0.5, 0.9):
        made, _, _ = scenario_of(base, asked, {"pv_share": share, "ev_share": share}, 0)
        homes.append(
            (set(np.flatnonzero(made.solar_kw.max(axis=0))), set(np.flatnonzero(made.load_kw.max(axis=0) > 3.7)))
        )
    for fewer, more in pairwise(homes):
        assert fewer[0] <= more[0]
        assert fewer[1] <= more[1]


def test_monte_carlo_draws_homes_and_days_anew(community):
    base, asked = Base(community, ZONE), plan(design="monte_carlo", dimensions={"retail_price": [5, 9]})
    made = [scenario_of(base, asked, asked.points[number], number)[0] for number in (0, 1, 0)]
    assert (made[0].load_kw == made[2].load_kw).all()
    assert made[0].load_kw.shape == community.load_kw.shape
    assert not np.array_equal(made[0].load_kw, made[1].load_kw)


def test_a_season_keeps_its_months_and_one_without_readings_is_refused(community):
    base, asked = Base(community, ZONE), plan(dimensions={"season": ["spring", "winter"]})
    assert scenario_of(base, asked, {"season": "spring"}, 0)[0].slots == community.slots  # the sample is of April
    with pytest.raises(MarketError, match="no slot in winter"):
        scenario_of(base, asked, {"season": "winter"}, 1)


@pytest.mark.parametrize("stopped_after", [1, 3])
def test_a_study_stopped_anywhere_goes_on_with_the_same_digest(community, tmp_path, monkeypatch, stopped_after):
    monkeypatch.setattr(study, "MOST_IN_CHUNK", 2)
    whole = carried_out(plan(), community, tmp_path / "whole")
    stop = threading.Event()

    def after(done, every):
        if done >= 2 * stopped_after:
            stop.set()

    with pytest.raises(StudyStoppedError):
        carried_out(plan(), community, tmp_path / "cut", workers=1, progress=after, stop=stop)
    again = carried_out(plan(), community, tmp_path / "cut")
    assert again.digest == whole.digest
    assert again.reused == 2 * stopped_after
    assert again.computed == 8 - again.reused
    assert carried_out(plan(), community, tmp_path / "cut").computed == 0


KILLED_AFTER_THREE = """
import os, pathlib, signal, sys
import core.__main__, core.runs.study as study
study.MOST_IN_CHUNK = 2
kept, rename = [], pathlib.Path.replace
def counted(path, target):
    rename(path, target)
    kept.append(target)
    if sum(str(each).endswith(".parquet") for each in kept) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
pathlib.Path.replace = counted
core.__main__.main(["study", *sys.argv[1:]])
"""


def test_a_killed_study_goes_on_with_the_same_digest(tmp_path, capsys):
    asked = {
        "sample": {"households": 30, "days": 60, "slot_h": 0.25},
        "dimensions": {"retail_price": [5, 9], "pv_share": [0, 1]},
        "scenarios": 64,
        "algorithms": FOUR,
    }
    path, folder = tmp_path / "study.json", tmp_path / "out"
    path.write_text(json.dumps(asked), encoding="utf-8")
    subprocess.run([sys.executable, "-c", KILLED_AFTER_THREE, str(path), "--out", str(folder)], cwd=ROOT, check=False)
    assert len(list(folder.glob("*.parquet"))) == 3
    assert main(["study", str(path), "--out", str(folder), "--json"]) == 0
    resumed = json.loads(capsys.readouterr().out)
    assert main(["study", str(path), "--out", str(tmp_path / "other"), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert 0 < resumed["reused"] < 64
    assert resumed["reused"] + resumed["computed"] == resumed["scenarios"] == 64
    assert resumed["digest"] == whole["digest"]
    assert resumed["results"] == whole["results"]
    count = duckdb.sql(f"select count(*) from read_parquet('{folder}/*.parquet', union_by_name=true)").fetchall()
    assert count == [(64 * 4,)]


def test_other_algorithms_or_places_are_other_results(community, tmp_path):
    first = carried_out(plan(), community, tmp_path)
    other = carried_out(plan(algorithms=FOUR[:3], dimensions={"retail_price": [5, 9]}), community, tmp_path)
    assert other.reused == 0
    moved = replace(community, positions=np.zeros((community.households, 2)))
    assert carried_out(plan(), moved, tmp_path).reused == 0
    assert carried_out(plan(), community, tmp_path).digest == first.digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimensions": {"retail_prise": [5, 9]}}, 'Did you mean "retail_price"'),
        ({"dimensions": {"retail_price": [9, 5]}}, "goes from 9 down to 5"),
        ({"dimensions": {"retail_price": [-1, 5]}}, 'dimension retail_price: retail_price is "-1"'),
        ({"dimensions": {"retail_price": 5}}, "expected [low, high] or a list"),
        ({"dimensions": {}}, "dimensions is not an object"),
        ({"dimensions": {"season": ["spring"], "month": [1, 2]}}, "season and month are both dimensions"),
        ({"design": "sobl"}, 'Did you mean "sobol"'),
        ({"scenarios": -1}, "scenarios is -1"),
        ({"scenarios": 0}, "scenarios is 0"),
        ({"algorithms": ["mid_market"]}, 'Did you mean "mid_market_rate"'),
        ({"scenario": 5}, 'Did you mean "scenarios"'),
        (
            {
                "design": "grid",
                "scenarios": 0,
                "dimensions": {name: [0, 1] for name in ("pv_share", "ev_share")}
                | {f"{FOUR[3]}.{name}": list(np.linspace(0, 1, 800)) for name in ("k", "alpha")},
            },
            "expected at most 1,000,000",
        ),
    ],
)
def test_a_wrong_word_in_a_study_is_one_sentence(changes, message):
    with pytest.raises(LabError) as refusal:
        plan(**changes)
    assert message in str(refusal.value)


def test_prices_that_cross_name_the_scenario(community, tmp_path):
    asked = plan(dimensions={"retail_price": [3, 5], "feed_in_price": [2, 6]}, scenarios=16)
    with pytest.raises(MarketError, match=r"Scenario \d+ \(retail_price = .*feed-in price .* above the retail price"):
        carried_out(asked, community, tmp_path)


def test_every_dimension_of_the_lab_says_what_it_is():
    assert all(each.help and each.name == name for name, each in DIMENSIONS.items())


def test_the_page_about_studies_does_what_it_says(tmp_path, capsys):
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    block = page.partition("```json file=STUDY.json\n")[2].partition("```")[0]
    (tmp_path / "STUDY.json").write_text(block, encoding="utf-8")
    assert main(["study", str(tmp_path / "STUDY.json"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["scenarios"], found["computed"], found["reused"]) == (32, 32, 0)
    assert len(found["results"]) == 32 * 4
    for name in (*DIMENSIONS, *DESIGNS):
        assert f"`{name}`" in page, name
