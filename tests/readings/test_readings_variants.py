"""Whatever can be read with certainty is read right, and the report says how it was understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.readings import Options, Readings, read

LOAD = [0.5, 0.75, 1.0, 0.25, 0.5, 1.5]
SOLAR = [1.0, 1.5, 2.0, 2.25, 1.75, 0.5]
START = datetime(2024, 6, 1, 4, 30, tzinfo=UTC)  # 10:00 in Delhi


def native(stamp: str = "%Y-%m-%d %H:%M:%S", *, day: str = "2024-06-01") -> str:
    first = datetime.fromisoformat(f"{day} 10:00")
    rows = [
        f"{(first + timedelta(hours=hour)).strftime(stamp)},HH001,{load},{solar}"
        for hour, (load, solar) in enumerate(zip(LOAD, SOLAR, strict=True))
    ]
    return "\n".join(["timestamp,household_id,load_kW,solar_kW", *rows, ""])


def read_text(text: str, options: Options = Options(), *, name: str = "HH001.csv", encoding: str = "utf-8") -> Readings:  # noqa: B008
    return read([(name, text.encode(encoding))], options)


def check(readings: Readings, *, start_at: datetime = START) -> None:
    community = readings.require()
    assert community.household_ids == ("HH001",)
    assert community.start_at == start_at
    assert community.slot_h == 1.0
    assert community.load_kw[:, 0].tolist() == LOAD
    assert community.solar_kw[:, 0].tolist() == SOLAR


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8 with BOM"), ("utf-16", "UTF-16"), ("cp1252", "Windows-1252")],
)
def test_encodings_are_recognised(encoding: str, said: str) -> None:
    text = "# überwacht von Zähler 7\n" + native()
    readings = read_text(text, encoding=encoding)
    check(readings)
    assert readings.files[0].how_read.startswith(said + ", ")


def test_utf_16_big_endian_is_recognised_by_its_mark() -> None:
    check(read([("HH001.csv", b"\xfe\xff" + native().encode("utf-16-be"))]))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_recognised(separator: str, line_end: str) -> None:
    check(read_text(native().replace(",", separator).replace("\n", line_end)))


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_decimal_comma_is_read_where_it_is_unambiguous(separator: str) -> None:
    readings = read_text(native().replace(",", separator).replace(".", ","))
    check(readings)
    assert "decimal comma" in readings.files[0].how_read


def test_quoted_decimal_commas_are_read_when_the_file_has_no_point() -> None:
    rows = ['2024-06-01 10:00,HH001,"0,5","1,0"', '2024-06-01 11:00,HH001,"0,75","1,5"']
    text = "\n".join(["timestamp,household_id,load_kW,solar_kW", *rows])
    assert read_text(text).require().load_kw[:, 0].tolist() == [0.5, 0.75]


def test_commas_that_may_group_thousands_are_refused() -> None:
    text = "timestamp;household_id;load_W;solar_W\n2024-06-01 10:00;HH001;1,250;0\n2024-06-01 11:00;HH001;2,000;0\n"
    readings = read_text(text)
    assert not readings.accepted
    assert "decimal comma or thousands" in readings.errors[0].message


def test_preamble_comments_footer_and_empty_lines_are_skipped_and_said() -> None:
    preamble = "".join(f"Meter report line {number}\n" for number in range(20))
    text = preamble + native().replace("\n2024-06-01 12", "\n\n# changed battery\n,,,\n2024-06-01 12")
    readings = read_text(text + "Total:,,4.5,9.0\nEnd of report\n\n")
    check(readings)
    assert "header in line 21, 20 lines before it skipped, 1 comment line skipped" in readings.files[0].how_read
    assert [issue.line for issue in readings.issues if issue.code == "footer"] == [31, 32]


def test_a_header_far_below_a_long_title_is_found_too() -> None:
    readings = read_text("".join(f"Meter report line {number}\n" for number in range(21)) + native())
    assert readings.digest == read_text(native()).digest


def test_a_household_that_is_called_like_a_footer_is_a_household() -> None:
    text = "household_id,timestamp,load_kW\nmax-1,2024-06-01 10:00,0.5\nmax-1,2024-06-01 11:00,0.5\n"
    assert read_text(text).require().household_ids == ("max-1",)


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ("Time;HOUSEHOLD_ID;Load (kW);Solar (kW)", 1),
        ("Timestamp;Household;load [W];solar [W]", 1000),
        ("datetime;home_id;consumption_kWh;generation_kWh", 1),
        ("date;household;LOAD WH;PV WH", 1000),
        ("start_time;household_id;demand_kw;production_w", 1),
    ],
)
def test_units_and_names_are_taken_from_the_header(header: str, scale: float) -> None:
    rows = [
        f"2024-06-01 {10 + hour}:00;HH001;{load * scale};{solar * (1000 if header.endswith('_w') else scale)}"
        for hour, (load, solar) in enumerate(zip(LOAD, SOLAR, strict=True))
    ]
    check(read_text("\n".join([header, *rows])))


def test_energy_in_a_half_hour_is_twice_its_mean_power() -> None:
    text = "timestamp,household_id,load_kWh,solar_Wh\n2024-06-01 10:00,HH001,0.5,250\n2024-06-01 10:30,HH001,0.75,100\n"
    community = read_text(text).require()
    assert community.load_kw[:, 0].tolist() == [1.0, 1.5]
    assert community.solar_kw[:, 0].tolist() == [0.5, 0.2]


def test_a_power_column_without_a_unit_needs_a_person_to_say_it() -> None:
    text = native().replace("load_kW,solar_kW", "load,solar")
    readings = read_text(text)
    assert readings.errors[0].code == "unit_missing"
    assert readings.errors[0].line == 1
    check(read_text(text, Options(unit="kW")))


def test_columns_in_any_order_and_further_columns_are_fine_and_said() -> None:
    text = "solar_kW,comment,timestamp,load_kW,tariff,household_id\n" + "".join(
        f"{solar},ok,2024-06-01 {10 + hour}:00,{load},7,HH001\n"
        for hour, (load, solar) in enumerate(zip(LOAD, SOLAR, strict=True))
    )
    readings = read_text(text)
    check(readings)
    assert "2 other columns ignored (comment, tariff)" in readings.files[0].how_read


@pytest.mark.parametrize(
    "stamp",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y/%m/%d %H:%M",
        "%Y-%m-%d %H:%M:%S.000",
        "%Y-%m-%dT%H:%M:%S+05:30",
        "%Y-%m-%d %H:%M:%S +0530",
        "%Y-%m-%d %I:%M %p",
        "%d/%m/%Y %H:%M",
        "%d.%m.%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%d-%m-%Y %H:%M",
    ],
)
def test_formats_of_time_are_recognised(stamp: str) -> None:
    """The 13th cannot be a month: day and month are told apart."""
    start = datetime(2024, 6, 13, 4, 30, tzinfo=UTC)
    check(read_text(native(stamp, day="2024-06-13")), start_at=start)


def test_twelve_am_is_midnight_and_twelve_pm_is_noon() -> None:
    text = "timestamp,household_id,load_kW\n06/13/2024 12:00 AM,HH001,1\n06/13/2024 12:00 PM,HH001,2\n"
    community = read_text(text, Options(time_zone="UTC")).require()
    assert community.start_at == datetime(2024, 6, 13, tzinfo=UTC)
    assert community.slot_h == 12.0


@pytest.mark.parametrize("per_second", [1, 1000])
def test_seconds_and_milliseconds_since_1970_are_utc(per_second: int) -> None:
    seconds = int(START.timestamp())
    rows = [
        f"{(seconds + hour * 3600) * per_second},HH001,{load},{solar}"
        for hour, (load, solar) in enumerate(zip(LOAD, SOLAR, strict=True))
    ]
    check(read_text("\n".join(["timestamp,household_id,load_kW,solar_kW", *rows])))


@pytest.mark.parametrize("minutes", [1, 5, 10, 15, 20, 30, 60, 120, 720, 1440])
def test_any_interval_from_a_minute_to_a_day_is_inferred(minutes: int) -> None:
    start = datetime(2024, 6, 1)
    rows = [f"{start + timedelta(minutes=minutes) * at},HH001,0.5,0" for at in range(6)]
    community = read_text("\n".join(["timestamp,household_id,load_kW,solar_kW", *rows])).require()
    assert community.slot_h * 60 == pytest.approx(minutes)
    assert community.slots == 6


def test_rows_from_the_newest_to_the_oldest_are_sorted_and_said() -> None:
    header, *rows = native().splitlines()
    readings = read_text("\n".join([header, *reversed(rows)]))
    check(readings)
    assert any("rows sorted by time" in issue.message for issue in readings.issues)


def test_a_little_below_zero_at_night_is_taken_as_zero_with_a_warning() -> None:
    readings = read_text(native().replace(",0.5\n", ",-0.012\n"))
    assert readings.require().solar_kw[-1, 0] == 0.0
    warned = [issue for issue in readings.issues if issue.code == "solar_below_zero"]
    assert warned[0].line == 7
    assert "-0.012" in warned[0].message


def test_a_home_without_a_solar_column_is_a_consumer_with_a_warning() -> None:
    header, *rows = native().splitlines()
    text = "\n".join([header.rsplit(",", 1)[0], *(row.rsplit(",", 1)[0] for row in rows)])
    readings = read_text(text)
    assert readings.require().solar_kw.sum() == 0.0
    assert any(issue.code == "no_solar" and issue.severity == "warning" for issue in readings.issues)


@pytest.mark.parametrize("name", ["HH001.csv", "HH001 (1).csv", "folder/HH001.CSV"])
def test_a_missing_id_is_taken_from_the_name_of_the_file_and_said(name: str) -> None:
    readings = read_text(native().replace(",household_id", "").replace(",HH001", ""), name=name)
    check(readings)
    assert any("HH001 taken from the file name" in issue.message for issue in readings.issues)


def test_households_are_sorted_by_id_whatever_the_order_of_files_and_rows() -> None:
    files = [(f"HH00{n}.csv", native().replace("HH001", f"HH00{n}").encode()) for n in (3, 1, 2)]
    assert read(files).require().household_ids == ("HH001", "HH002", "HH003")
    rows = [line for n in (2, 3, 1) for line in native().replace("HH001", f"HH00{n}").splitlines()[1:]]
    together = read_text("\n".join([native().splitlines()[0], *rows]), name="all.csv")
    assert together.require().household_ids == ("HH001", "HH002", "HH003")
    assert together.digest == read(files).digest
    assert any("3 households in one file: HH002, HH003, HH001" in issue.message for issue in together.issues)


def test_installed_panels_are_not_known_unless_a_person_gives_them() -> None:
    plain, given = read_text(native()), read_text(native(), Options(pv_kw={"HH001": 3.2, "HH009": 1.0}))
    assert np.isnan(plain.require().pv_kw[0])
    assert given.require().pv_kw[0] == 3.2
    assert given.digest == plain.digest
    assert any("HH009" in issue.message for issue in given.issues)


def test_parts_of_a_household_in_several_files_are_joined_and_said() -> None:
    header, *rows = native().splitlines()
    parts = [
        ("june.csv", "\n".join([header, *rows[:4]]).encode()),
        ("july.csv", "\n".join([header, *rows[3:]]).encode()),
    ]
    readings = read(parts)
    check(readings)
    assert any("joined, 1 equal interval taken once" in issue.message for issue in readings.issues)


def test_progress_is_told_file_by_file() -> None:
    told: list[tuple[int, int]] = []
    files = [(f"HH00{n}.csv", native().replace("HH001", f"HH00{n}").encode()) for n in (1, 2, 3)]
    read(files, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_was_assumed_is_said_for_all_files_at_once() -> None:
    readings = read([(f"HH00{n}.csv", native().replace("HH001", f"HH00{n}").encode()) for n in (1, 2)])
    assert readings.assumptions[0] == (
        "All files: UTF-8, comma-separated, header in line 1, load_kW in kW, solar_kW in kW, times as year-month-day on"
        " the clock of Asia/Kolkata, 60 minutes interval."
    )


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone", "warned"),
    [
        (28.6, 77.2, "Asia/Kolkata", False),
        (28.6, 77.2, "UTC", True),  # 10 to 16 h UTC are 15:30 to 21:30 in Delhi
        (-33.9, 151.2, "Australia/Sydney", False),
        (-33.9, 151.2, "Europe/London", True),
        (69.6, 18.9, "Asia/Kolkata", False),  # midnight sun
    ],
)
def test_sun_at_night_is_judged_by_the_position(latitude: float, longitude: float, zone: str, warned: bool) -> None:
    text = native().replace("solar_kW\n", "solar_kW,latitude,longitude\n")
    lines = [line if line.startswith("time") else f"{line},{latitude},{longitude}" for line in text.splitlines()]
    readings = read_text("\n".join(lines), Options(time_zone=zone))
    assert any(issue.code == "sun_at_night" for issue in readings.issues) is warned
    assert readings.solar_kwh == pytest.approx(9.0)
