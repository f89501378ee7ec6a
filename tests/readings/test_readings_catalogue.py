"""Every case of the bad-csv catalogue ends as it says, names what it must name, and shows no wrong number."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from core.readings import Issue, Options, Readings, read

REPO = Path(__file__).resolve().parents[2]
CATALOGUE = REPO.parent / "shared" / "bad-csv"
if not CATALOGUE.is_dir():
    pytest.skip("the catalogue of bad CSV files is not beside the checkout", allow_module_level=True)

CASES: dict[str, dict[str, Any]] = {
    case["name"]: case for case in json.loads((CATALOGUE / "expected.json").read_text(encoding="utf-8"))["cases"]
}

CONTROL = {"load": 4.5, "solar": 9.0, "slots": 6}
LEFT_OUT = {"load": 3.75, "solar": 7.5, "slots": 6, "warning_row": 3, "absent": 1}

SECOND_OUTCOME: dict[str, dict[str, Any]] = {
    # An analyst's file that can be read with certainty is read: separators, encodings, comments, units, formats.
    "utf16le_bom": CONTROL,
    "comment_lines": CONTROL,
    "semicolon_and_decimal_comma": CONTROL,
    "pipe_separated": CONTROL,
    "total_row_at_end": {**CONTROL, "warning_row": 8},
    "kwh_columns": {"load": 4.5, "solar": 9.0, "slots": 6, "load_kw": [1.0, 1.5, 2.0, 0.5, 1.0, 3.0]},
    "epoch_seconds": CONTROL,
    "hour_24": {**CONTROL, "warning_row": 7},
    "ddmmyyyy_crosses_day_12_to_13": {"slots": 36},
    "interval_one_day": {"load": 4.5 * 24, "solar": 9.0 * 24, "slots": 6},
    "two_households_in_one_file": {"load": 4.5, "solar": 9.0, "households": ("HH001", "HH002"), "absent": 6},
    # A missing value is a missing interval: the household takes no part in it, and the warning names the row.
    "nan_literal_load": LEFT_OUT,
    "na_token_load": LEFT_OUT,
    "null_token_load": LEFT_OUT,
    "empty_cell_solar": LEFT_OUT,
    # 1,500 kW is above the cap of 100 kW a home: refused with the reason, the unit W is offered.
    "watts_under_kw_header": {"refused": "not plausible for one home (watts?)"},
}
"""Cases in which `also_acceptable` is chosen, and what must then be true."""

REASONS = {
    "comment_lines": "header not found",
    "excel_serial_dates": "number found",
    "nul_bytes_inside": "NUL byte",
    "number_overflow_1e400_load": "not finite",
    "decimal_comma_quoted": "not a plain number",
    "interval_changes_in_file": "interval changes from 60 minutes to 30 minutes",
    "one_bad_file_among_good": "not a number",
    "ddmmyyyy_ambiguous": "ambiguous date",
    "gzip_renamed_csv": "compressed file",
    "zip_renamed_csv": "archive",
}
"""Our words where the catalogue's reason is a summary."""

WARNINGS = {
    "missing_latitude_longitude": "no position: distance-based features off for HH001",
    "duplicate_timestamp_same_values": "1 repeated row dropped (row 5)",
    "unsorted_rows": "rows sorted by time",
    "gap_of_one_interval": "1 missing interval: 2024-06-01 13:00",
    "time_of_day_contradicts_timestamp": "time_of_day does not match timestamp in 6 rows; timestamp used",
    "position_changes_in_file": "latitude changes in row 5; first value used",
    "partly_overlapping_spans": "common span 2024-06-01 12:00:00 .. 2024-06-01 15:00:00 used (4 intervals); left out: 2"
    " intervals of HH001.csv, HH002.csv",
    "all_consumers": "no surplus in any interval",
    "watts_under_kw_header": "load up to 1500 kW: not plausible for one home (watts?)",
}


def read_case(name: str, options: Options = Options()) -> Readings:  # noqa: B008
    return read([(file, CATALOGUE / name / file) for file in CASES[name]["files"]], options)


@pytest.mark.parametrize("name", CASES)
def test_every_case_ends_as_the_catalogue_says(name: str) -> None:
    case, readings = CASES[name], read_case(name)
    if name in SECOND_OUTCOME:
        assert "also_acceptable" in case
        check_second_outcome(readings, SECOND_OUTCOME[name])
    elif case["expect"] == "reject":
        check_refusal(readings, case)
    else:
        check_interpretation(readings, case.get("interpret_as", {}))
    if "warning_must_say" in case:
        assert any(WARNINGS[name] in issue.message for issue in readings.issues)
    check_always(readings, case)


def check_refusal(readings: Readings, case: dict[str, Any]) -> None:
    must = case["message_must_name"]
    reason = REASONS.get(case["name"], must["reason"])
    named = [issue for issue in readings.errors if reason in issue.message]
    assert not readings.accepted
    assert readings.community is None
    assert readings.digest == ""
    assert named, f"no message says {reason!r}: {[issue.message for issue in readings.errors]}"
    first = named[0]
    if "file" in must:
        assert first.file == must["file"]
        assert must["file"] in first.message
    if "row" in must:
        assert first.line == must["row"]
        assert f"line {must['row']}" in first.message
    if "column" in must:
        assert first.column == must["column"]
        assert must["column"] in first.message
    assert first.fix


