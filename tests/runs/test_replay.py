"""A recorded run is computed again from what the ledger says of it, or not at all."""

from __future__ import annotations

import json

import pytest

from core.errors import NotFoundError
from core.runs import replay as replay_module
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.tariffs import MICRO, Period, TariffPlan


@pytest.fixture
def document(lab) -> dict:
    """The transaction of a run with parameters that are no integers and a tariff with an evening of its own."""
    lab.runs.start_workers()
    evening = TariffPlan(periods=(Period(18 * 60, 22 * 60, 12_345_678, 3 * MICRO),), time_zone="Asia/Kolkata")
    plan = RunPlan(
        (Selection("grid_only"), Selection("p2p_battery", {"capacity_kwh": 4.1})),
        (Scenario("flat"), Scenario("evening", evening)),
    )
    run_id = lab.runs.start("ann", lab.dataset().dataset_id, plan=plan)
    assert lab.runs.wait(run_id, user_id="ann", timeout_s=60.0).status == "done"
    [row] = lab.pool.pending(10)
    return json.loads(row.body)


def replayed(lab, document) -> list[str | None]:
    return [lab.runs.replay(document, entry) for entry in document["results"]]


def recorded(document) -> list[str]:
    return [entry["result_digest"] for entry in document["results"]]


def test_what_was_recorded_comes_out_again_without_looking_at_kept_results(lab, document) -> None:
    for path in (lab.settings.data_dir / "results").glob("*/scenario.json"):
        path.write_text("[]")
    assert replayed(lab, document) == recorded(document)


def test_results_of_one_run_are_computed_by_one_worker_and_only_once(lab, document, monkeypatch) -> None:
    hired = []

    class Counted(replay_module.Worker):
        def __init__(self, *arguments) -> None:
            hired.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(replay_module, "Worker", Counted)
    assert replayed(lab, document) == replayed(lab, {**document, "run_id": "another"}) == recorded(document)
    assert len(hired) == 1


def test_a_forged_result_does_not_come_out(lab, document) -> None:
    forged = {**document["results"][1], "parameters": {**document["results"][1]["parameters"], "capacity_kwh": "9.9"}}
    document["results"][1] = forged
    assert replayed(lab, document)[1] != forged["result_digest"]


def test_without_the_readings_nothing_is_replayed(lab, document) -> None:
    [dataset] = lab.datasets.list("ann")
    lab.datasets.delete(dataset.dataset_id, user_id="ann")
    assert replayed(lab, document) == [None] * 4


@pytest.mark.parametrize(
    "change",
    [
        {"source_digest": "0" * 64},
        {"algorithm_id": "long_gone"},
        {"tariff": {"retail": 7}},
        {"parameters": {"capacity": "5.0"}},
    ],
)
def test_what_is_not_known_to_be_the_same_is_not_replayed(lab, document, change) -> None:
    document["results"] = [{**document["results"][1], **change}]
    assert replayed(lab, document) == [None]


def test_a_run_made_by_other_code_of_the_market_is_not_replayed(lab, document, monkeypatch) -> None:
    monkeypatch.setattr("core.runs.runs.market_digest", lambda: "0" * 64)
    assert replayed(lab, document) == [None] * 4


def test_a_replay_that_crashes_or_hangs_is_no_damage_of_the_ledger(lab, document, tmp_path) -> None:
    import sys

    crashing = tmp_path / "crash.py"
    crashing.write_text("import os, sys; sys.stdin.readline(); os._exit(9)")
    lab.command = (sys.executable, str(crashing))
    lab.restart()
    assert replayed(lab, document) == [None] * 4
    hanging = tmp_path / "hang.py"
    hanging.write_text("import time; time.sleep(1000)")
    lab.command, lab.limit_s = (sys.executable, str(hanging)), 0.2
    lab.restart()
    assert replayed(lab, document) == [None] * 4
    assert lab.workers() == []


def test_the_readings_of_a_run_are_found_by_their_digest(lab, document) -> None:
    assert lab.datasets.readings_of(document["dataset_digest"]).households == 3
    with pytest.raises(NotFoundError, match="no longer kept"):
        lab.datasets.readings_of("0" * 64)
