"""The command of studies: `study` computes many scenarios of one community and keeps them in Parquet files."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError, MarketError

if TYPE_CHECKING:
    from core.market.community import Community

MOST_ROWS = 20_000
"""Rows that are printed; a larger study's stand in its files alone."""


def register(commands: Any) -> None:
    """Add the command to the command line."""
    study = commands.add_parser("study", help="many scenarios of one community: when does one algorithm beat another")
    study.add_argument("study", metavar="STUDY.json", type=Path, help="readings, design, dimensions, algorithms")
    study.add_argument("--out", metavar="DIR", type=Path, help="keep results here, and reuse what is there")
    study.add_argument("--json", action="store_true", help="print JSON instead of a summary")
    study.set_defaults(run=run_study)


def run_study(arguments: argparse.Namespace) -> int:
    """Read, compute what is missing, print."""
    from core.runs.study import carry_out_study, rows_of, summary
    from core.runs.study_plan import plan_of

    document = _document(arguments.study)
    plan = plan_of(document)
    community, dataset_digest, time_zone = _readings(document, arguments.study.parent)
    with tempfile.TemporaryDirectory() as aside:
        folder = arguments.out or Path(aside)
        told = _Told(quiet=arguments.json)
        result = carry_out_study(
            plan, community, dataset_digest=dataset_digest, time_zone=time_zone, folder=folder, progress=told
        )
        rows = result.scenarios * len(plan.algorithms)
        found = list(rows_of(plan, result)) if rows <= MOST_ROWS else None
    if not arguments.json:
        print(_words(result, arguments.out, plan.algorithms, found))
        return 0
    answer = {**summary(result), "parts": [str(path) for path in result.parts] if arguments.out else []}
    print(json.dumps({**answer, "results": found}, ensure_ascii=False, indent=1, allow_nan=False))
    return 0


class _Told:
    """Says on standard error how far the study is."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet or not sys.stderr.isatty()

    def __call__(self, done: int, every: int) -> None:
        if not self.quiet:
            print(f"\r{done:,} of {every:,} scenarios", end="\n" if done == every else "", file=sys.stderr, flush=True)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f'"{str(path)[:200]}" cannot be read: {error.strerror}.') from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path.name} is not JSON: {error}.") from None
    if not isinstance(found, Mapping):
        raise InputError(f"{path.name} is not a JSON object.", fix='Such as {"sample": {}, "dimensions": {…}}.')
    return found


def _readings(document: Mapping[str, Any], folder: Path) -> tuple[Community, str, str]:
    """The community, its digest and its time zone: files beside the study or from here, or a sample."""
    if ("files" in document) == ("sample" in document):
        raise InputError('A study has either "files" or "sample".', fix='Such as "sample": {"households": 20}.')
    if "sample" in document:
        return _sample(document["sample"])
    from core import settings
    from core.readings import Options, read

    names = document["files"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError('"files" is not a list of names.', fix='Such as ["HH001.csv", "HH002.csv"].')
    paths: list[Path] = []
    for name in names:
        there = sorted(folder.glob(name)) if not Path(name).is_absolute() else [Path(name)]
        paths += there or [Path(name)]
    for path in paths:
        if not path.is_file():
            raise InputError(f'There is no file "{str(path)[:200]}".', fix="Name files as seen from the study.")
    readings = read([(path.name, path) for path in paths], Options(time_zone=settings.load().time_zone))
    return readings.require(), readings.digest, readings.time_zone


def _sample(given: object) -> tuple[Community, str, str]:
    import numpy as np

    from core.market.contract import unknown
    from core.readings.digest import digest_of
    from core.readings.sample import sample_community
    from core.readings.sample_sun import TIME_ZONE

    known = {"households": 20, "days": 30, "slot_h": 0.5, "seed": 1}
    if not isinstance(given, Mapping):
        raise InputError('"sample" is not an object.', fix='Such as {"households": 20, "days": 30, "slot_h": 0.5}.')
    for name, value in given.items():
        if name not in known:
            raise unknown("key of a sample", str(name), known)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MarketError(f'sample.{name} is "{str(value)[:80]}", expected a number.')
    asked = {**known, **given}
    community = sample_community(
        int(asked["seed"]), int(asked["households"]), days=int(asked["days"]), slot_h=float(asked["slot_h"])
    ).community
    return community, digest_of(community, np.zeros(community.load_kw.shape, dtype=bool)), TIME_ZONE


def _words(result: Any, out: Path | None, algorithms: Any, rows: list[dict[str, Any]] | None) -> str:
    lines = [
        f"{result.scenarios:,} scenarios of {len(algorithms)} algorithms: {result.computed:,} computed,"
        f" {result.reused:,} reused, {result.seconds:,.1f} s",
        f"digest {result.digest}",
    ]
    if result.compared:
        lines.append(f"through the comparison, which is slower: {', '.join(result.compared)}")
    if out is not None:
        lines.append(f"results in {len(result.parts)} Parquet files in {out}")
    if rows:
        lines += ["", "algorithm, savings in percent: mean, lowest, highest"]
        for name, _ in algorithms:
            found = [row["figures"]["savings_percent"] for row in rows if row["algorithm"] == name]
            known = [value for value in found if value is not None]
            if known:
                lines.append(f"{name}: {sum(known) / len(known):.2f}, {min(known):.2f}, {max(known):.2f}")
    return "\n".join(lines)
