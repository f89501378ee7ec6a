"""Commands of the market: `compare` algorithms on files of readings, `clear` an order book by hand."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from core.commands.readings import add_reading_options, files_of, options_of
from core.errors import InputError, MarketError

if TYPE_CHECKING:
    from core.market.community import Community, FloatArray, Tariff
    from core.market.compare import Outcome
    from core.market.contract import Algorithm, Parameter
    from core.readings import Readings


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    compare = commands.add_parser("compare", help="run market algorithms on files of readings and show every figure")
    add_inputs(compare)
    compare.add_argument("--rulebook", metavar="NAME|FILE", help="the rules of a place; `rulebooks` lists them")
    compare.add_argument(
        "--classes", metavar="FILE.csv", type=Path, help="household, class, sanctioned_kw, credit_kwh; with --rulebook"
    )
    compare.add_argument("--json", action="store_true", help="print JSON instead of a table")
    compare.set_defaults(run=run_compare)
    clear = commands.add_parser("clear", help="clear one order book by hand and print the result as JSON")
    clear.add_argument("book", nargs="?", default="-", metavar="BOOK.json", help="file, or standard input")
    clear.add_argument("--mechanism", required=True, metavar="ID", help="uniform_price_auction, pay_as_bid_auction, …")
    clear.add_argument("--set", action="append", default=[], metavar="PARAMETER=VALUE", dest="settings")
    clear.set_defaults(run=run_clear)


def add_inputs(command: argparse.ArgumentParser) -> None:
    """What every command that runs algorithms on files takes."""
    command.add_argument("files", nargs="+", metavar="FILE", type=Path, help="CSV files of readings, one a household")
    command.add_argument(
        "--algorithm", action="append", default=[], metavar="NAME", help="repeat for several; else all"
    )
    price = "{} per kWh: a price, hours of the local day such as '6, 17-22=9', or a file with one price a slot ({})"
    command.add_argument("--retail", default="7.0", metavar="PRICES", help=price.format("what the grid charges", 7.0))
    command.add_argument("--feed-in", default="3.0", metavar="PRICES", help=price.format("what the grid pays", 3.0))
    add_reading_options(command)
    command.add_argument("--set", action="append", default=[], metavar="ALGORITHM.PARAMETER=VALUE", dest="settings")


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What a command line asks for: readings, prices, and algorithms with their parameters by id."""

    readings: Readings
    tariff: Tariff
    algorithms: Mapping[str, Algorithm]
    parameters: Mapping[str, Mapping[str, object]]


def inputs_of(arguments: argparse.Namespace) -> Inputs:
    """Read the files and texts of `add_inputs`. Without --algorithm: every algorithm that is quick on so many homes."""
    from core.market.algorithms import find, get
    from core.market.community import Tariff

    # A rulebook's own mechanism is no algorithm file; `compare --rulebook` asks for it by name.
    own = ("sharing_key",) if getattr(arguments, "rulebook", None) else ()
    asked = {algorithm_id: get(algorithm_id) for algorithm_id in arguments.algorithm if algorithm_id not in own}
    algorithms = asked or find()
    parameters = parse_settings(arguments.settings, algorithms)
    readings = _read(arguments)
    community = readings.require()
    retail = _prices(arguments.retail, "--retail", community, readings.time_zone)
    tariff = Tariff(retail, _prices(arguments.feed_in, "--feed-in", community, readings.time_zone))
    chosen = {each.id: each for each in algorithms.values() if asked or each.is_easy(community.households)}
    return Inputs(readings, tariff, chosen, parameters)


def outcomes_of(inputs: Inputs) -> dict[str, Outcome]:
    """Run the algorithms."""
    from core.market.compare import compare_all

    community = inputs.readings.require()
    with tempfile.TemporaryDirectory() as folder:
        if any(algorithm.needs_folder for algorithm in inputs.algorithms.values()):
            _write_csv(inputs.readings, Path(folder))
        return compare_all(inputs.algorithms, community, inputs.tariff, inputs.parameters, folder=Path(folder))


