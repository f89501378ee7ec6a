"""Finished runs looked into over REST: one slot of the market, and who would leave."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from core.errors import NotFoundError
from core.exchange import current
from core.market.stability.document import document
from core.runs.results import RunResult
from core.runs.slot import Slot, slot_of, why_left
from core.runs.stability import STUDIES
from core.web.api.answers import Answer
from core.web.api.caller import Reader
from core.web.api.runs import Link
from core.web.api.shapes import SlotAnswer, StabilityAnswer

router = APIRouter(tags=["runs"])
Scenario = Annotated[str, Query(max_length=200, description="The first one unless named.")]
MOST = 4


@router.get("/api/runs/{run_id}/slots/{slot}", response_model=SlotAnswer)
def slot(
    user: Reader,
    run_id: str,
    slot: int,
    algorithm: Annotated[list[str], Query(max_length=MOST)] = [],  # noqa: B006  # a default FastAPI copies
    scenario: Scenario = "",
    link: Link = "",
) -> Answer:
    """Orders, price and matched pairs of one slot, counted from 0, under up to four algorithms; all unless named."""
    result = current().runs.result(run_id, user_id=user.user_id, link=link)
    if not 0 <= slot < result.slots:
        raise NotFoundError(f"The run has no slot {slot}.", fix=f"Give 0 to {result.slots - 1}.")
    chosen = _scenario(result, scenario)
    rows = [result.row(chosen, each) for each in algorithm] or [row for row in result.of(chosen) if row.has_arrays]
    community = current().datasets.readings_of(result.dataset_digest)
    plan = current().runs.state(run_id, user_id=user.user_id, link=link).plan
    found = next(each for each in plan.scenarios if each.name == chosen)
    books = {row.algorithm_id: _book(slot_of(community, found, row, slot)) for row in rows if row.has_arrays}
    start = str(result.slot_starts()[slot]) + "Z"
    return Answer({"slot": slot, "start_at": start, "scenario": chosen, "algorithms": books})


def _book(found: Slot) -> dict[str, Any]:
    kept = ("name", "traded_kwh", "price", "retail_price", "feed_in_price")
    orders = [{**asdict(each), "why": why_left(each, found)} for each in (*found.asks, *found.bids)]
    return {name: getattr(found, name) for name in kept} | {
        "orders": orders,
        "trades": [asdict(each) for each in found.trades],
    }


@router.get("/api/runs/{run_id}/stability", response_model=StabilityAnswer)
def stability(user: Reader, run_id: str, scenario: Scenario = "", bidding: bool = False, link: Link = "") -> Answer:
    """Who would leave, and what is due to each home: asked for by the first call, there once `state` is "done"."""
    lab = current()
    result = lab.runs.result(run_id, user_id=user.user_id, link=link)
    chosen = _scenario(result, scenario)
    if not any(row.has_arrays for row in result.of(chosen)):
        raise NotFoundError("The run has no algorithm that settles household by household.")
    community = lab.datasets.readings_of(result.dataset_digest)
    plan = lab.runs.state(run_id, user_id=user.user_id, link=link).plan
    rules = next(each.rules for each in plan.scenarios if each.name == chosen)
    asked = STUDIES.ask(result, chosen, community, currency=lab.settings.currency, bidding=bidding, rules=rules)
    state = "failed" if asked.problem else "done" if asked.answer is not None else "running"
    answer: dict[str, Any] | None = None if asked.answer is None else document(asked.answer)
    return Answer(
        {"state": state, "done": asked.done, "of": asked.of, "message": asked.problem or asked.doing, "answer": answer}
    )


def _scenario(result: RunResult, name: str) -> str:
    if name and name not in result.scenarios:
        raise NotFoundError(f'The run has no scenario "{name[:80]}".', fix=f"There is: {', '.join(result.scenarios)}.")
    return name or result.scenarios[0]
