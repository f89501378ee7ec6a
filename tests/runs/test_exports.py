"""What is taken away equals what is on the screen, and no spreadsheet runs it."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.runs.exports import everything, export
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.tariffs import TariffPlan

WICKED = "=cmd|' /C calc'!A0"


@pytest.fixture
def result(lab):
    lab.runs.start_workers()
    plan = RunPlan(
        (Selection("grid_only"), Selection("mid_market_rate")),
        (Scenario(WICKED), Scenario('dear, "quoted"', TariffPlan.flat(12.0))),
    )
    run_id = lab.runs.start("ann", lab.dataset().dataset_id, plan=plan)
    assert lab.runs.wait(run_id, user_id="ann", timeout_s=60.0).status == "done"
    return lab.runs.result(run_id, user_id="ann")


def rows_of(content: bytes, kind: str) -> list[dict]:
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(content.decode())))
    return json.loads(content) if kind == "json" else pq.read_table(pa.BufferReader(content)).to_pylist()


def number(value) -> float:
    return math.nan if value in ("", None) else float(value)


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_every_figure_is_exported_to_the_digit(result, kind) -> None:
    rows = rows_of(export(result, "figures", kind), kind)
    assert len(rows) == 4
    for written, row in zip(rows, result.rows, strict=True):
        assert written["algorithm_id"] == row.algorithm_id
        assert written["result_digest"] == row.result_digest
        for name in result.figure_names:
            assert number(written[name]) == pytest.approx(row.figures[name], rel=0, abs=0, nan_ok=True), name


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_every_household_and_slot_is_exported_to_the_digit(result, kind) -> None:
    households = rows_of(export(result, "households", kind), kind)
    slots = rows_of(export(result, "slots", kind), kind)
    assert len(households) == 4 * 3
    assert len(slots) == 4 * result.slots
    row = result.rows[3]
    savings, price = result.households(row)["savings"], result.series(row)["price"]
    assert [number(each["savings"]) for each in households[-3:]] == savings.tolist()
    assert [each["household_id"] for each in households[-3:]] == list(result.household_ids)
    written = [number(each["price"]) for each in slots[-result.slots :]]
    assert np.array_equal(written, price, equal_nan=True)
    assert np.isnan(price).any()


def test_slots_carry_utc_and_the_clock_on_the_wall(result) -> None:
    first = rows_of(export(result, "slots", "json"), "json")[0]
    assert first["start"] == "2025-03-31T18:30:00+00:00"
    assert first["local_start"] == "2025-04-01T00:00:00"


def test_text_that_a_spreadsheet_would_run_is_disarmed_in_csv_and_kept_elsewhere(result) -> None:
    for what in ("figures", "households", "slots"):
        assert rows_of(export(result, what, "csv"), "csv")[0]["scenario"] == "'" + WICKED
        assert rows_of(export(result, what, "parquet"), "parquet")[0]["scenario"] == WICKED
    assert rows_of(export(result, "figures", "csv"), "csv")[2]["scenario"] == 'dear, "quoted"'


def test_the_whole_result_is_one_json_document(result) -> None:
    document = json.loads(everything(result))
    assert document["household_ids"] == list(result.household_ids)
    assert document["result_digest"] == result.result_digest
    row = document["rows"][3]
    assert row["households"]["bill"] == result.households(result.rows[3])["bill"].tolist()
    assert len(row["series"]["price"]) == result.slots
    assert None in row["series"]["price"]
    assert all(verdict["holds"] for verdict in row["verdicts"])
