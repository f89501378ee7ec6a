"""`check` and `sample` do from a shell what the pages do, and speak JSON to other tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.__main__ import main

GOOD = "timestamp,household_id,load_kW,solar_kW,latitude,longitude\n" + "".join(
    f"2024-06-01 {hour}:00:00,HH001,0.5,{hour / 10},28.6,77.2\n" for hour in range(10, 16)
)


def test_check_prints_the_agreed_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "HH001.csv").write_text(GOOD, encoding="utf-8")
    assert main(["check", str(tmp_path / "HH001.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accepted"] is True
    assert found["issues"] == []
    assert found["load_kwh"] == pytest.approx(3.0)
    assert found["solar_kwh"] == pytest.approx(7.5)
    assert (found["households"], found["slots"], found["slot_h"]) == (1, 6, 1.0)


def test_a_refused_file_ends_with_1_one_line_and_still_its_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "HH001.csv").write_text(GOOD.replace("0.5,1.1,", "abc,1.1,"), encoding="utf-8")
    assert main(["check", str(tmp_path / "HH001.csv"), "--json"]) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    want = 'HH001.csv line 3, load_kW: "abc" is not a number; give kilowatts, such as 0.42.'
    assert captured.err == want + "\n"
    assert found["accepted"] is False
    assert found["load_kwh"] is None
    assert found["issues"] == [
        {
            "severity": "error",
            "file": "HH001.csv",
            "line": 3,
            "column": "load_kW",
            "raw": "abc",
            "code": "not_a_number",
            "message": want,
            "fix": "Give kilowatts, such as 0.42.",
        }
    ]


def test_a_missing_file_and_an_empty_folder_are_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "HH009.csv")]) == 1
    assert main(["check", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "HH009.csv: cannot be opened (No such file or directory)" in lines[0]
    assert "no *.csv in this folder" in lines[1]


def test_check_without_json_says_how_the_files_were_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "HH001.csv").write_text(GOOD, encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "comma-separated, header in line 1, load_kW in kW" in out
    assert "1 household, 6 slots of 1 h from 2024-06-01 04:30 UTC: 3.0 kWh used, 7.5 kWh of sun" in out


def test_sample_writes_files_that_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "homes"
    assert main(["sample", str(folder), "--households", "6", "--days", "2", "--seed", "3"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [f"HH00{number}.csv" for number in range(1, 7)]
    capsys.readouterr()
    assert main(["check", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["households"], found["slots"], found["slot_h"]) == (6, 96, 0.5)
    assert found["issues"] == []


def test_a_wrong_zone_is_named_with_the_nearest_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "HH001.csv").write_text(GOOD, encoding="utf-8")
    assert main(["check", str(tmp_path), "--time-zone", "Asia/Kolkatta"]) == 1
    assert 'Did you mean "Asia/Kolkata"?' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ([], False),
        (["--unit", "W"], True),
        (["--max-kw", "2000"], True),
        (["--unit", "horsepower"], False),
        (["--pv-kw", "HH001"], False),
    ],
)
def test_every_choice_about_reading_is_there_from_a_shell(
    arguments: list[str], accepted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "HH001.csv").write_text(GOOD.replace(",0.5,", ",500,"), encoding="utf-8")
    assert main(["check", str(tmp_path), *arguments]) == (0 if accepted else 1)
    assert len(capsys.readouterr().err.splitlines()) == (0 if accepted else 1)


def test_the_options_of_the_shell_are_all_the_options_there_are(tmp_path: Path) -> None:
    import argparse

    from core.commands.readings import add_reading_options, options_of
    from core.readings import Options

    parser = argparse.ArgumentParser()
    add_reading_options(parser)
    profile = tmp_path / "profile.json"
    profile.write_text('{"columns": {"Verbrauch": {"role": "load", "unit": "kWh"}}}', encoding="utf-8")
    assert options_of(parser.parse_args(["--time-zone", "Asia/Kolkata"])) == Options()
    changed = "--time-zone UTC --gaps hold --interpolate-slots 9 --span union --interval use --bad-files skip"
    changed += " --dates day_first --unit W --registers keep --max-kw 7 --pv-kw HH001=3.2"
    changed += f" --accept-proposal --profile {profile}"
    options = options_of(parser.parse_args(changed.split()))
    for name in Options.__dataclass_fields__:
        assert getattr(options, name) != getattr(Options(), name), name


def test_a_sample_may_start_on_any_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(tmp_path), "--households", "2", "--days", "1", "--start", "2025-12-31"]) == 0
    assert (tmp_path / "HH001.csv").read_text(encoding="utf-8").splitlines()[1].startswith("2025-12-31 00:00:00,HH001,")
    assert main(["sample", str(tmp_path), "--start", "soon"]) == 1
    assert '--start is "soon", expected a day such as 2025-04-01.' in capsys.readouterr().err
