"""Missing intervals, other spans, other intervals and clock changes: reported, and treated only as a person chose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.readings import Options, Readings, read
from core.readings.zones import place

HEADER = "timestamp,household_id,load_kW,solar_kW\n"


def hours(household_id: str, first: int, last: int, *, without: tuple[int, ...] = (), scale: float = 0.1) -> bytes:
    """Readings of the hours first to last on 1 June; the load in an hour is a tenth of its number."""
    rows = [
        f"2024-06-01 {hour:02d}:00:00,{household_id},{hour * scale:.1f},{1 if hour == 12 else 0}\n"
        for hour in range(first, last + 1)
        if hour not in without
    ]
    return (HEADER + "".join(rows)).encode()


def read_gappy(options: Options, *, without: tuple[int, ...] = (11, 14, 15)) -> Readings:
    return read([("HH001.csv", hours("HH001", 8, 19, without=without)), ("HH002.csv", hours("HH002", 8, 19))], options)


def test_gaps_are_counted_per_household_with_the_longest_and_its_place() -> None:
    (gap,) = read_gappy(Options()).gaps
    assert (gap.household_id, gap.missing, gap.longest, gap.filled) == ("HH001", 3, 2, 0)
    assert datetime.fromtimestamp(gap.first_s, UTC) == datetime(2024, 6, 1, 5, 30, tzinfo=UTC)  # 11:00 in Delhi
    assert datetime.fromtimestamp(gap.longest_s, UTC) == datetime(2024, 6, 1, 8, 30, tzinfo=UTC)


def test_leaving_out_gives_the_household_no_part_in_the_slots_and_no_invented_number() -> None:
    readings = read_gappy(Options(gap_policy="leave_out"))
    community, absent = readings.require(), readings.absent
    assert absent is not None
    assert np.nonzero(absent)[0].tolist() == [3, 6, 7]
    assert community.load_kw[[3, 6, 7], 0].tolist() == [0.0, 0.0, 0.0]
    assert community.load_kw[:, 1].tolist() == pytest.approx([hour / 10 for hour in range(8, 20)])
    warned = [issue for issue in readings.issues if issue.code == "gap"]
    assert warned[0].message == (
        "HH001.csv: HH001 has 3 missing intervals: 2024-06-01 11:00:00 first, the longest run 2 intervals from"
        " 2024-06-01 14:00:00; it takes no part there."
    )


def test_holding_repeats_the_last_value_and_says_so() -> None:
    readings = read_gappy(Options(gap_policy="hold"))
    assert readings.require().load_kw[[3, 6, 7], 0].tolist() == [1.0, 1.3, 1.3]
    assert readings.gaps[0].filled == 3
    assert not readings.absent.any()
    assert "the last value held in 3" in next(i.message for i in readings.issues if i.code == "gap")


def test_interpolation_fills_short_gaps_in_a_straight_line_and_leaves_longer_ones_out() -> None:
    readings = read_gappy(Options(gap_policy="interpolate", interpolate_slots=1))
    assert readings.require().load_kw[[3, 6, 7], 0].tolist() == pytest.approx([1.1, 0.0, 0.0])
    assert np.nonzero(readings.absent)[0].tolist() == [6, 7]
    both = read_gappy(Options(gap_policy="interpolate", interpolate_slots=2))
    assert both.require().load_kw[[3, 6, 7], 0].tolist() == pytest.approx([1.1, 1.4, 1.5])


def test_refusing_and_dropping() -> None:
    readings = read_gappy(Options(gap_policy="refuse"))
    assert [issue.code for issue in readings.errors] == ["gap"]
    assert readings.community is None
    dropped = read_gappy(Options(gap_policy="drop"))
    assert dropped.require().household_ids == ("HH002",)
    assert any("the household is dropped" in issue.message for issue in dropped.issues)
    assert read([("HH001.csv", hours("HH001", 8, 19, without=(10,)))], Options(gap_policy="drop")).errors


def test_a_gap_at_the_edge_of_the_common_span_cannot_be_held_or_interpolated() -> None:
    files = [("HH001.csv", hours("HH001", 8, 19, without=(10, 11))), ("HH002.csv", hours("HH002", 10, 19))]
    for policy in ("hold", "interpolate"):
        readings = read(files, Options(gap_policy=policy))  # type: ignore[arg-type]
        assert np.nonzero(readings.absent)[0].tolist() == [0, 1]


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "null", "-", "NaN", " "])
def test_a_missing_value_is_a_missing_interval_and_never_zero(cell: str) -> None:
    content = hours("HH001", 8, 19).replace(b"HH001,1.0,", f"HH001,{cell},".encode())
    readings = read([("HH001.csv", content)], Options(gap_policy="interpolate"))
    assert readings.require().load_kw[2, 0] == pytest.approx(1.0)  # between 0.9 and 1.1
    warned = next(issue for issue in readings.issues if issue.code == "missing_value")
    assert (warned.line, warned.column) == (4, "load_kW")
    assert read([("HH001.csv", content)]).absent[2, 0]


def test_files_of_other_spans_use_what_they_share_and_say_what_is_lost() -> None:
    files = [("HH001.csv", hours("HH001", 8, 17)), ("HH002.csv", hours("HH002", 10, 19))]
    readings = read(files)
    community = readings.require()
    assert community.slots == 8
    assert community.load_kw[0].tolist() == [1.0, 1.0]
    warned = next(issue for issue in readings.issues if issue.code == "common_span")
    assert warned.message == (
        "common span 2024-06-01 10:00:00 .. 2024-06-01 17:00:00 used (8 intervals); left out: 2 intervals of HH001.csv,"
        " HH002.csv."
    )


def test_a_person_may_take_the_union_or_refuse_other_spans() -> None:
    files = [("HH001.csv", hours("HH001", 8, 17)), ("HH002.csv", hours("HH002", 10, 19))]
    union = read(files, Options(common_span="union"))
    assert union.require().slots == 12
    assert np.nonzero(union.absent[:, 0])[0].tolist() == [10, 11]
    assert np.nonzero(union.absent[:, 1])[0].tolist() == [0, 1]
    assert union.load_kwh == pytest.approx(sum(range(8, 18)) / 10 + sum(range(10, 20)) / 10)
    assert read(files, Options(common_span="refuse")).errors[0].code == "spans_differ"


def test_files_that_share_no_two_intervals_are_refused() -> None:
    files = [("HH001.csv", hours("HH001", 6, 11)), ("HH002.csv", hours("HH002", 11, 19))]
    readings = read(files)
    assert readings.errors[0].code == "no_common_span"
    assert "HH001" in readings.errors[0].message
    assert "HH002" in readings.errors[0].message
    assert read(files, Options(common_span="union")).require().slots == 14


def test_a_household_without_a_reading_in_the_common_span_is_refused() -> None:
    files = [("HH001.csv", hours("HH001", 8, 19, without=tuple(range(10, 19)))), ("HH002.csv", hours("HH002", 10, 15))]
    readings = read(files)
    assert readings.errors[0].code == "nothing_in_span"
    assert readings.errors[0].file == "HH001.csv"
    assert read(files, Options(gap_policy="drop")).require().household_ids == ("HH002",)


def test_three_intervals_come_to_the_coarsest_without_losing_energy() -> None:
    """60, 30 and 15 minutes on Delhi's clock, whose hours start at half past in UTC."""
    start, files = datetime(2024, 6, 1, 10), []
    for number, minutes in enumerate((60, 30, 15), start=1):
        rows = [
            f"{start + timedelta(minutes=minutes) * at},HH{number},{(at % 7 + 1) / 8},0" for at in range(360 // minutes)
        ]
        files.append((f"HH{number}.csv", (HEADER + "\n".join(rows)).encode()))
    alone = [read([file]).load_kwh for file in files]
    assert read(files).errors[0].code == "intervals_differ"
    assert "HH1 has 60 minutes, HH2 has 30 minutes, HH3 has 15 minutes" in read(files).errors[0].message
    readings = read(files, Options(common_interval="use"))
    community = readings.require()
    assert (community.slots, community.slot_h) == (6, 1.0)
    assert community.load_kw.sum(axis=0).tolist() == pytest.approx(alone)


def test_finer_intervals_at_the_edges_of_a_coarse_one_are_cut_and_counted() -> None:
    fine = [f"2024-06-01 {9 + at // 2:02d}:{30 * (at % 2):02d},HH2,1,0" for at in range(1, 12)]  # 9:30 to 14:30
    files = [("HH1.csv", hours("HH1", 9, 15)), ("HH2.csv", (HEADER + "\n".join(fine)).encode())]
    readings = read(files, Options(common_interval="use"))
    assert readings.require().slots == 5  # 10:00 to 14:00
    assert any("1 finer interval at the edges left out" in issue.message for issue in readings.issues)


def test_intervals_that_do_not_divide_each_other_are_refused() -> None:
    other = "".join(f"2024-06-01 {10 + at * 45 // 60:02d}:{at * 45 % 60:02d},HH2,1,0\n" for at in range(6))
    files = [("HH1.csv", hours("HH1", 9, 15)), ("HH2.csv", (HEADER + other).encode())]
    assert "no common one" in read(files, Options(common_interval="use")).errors[0].message


BERLIN = ZoneInfo("Europe/Berlin")


def half_hours(first: datetime, last: datetime, stamp: str) -> bytes:
    """Half hours of real time on Berlin's clock."""
    rows, at, number = [], first.astimezone(UTC), 0
    while at < last.astimezone(UTC):
        rows.append(f"{at.astimezone(BERLIN).strftime(stamp)},HH001,{number % 11 / 10},0\n")
        at, number = at + timedelta(minutes=30), number + 1
    return (HEADER + "".join(rows)).encode()


@pytest.mark.parametrize("stamp", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z"])
@pytest.mark.parametrize(("month", "day", "slots"), [(3, 31, 46), (6, 15, 48), (10, 27, 50)])
def test_both_change_days_have_their_46_and_50_half_hours(month: int, day: int, slots: int, stamp: str) -> None:
    first = datetime(2024, month, day, tzinfo=BERLIN)
    readings = read(
        [("HH001.csv", half_hours(first, first + timedelta(days=1), stamp))], Options(time_zone="Europe/Berlin")
    )
    community = readings.require()
    assert community.slots == slots
    assert community.start_at == first
    assert community.load_kw[:, 0].tolist() == [number % 11 / 10 for number in range(slots)]
    assert readings.gaps == ()


def test_a_year_with_both_changes_reads_back_whole_in_either_order() -> None:
    content = half_hours(datetime(2024, 1, 1, tzinfo=BERLIN), datetime(2025, 1, 1, tzinfo=BERLIN), "%Y-%m-%d %H:%M:%S")
    header, *rows = content.decode().splitlines()
    backwards = "\n".join([header, *reversed(rows)]).encode()
    options = Options(time_zone="Europe/Berlin", cumulative="keep")
    forward, reverse = read([("HH001.csv", content)], options), read([("HH001.csv", backwards)], options)
    assert forward.require().slots == 366 * 48
    assert forward.digest == reverse.digest


def test_a_time_that_the_clock_skips_is_refused() -> None:
    rows = "".join(f"2024-03-31 {hour:02d}:00,HH001,1,0\n" for hour in range(6))
    issue = read([("HH001.csv", (HEADER + rows).encode())], Options(time_zone="Europe/Berlin")).errors[0]
    assert (issue.code, issue.line) == ("time_skipped", 4)
    assert '"2024-03-31 02:00" does not exist in Europe/Berlin' in issue.message


def test_a_doubled_hour_that_is_there_once_or_out_of_order_is_refused() -> None:
    once = "".join(f"2024-10-27 {hour:02d}:00,HH001,1,0\n" for hour in range(6))
    issue = read([("HH001.csv", (HEADER + once).encode())], Options(time_zone="Europe/Berlin")).errors[0]
    assert (issue.code, issue.line) == ("time_unclear", 4)
    shuffled = "".join(f"2024-10-27 {hour:02d}:00,HH001,{at},0\n" for at, hour in enumerate((0, 2, 1, 3, 2, 4)))
    issue = read([("HH001.csv", (HEADER + shuffled).encode())], Options(time_zone="Europe/Berlin")).errors[0]
    assert (issue.code, issue.line) == ("time_unclear", 4)


def test_daily_readings_across_a_clock_change_are_refused_with_the_reason() -> None:
    rows = "".join(f"2024-03-{day:02d},HH001,1,0\n" for day in range(27, 32)) + "2024-04-01,HH001,1,0\n"
    content = [("HH001.csv", (HEADER + rows).encode())]
    issue = read(content, Options(time_zone="Europe/Berlin")).errors[0]
    assert issue.code == "interval_changes"
    assert "days on which the clock changes" in issue.message
    assert read(content, Options(time_zone="UTC")).require().slot_h == 24.0


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Asia/Kolkata",
        "America/Santiago",
        "UTC",
    ],
)
def test_every_instant_of_a_year_finds_its_way_back_from_the_wall_clock(zone: str) -> None:
    """Against zoneinfo itself: the wall clock of each quarter of an hour, placed again, is that quarter."""
    place_zone = ZoneInfo(zone)
    utc_s = np.arange(1_704_067_200, 1_704_067_200 + 366 * 86_400, 900, dtype=np.int64)
    offsets = [datetime.fromtimestamp(s, place_zone).utcoffset().total_seconds() for s in utc_s.tolist()]  # type: ignore[union-attr]
    placed = place(utc_s + np.array(offsets, dtype=np.int64), None, place_zone)
    assert placed.utc_s.tolist() == utc_s.tolist()
    assert placed.skipped == placed.unclear == []


def test_files_out_of_step_are_named_and_no_other() -> None:
    def file(name: str, minute: int) -> tuple[str, bytes]:
        rows = "".join(f"2024-06-01 {hour:02d}:{minute:02d}:00,{name},1,0\n" for hour in range(4))
        return f"{name}.csv", f"timestamp,household_id,load_kW,solar_kW\n{rows}".encode()

    readings = read([file("HH001", 0), file("HH002", 0), file("HH003", 10), file("HH004", 0)])
    assert "the intervals of HH003 (HH003.csv) are not in step with those of HH001" in readings.errors[0].message
