"""Who would leave a finished run, worked out in the background."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.market.community import Community, Tariff
from core.market.compare import compare_all
from core.readings.sample import sample_community
from core.runs.results import KeptOutcome, ResultRow, Results, RowVerdict, RunResult
from core.runs.rules import RulesPlan
from core.runs.stability import StabilityStudies
from tests.patience import PATIENCE_S
from tests.runs.conftest import Lab

IDS = ("grid_only", "mid_market_rate", "uniform_price_auction", "mcafee_auction", "bill_sharing", "p2p_battery")


_VERDICT = RowVerdict("finite", True, 0.0, "", False)


@pytest.fixture(scope="module")
def community() -> Community:
    return sample_community(1, 6, days=3).community


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, community: Community) -> RunResult:
    folder: Path = tmp_path_factory.mktemp("results")
    outcomes = compare_all(IDS, community, Tariff.flat(community.slots))
    kept = [
        KeptOutcome(
            ResultRow(
                "One", "key", o.algorithm_id, o.name, o.parameters, o.figures, {}, (_VERDICT,), "s", "d" + k, 0.0
            ),
            o.households,
            o.slots,
        )
        for k, o in outcomes.items()
    ]
    Results(folder).save_scenario("key", kept)
    return RunResult(
        rows=tuple(each.row for each in kept),
        dataset_digest="d",
        result_digest="r",
        household_ids=community.household_ids,
        start_at=community.start_at,
        slot_h=community.slot_h,
        slots=community.slots,
        time_zone="Asia/Kolkata",
        folder=folder,
    )


def test_who_would_leave_is_worked_out_once_in_the_background(result, community):
    studies = StabilityStudies()
    assert studies.known(result, "One", bidding=False) is None
    asked = studies.ask(result, "One", community, currency="₹")
    assert studies.ask(result, "One", community, currency="₹") is asked
    Lab.until(lambda: asked.ended, timeout_s=PATIENCE_S)
    assert asked.problem == ""
    assert asked.answer is not None
    assert [each.algorithm_id for each in asked.answer.verdicts] == list(IDS)
    assert asked.done == asked.of
    assert not {each.algorithm_id: each for each in asked.answer.verdicts}["grid_only"].stable
    assert "evening" in {each.kind for each in asked.answer.next_homes}


def test_a_cancelled_question_can_be_asked_again(result, community):
    studies = StabilityStudies()
    studies._turn.acquire()  # somebody else's is being worked out
    asked = studies.ask(result, "One", community, currency="₹")
    asked.cancelled.set()
    studies._turn.release()
    assert asked.ended
    assert studies.known(result, "One", bidding=False) is None
    again = studies.ask(result, "One", community, currency="₹")
    assert again is not asked
    Lab.until(lambda: again.ended, timeout_s=PATIENCE_S)
    assert again.answer is not None


def test_readings_that_do_not_fit_end_in_a_sentence(result, community):
    short = Community(
        community.household_ids,
        community.start_at,
        community.slot_h,
        community.load_kw[:10],
        community.solar_kw[:10],
        community.pv_kw,
    )
    asked = StabilityStudies().ask(result, "One", short, currency="₹")
    Lab.until(lambda: asked.ended, timeout_s=PATIENCE_S)
    assert "10 slots" in asked.problem


def test_under_a_rulebook_the_answer_is_that_there_is_none(result, community):
    asked = StabilityStudies().ask(result, "One", community, currency="₹", rules=RulesPlan.of("plain"))
    assert asked.ended
    assert asked.answer is not None
    assert "is not defined" in asked.answer.not_defined
    assert asked.answer.verdicts == ()
