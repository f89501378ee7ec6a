"""Random edits of good files: no crash, no total that an independent reader does not confirm, one answer on both paths.

`slow_totals` is that reader: the csv module and datetime, written for this test alone, without any of the lab's code.
"""

from __future__ import annotations

import csv
import io
import math
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from core.readings import Options, read
from core.readings.diagnosis import diagnose
from core.readings.fast import read_clean
from core.readings.issues import FileRefused, Findings
from core.readings.native import to_csv
from core.readings.source import text_of

COLUMNS = ["timestamp", "household_id", "load_kw", "solar_kw"]


def good_file(draw: random.Random) -> bytes:
    """A native file of four, six or seven columns with a few readings."""
    minutes = draw.choice([15, 30, 60])
    start = datetime(2024, draw.randint(1, 12), draw.randint(1, 28), draw.randint(0, 23))
    position, hour = draw.random() < 0.7, draw.random() < 0.5
    header = "timestamp,household_id,load_kW,solar_kW"
    header += ",latitude,longitude" * position + ",time_of_day" * hour
    rows = []
    for slot in range(draw.randint(4, 14)):
        at = start + timedelta(minutes=minutes) * slot
        row = f"{at},HH001,{draw.uniform(0, 5):.4f},{draw.choice([0, draw.uniform(0, 4)]):.4f}"
        row += ",28.6000,77.2000" * position + f",{at.hour + at.minute / 60:.4f}" * hour
        rows.append(row)
    return "\n".join([header, *rows, ""]).encode()


TOKENS = (
    *("", "NaN", "null", "-", "inf", "1e3", "1e400", "0,5", '"', '""', "1_0", "-1", "-0.01", "250", "HH002", "HH001 "),
    *("2024-06-01", "01/06/2024 10:00", "1717236000", "2024-06-01T10:00:00Z", "2024-06-01 10:00:00+05:30", "24:00"),
    *("\0", "é", "../x", "Total", "#", "timestamp", "load_kWh", "load_W", "99999999999", "0" * 1001, "=1+1"),
)
BYTES = b'0123456789.,;|\t"-+:T Z#eE\r\n\0\xff\xc3aHkKwW_/'


def edited(content: bytes, draw: random.Random) -> bytes:
    """One to three edits of the kind that people, editors, exports and bad disks make."""
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        content = draw.choice([edit_byte, edit_cell, edit_cell, edit_lines, edit_whole])(content, draw)
    return content


