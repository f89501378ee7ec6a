"""What a person wrote stays off the ledger, and a private run proves what it says only when its owner opens it."""

from __future__ import annotations

import json

import pytest

from core.errors import LedgerError, NotFoundError
from core.ledger import commitment, transaction
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.tariffs import TariffPlan

SECRET = "Müller's pilot, do not show"
PLAN = RunPlan(
    (Selection("grid_only"), Selection("p2p_battery", {"capacity_kwh": 4.1})),
    (Scenario(f"{SECRET} now"), Scenario(f"{SECRET} later", TariffPlan.flat(9.5, 2.0))),
)


def ran(lab, *, figures_on_ledger: bool) -> tuple[str, dict]:
    """A finished run and its transaction."""
    lab.runs.start_workers()
    dataset = lab.dataset()
    lab.datasets.rename(dataset.dataset_id, SECRET, user_id="ann")
    run_id = lab.runs.start(
        "ann", dataset.dataset_id, plan=PLAN, name=SECRET, tags=(SECRET[:30],), figures_on_ledger=figures_on_ledger
    )
    assert lab.runs.wait(run_id, user_id="ann", timeout_s=60.0).status == "done"
    [row] = lab.pool.pending(10)
    return run_id, json.loads(row.body)


@pytest.mark.parametrize("figures_on_ledger", [True, False])
def test_nothing_a_person_wrote_is_on_the_ledger(lab, figures_on_ledger) -> None:
    run_id, document = ran(lab, figures_on_ledger=figures_on_ledger)
    text = json.dumps(document, ensure_ascii=False)
    assert "ller" not in text
    assert "pilot" not in text
    assert document["run_id"] == run_id
    assert lab.runs.state(run_id, user_id="ann").name == SECRET


def test_scenarios_are_told_apart_by_number(lab) -> None:
    _, document = ran(lab, figures_on_ledger=True)
    assert [entry["scenario"] for entry in document["results"]] == ["1", "1", "2", "2"]


def test_a_private_run_shows_that_it_was_and_nothing_else(lab) -> None:
    run_id, document = ran(lab, figures_on_ledger=False)
    assert set(document) == {"kind", "run_id", "at_ms", "actor", "commitment"}
    state = lab.runs.state(run_id, user_id="ann")
    assert state.figures_on_ledger is False
    assert lab.runs.result(run_id, user_id="ann").rows[0].figures["community_cost"] != 0.0


def test_its_owner_opens_it_and_nobody_else(lab) -> None:
    run_id, document = ran(lab, figures_on_ledger=False)
    opening = lab.runs.opening(run_id, user_id="ann")
    whole = commitment.opened(document, opening)
    rows = lab.runs.result(run_id, user_id="ann").rows
    assert [entry["result_digest"] for entry in whole["results"]] == [row.result_digest for row in rows]
    assert "findings" in whole
    lab.runs.share(run_id, user_id="ann", everybody=True)
    with pytest.raises(NotFoundError):
        lab.runs.opening(run_id, user_id="bob")


def test_another_salt_or_another_figure_does_not_open_it(lab) -> None:
    run_id, document = ran(lab, figures_on_ledger=False)
    opening = lab.runs.opening(run_id, user_id="ann")
    with pytest.raises(LedgerError, match="does not fit the commitment"):
        commitment.opened(document, {**opening, "salt": "00" * 32})
    forged = json.loads(json.dumps(opening))
    forged["transaction"]["results"][0]["figures"]["savings_percent_micro"] = 99_000_000
    with pytest.raises(LedgerError, match="does not fit the commitment"):
        commitment.opened(document, forged)
    with pytest.raises(LedgerError, match="needs salt and transaction"):
        commitment.opened(document, {"salt": "zz", "transaction": {}})


def test_two_private_runs_of_the_same_do_not_look_alike(lab) -> None:
    run_id, document = ran(lab, figures_on_ledger=False)
    again = lab.runs.again(run_id, user_id="ann")
    assert lab.runs.wait(again, user_id="ann", timeout_s=60.0).status == "done"
    second = json.loads(lab.pool.pending(10)[-1].body)
    assert second["run_id"] == again  # the second stays private, too
    assert second["commitment"] != document["commitment"]


def test_a_private_run_is_replayed_where_its_opening_is_kept(lab) -> None:
    run_id, document = ran(lab, figures_on_ledger=False)
    whole = lab.runs.replay.opened(document)
    assert [lab.runs.replay(whole, entry) for entry in whole["results"]] == [
        entry["result_digest"] for entry in whole["results"]
    ]
    lab.runs.delete(run_id, user_id="ann")
    assert lab.runs.replay.opened(document) is None


def test_a_public_run_has_nothing_to_open(lab) -> None:
    run_id, document = ran(lab, figures_on_ledger=True)
    assert not commitment.is_sealed(document)
    assert lab.runs.opening(run_id, user_id="ann") is None


def test_entries_with_names_from_before_are_still_read(lab) -> None:
    _, document = ran(lab, figures_on_ledger=True)
    old = {name: value for name, value in document.items() if name != "findings"} | {"name": "An old name"}
    assert transaction.from_document(old).document["name"] == "An old name"
    assert [lab.runs.replay(old, entry) for entry in old["results"]] == [
        entry["result_digest"] for entry in old["results"]
    ]
