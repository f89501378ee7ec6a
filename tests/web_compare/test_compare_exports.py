"""What is taken away equals what was seen, says where it comes from, and needs nothing else to be read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.datastructures import UploadFile

from core.errors import InputError, TooLargeError
from core.readings import Issue
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.runs import RunState
from core.runs.tariffs import MICRO, Period, TariffPlan
from core.settings import Settings
from core.web.api import staging
from core.web.compare import charts
from core.web.compare.report import Contents, report
from core.web.compare.table import MODES, table_of
from core.web.compare.tables import DIFFERENCES, accounts_export, figures_export, series_export
from core.web.compare.view import View
from core.web.format import Numbers

MakeScene = Callable[..., View]
CONTEXT = {"run_id": "r1", "dataset_digest": "c" * 64}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("mode", MODES)
def test_an_exported_table_has_the_lines_columns_and_numbers_of_the_screen(make_scene: MakeScene, mode: str) -> None:
    view = make_scene()
    numbers = Numbers()
    shown = table_of(view.rows, baseline_id="mid_market_rate", mode=mode, differences_only=True)
    exported = figures_export(shown, numbers, CONTEXT)
    assert list(exported.table["algorithm_id"]) == [line.row.algorithm_id for line in shown.lines]
    assert list(exported.table["baseline"]) == [True, False, False, False]
    titles = [column for column in exported.table.columns[3:] if "difference" not in column]
    assert len(titles) == len(shown.figures)
    for place, (title, figure) in enumerate(zip(titles, shown.figures, strict=True)):
        for at, line in enumerate(shown.lines):
            on_screen = shown.text(line.cells[place], figure, is_baseline=line.is_baseline, numbers=numbers)
            differs = mode != "Values" and not line.is_baseline
            value = float(exported.table[f"{title}, {DIFFERENCES[mode]}" if differs else title].iloc[at])
            decimals = 1 if mode == "Percent" and differs else figure.decimals
            assert on_screen.removesuffix(" %") == numbers.number(value, decimals, sign=differs)


def test_csv_parquet_and_json_hold_the_same(make_scene: MakeScene) -> None:
    view = make_scene()
    exported = figures_export(table_of(view.rows), Numbers(), CONTEXT)
    lines = list(csv.DictReader(io.StringIO(exported.csv().decode("utf-8-sig"))))
    document = json.loads(exported.json())
    parquet = pq.read_table(io.BytesIO(exported.parquet()))
    column = "Savings (₹)"
    expected = list(exported.table[column])
    assert [float(line[column]) for line in lines] == pytest.approx(expected)
    assert [row[column] for row in document["rows"]] == pytest.approx(expected)
    assert parquet.column(column).to_pylist() == pytest.approx(expected)
    assert document["context"]["dataset_digest"] == "c" * 64
    assert document["columns"][column]["unit"] == "₹"
    assert document["columns"][column]["formula"]
    assert json.loads(parquet.schema.metadata[b"lab"])["context"] == document["context"]


def test_what_is_not_defined_is_empty_in_csv_and_null_in_json(make_scene: MakeScene) -> None:
    exported = figures_export(table_of(make_scene().rows), Numbers(), CONTEXT)
    column = "Average P2P price (₹/kWh)"
    assert json.loads(exported.json())["rows"][0][column] is None
    assert next(csv.DictReader(io.StringIO(exported.csv().decode("utf-8-sig"))))[column] == ""


def test_no_cell_of_a_csv_is_a_formula(make_scene: MakeScene) -> None:
    view = make_scene()
    rows = [replace(row, name="=cmd|'/C calc'!A0") for row in view.rows]
    text = figures_export(table_of(rows), Numbers(), CONTEXT).csv().decode("utf-8-sig")
    assert "'=cmd" in text
    assert ",=cmd" not in text


def test_accounts_and_series_are_those_of_the_scene(make_scene: MakeScene) -> None:
    view = make_scene()
    accounts = accounts_export(view, CONTEXT).table
    assert len(accounts) == len(view.rows) * 6
    of_one = accounts[accounts["algorithm_id"] == "mid_market_rate"]
    assert np.allclose(of_one["savings"], view.result.households(view.rows[2])["savings"])
    series = series_export(view, CONTEXT)
    assert len(series.table) == len(view.rows) * 144
    assert series.units["price"] == "₹/kWh"
    assert str(series.table["start_utc"].iloc[0]) == "2024-06-09 18:30:00"
    assert str(series.table["start_local"].iloc[0]) == "2024-06-10 00:00:00"


def state_of(view: View, name: str) -> RunState:
    evening = Period(18 * 60, 22 * 60, 10 * MICRO, 3 * MICRO, days=(0, 1, 2, 3, 4))
    plan = RunPlan(
        tuple(Selection(row.algorithm_id) for row in view.rows),
        (Scenario("Base", TariffPlan(periods=(evening,)), {"capacity_kwh": 5.0}),),
    )
    moment = datetime(2024, 7, 1, tzinfo=UTC)
    values: dict[str, object] = {
        "run_id": "r1",
        "owner_id": "u1",
        "name": name,
        "tags": (HOSTILE,),
        "dataset_id": "d1",
        "dataset_name": HOSTILE,
        "dataset_digest": "c" * 64,
        "plan": plan,
        "status": "done",
        "message": "",
        "progress": 1.0,
        "queued_at": moment,
        "ended_at": moment,
        "tx_hash": "e" * 64,
        "shared": False,
    }
    return RunState(**{field: values.get(field) for field in RunState.__dataclass_fields__})


def made_report(view: View, *, name: str = "June", receipt: dict[str, object] | None = None) -> str:
    drawn = {"Savings": charts.cumulative_savings(view), "Energy": charts.sankey(view, view.rows[1], ink="#000000")}
    contents = Contents(state_of(view, name), view, "asha", table_of(view.rows), drawn, receipt)
    return report(contents).decode()


def test_the_report_holds_figures_charts_parameters_digests_and_the_receipt(make_scene: MakeScene) -> None:
    text = made_report(make_scene(), receipt={"tx_hash": "e" * 64, "path": ["f" * 64]})
    for part in ("June", "asha", "c" * 64, "d" * 64, "e" * 64, "f" * 64, "alpha = 5.0", "Mid-market rate"):
        assert part in text
    assert "18:00–22:00 on Mon, Tue, Wed, Thu, Fri: ₹10.000 and ₹3.000 per kWh" in text
    assert text.count("Plotly.newPlot(") >= 2


def test_the_report_asks_nothing_of_the_network(make_scene: MakeScene) -> None:
    text = made_report(make_scene())
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", outside)
    assert "<link" not in outside


def test_foreign_text_in_a_report_is_shown_as_characters(make_scene: MakeScene) -> None:
    text = made_report(make_scene(), name=HOSTILE, receipt={"note": HOSTILE})
    assert "<img src=x" not in text
    assert "<script>alert" not in text


def test_a_report_before_the_block_says_that_the_receipt_is_to_come(make_scene: MakeScene) -> None:
    assert "waits for the next block" in made_report(make_scene())


def test_a_report_carries_the_answer_the_findings_and_the_methods_and_stays_small(make_scene: MakeScene) -> None:
    view = make_scene()
    issue = Issue("warning", "a.csv", None, None, None, "sun_at_night", "sunlight at night: 94%.", "check the zone")
    state = replace(state_of(view, "June"), findings=(issue, issue), assumptions=("Times are of Asia/Kolkata.",))
    drawn = {"Savings": charts.cumulative_savings(view)}
    made = report(Contents(state, view, "asha", table_of(view.rows), drawn, None, ("Bill sharing costs least.",)))
    text = made.decode()
    assert len(made) <= 3_000_000
    for part in (
        "Bill sharing costs least.",
        "Read with 2 findings: sun at night (2)",
        "sunlight at night: 94%.",
        "Times are of Asia/Kolkata.",
        "Long, Wu, Zhang",
        "10 Jun 2024 00:00 to 13 Jun 2024 00:00",
        "size: A4",
    ):
        assert part in text, part
    assert "UTC" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def upload(name: str, content: bytes) -> UploadFile:
    return UploadFile(BytesIO(content), filename=name, size=len(content))


def test_staged_files_keep_their_names_and_order_and_go_when_they_are_read(tmp_path: Path) -> None:
    settings, batch = Settings(data_dir=tmp_path), "0123456789abcdef"
    staging.keep(settings, "u1", batch, files=[upload("../../b.csv", b"1"), upload("a.csv", b"22")], first=0)
    staging.keep(settings, "u1", batch, files=[upload("c.csv", b"333")], first=2)
    found = staging.staged(settings, "u1", batch)
    assert [name for name, _ in found] == ["../../b.csv", "a.csv", "c.csv"]
    assert [Path(str(path)).read_bytes() for _, path in found] == [b"1", b"22", b"333"]
    assert all(tmp_path / "staged" / "u1" in Path(str(path)).parents for _, path in found)
    assert staging.staged(settings, "u2", batch) == []
    staging.forget(settings, "u1", batch)
    assert staging.staged(settings, "u1", batch) == []


def test_a_new_batch_takes_the_place_of_an_abandoned_one(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    staging.keep(settings, "u1", "a" * 16, files=[upload("a.csv", b"1")], first=0)
    staging.keep(settings, "u1", "b" * 16, files=[upload("b.csv", b"1")], first=0)
    assert staging.staged(settings, "u1", "a" * 16) == []


@pytest.mark.parametrize("batch", ["", "../../../etc", "A" * 16, "0" * 15, "0" * 17])
def test_a_batch_is_no_path(tmp_path: Path, batch: str) -> None:
    with pytest.raises(InputError, match="not a batch"):
        staging.keep(Settings(data_dir=tmp_path), "u1", batch, files=[upload("a.csv", b"1")], first=0)


def test_too_many_or_too_large_files_are_refused(tmp_path: Path) -> None:
    settings, batch = Settings(data_dir=tmp_path), "0" * 16
    with pytest.raises(TooLargeError, match="More than 1,000 files"):
        staging.keep(settings, "u1", batch, files=[upload("a.csv", b"1")] * 2, first=999)
    large = UploadFile(BytesIO(b""), filename="large.csv", size=staging.FILE_BYTES + 1)
    with pytest.raises(TooLargeError, match=r"large\.csv is larger than 20 MB"):
        staging.keep(settings, "u1", batch, files=[large], first=0)
