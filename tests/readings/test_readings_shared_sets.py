"""The shared sets of readings are read to the totals that their own description states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.readings import Options, Readings, read

REPO = Path(__file__).resolve().parents[2]
SETS = REPO.parent / "shared" / "data"
if not SETS.is_dir():
    pytest.skip("the shared sets of readings are not beside the checkout", allow_module_level=True)

NAMES = ("delhi-week", "fontana-year", "uk-day-1min", "uk-day-30min")


def description(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SETS / name / "dataset.json").read_text(encoding="utf-8"))
    return found


def read_set(name: str, options: Options = Options()) -> Readings:  # noqa: B008
    return read([(path.name, path) for path in sorted((SETS / name).glob("HH*.csv"))], options)


@pytest.mark.parametrize("name", NAMES)
def test_totals_and_sizes_equal_the_description(name: str) -> None:
    want, readings = description(name), read_set(name)
    community = readings.require()
    assert community.households == want["households_count"]
    assert community.slot_h * 60 == pytest.approx(want["interval_minutes"])
    load, solar = (power.sum(axis=0) * community.slot_h for power in (community.load_kw, community.solar_kw))
    for at, household in enumerate(want["households"]):
        assert community.household_ids[at] == household["household_id"]
        assert community.slots == household["rows"]
        assert load[at] == pytest.approx(household["load_kWh"], abs=0.06)
        assert solar[at] == pytest.approx(household["solar_kWh"], abs=0.06)
    assert not readings.absent.any()


def test_one_minute_and_half_hour_readings_of_a_day_hold_the_same_energy() -> None:
    minute, half_hour = read_set("uk-day-1min").require(), read_set("uk-day-30min").require()
    first = half_hour.load_kw[:, : minute.households].sum(axis=0) * 0.5
    assert minute.load_kw.sum(axis=0) / 60 == pytest.approx(first, abs=0.01)


def test_the_sample_week_of_delhi_is_warned_about_its_sun_at_night_and_not_shifted() -> None:
    readings = read_set("delhi-week")
    warned = [issue for issue in readings.issues if issue.code == "sun_at_night"]
    assert len(warned) == 10
    assert all(issue.severity == "warning" and "77.2" in issue.message for issue in warned)
    assert readings.require().solar_kw[0, 0] == 0.0494


def test_sun_in_the_right_zone_earns_no_warning() -> None:
    assert not [
        i for i in read_set("uk-day-30min", Options(time_zone="Europe/London")).issues if i.code == "sun_at_night"
    ]
    assert [i for i in read_set("uk-day-30min", Options(time_zone="Asia/Kolkata")).issues if i.code == "sun_at_night"]


def test_civil_time_without_its_clock_change_is_refused_in_that_zone() -> None:
    readings = read_set("fontana-year", Options(time_zone="America/Los_Angeles"))
    first = readings.errors[0]
    assert not readings.accepted
    assert first.code == "time_skipped"
    assert "2017-03-12 02:00:00" in first.message
    assert "does not exist in America/Los_Angeles" in first.message


def test_the_digest_depends_on_the_readings_alone() -> None:
    files = [(path.name, path.read_bytes()) for path in sorted((SETS / "delhi-week").glob("HH*.csv"))]
    plain = read(files).digest
    semicolons = [
        (f"meter-{number}.csv", content.replace(b",", b";").replace(b".", b",").replace(b"\n", b"\r\n"))
        for number, (_, content) in enumerate(reversed(files))
    ]
    wide = [(name, content.decode().encode("utf-16")) for name, content in files]
    changed = [*files[:-1], (files[-1][0], files[-1][1].replace(b"0.4", b"0.5", 1))]
    assert read(semicolons).digest == plain
    assert read(wide).digest == plain
    assert read(changed).digest != plain
    assert len(plain) == 64
