"""Comparisons over REST: start, follow, cancel, read; somebody else's is not found."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from core.chain.export import csv_cell
from core.errors import ConflictError
from core.exchange import current
from core.market.algorithms import find
from core.runs import Period, ResultRow, RunPlan, RunResult, RunState, Scenario, Selection, TariffPlan
from core.runs.rules import RulesPlan
from core.runs.tariffs import micro
from core.web.api.answers import Answer
from core.web.api.caller import Analyst, Reader
from core.web.api.paging import Limit, page
from core.web.api.shapes import (
    AlgorithmAnswer,
    FigureTable,
    Page,
    ResultAnswer,
    RunAnswer,
    RunReceipt,
    RunRequest,
    ScenarioChoice,
    Started,
)
from core.web.audit import record

router = APIRouter(tags=["runs"])

CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
Cursor = Annotated[int, Query(ge=0, le=2**53 - 1)]
Link = Annotated[str, Query(max_length=100, description="Token of a read-only link.")]


@router.get("/api/algorithms", response_model=Page[AlgorithmAnswer])
def algorithms(_: Reader) -> Answer:
    """What can be compared, with the parameters of each."""
    return Answer({"items": [_algorithm(each) for each in find().values()], "next": None})


@router.get("/api/runs", response_model=Page[RunAnswer])  # type: ignore[valid-type]
def runs(
    user: Reader,
    text: Annotated[str, Query(max_length=200)] = "",
    before: Cursor | None = None,
    limit: Limit = 50,
) -> Answer:
    """One's runs and those shared with everybody, newest first; `text` looks in name, tags and dataset."""
    found = current().runs.history(user.user_id, text=text, before=before, limit=limit)
    return Answer(page(list(map(_state, found)), limit=limit, key=lambda state: state["cursor"]))


@router.post("/api/runs", status_code=202, response_model=Started)
def start(user: Analyst, request: RunRequest) -> Answer:
    """Queue a comparison; ask for its state until it has ended."""
    lab = current()
    dataset = lab.datasets.get(request.dataset_id, user_id=user.user_id)
    plan = RunPlan(
        tuple(Selection(choice.id, choice.parameters) for choice in request.algorithms),
        tuple(_scenario(choice, time_zone=dataset.time_zone) for choice in request.scenarios),
    )
    run_id = lab.runs.start(
        user.user_id,
        request.dataset_id,
        plan=plan,
        name=request.name,
        tags=request.tags,
        figures_on_ledger=request.figures_on_ledger,
    )
    return Answer({"run_id": run_id}, status_code=202)


@router.get("/api/runs/{run_id}", response_model=RunAnswer)
def state(user: Reader, run_id: str, link: Link = "") -> Answer:
    """Where a run stands: queued, running, done, failed, cancelled or interrupted."""
    return Answer(_state(current().runs.state(run_id, user_id=user.user_id, link=link)))


@router.post("/api/runs/{run_id}/cancel", status_code=204)
def cancel(user: Analyst, run_id: str) -> Response:
    """End a queued or running run, one's own or, for an admin, anybody's."""
    current().runs.cancel(run_id, user_id=user.user_id, is_admin=user.is_admin)
    return Response(status_code=204)


@router.get("/api/runs/{run_id}/result", response_model=ResultAnswer)
def result(user: Reader, run_id: str, link: Link = "") -> Answer:
    """What a finished run found: figures, invariants, digests, and the findings about its readings."""
    lab = current()
    found = lab.runs.result(run_id, user_id=user.user_id, link=link)
    asked = lab.runs.state(run_id, user_id=user.user_id, link=link)
    readings = {"findings": asked.findings, "assumptions": asked.assumptions}
    return Answer({**_head(found), **readings, "rows": [_row(row) for row in found.rows]})


@router.get("/api/runs/{run_id}/receipt", response_model=RunReceipt)
def receipt(user: Reader, run_id: str) -> Answer:
    """The receipt of one's finished run, with what opens it if its figures are not on the ledger."""
    lab = current()
    opening = lab.runs.opening(run_id, user_id=user.user_id)
    tx_hash = lab.runs.state(run_id, user_id=user.user_id).tx_hash
    if tx_hash is None:
        raise ConflictError("The run is not done, so the ledger has nothing of it.")
    made = lab.chain.receipt(tx_hash)
    return Answer(made if opening is None else made | {"opening": opening})


@router.get("/api/runs/{run_id}/figures", response_model=FigureTable)
def figures(user: Reader, run_id: str, link: Link = "") -> Answer:
    """The table of figures alone; null where a figure is not defined."""
    found = current().runs.result(run_id, user_id=user.user_id, link=link)
    rows = [{"scenario": r.scenario, "algorithm_id": r.algorithm_id, "figures": r.figures} for r in found.rows]
    return Answer({"names": found.figure_names, "rows": rows})


@router.get("/api/runs/{run_id}/figures.csv", response_class=Response, responses=CSV)
def figures_csv(user: Reader, run_id: str, link: Link = "") -> Response:
    """The table of figures as CSV; empty where a figure is not defined."""
    found = current().runs.result(run_id, user_id=user.user_id, link=link)
    record(user, "export", subject=run_id)
    headers = {"content-disposition": 'attachment; filename="figures.csv"'}
    return Response(_csv(found), media_type="text/csv", headers=headers)


@router.delete("/api/runs/{run_id}", status_code=204)
def delete(user: Analyst, run_id: str) -> Response:
    """Take one's ended run out of the history; the ledger keeps its transaction."""
    current().runs.delete(run_id, user_id=user.user_id)
    return Response(status_code=204)


def _algorithm(found: Any) -> dict[str, Any]:
    parameters = [{"name": p.name, "default": p.default, "unit": p.unit, "help": p.help} for p in found.parameters]
    return {"id": found.id, "name": found.name, "promise": found.promise, "parameters": parameters}


def _scenario(choice: ScenarioChoice, *, time_zone: str) -> Scenario:
    periods = tuple(
        Period(
            hours.start_minute,
            hours.end_minute,
            micro(hours.retail_price),
            micro(hours.feed_in_price),
            tuple(hours.days),
            tuple(hours.months),
        )
        for hours in choice.periods
    )
    tariff = TariffPlan(micro(choice.retail_price), micro(choice.feed_in_price), periods, time_zone)
    rules = None if choice.rulebook is None else RulesPlan.of(choice.rulebook, choice.homes)
    return Scenario(choice.name, tariff, choice.parameters, rules)


def _state(found: RunState) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__slots__ if name != "plan"} | {"plan": found.plan.to_json()}


def _head(found: RunResult) -> dict[str, Any]:
    names = ("dataset_digest", "result_digest", "household_ids", "start_at", "slot_h", "slots", "time_zone")
    return {name: getattr(found, name) for name in names}


def _row(row: ResultRow) -> dict[str, Any]:
    names = ("scenario", "algorithm_id", "name", "parameters", "figures", "source_digest", "result_digest", "seconds")
    return {name: getattr(row, name) for name in names} | {"invariants": [asdict(v) for v in row.verdicts]}


def _csv(found: RunResult) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["scenario", "algorithm_id", *map(csv_cell, found.figure_names)])
    for row in found.rows:
        values = [row.figures.get(name, math.nan) for name in found.figure_names]
        cells = ["" if math.isnan(value) else repr(float(value)) for value in values]
        writer.writerow([csv_cell(row.scenario), csv_cell(row.algorithm_id), *cells])
    return text.getvalue()
