"""`check`: read files and say what was found; `sample`: write a made-up community."""

from __future__ import annotations

import argparse
import json
import math
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ReadingError

if TYPE_CHECKING:
    from core.readings import Options, Readings


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    check = commands.add_parser("check", help="read files of readings and say what was found")
    check.add_argument("files", nargs="+", metavar="FILE", help="CSV file, or a folder of them")
    check.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_reading_options(check)
    check.set_defaults(run=run_check)
    sample = commands.add_parser("sample", help="write a made-up community that is worth trading in")
    sample.add_argument("folder", metavar="DIR", help="folder for HH001.csv, HH002.csv, …; made if missing")
    sample.add_argument("--households", type=int, default=20)
    sample.add_argument("--days", type=int, default=30)
    sample.add_argument("--seed", type=int, default=1)
    sample.add_argument("--minutes", type=int, default=30, help="length of a slot")
    sample.add_argument("--start", metavar="YYYY-MM-DD", default="2025-04-01", help="first day, in Delhi")
    sample.set_defaults(run=run_sample)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Every choice about the reading of files, for a command that reads them; see `options_of`."""
    parser.add_argument("--time-zone", default="", metavar="ZONE", help="site's zone, for times that state none")
    parser.add_argument(
        "--gaps", default="leave_out", metavar="POLICY", help="refuse, leave_out, hold, interpolate or drop (leave_out)"
    )
    parser.add_argument("--interpolate-slots", type=int, default=4, metavar="N", help="longest gap to interpolate (4)")
    parser.add_argument("--span", default="use", metavar="POLICY", help="other spans: use, union or refuse (use)")
    parser.add_argument(
        "--interval", default="refuse", metavar="POLICY", help="other intervals: refuse or use (refuse)"
    )
    parser.add_argument("--bad-files", default="refuse", metavar="POLICY", help="refuse or skip (refuse)")
    parser.add_argument("--dates", default="decide", metavar="ORDER", help="decide, day_first or month_first (decide)")
    parser.add_argument("--unit", default="header", help="of load and solar: header, kW, W, kWh or Wh (header)")
    parser.add_argument("--registers", default="refuse", metavar="POLICY", help="refuse, difference or keep (refuse)")
    parser.add_argument("--accept-proposal", action="store_true", help="read files of another layout by the best guess")
    parser.add_argument("--profile", default="", metavar="FILE.json", help="what columns mean, as a proposal gave it")
    parser.add_argument("--max-kw", type=float, default=100.0, metavar="KW", help="the most one home can draw (100)")
    parser.add_argument("--pv-kw", action="append", default=[], metavar="HOUSEHOLD=KW", help="installed PV of a home")


def options_of(arguments: argparse.Namespace) -> Options:
    """The choices of `add_reading_options`. Raises ReadingError naming the one that is none."""
    from core import settings
    from core.readings import Options

    return Options(
        time_zone=arguments.time_zone or settings.load().time_zone,
        gap_policy=arguments.gaps,
        interpolate_slots=arguments.interpolate_slots,
        common_span=arguments.span,
        common_interval=arguments.interval,
        bad_files=arguments.bad_files,
        date_order=arguments.dates,
        unit=arguments.unit,
        cumulative=arguments.registers,
        proposals="accept" if arguments.accept_proposal else "ask",
        columns=_columns(arguments.profile),
        max_kw=arguments.max_kw,
        pv_kw=dict(_pv_kw(text) for text in arguments.pv_kw),
    )


def _columns(path: str) -> dict[str, dict[str, str]]:
    """The meanings of columns in a profile, as `check --json` prints one."""
    if not path:
        return {}
    try:
        profile = json.loads(Path(path).read_text(encoding="utf-8"))
        columns = profile["columns"]
        return {str(name): {str(k): str(v) for k, v in told.items()} for name, told in columns.items()}
    except OSError as error:
        raise ReadingError(f"{path[:80]}: cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReadingError(
            f'{path[:80]} is no profile: expected {{"columns": {{"NAME": {{"role": "load", "unit": "kWh"}}}}}}.'
        ) from None


def _pv_kw(text: str) -> tuple[str, float]:
    household_id, equals, value = text.rpartition("=")
    try:
        kilowatts = float(value)
    except ValueError:
        kilowatts = math.nan
    if not equals or not 0.0 <= kilowatts < math.inf:
        raise ReadingError(f'--pv-kw: "{text[:80]}" is not HOUSEHOLD=KW.', fix="Such as HH001=3.2.")
    return household_id, kilowatts


def run_check(arguments: argparse.Namespace) -> int:
    """Read the files; 1 when they are refused, with one line on standard error."""
    from core.readings import read

    readings = read(files_of(arguments.files), options_of(arguments))
    if arguments.json:
        print(json.dumps(as_json(readings), ensure_ascii=False, indent=1))
    else:
        _print_report(readings)
    if not readings.accepted:
        print(_refusal(readings), file=sys.stderr)
    return 0 if readings.accepted else 1


def run_sample(arguments: argparse.Namespace) -> int:
    """Write the sample community."""
    from core.readings.sample import sample_community

    try:
        start = date.fromisoformat(arguments.start)
    except ValueError:
        raise ReadingError(f'--start is "{arguments.start[:80]}", expected a day such as 2025-04-01.') from None
    sample = sample_community(
        arguments.seed, arguments.households, days=arguments.days, slot_h=arguments.minutes / 60, start=start
    )
    folder = Path(arguments.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in sample.csv_files():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise ReadingError(f"{error.filename or folder}: cannot be written ({error.strerror}).") from error
    community = sample.community
    panels = int((community.pv_kw > 0).sum())
    print(
        f"{community.households} homes ({panels} with panels), {community.slots} slots of {arguments.minutes} minutes,"
        f" written to {folder}"
    )
    return 0


def files_of(paths: list[str]) -> list[tuple[str, bytes | Path]]:
    """Names and paths of the files; a folder stands for the CSV files in it."""
    files: list[tuple[str, bytes | Path]] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = sorted(path.glob("*.csv"))
            if not inside:
                raise ReadingError(f"{text}: no *.csv in this folder.")
            files.extend((one.name, one) for one in inside)
        else:
            files.append((path.name, path))
    if len({name for name, _ in files}) < len(files):  # a folder a home: the folder's name tells them apart
        return [(f"{path.parent.name}/{name}" if isinstance(path, Path) else name, path) for name, path in files]
    return files


def as_json(readings: Readings) -> dict[str, Any]:
    """What `check --json` prints; numbers that are not known are null."""
    community = readings.community
    return {
        "accepted": readings.accepted,
        "issues": [
            {
                name: getattr(issue, name)
                for name in ("severity", "file", "line", "column", "raw", "code", "message", "fix")
            }
            for issue in readings.issues
        ],
        "load_kwh": readings.load_kwh if community is not None else None,
        "solar_kwh": readings.solar_kwh if community is not None else None,
        "households": community.households if community is not None else 0,
        "slots": community.slots if community is not None else 0,
        "slot_h": community.slot_h if community is not None else None,
        "household_ids": list(community.household_ids) if community is not None else [],
        "start": community.start_at.isoformat() if community is not None else None,
        "end": community.end_at.isoformat() if community is not None else None,
        "digest": readings.digest,
        "assumptions": list(readings.assumptions),
        "proposals": [
            {
                "profile": each.profile,
                "uncertain": list(each.uncertain),
                "load_kwh": each.load_kwh,
                "solar_kwh": each.solar_kwh,
                "slots": each.slots,
                "slot_h": each.slot_h,
                "households": each.households,
            }
            for each in readings.proposals
        ],
    }


def _print_report(readings: Readings) -> None:
    from core.readings.issues import count

    for sentence in readings.assumptions:
        print(sentence)
    for issue in readings.issues:
        print(f"{issue.severity}: {issue.message}")
    community = readings.community
    if community is not None:
        print(
            f"{count(community.households, 'household')}, {community.slots} slots of {community.slot_h:g} h from"
            f" {community.start_at:%Y-%m-%d %H:%M} UTC: {readings.load_kwh:,.1f} kWh used,"
            f" {readings.solar_kwh:,.1f} kWh of sun"
        )


def _refusal(readings: Readings) -> str:
    first, *others = readings.errors
    return first.message + (f" ({len(others)} more)" if others else "")
