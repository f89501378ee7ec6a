"""Whatever is accepted is the same after it was written out and read again, in any dialect."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ReadingError
from core.market.community import Community
from core.readings import Options, Readings, read
from core.readings.native import from_parquet, to_csv, to_parquet, with_absences

KEEP = Options(cumulative="keep")
ZONES = ("Asia/Kolkata", "Europe/Berlin", "America/New_York", "UTC")


@st.composite
def accepted_readings(draw: st.DrawFn) -> Readings:
    """Readings that were accepted, with any numbers, ids, interval, start and gaps."""
    minutes = draw(st.sampled_from([1, 5, 15, 30, 60, 240, 1440]))
    slots, households = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    power = st.floats(0.0, 100.0) | st.integers(0, 1_000_000).map(lambda n: n / 10_000)
    ids = draw(
        st.lists(
            st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), min_size=households, max_size=households, unique=True
        )
    )
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 525_600)))
    rows = []
    for household_id in ids:
        for slot in range(slots):
            missing = slot > 1 and draw(st.integers(0, 9)) == 0
            load, solar = ("", "") if missing else (repr(draw(power)), repr(draw(power)))
            stamp = (start + timedelta(minutes=minutes) * slot).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.append(f"{stamp},{household_id},{load},{solar}")
    text = "\n".join(["timestamp,household_id,load_kW,solar_kW", *rows])
    readings = read([("all.csv", text.encode())], KEEP)
    assert readings.accepted, readings.issues
    return readings


def assert_same(one: Readings, other: Readings) -> None:
    left, right = one.require(), other.require()
    assert left.household_ids == right.household_ids
    assert (left.start_at, left.slot_h, left.slots) == (right.start_at, right.slot_h, right.slots)
    assert np.array_equal(left.load_kw, right.load_kw)
    assert np.array_equal(left.solar_kw, right.solar_kw)
    assert np.array_equal(one.absent, other.absent)
    assert one.digest == other.digest


@settings(max_examples=80, deadline=None)
@given(readings=accepted_readings(), zone=st.sampled_from([None, *ZONES]))
def test_native_csv_reads_back_equal(readings: Readings, zone: str | None) -> None:
    options = Options(cumulative="keep", time_zone=zone or "Asia/Kolkata")
    if zone in (None, "Asia/Kolkata", "UTC") or readings.require().slot_h <= 1:
        assert_same(readings, read(to_csv(readings, time_zone=zone), options))


@settings(max_examples=60, deadline=None)
@given(
    readings=accepted_readings(),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    comma=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    seed=st.integers(0, 1000),
)
def test_no_dialect_changes_a_reading_or_the_digest(
    readings: Readings, separator: str, comma: bool, encoding: str, line_end: str, seed: int
) -> None:
    shuffle = random.Random(seed).shuffle
    files = []
    for name, content in to_csv(readings):
        header, *rows = content.decode().splitlines()
        shuffle(rows)
        order = list(range(4))
        shuffle(order)
        lines = []
        for line in [header, *rows]:
            cells = line.split(",")
            if comma and separator != "," and line is not header:
                # 1 becomes 1,0: a number without a comma among 1,234 would leave thousands open
                cells[2:] = [c if "." in c or "e" in c or not c else c + ".0" for c in cells[2:]]
                cells[2:] = [c.replace(".", ",") for c in cells[2:]]
            lines.append(separator.join(cells[at] for at in order))
        files.append((name, line_end.join(lines).encode(encoding)))
    shuffle(files)
    again = read(files, KEEP)
    if any("decimal comma or thousands" in issue.message for issue in again.errors):
        assert comma  # every comma of the file could group thousands: refused, not guessed
        return
    assert_same(readings, again)


@settings(max_examples=60, deadline=None)
@given(readings=accepted_readings())
def test_parquet_reads_back_equal_with_its_absences(readings: Readings) -> None:
    content = to_parquet(readings)
    community, absent = with_absences(content)
    mine = readings.require()
    assert community.household_ids == mine.household_ids == from_parquet(content).household_ids
    assert (community.start_at, community.slot_h) == (mine.start_at, mine.slot_h)
    assert np.array_equal(community.load_kw, mine.load_kw)
    assert np.array_equal(community.solar_kw, mine.solar_kw)
    assert np.array_equal(absent, readings.absent)


def small_community(**changes: object) -> Community:
    parts: dict[str, object] = {
        "household_ids": ("HH001", "HH002"),
        "start_at": datetime(2024, 6, 1, tzinfo=UTC),
        "slot_h": 0.5,
        "load_kw": np.array([[0.1, 0.2], [0.3, 0.4]]),
        "solar_kw": np.array([[0.0, 1.5], [-0.0, 2.5]]),
        "pv_kw": np.array([np.nan, 3.0]),
    }
    return Community(**{**parts, **changes})  # type: ignore[arg-type]


def test_a_native_file_looks_as_documented() -> None:
    files = to_csv(small_community(), time_zone="Asia/Kolkata", positions={"HH002": (28.6, 77.2)})
    assert files == [
        (
            "HH001.csv",
            b"timestamp,household_id,load_kW,solar_kW\n2024-06-01 05:30:00,HH001,0.1,0.0\n"
            b"2024-06-01 06:00:00,HH001,0.3,0.0\n",
        ),
        (
            "HH002.csv",
            b"timestamp,household_id,load_kW,solar_kW,latitude,longitude\n2024-06-01 05:30:00,HH002,0.2,1.5,28.6,77.2\n"
            b"2024-06-01 06:00:00,HH002,0.4,2.5,28.6,77.2\n",
        ),
    ]


def test_parquet_keeps_installed_panels_and_is_readable_by_others() -> None:
    import io

    import pandas as pd

    content = to_parquet(small_community())
    assert np.array_equal(from_parquet(content).pv_kw, [np.nan, 3.0], equal_nan=True)
    table = pd.read_parquet(io.BytesIO(content))
    assert table.columns.tolist() == ["timestamp", "household_id", "load_kw", "solar_kw", "absent"]
    assert table.loc[table["household_id"] == "HH002", "solar_kw"].tolist() == [1.5, 2.5]
    assert str(table["timestamp"].iloc[2]) == "2024-06-01 00:30:00+00:00"


def test_a_changed_or_foreign_parquet_file_is_refused() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(to_parquet(small_community())))
    changed = table.set_column(2, "load_kw", pa.array([9.9, 0.2, 0.3, 0.4]))
    foreign = pa.table({"a": [1]})
    for other, word in ((changed, "was changed"), (foreign, "no Parquet file of readings")):
        sink = pa.BufferOutputStream()
        pq.write_table(other, sink)
        with pytest.raises(ReadingError, match=word):
            from_parquet(bytes(sink.getvalue()))
    for content in (b"", b"PAR1", b"timestamp,household_id"):
        with pytest.raises(ReadingError, match="no Parquet file of readings"):
            from_parquet(content)


def test_the_digest_tells_an_absence_from_a_zero_and_ignores_panels_and_minus_zero() -> None:
    from core.readings.digest import digest_of

    plain = digest_of(small_community())
    absent = np.array([[True, False], [False, False]])
    assert digest_of(small_community(), absent) != plain
    assert digest_of(small_community(), np.zeros((2, 2), dtype=bool)) == plain
    assert digest_of(small_community(pv_kw=np.array([1.0, 1.0]))) == plain
    assert digest_of(small_community(solar_kw=np.array([[0.0, 1.5], [0.0, 2.5]]))) == plain
    assert digest_of(small_community(slot_h=1.0)) != plain
    assert digest_of(small_community(household_ids=("HH002", "HH001"))) != plain