def run_compare(arguments: argparse.Namespace) -> int:
    """Read, compare, print."""
    from core import settings

    inputs = inputs_of(arguments)
    if arguments.rulebook:
        return _compare_under(arguments, inputs)
    if arguments.classes:
        raise MarketError("--classes is for a rulebook.", fix="Name one with --rulebook.")
    outcomes = outcomes_of(inputs)
    if arguments.json:
        found = {"dataset": dataset(inputs.readings), "algorithms": {k: _outcome(o) for k, o in outcomes.items()}}
        print(json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False))
    else:
        print(heading(inputs.readings))
        print(_table(list(outcomes.values()), settings.load().currency))
    return 0


def _compare_under(arguments: argparse.Namespace, inputs: Inputs) -> int:
    """The same under a rulebook; --retail and --feed-in are the prices where it says "input"."""
    from core.market.rulebooks import GivenPrices, load
    from core.market.rulebooks.compare import compare_under, members_from_rows

    rulebook, community = load(arguments.rulebook), inputs.readings.require()
    asked = list(dict.fromkeys(arguments.algorithm))
    selections = [(name, inputs.parameters.get(name, {})) for name in asked] or None
    found = compare_under(
        rulebook,
        selections,
        community,
        members=members_from_rows(_classes(arguments.classes), community) if arguments.classes else None,
        given=GivenPrices(inputs.tariff.retail_price, inputs.tariff.feed_in_price),
    )
    if arguments.json:
        document = {
            "dataset": dataset(inputs.readings),
            "rulebook": {"name": rulebook.name, "digest": rulebook.digest, "sources": list(rulebook.sources)},
            "algorithms": {each.algorithm_id: _outcome(each) for each in found.outcomes},
            "left_out": found.left_out,
            "notes": list(found.notes),
        }
        print(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))
        return 0
    print(heading(inputs.readings))
    print(f"Rulebook: {rulebook.name}, digest {rulebook.digest}")
    print("".join(f"  {each}\n" for each in (*rulebook.sources, *found.notes)))
    print(_table(found.outcomes, rulebook.currency))
    for name, reason in found.left_out.items():
        print(f"{name} is left out: {reason}")
    return 0


