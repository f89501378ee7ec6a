"""What cannot be read with certainty is refused by name, and nothing is spent on what is too large."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.errors import ReadingError
from core.readings import Issue, Options, Readings, read
from core.readings.issues import plain
from core.readings.options import MAX_FILES

HEADER = "timestamp,household_id,load_kW,solar_kW"
ROWS = [f"2024-06-01 {hour}:00:00,HH001,0.5,1.0" for hour in range(10, 16)]


def text_with(*, header: str = HEADER, rows: list[str] = ROWS) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def refused(content: bytes, options: Options = Options(), *, name: str = "HH001.csv") -> Issue:  # noqa: B008
    readings = read([(name, content)], options)
    assert not readings.accepted
    assert readings.community is None
    assert readings.errors
    return readings.errors[0]


def replaced(row: int, text: str) -> list[str]:
    return [text if at == row else line for at, line in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (gzip.compress(b"timestamp", mtime=0), "compressed_file"),
        (b"BZh91AY&SY", "compressed_file"),
        (b"\xfd7zXZ\x00\x00", "compressed_file"),
        (b"\x28\xb5\x2f\xfd\x00", "compressed_file"),
        (b"7z\xbc\xaf\x27\x1c", "archive"),
        (b"Rar!\x1a\x07\x00", "archive"),
        (b"name" + b"\0" * 253 + b"ustar\x0000" + b"\0" * 250, "archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet"),
        (b"%PDF-1.7", "not_text"),
        (b"\xff\xd8\xff\xe0", "not_text"),
        (b"PAR1\x15\x04", "not_text"),
        (b"<!DOCTYPE html><html></html>", "web_page"),
        (b"\xef\xbb\xbf  \n<table><tr><td>timestamp</td></tr></table>", "web_page"),
        (b"<?xml version='1.0'?><readings/>", "web_page"),
        (bytes(range(256)) * 20, "not_text"),
        ("timestamp,load_kW\n".encode("utf-16-le") * 5, "encoding"),
        ("timestamp,load_kW\n".encode("utf-32") * 5, "encoding"),
        (b"timestamp,load_kW\n\x81\x8d\x8f", "encoding"),
        (b"\xff\xfet", "encoding"),
        (b"", "empty_file"),
        (b"\n \r\n\n", "empty_file"),
        (b"hello\n", "header_missing"),
        (b'{"timestamp": 1}', "header_missing"),
    ],
)
def test_what_is_no_csv_is_named_for_what_it_is(content: bytes, code: str) -> None:
    assert refused(content).code == code


def test_a_workbook_is_named_a_spreadsheet() -> None:
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert refused(book.getvalue()).code == "spreadsheet"


@pytest.mark.parametrize("name", ["HH001.csv.exe", "HH001.docx", "HH001", "HH001.csv.gz", ""])
def test_only_names_of_text_files_are_taken(name: str) -> None:
    assert refused(text_with(), name=name).code == "file_type"


def test_a_file_above_20_mb_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "HH001.csv"
    path.touch()
    os.truncate(path, 20_000_001)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("the file was opened"))
    readings = read([("HH001.csv", path)])
    assert readings.errors[0].code == "too_large"
    assert "20,000,001 bytes, above the limit of 20 MB" in readings.errors[0].message
    assert refused(bytes(20_000_001)).code == "too_large"


def test_a_missing_file_a_folder_and_a_device_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "endless.csv").symlink_to("/dev/zero")
    for name, word in (("none.csv", "No such file"), ("folder.csv", "a folder or"), ("endless.csv", "a device")):
        issue = read([(name, tmp_path / name)]).errors[0]
        assert (issue.code, issue.file) == ("unreadable", name)
        assert word in issue.message


def peak_bytes(content: bytes) -> tuple[int, Readings]:
    read([("HH001.csv", text_with())])  # what is imported once is not the file's
    tracemalloc.start()
    try:
        readings = read([("HH001.csv", content)])
        return tracemalloc.get_traced_memory()[1], readings
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (gzip.compress(bytes(30_000_000), mtime=0), "compressed_file"),
        (b"\n" * 2_000_001, "too_many_rows"),
        (b"\r" * 2_000_001, "too_many_rows"),
    ],
)
def test_a_bomb_and_an_endless_file_cost_nothing(content: bytes, code: str) -> None:
    peak, readings = peak_bytes(content)
    assert readings.errors[0].code == code
    assert peak < 1_000_000


@pytest.mark.parametrize("filler", [b",", b"x", b"x,", b'"', b"a "])
def test_a_line_of_19_mb_is_refused_in_little_memory(filler: bytes) -> None:
    line = filler * (19_000_000 // len(filler))
    for content in (line, text_with() + line, line + b"\n" + text_with()):
        peak, readings = peak_bytes(content)
        assert not readings.accepted
        assert peak < 200_000_000
        assert all(len(issue.message) < 400 for issue in readings.issues)


def test_more_than_500_files_are_refused_unread() -> None:
    files: list[tuple[str, bytes | Path]] = [("HH001.csv", Path("/nowhere"))] * (MAX_FILES + 1)
    readings = read(files)
    assert [issue.code for issue in readings.issues] == ["too_many_files"]
    assert readings.files == ()


def test_no_file_is_said() -> None:
    assert read([]).errors[0].code == "no_files"


def test_65_columns_and_1001_characters_are_refused() -> None:
    wide = HEADER + "".join(f",c{number}" for number in range(61))
    assert refused(text_with(header=wide)).code == "too_many_columns"
    issue = refused(text_with(rows=replaced(2, ROWS[2].replace("HH001", "H" * 1001))))
    assert (issue.code, issue.line, issue.column) == ("bad_cell", 4, "household_id")
    assert len(issue.message) < 250


def test_a_span_of_millions_of_intervals_is_refused_before_memory_is_spent() -> None:
    rows = ["2000-01-01 00:00:00,HH001,1,0", "2000-01-01 00:01:00,HH001,1,0", "2099-01-01 00:00:00,HH001,1,0"]
    peak, readings = peak_bytes(text_with(rows=rows))
    assert readings.errors[0].code == "span_too_long"
    assert peak < 5_000_000


def test_many_tiny_files_cannot_ask_for_more_memory_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.readings.reader.MAX_READINGS", 40)
    files: list[tuple[str, bytes | Path]] = [
        (f"HH{number:03d}.csv", text_with(rows=[ROWS[0], ROWS[1], ROWS[5]]).replace(b"HH001", b"HH%03d" % number))
        for number in range(20)
    ]
    readings = read(files)
    assert [issue.code for issue in readings.errors] == ["too_many_readings"]
    assert len(readings.files) == 7  # six intervals a file: the seventh is above forty


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("abc", "not_a_number"),
        ("0,5", "field_count"),
        ("1e400", "not_finite"),
        ("-inf", "not_finite"),
        ("0x10", "not_a_number"),
        ("1_000", "not_a_number"),
        ("٣", "not_a_number"),
        ("0.5 kW", "not_a_number"),
        ("=1+1", "not_a_number"),
        ("100.1", "out_of_range"),
        ("-0.1", "negative_load"),
    ],
)
def test_a_cell_that_is_no_possible_load_is_named_with_its_line(cell: str, code: str) -> None:
    issue = refused(text_with(rows=replaced(3, f"2024-06-01 13:00:00,HH001,{cell},1.0")))
    assert (issue.code, issue.line) == (code, 5)
    if code != "field_count":
        assert (issue.column, issue.raw) == ("load_kW", cell)
        assert issue.message.startswith("HH001.csv line 5, load_kW: ")


@pytest.mark.parametrize(
    ("stamp", "word"),
    [
        ("2024-02-30 13:00:00", "not a day of the calendar"),
        ("2024-06-01 25:00:00", "not a time of the clock"),
        ("2024-06-01 13:60:00", "not a time of the clock"),
        ("1899-12-30 13:00:00", "date out of range"),
        ("01/06/2024 13:00", "is not written like"),
        ("yesterday", "not a timestamp"),
        ("", "empty"),
        ("NULL", "empty"),
        ("1717236000", "number found"),
        ("2024-06-01 13:00:00Z", "some rows state a UTC offset and others none"),
    ],
)
def test_a_time_that_is_none_is_named_with_its_line(stamp: str, word: str) -> None:
    issue = refused(text_with(rows=replaced(3, f"{stamp},HH001,0.5,1.0")))
    assert (issue.line, issue.column) == (5, "timestamp")
    assert word in issue.message


def test_day_and_month_that_change_places_are_refused() -> None:
    rows = ["13/06/2024 10:00,HH001,1,1", "06/14/2024 11:00,HH001,1,1"]
    issue = refused(text_with(rows=rows))
    assert (issue.code, issue.line) == ("mixed_dates", 3)


@pytest.mark.parametrize(
    "household_id",
    [
        "../HH001",
        "/etc/passwd",
        "C:\\HH001",
        "<b>HH001</b>",
        "=HH001",
        "@HH001",
        "HH 001",
        "HH001\u202e",
        "HH\x07",
        "H" * 65,
    ],
)
def test_an_id_that_is_a_path_markup_formula_or_control_is_refused(household_id: str) -> None:
    issue = refused(text_with(rows=[row.replace("HH001", household_id) for row in ROWS]))
    assert (issue.code, issue.line, issue.column) == ("household_id", 2, "household_id")
    assert issue.message.isprintable()


def test_a_file_name_that_is_no_id_does_not_become_one() -> None:
    text = b"timestamp,load_kW\n2024-06-01 10:00,1\n2024-06-01 11:00,1\n"
    assert refused(text, name="my meter.csv").code == "household_id"


def test_conflicting_rows_of_one_time_name_both_lines() -> None:
    issue = refused(text_with(rows=[*ROWS, "2024-06-01 12:00:00,HH001,0.9,1.0"]))
    assert issue.code == "time_twice"
    assert issue.line == 8
    assert "also in line 4" in issue.message


def test_two_intervals_in_one_file_are_refused_also_when_each_household_has_its_own() -> None:
    halves = [f"2024-06-01 {hour}:{minute},HH002,1,1" for hour in range(10, 16) for minute in ("00", "30")]
    issue = refused(text_with(rows=[*ROWS, *halves]))
    assert issue.code == "interval_changes"


def test_readings_every_30_seconds_and_one_single_row_are_refused() -> None:
    rows = ["2024-06-01 10:00:00,HH001,1,1", "2024-06-01 10:00:30,HH001,1,1"]
    assert refused(text_with(rows=rows)).code == "interval"
    assert refused(text_with(rows=rows[:1])).code == "one_row"


REGISTER = [12_345.6 + 0.4 * at for at in range(30)]


def register_file(unit: str, values: list[float] = REGISTER, *, minutes: int = 60) -> bytes:
    start = datetime(2024, 6, 1)
    rows = [f"{start + timedelta(minutes=minutes) * at},HH001,{value:.3f},0" for at, value in enumerate(values)]
    return text_with(header=f"timestamp,household_id,load_{unit},solar_{unit}", rows=rows)


@pytest.mark.parametrize("unit", ["kWh", "kW", "Wh"])
def test_a_cumulative_register_is_refused_and_the_difference_offered(unit: str) -> None:
    issue = refused(register_file(unit))
    assert issue.code == "register"
    assert "cumulative register" in issue.message
    assert "difference of neighbouring rows" in issue.fix


@pytest.mark.parametrize("values", [REGISTER[:6], [55.0 + 0.25 * at for at in range(30)]])
def test_short_and_small_registers_are_recognised_too(values: list[float]) -> None:
    assert refused(register_file("kWh", values)).code == "register"


def test_the_difference_of_a_register_is_the_energy_of_each_interval() -> None:
    readings = read([("HH001.csv", register_file("kWh"))], Options(cumulative="difference"))
    community = readings.require()
    assert community.slots == 29  # the last row only ends the interval before it
    assert community.load_kw[:, 0] == pytest.approx(0.4)
    assert readings.load_kwh == pytest.approx(REGISTER[-1] - REGISTER[0])
    assert any(issue.code == "register" and issue.severity == "warning" for issue in readings.issues)


def test_numbers_that_only_climb_are_kept_when_a_person_says_they_are_no_register() -> None:
    content = register_file("kWh", [0.1 * at for at in range(30)])
    assert refused(content).code == "register"
    assert read([("HH001.csv", content)], Options(cumulative="keep")).accepted


def test_solar_energy_of_one_morning_is_no_register() -> None:
    rows = [f"2024-06-01 0{hour}:00,HH001,0.5,{hour / 10}" for hour in range(4, 10)]
    assert read([("HH001.csv", text_with(rows=rows))]).accepted


def test_a_solar_column_without_any_value_is_refused_with_its_remedy() -> None:
    issue = refused(text_with(rows=[row.rsplit(",", 1)[0] + "," for row in ROWS]))
    assert issue.code == "no_value"
    assert "remove the column" in issue.fix


def test_every_column_is_looked_at_before_a_file_is_refused() -> None:
    rows = replaced(1, "never,HH001,abc,1.0")
    codes = [issue.code for issue in read([("HH001.csv", text_with(rows=replaced(1, rows[1])))]).errors]
    assert codes == ["not_a_time", "not_a_number"]


def test_two_files_out_of_step_are_refused() -> None:
    other = text_with(rows=[row.replace(":00:00", ":05:00").replace("HH001", "HH002") for row in ROWS])
    readings = read([("HH001.csv", text_with()), ("HH002.csv", other)])
    assert readings.errors[0].code == "grid"
    assert "HH002" in readings.errors[0].message


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        ({"gap_policy": "guess"}, "gap_policy"),
        ({"common_span": True}, "common_span"),
        ({"max_kw": 0.0}, "max_kw"),
        ({"interpolate_slots": 0}, "interpolate_slots"),
        ({"pv_kw": {"HH001": -1.0}}, "HH001"),
        ({"time_zone": "../etc/passwd"}, "time zone"),
        ({"time_zone": ""}, "time zone"),
    ],
)
def test_an_impossible_option_is_named(choice: dict[str, object], word: str) -> None:
    with pytest.raises(ReadingError, match=word):
        Options(**choice)  # type: ignore[arg-type]


def test_foreign_text_in_messages_is_cut_and_escaped() -> None:
    assert plain("a" * 200) == "a" * 79 + "…"
    assert plain("a\x00\u200b\nb\u202e") == "a\\x00\\u200b\\nb\\u202e"
    assert len(plain("\u200b" * 500)) <= 6 * 80


def test_a_refused_community_raises_its_first_reason_when_it_is_required() -> None:
    with pytest.raises(ReadingError, match=r'line 3, load_kW: "abc" is not a number; give kilowatts, such as 0.42'):
        read([("HH001.csv", text_with(rows=replaced(1, "2024-06-01 11:00:00,HH001,abc,1.0")))]).require()


@pytest.mark.parametrize("year", ["9999", "0001", "1969", "2101"])
def test_a_year_beyond_the_calendar_of_homes_is_refused_with_line_and_text(year: str) -> None:
    data = (
        f"timestamp,household_id,load_kW,solar_kW\n{year}-12-31 23:30:00,HH001,1,0\n{year}-12-31 23:45:00,HH001,1,0\n"
    )
    issue = refused(data.encode())
    assert (issue.code, issue.line) == ("time_out_of_range", 2)
    assert f"{year}-12-31" in issue.message


def test_a_row_of_hashes_with_every_field_is_a_reading_and_not_a_comment() -> None:
    head = "timestamp,household_id,load_kW,solar_kW\n# a comment\n2024-06-01 00:00:00,HH001,1,0\n"
    issue = refused(f"{head}########,HH001,0.75,0\n2024-06-01 02:00:00,HH001,1,0\n".encode())
    assert issue.line == 4
    assert '"########" is not a timestamp' in issue.message
