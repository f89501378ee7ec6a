"""Commands of the market: `compare` algorithms on files of readings."""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError, MarketError

if TYPE_CHECKING:
    from core.market.compare import Outcome
    from core.readings import Readings


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    compare = commands.add_parser("compare", help="run market algorithms on files of readings and show every figure")
    compare.add_argument("files", nargs="+", metavar="FILE", type=Path, help="CSV files of readings, one a household")
    compare.add_argument("--algorithm", action="append", default=[], metavar="NAME", help="repeat for several")
    compare.add_argument("--retail", type=float, default=7.0, help="what the grid charges, per kWh (7.0)")
    compare.add_argument("--feed-in", type=float, default=3.0, help="what the grid pays, per kWh (3.0)")
    compare.add_argument("--pv-kw", action="append", default=[], metavar="HOUSEHOLD=KW", help="installed PV of a home")
    compare.add_argument("--set", action="append", default=[], metavar="ALGORITHM.PARAMETER=VALUE", dest="settings")
    compare.add_argument("--json", action="store_true", help="print JSON instead of a table")
    compare.set_defaults(run=run_compare)


def run_compare(arguments: argparse.Namespace) -> int:
    """Read, compare, print."""
    from core.market.algorithms import find, get
    from core.market.community import Tariff
    from core.market.compare import compare_all

    ids = list(dict.fromkeys(arguments.algorithm)) or list(find())
    algorithms = {algorithm_id: get(algorithm_id) for algorithm_id in ids}
    parameters = parse_settings(arguments.settings, algorithms)
    readings = _read(arguments.files, _pv_kw(arguments.pv_kw))
    community = readings.require()
    tariff = Tariff.flat(community.slots, retail_price=arguments.retail, feed_in_price=arguments.feed_in)
    with tempfile.TemporaryDirectory() as folder:
        if any(algorithm.needs_folder for algorithm in algorithms.values()):
            _write_csv(readings, Path(folder))
        outcomes = compare_all(ids, community, tariff, parameters, folder=Path(folder))
    if arguments.json:
        print(json.dumps(_document(readings, outcomes), ensure_ascii=False, indent=1, allow_nan=False))
    else:
        print(_table(list(outcomes.values())))
    return 0


def parse_settings(texts: Sequence[str], algorithms: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """ALGORITHM.PARAMETER=VALUE texts by algorithm and parameter. Raises MarketError with "did you mean"."""
    from core.market.contract import unknown

    parsed: dict[str, dict[str, object]] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        algorithm_id, dot, name = target.strip().partition(".")
        if not equals or not dot:
            raise MarketError(f'"{text[:80]}" is not ALGORITHM.PARAMETER=VALUE.', fix="Such as p2p_battery.power_kw=3.")
        if algorithm_id not in algorithms:
            raise unknown("algorithm in this comparison", algorithm_id, algorithms)
        known = {parameter.name: parameter for parameter in algorithms[algorithm_id].parameters}
        if name not in known:
            raise unknown(f"parameter of {algorithm_id}", name, known)
        parsed.setdefault(algorithm_id, {})[name] = known[name].parse(value)
    return parsed


def _pv_kw(texts: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        household_id, equals, value = text.rpartition("=")
        try:
            found[household_id] = float(value)
        except ValueError:
            found[household_id] = math.nan
        if not equals or not 0.0 <= found[household_id] < math.inf:
            raise MarketError(f'"{text[:80]}" is not HOUSEHOLD=KW.', fix="Such as HH001=3.2.")
    return found


def _read(files: Sequence[Path], pv_kw: Mapping[str, float]) -> Readings:
    from core.readings import Options, read

    for path in files:
        if not path.is_file():
            raise InputError(f'There is no file "{str(path)[:200]}".', fix="Name CSV files of readings.")
    readings = read([(path.name, path) for path in files], Options(pv_kw=pv_kw))
    readings.require()
    return readings


def _write_csv(readings: Readings, folder: Path) -> None:
    from core.readings.native import to_csv

    for name, content in to_csv(readings):
        (folder / name).write_bytes(content)


def _document(readings: Readings, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    community = readings.require()
    return {
        "dataset": {
            "digest": readings.digest,
            "households": community.households,
            "slots": community.slots,
            "slot_h": community.slot_h,
            "start": community.start_at.isoformat(),
            "end": community.end_at.isoformat(),
        },
        "algorithms": {algorithm_id: _outcome(outcome) for algorithm_id, outcome in outcomes.items()},
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "parameters": outcome.parameters,
        "figures": {name: _number(value) for name, value in outcome.figures.items()},
        "households": {
            household_id: {name: _number(values[place]) for name, values in outcome.households.items()}
            for place, household_id in enumerate(outcome.household_ids)
        }
        if outcome.households
        else {},
        "invariants": {v.name: v.holds for v in outcome.invariants if not v.exempt},
        "exempt": [v.name for v in outcome.invariants if v.exempt],
        "summary": outcome.summary(),
        "result_digest": outcome.result_digest,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _table(outcomes: Sequence[Outcome]) -> str:
    """Figures as rows, algorithms as columns, units beside; foreign figures of `run(path)` files at the end."""
    from core.market.figures import FIGURES

    names = [*FIGURES, *sorted({name for outcome in outcomes for name in outcome.figures} - set(FIGURES))]
    rows = [["figure", "unit", *(outcome.name for outcome in outcomes)]]
    for name in names:
        unit = FIGURES[name].unit if name in FIGURES else ""
        rows.append([name, unit, *(_cell(outcome.figures.get(name, math.nan)) for outcome in outcomes)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if place < 2 else cell.rjust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )


def _cell(value: float) -> str:
    return f"{value:,.4f}" if math.isfinite(value) else "–"
