"""Runs under rulebooks: the same homes under several places' rules, in one run and on the ledger."""

from __future__ import annotations

import json

import pytest

from core.errors import MarketError
from core.market.rulebooks import preset
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.rules import RulesPlan
from core.runs.tariffs import TariffPlan

SELECTIONS = (Selection("grid_only"), Selection("mid_market_rate"))
OWN = {
    "name": "Ann's street",
    "timezone": "Asia/Kolkata",
    "sources": ["Ann said so"],
    "classes": {"default": {"energy": {"price": 8.0}, "export": {"price": 2.0}, "fixed": {"per_kw": [["rest", 10]]}}},
    "peer": {"charges": [{"name": "network", "buyer": 0.5}]},
}


def finished(lab, run_id: str):
    return lab.runs.wait(run_id, user_id="ann", timeout_s=60.0)


def test_scenarios_may_differ_in_rulebook_and_plain_is_the_run_without_one(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    scenarios = (
        Scenario("without", TariffPlan.flat()),
        Scenario("plain", rules=RulesPlan.of("plain")),
        Scenario("net metering", rules=RulesPlan.of("net_metering_delhi")),
        Scenario("own", rules=RulesPlan.of(OWN, {"HH001": {"sanctioned_kw": 3.0}})),
    )
    state = finished(lab, lab.runs.start("ann", dataset.dataset_id, plan=RunPlan(SELECTIONS, scenarios)))
    assert state.status == "done", state.message
    result = lab.runs.result(state.run_id, user_id="ann")
    without, plain = (result.row(name, "mid_market_rate") for name in ("without", "plain"))
    assert plain.result_digest == without.result_digest
    own = result.row("own", "mid_market_rate")
    assert own.figures["fixed"] == pytest.approx(30.0)
    assert own.figures["charges"] == pytest.approx(0.5 * own.figures["traded_kwh"])
    assert result.row("net metering", "grid_only").result_digest != result.row("own", "grid_only").result_digest


def test_the_ledger_has_what_a_rulebook_decides_and_its_digest_but_not_what_a_person_called_it(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    plan = RunPlan(
        SELECTIONS, (Scenario("own", rules=RulesPlan.of(OWN)), Scenario("pilot", rules=RulesPlan.of("plain")))
    )
    assert finished(lab, lab.runs.start("ann", dataset.dataset_id, plan=plan)).status == "done"
    body = lab.pool.pending(1)[0].body
    entries = json.loads(body)["results"]
    kept = entries[0]["tariff"]["rulebook"]
    assert kept["digest"] == RulesPlan.of(OWN).rulebook.digest
    assert json.loads(kept["document"])["classes"] == OWN["classes"]
    assert entries[2]["tariff"]["rulebook"]["preset"] == "plain"
    assert entries[2]["tariff"]["rulebook"]["digest"] == preset("plain").digest
    text = body if isinstance(body, str) else body.decode()
    assert "Ann" not in text


def test_an_algorithm_that_is_not_defined_under_a_rulebook_has_no_figures_and_says_why(lab) -> None:
    lab.runs.start_workers()
    plan = RunPlan((*SELECTIONS, Selection("bill_sharing")), (Scenario("own", rules=RulesPlan.of(OWN)),))
    state = finished(lab, lab.runs.start("ann", lab.dataset().dataset_id, plan=plan))
    assert state.status == "done", state.message
    row = lab.runs.result(state.run_id, user_id="ann").row("own", "bill_sharing")
    assert all(value != value for value in row.figures.values())
    assert [(verdict.name, verdict.exempt) for verdict in row.verdicts] == [("defined_under_the_rulebook", True)]
    assert "without charges and losses" in row.verdicts[0].sentence


def test_a_plan_with_a_rulebook_reads_back_equal_and_one_without_is_written_as_before() -> None:
    plan = RunPlan(SELECTIONS, (Scenario("own", rules=RulesPlan.of(OWN, {"HH1": {"class": "default"}})),))
    assert RunPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan  # type: ignore[arg-type]
    assert "rules" not in RunPlan(SELECTIONS).to_json()["scenarios"][0]  # type: ignore[index]


def test_a_rulebook_with_a_mistake_is_refused_before_a_run_begins() -> None:
    with pytest.raises(MarketError, match='Did you mean "classes"'):
        RulesPlan.of({"clases": {}})
    with pytest.raises(MarketError, match='Did you mean "net_metering_delhi"'):
        RulesPlan.of("net_metering")