def edit_byte(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    other = bytes([draw.choice(BYTES)]) if draw.random() < 0.9 else bytes([draw.randrange(256)])
    kind = draw.randrange(3)
    return content[:at] + (other if kind else b"") + content[at + (kind != 1) :]


def edit_cell(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    cells = lines[at].split(b",")
    place = draw.randrange(len(cells))
    other = draw.choice(lines).split(b",")
    cells[place] = draw.choice(TOKENS).encode() if draw.random() < 0.6 else draw.choice(other)
    lines[at] = b",".join(cells)
    return b"\n".join(lines)


def edit_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    one, two = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(5)
    if kind == 0:
        lines[one], lines[two] = lines[two], lines[one]
    elif kind == 1:
        lines.insert(one, lines[two])
    elif kind == 2:
        del lines[one]
    elif kind == 3:
        lines.insert(one, draw.choice([b"", b"# note", b"Total,,9,9", b",,,", b"Site 42", b"  "]))
    else:
        lines = lines[: one + 1]
    return b"\n".join(lines)


def edit_whole(content: bytes, draw: random.Random) -> bytes:
    kind = draw.randrange(7)
    if kind == 0:
        return content.replace(b",", draw.choice([b";", b"\t", b"|"]))
    if kind == 1:
        return content.replace(b"\n", draw.choice([b"\r\n", b"\r"]))
    if kind == 2:
        return content.replace(b"kW", draw.choice([b"kWh", b"W", b"Wh", b"KW", b""]))
    if kind == 3:
        return content.replace(b"HH001", draw.choice([b"HH-1", b"HH 1", b"<i>", b""]))
    if kind == 4:
        return b"\xef\xbb\xbf" + content
    if kind == 5:
        return content[: draw.randrange(len(content))]
    return content.replace(b":00,", draw.choice([b",", b":00Z,", b":00+05:30,", b":30,", b":00.000,"]))


class UnsureError(Exception):
    """The independent reader does not vouch for this file."""


def slow_totals(content: bytes) -> tuple[float, float]:
    """Energy used and made in kWh, by an unhurried reader that gives up rather than guess."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((at for at, line in enumerate(lines) if "load" in line.lower()), None)
    if start is None:
        raise UnsureError("no header")
    separator = max(",;\t|", key=lines[start].count)
    rows = list(csv.reader(io.StringIO("\n".join(lines[start:])), delimiter=separator, strict=True))
    names = [name.strip().lower() for name in rows[0]]
    body = [row for row in rows[1:] if any(cell.strip() for cell in row) and not row[0].startswith("#")]
    if any(len(row) != len(names) for row in body):
        raise UnsureError("ragged")
    named = {name[:4]: (name, (re.findall("kwh|wh|kw|w", name[4:]) or [""])[0]) for name in names}
    load_name, load_unit = named["load"]
    solar_name, solar_unit = named.get("sola", ("", load_unit))
    readings: dict[tuple[str, datetime], tuple[float, float]] = {}
    for row in body:
        cell = dict(zip(names, (text.strip() for text in row), strict=True))
        key = cell.get("household_id", "HH001"), moment(cell["timestamp"])
        readings[key] = number(cell[load_name]), number(cell.get(solar_name, "0"))
    by_home: dict[str, list[datetime]] = {}
    for household_id, at in sorted(readings):
        by_home.setdefault(household_id, []).append(at)
    steps = Counter(later - earlier for times in by_home.values() for earlier, later in pairwise(times))
    hours = steps.most_common(1)[0][0].total_seconds() / 3600
    to_kwh = {"kw": hours, "w": hours / 1000, "kwh": 1.0, "wh": 0.001}
    loads, solars = zip(*readings.values(), strict=True)
    return math.fsum(loads) * to_kwh[load_unit], math.fsum(solars) * to_kwh[solar_unit]


def number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise UnsureError(text)
    return float(text)


def moment(text: str) -> datetime:
    """The time in UTC, naive; Delhi's clock where the text states no zone."""
    padded = re.sub(r"(?<!\d)(\d)(?!\d)", r"0\1", text)  # 2024-6-1 8:00 is written out as 2024-06-01 08:00
    found = datetime.fromisoformat(re.sub(r"[ \t]+", " ", padded))
    if found.tzinfo is None:
        return found - timedelta(hours=5.5)
    return found.astimezone(UTC).replace(tzinfo=None)


EVER_SAID = ("no_position", "sun_at_night", "no_surplus")
"""Warnings that good files earn too; they tell nothing about a total."""


def check_edit(seed: int) -> str:
    draw = random.Random(seed)
    content = edited(good_file(draw), draw)
    readings = read([("HH001.csv", content)])
    assert readings.issues is not None
    for issue in readings.issues:
        assert issue.message.isprintable()
        assert len(issue.message) < 600
    if not readings.accepted:
        assert readings.errors
        assert readings.errors[0].file in ("HH001.csv", "")
        return "refused"
    assert math.isfinite(readings.load_kwh)
    assert math.isfinite(readings.solar_kwh)
    if any(
        issue.severity == "warning" and issue.code not in ("no_position", "sun_at_night") for issue in readings.issues
    ):
        return "warned"
    try:
        load, solar = slow_totals(content)
    except (UnsureError, ValueError, LookupError, csv.Error, UnicodeDecodeError) as error:
        pytest.fail(f"seed {seed}: accepted without a warning, but {error!r} in {content!r}")
    assert readings.load_kwh == pytest.approx(load, rel=1e-9, abs=1e-9), f"seed {seed}: {content!r}"
    assert readings.solar_kwh == pytest.approx(solar, rel=1e-9, abs=1e-9), f"seed {seed}: {content!r}"
    return "confirmed"


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_ten_thousand_edits_never_give_a_silent_wrong_total(block: int) -> None:
    ends = Counter(check_edit(seed) for seed in range(block * 1000, (block + 1) * 1000))
    assert min(ends[end] for end in ("refused", "warned", "confirmed")) > 50


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Europe/Berlin"])
def test_the_fast_path_gives_the_answer_of_the_diagnosis_or_none(zone: str) -> None:
    options, answered = Options(time_zone=zone), 0
    for seed in range(1500):
        draw = random.Random(seed)
        content = good_file(draw)
        if seed % 3:
            content = edited(content, draw)
        fast_findings, findings = Findings("HH001.csv"), Findings("HH001.csv")
        fast = read_clean(content, fast_findings, options)
        if fast is None:
            assert fast_findings.all() == ()
            continue
        answered += 1
        try:
            slow = diagnose(*text_of(content, findings), findings, options=options)
        except FileRefused:
            pytest.fail(f"seed {seed}: the fast path accepts {content!r}, the diagnosis says {findings.all()}")
        assert findings.all() == fast_findings.all(), f"seed {seed}"
        assert (fast.rows, fast.how, fast.stated_zone) == (slow.rows, slow.how, slow.stated_zone), f"seed {seed}"
        (one,), (other,) = fast.series, slow.series
        assert (one.household_id, one.start_s, one.slot_s, one.position) == (
            other.household_id, other.start_s, other.slot_s, other.position,
        )  # fmt: skip
        assert one.load_kw.tolist() == other.load_kw.tolist()
        assert one.solar_kw.tolist() == other.solar_kw.tolist()
    assert answered > 500


def some_files(draw: random.Random) -> list[tuple[str, bytes]]:
    """One to four files, some with fewer rows than the others, some edited."""
    base, files = good_file(draw), []
    for number in range(1, draw.randint(1, 4) + 1):
        content = base if draw.random() < 0.6 else good_file(draw)
        if draw.random() < 0.5:
            header, *rows, end = content.split(b"\n")
            content = b"\n".join([header, *rows[draw.randint(0, 2) : len(rows) - draw.randint(0, 3)], end])
        content = content.replace(b"HH001", b"HH%03d" % number)
        files.append((f"HH{number:03d}.csv", edited(content, draw) if draw.random() < 0.5 else content))
    return files


def any_options(draw: random.Random) -> Options:
    return Options(
        time_zone=draw.choice(["Asia/Kolkata", "Europe/Berlin", "UTC"]),
        gap_policy=draw.choice(["refuse", "leave_out", "hold", "interpolate", "drop"]),
        interpolate_slots=draw.choice([1, 3]),
        common_span=draw.choice(["use", "union", "refuse"]),
        common_interval=draw.choice(["refuse", "use"]),
        bad_files=draw.choice(["refuse", "skip"]),
        date_order=draw.choice(["decide", "day_first", "month_first"]),
        unit=draw.choice(["header", "header", "W", "kWh"]),
        cumulative=draw.choice(["refuse", "difference", "keep"]),
    )


@pytest.mark.slow
def test_any_choice_with_any_files_ends_in_a_reason_or_in_a_community_that_reads_back_equal() -> None:
    ends: Counter[bool] = Counter()
    for seed in range(2000):
        draw = random.Random(seed)
        readings = read(some_files(draw), any_options(draw))
        ends[readings.accepted] += 1
        assert readings.accepted or readings.errors, f"seed {seed}"
        if readings.accepted:
            again = read(to_csv(readings), Options(cumulative="keep", max_kw=1e6))
            assert again.digest == readings.digest, f"seed {seed}: {again.issues}"
    assert min(ends.values()) > 500