def check_second_outcome(readings: Readings, want: dict[str, Any]) -> None:
    if "refused" in want:
        assert not readings.accepted
        assert want["refused"] in readings.errors[0].message
        return
    community = readings.require()
    if "load" in want:
        assert readings.load_kwh == pytest.approx(want["load"], abs=1e-9)
        assert readings.solar_kwh == pytest.approx(want["solar"], abs=1e-9)
    assert community.slots == want.get("slots", community.slots)
    assert community.household_ids == want.get("households", ("HH001",))
    if "load_kw" in want:
        assert community.load_kw[:, 0].tolist() == want["load_kw"]
    if "warning_row" in want:
        assert any(issue.line == want["warning_row"] for issue in readings.issues if issue.severity == "warning")
    assert readings.absent is not None
    assert readings.absent.sum() == want.get("absent", 0)
    assert readings.files[0].how_read


def check_interpretation(readings: Readings, want: dict[str, Any]) -> None:
    community = readings.require()
    if "rows" in want:
        assert sum(file.rows for file in readings.files) >= want["rows"]
        present = community.slots - int(readings.absent[:, 0].sum())
        assert present == want["rows"]
    if "interval_minutes" in want:
        assert community.slot_h * 60 == pytest.approx(want["interval_minutes"])
    for key, total in (("load_kWh_total", readings.load_kwh), ("solar_kWh_total", readings.solar_kwh)):
        if key in want:
            assert total == pytest.approx(want[key], abs=1e-9)
    starts = [str(start).replace("T", " ") for start in local_starts(readings)]
    assert starts[0] == want.get("first", starts[0])
    assert starts[-1] == want.get("last", starts[-1])
    assert community.slots == want.get("common_intervals", community.slots)
    assert community.households == want.get("households", community.households)
    assert community.household_ids[0] == want.get("household_id", "HH001")
    if "missing" in want:
        missing = [starts[slot] for slot in range(community.slots) if readings.absent[slot, 0]]
        assert missing == want["missing"]
    if "latitude" in want:
        position = readings.positions.get("HH001")
        assert (position and position[0]) == want["latitude"]


def local_starts(readings: Readings) -> list[Any]:
    """Slot starts on Delhi's clock, 5.5 h ahead of UTC."""
    community = readings.require()
    return [str((start + 19_800_000).astype("datetime64[s]")) for start in community.slot_starts()]


def check_always(readings: Readings, case: dict[str, Any]) -> None:
    """No NaN in a result, nothing echoed in full, a cut and printable quotation, and an answer that is JSON."""
    community = readings.community
    assert community is None or (math.isfinite(community.load_kw.sum()) and math.isfinite(community.solar_kw.sum()))
    for issue in readings.issues:
        assert len(issue.message) < 700
        assert issue.raw is None or len(issue.raw) <= 400
        assert issue.message.isprintable()
        assert "  " not in issue.message
        assert issue.message.endswith(".")
    if case["group"] == "security":
        assert community is None


def test_a_community_is_never_made_of_half_a_bad_file() -> None:
    readings = read_case("one_bad_file_among_good", Options(bad_files="skip"))
    assert readings.require().household_ids == ("HH001", "HH003")
    assert readings.load_kwh == pytest.approx(2 * 4.5)
    assert [file.accepted for file in readings.files] == [True, False, True]
    assert any(issue.severity == "error" and issue.file == "HH002.csv" for issue in readings.issues)


def test_watts_are_read_as_watts_when_a_person_says_so() -> None:
    readings = read_case("watts_under_kw_header", Options(unit="W"))
    assert readings.load_kwh == pytest.approx(4.5)


def test_a_person_may_raise_the_cap_of_a_home() -> None:
    readings = read_case("watts_under_kw_header", Options(max_kw=10_000))
    assert readings.load_kwh == pytest.approx(4500)
    assert any("not plausible for one home (watts?)" in issue.message for issue in readings.issues)


def test_finer_readings_are_averaged_only_after_a_person_agrees() -> None:
    readings = read_case("different_interval_per_file", Options(common_interval="use"))
    community = readings.require()
    # HH002: halves of an hour, 0.50 and 0.75 kW, are 0.625 kW in the hour; HH001 lasts from 10 to 16 h, as HH002 does.
    assert community.slot_h == 1.0
    assert community.load_kw[0].tolist() == [0.5, 0.625]
    assert any("averaged" in issue.message for issue in readings.issues)


def test_an_ambiguous_date_is_read_the_way_a_person_says() -> None:
    day_first = read_case("ddmmyyyy_ambiguous", Options(date_order="day_first")).require()
    month_first = read_case("ddmmyyyy_ambiguous", Options(date_order="month_first")).require()
    assert day_first.start_at.month == 6
    assert month_first.start_at.month == 1


def test_the_hour_that_happens_twice_is_kept_twice_in_a_zone_that_has_it() -> None:
    readings = read_case("dst_autumn_hour_twice", Options(time_zone="Europe/Berlin"))
    community = readings.require()
    rows = readings.files[0].rows
    assert community.slots == rows
    assert readings.gaps == ()


def test_every_case_has_its_files() -> None:
    assert len(CASES) == 83
    for name, case in CASES.items():
        assert all((CATALOGUE / name / file).is_file() for file in case["files"])


def test_findings_of_one_kind_are_counted_after_the_first_few() -> None:
    issues: list[Issue] = list(read_case("excel_serial_dates").issues)
    assert len(issues) == 6
    assert "more finding of the same kind" in issues[-1].message
