"""The command `stability`: who would leave under each algorithm, what is fair, whom to invite, what bidding gains."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from core.commands.market import Inputs, add_inputs, dataset, heading, inputs_of, outcomes_of

if TYPE_CHECKING:
    from core.market.stability.study import Study


def register(commands: Any) -> None:
    """Add the command to the command line."""
    stability = commands.add_parser(
        "stability", help="find the group of homes that would leave under each algorithm, and every home's fair share"
    )
    add_inputs(stability)
    stability.add_argument("--time-limit", type=float, default=60.0, metavar="SECONDS", help="for each algorithm (60)")
    stability.add_argument(
        "--bidding", action="store_true", help="what untrue bids gain in the auctions, however long it takes"
    )
    stability.add_argument("--rulebook", metavar="NAME|FILE", help="says that stability is not defined under it")
    stability.add_argument("--json", action="store_true", help="print JSON instead of text")
    stability.set_defaults(run=run_stability)


def run_stability(arguments: argparse.Namespace) -> int:
    """Read, compare, look for groups, print."""
    from core import settings
    from core.market.local_time import local_starts, minute_of_day
    from core.market.stability import words
    from core.market.stability.study import Bills, Options, Study, study

    inputs = inputs_of(arguments)
    if arguments.rulebook:
        found = Study(inputs.readings.require().household_ids, words.not_defined_under(arguments.rulebook))
        return _print(found, inputs, settings.load().currency, as_json=arguments.json)
    outcomes = [each for each in outcomes_of(inputs).values() if each.households]
    community, currency = inputs.readings.require(), settings.load().currency
    options = Options(
        currency=currency,
        time_limit_s=max(0.1, arguments.time_limit),
        bidding=arguments.bidding,
        hour=minute_of_day(local_starts(community.slot_starts(), inputs.readings.time_zone)) // 60,
    )
    bills = [Bills(each.algorithm_id, each.name, each.parameters, each.households["bill"]) for each in outcomes]
    return _print(study(community, inputs.tariff, bills, options), inputs, currency, as_json=arguments.json)


def _print(found: Study, inputs: Inputs, currency: str, *, as_json: bool) -> int:
    from core.market.stability.document import document

    if as_json:
        answer = {"dataset": dataset(inputs.readings), **document(found)}
        print(json.dumps(answer, ensure_ascii=False, indent=1, allow_nan=False))
    else:
        print(heading(inputs.readings))
        print("\n".join(_lines(found, currency)))
    return 0


def _lines(found: Study, currency: str) -> list[str]:
    from core.market.stability import words

    if found.not_defined:
        return [found.not_defined]
    width = max((len(each.name) for each in found.verdicts), default=0)
    lines = ["Who would leave?"]
    lines += [f"  {each.name.ljust(width)}  {each.sentence}" for each in found.verdicts]
    lines += ["", "What is due to each home of what all save together", *_shares(found), "", found.carriers]
    lines += ["", "Whom to invite: one more of these adds, on average"]
    lines += [f"  {each.label}: {words.money(each.adds, currency)}" for each in found.next_homes]
    if found.bidding:
        lines += ["", "What a home gains by bidding something else than the truth"]
        lines += [f"  {words.bidding(each, found.household_ids, currency)}" for each in found.bidding]
    beaten = [each for each in found.frontier if each.beaten_by]
    if beaten:
        lines += ["", "Beaten in savings, fairness and stability"]
        lines += [f"  {each.name}: by {words.group_in_words(each.beaten_by, -1)}" for each in beaten]
    return lines + ([""] if found.notes else []) + list(found.notes)


def _shares(found: Study) -> list[str]:
    shares = found.shares
    assert shares is not None
    columns = {"Shapley": shares.shapley.share}
    if not shares.shapley.exact:
        columns["± error"] = shares.shapley.standard_error
    if shares.nucleolus is not None:
        columns["nucleolus"] = shares.nucleolus
    columns |= {
        "equal split": shares.equal_split,
        "marginal": shares.marginal_contribution,
        "brings": shares.brings,
    }
    rows = [["home", *columns]]
    rows += [
        [name, *(f"{values[place]:,.2f}" for values in columns.values())]
        for place, name in enumerate(found.household_ids)
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