def _classes(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a table of classes by household. Raises InputError naming the column."""
    import csv

    known = ("household", "class", "sanctioned_kw", "credit_kwh")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f'The table of classes "{str(path)[:200]}" cannot be read: {error}.') from None
    columns = reader.fieldnames or []
    wrong = [name for name in columns if name not in known]
    if wrong or "household" not in columns:
        raise InputError(
            f"The table of classes has the columns {', '.join(columns)[:200]}.", fix=f"Expected: {', '.join(known)}."
        )
    return {row["household"]: {name: (row.get(name) or "").strip() for name in known[1:]} for row in rows}


def run_clear(arguments: argparse.Namespace) -> int:
    """Clear one book."""
    from core.market.order_book import clear, known_parameters

    known = known_parameters(arguments.mechanism)
    parameters = {}
    for text in arguments.settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise MarketError(f'"{text[:80]}" is not PARAMETER=VALUE.', fix="Such as k=0.5.")
        parameters[name.strip()] = _known(name.strip(), known, arguments.mechanism).parse(value)
    result = clear(_book(arguments.book), mechanism=arguments.mechanism, parameters=parameters)
    print(json.dumps(result, indent=1, allow_nan=False))
    return 0


def _book(path: str) -> object:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise InputError(f'"{path[:200]}" cannot be read: {error.strerror}.') from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"The book is not JSON: {error}.", fix='Such as {"bids": [[1, 9]], "offers": [[2, 4]]}.'
        ) from None


def _known(name: str, known: Mapping[str, Parameter], owner: str) -> Parameter:
    from core.market.contract import unknown

    if name not in known:
        raise unknown(f"parameter of {owner}", name, known)
    return known[name]


def _prices(text: str, name: str, community: Community, time_zone: str) -> FloatArray:
    """Prices of the slots, from a person's text or a file with one number a line."""
    import numpy as np

    from core.market.tariff import DayPrices

    path = Path(text)
    if not path.is_file():
        return DayPrices.parse(text, name=name).over(community, time_zone)
    lines = path.read_text(encoding="utf-8").split()
    if len(lines) != community.slots:
        raise MarketError(
            f"{name}: {path.name} has {len(lines)} prices for {community.slots} slots, expected one a slot, one a line."
        )
    for place, line in enumerate(lines, start=1):
        if not _is_number(line):
            raise MarketError(
                f'{name}: {path.name} line {place}: "{line[:80]}" is not a price; give a number such as 7.0.'
            )
    return np.array(lines, dtype=np.float64)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


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
        parsed.setdefault(algorithm_id, {})[name] = _known(name, known, algorithm_id).parse(value)
    return parsed


def _read(arguments: argparse.Namespace) -> Readings:
    from core.readings import read

    for path in arguments.files:
        if not path.is_file():
            raise InputError(f'There is no file "{str(path)[:200]}".', fix="Name files of readings.")
    readings = read(files_of([str(path) for path in arguments.files]), options_of(arguments))
    readings.require()
    return readings


def _write_csv(readings: Readings, folder: Path) -> None:
    from core.readings.native import to_csv

    for name, content in to_csv(readings, time_zone=readings.time_zone):
        (folder / Path(name).name).write_bytes(content)


def dataset(readings: Readings) -> dict[str, Any]:
    """What the readings are, for JSON."""
    community = readings.require()
    return {
        "digest": readings.digest,
        "households": community.households,
        "slots": community.slots,
        "slot_h": community.slot_h,
        "start": community.start_at.isoformat(),
        "end": community.end_at.isoformat(),
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
        "notes": outcome.notes,
        "exempt": [v.name for v in outcome.invariants if v.exempt],
        "summary": outcome.summary(),
        "result_digest": outcome.result_digest,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def heading(readings: Readings) -> str:
    """What the readings are, in a line."""
    community = readings.require()
    return (
        f"{community.households} households, {community.slots} slots of {community.slot_h:g} h"
        f" from {community.start_at.astimezone(ZoneInfo(readings.time_zone)).isoformat(sep=' ', timespec='minutes')}:"
        f" load {readings.load_kwh:,.2f} kWh, solar {readings.solar_kwh:,.2f} kWh\n"
    )


def _table(outcomes: Sequence[Outcome], currency: str) -> str:
    """Figures as rows, algorithms as columns, units beside; what differs in nothing shares a column.

    Foreign figures of `run(path)` files come last; below stand the reasons for what is not defined.
    """
    from core.market.quantities import FIGURES, RULE_FIGURES, quantity_of

    present = {name for outcome in outcomes for name in outcome.figures}
    known = [*FIGURES, *(name for name in RULE_FIGURES if name in present)]
    names = [*known, *sorted(present - set(known))]
    alike: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in outcomes:
        key = tuple(repr(outcome.figures.get(name, math.nan)) for name in names)
        alike.setdefault(key, []).append(outcome)
    columns = [(" = ".join(each.name for each in same), same[0]) for same in alike.values()]
    rows = [["figure", "unit", *(title for title, _ in columns)]]
    for name in names:
        cells = (_cell(outcome.figures.get(name, math.nan)) for _, outcome in columns)
        rows.append([name, quantity_of(name).unit_in(currency), *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = "\n".join(
        "  ".join(cell.ljust(width) if place < 2 else cell.rjust(width) for place, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )
    return "\n".join([table, "", *_notes(outcomes)]).rstrip()


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    """What was left in batteries that started empty, and each reason once, with its figures and algorithms."""
    found: dict[str, dict[str, list[str]]] = {}
    for outcome in outcomes:
        for figure, sentence in outcome.notes.items():
            found.setdefault(sentence, {}).setdefault(figure, []).append(outcome.name)
    stored = [
        f"{outcome.name}: {float(outcome.households['stored_kwh'].sum()):,.2f} kWh are stored at the end and count for"
        " nothing, as its batteries start empty."
        for outcome in outcomes
        if outcome.parameters.get("start") == "empty" and "stored_kwh" in outcome.households
    ]
    reasons = []
    for sentence, figures in found.items():
        who = list(dict.fromkeys(name for names in figures.values() for name in names))
        reasons.append(f"{', '.join(figures)} ({', '.join(who) if len(who) < len(outcomes) else 'all'}): {sentence}")
    return [*stored, *reasons]


def _cell(value: float) -> str:
    return f"{value:,.4f}".replace("-0.0000", "0.0000") if math.isfinite(value) else "–"
