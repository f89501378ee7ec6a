"""A result carries what there is to doubt about its readings, and the ledger says that it does."""

from __future__ import annotations

import json

from core.readings import Options
from core.readings.sample import sample_community
from core.runs.plan import RunPlan, Selection
from core.runs.reports import Provenance, Report, digest_of

PLAN = RunPlan((Selection("grid_only"),))


def doubtful(lab):
    """The sample's files, taken for times of another continent: the sun shines at night."""
    files = sample_community(1, 3, days=2).csv_files()
    added = lab.datasets.add("ann", files, options=Options(time_zone="America/New_York"), name="Street")
    assert added.dataset is not None
    return added.dataset


def done(lab, run_id):
    state = lab.runs.wait(run_id, user_id="ann", timeout_s=60.0)
    assert state.status == "done", state.message
    return state


def test_warnings_do_not_end_at_run(lab) -> None:
    lab.runs.start_workers()
    dataset = doubtful(lab)
    warnings = [i for i in lab.datasets.report(dataset.dataset_id, user_id="ann").issues if i.severity == "warning"]
    state = done(lab, lab.runs.start("ann", dataset.dataset_id, plan=PLAN))
    assert list(state.findings) == warnings
    assert any("sun" in issue.message for issue in state.findings)
    [row] = lab.pool.pending(10)
    document = json.loads(row.body)
    assert document["findings"] == {"count": len(warnings), "digest": digest_of(warnings)}
    assert "HH" not in json.dumps(document["findings"])


def test_a_run_keeps_the_findings_it_was_made_with(lab) -> None:
    # The dataset is deleted or grows: what was doubtful then stays so, in the run and in a repetition of it.
    lab.runs.start_workers()
    dataset = doubtful(lab)
    first = done(lab, lab.runs.start("ann", dataset.dataset_id, plan=PLAN))
    more = [
        (name.replace("HH", "XX"), content.replace(b"HH0", b"XX0"))
        for name, content in sample_community(2, 1, days=2).csv_files()
    ]
    lab.datasets.extend(dataset.dataset_id, more, user_id="ann")
    again = done(lab, lab.runs.again(first.run_id, user_id="ann"))
    assert again.findings == first.findings
    assert again.assumptions == first.assumptions


def test_readings_without_a_doubt_have_no_findings(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.datasets.sample("ann")
    state = done(lab, lab.runs.start("ann", dataset.dataset_id, plan=PLAN))
    assert state.findings == ()
    assert state.assumptions


def test_a_report_survives_json_and_one_of_the_first_version_opens(lab) -> None:
    dataset = doubtful(lab)
    report = lab.datasets.report(dataset.dataset_id, user_id="ann")
    assert Report.from_json(report.to_json()) == report
    refused = lab.datasets.add("ann", [("x.csv", b"nonsense")]).report
    assert not refused.accepted
    assert repr(Report.from_json(refused.to_json())) == repr(refused)  # NaN is not itself
    assert Report.from_json(FIRST).files[0].name == "a.csv"
    assert Report.from_json(FIRST).start_at is None


def test_runs_of_the_first_version_say_nothing_of_their_readings() -> None:
    assert Provenance.from_json("{}") == Provenance()


FIRST = """{"accepted": false, "digest": "", "files": [{"name": "a.csv", "accepted": false, "households": [], "rows": 0,
"slot_h": null, "start_at": null, "end_at": null, "how_read": ""}], "issues": [{"severity": "error", "file": "a.csv",
"line": 1, "column": null, "raw": null, "code": "empty", "message": "a.csv: the file is empty.", "fix": ""}],
"assumptions": [], "gaps": [], "household_ids": [], "slots": 0, "slot_h": null, "start_at": null, "end_at": null,
"load_kwh": null, "solar_kwh": null, "time_zone": "Asia/Kolkata", "positions": {}}"""
