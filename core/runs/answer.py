"""What a comparison says, before any table: which rule costs least, who ties, who loses, how much was possible.

Bounds (no trade at all; the plan of least cost) are no rules between neighbours: they are the floor and the ceiling
that rules are held against. Money in the lab's currency, shares 0 to 1, NaN where not defined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.market.algorithms import find
from core.runs.results import ResultRow, RunResult
from core.runs.statistics import Interval, daily_totals, paired_interval, whole_days

TOLERANCE = 1e-9
"""Relative: figures closer than this are the same; what differs is rounding."""
BOUND = "bound"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The answer for one scenario.

    best: the rules of least cost, more than one where they tie; empty if every row is a bound. ties: the largest group
    of rules beside the best that cost the same. possible_share: savings of the best over those of the ceiling.
    losers: rules under which households pay more than with the grid only, and how many do, the most first.
    lead: how much a day the best costs less than the next, with its interval; None without a next.
    """

    best: tuple[ResultRow, ...]
    ties: tuple[ResultRow, ...]
    floor: ResultRow | None
    ceiling: ResultRow | None
    households: int
    possible_share: float
    losers: tuple[tuple[ResultRow, int], ...]
    next: ResultRow | None
    lead: Interval | None

    @property
    def worse_off(self) -> int:
        """Households that the best rule leaves worse off."""
        return next((count for row, count in self.losers if row is self.best[0]), 0) if self.best else 0


def is_bound(algorithm_id: str) -> bool:
    """Whether the algorithm is a bound; one that is not in the folder any more is none."""
    known = find().get(algorithm_id)
    return known is not None and known.family == BOUND


def answer(result: RunResult, scenario: str) -> Answer:
    """The answer for this scenario of a run."""
    rows = result.of(scenario)
    bounds = [row for row in rows if is_bound(row.algorithm_id)]
    groups = cheapest_first(rows)
    rules = [row for group in groups for row in group]
    best, rest = (groups[0], groups[1:]) if groups else ([], [])
    tied = max((group for group in rest if len(group) > 1), key=len, default=[])
    ceiling = next((row for row in bounds if _figure(row, "savings") > 0.0), None)
    following = rest[0][0] if rest else None
    losers = [(row, count) for row in rules if (count := _worse_off(row, len(result.household_ids)))]
    return Answer(
        best=tuple(best),
        ties=tuple(tied),
        floor=next((row for row in bounds if row is not ceiling), None),
        ceiling=ceiling,
        households=len(result.household_ids),
        possible_share=_figure(best[0], "savings") / _figure(ceiling, "savings") if best and ceiling else math.nan,
        losers=tuple(sorted(losers, key=lambda pair: -pair[1])),
        next=following,
        lead=_lead(result, best[0], following) if best and following else None,
    )


def cheapest_first(rows: Sequence[ResultRow]) -> list[list[ResultRow]]:
    """The rules in groups of the same cost, the cheapest first; bounds and rows without a cost are left out."""
    rules = [row for row in rows if not is_bound(row.algorithm_id) and math.isfinite(cost(row))]
    return sorted(alike(rules), key=lambda group: cost(group[0]))


def alike(rows: Sequence[ResultRow]) -> list[list[ResultRow]]:
    """Rows in groups of the same community cost, in the order of the first of each."""
    groups: list[list[ResultRow]] = []
    for row in rows:
        group = next((each for each in groups if same(cost(each[0]), cost(row))), None)
        if group is None:
            groups.append([row])
        else:
            group.append(row)
    return groups


def same(value: float, other: float) -> bool:
    """Whether two figures differ by rounding at most; two that are not defined are the same."""
    if math.isnan(value) or math.isnan(other):
        return math.isnan(value) and math.isnan(other)
    return math.isclose(value, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def cost(row: ResultRow) -> float:
    """What the community pays over the run."""
    return _figure(row, "community_cost")


def _figure(row: ResultRow, name: str) -> float:
    return row.figures.get(name, math.nan)


def _worse_off(row: ResultRow, households: int) -> int:
    share = _figure(row, "not_worse_share")
    return 0 if math.isnan(share) else round((1.0 - share) * households)


def _lead(result: RunResult, first: ResultRow, second: ResultRow) -> Interval | None:
    """The cost of `second` less that of `first` a day, with its interval; None without their series."""
    if not (first.has_arrays and second.has_arrays):
        return None
    days = whole_days(result.start_at, slot_h=result.slot_h, slots=result.slots, time_zone=result.time_zone)
    costs = (result.series(row, ("community_cost",))["community_cost"] for row in (second, first))
    later, sooner = (daily_totals(values, slot_h=result.slot_h, days=days) for values in costs)
    return paired_interval(later, sooner)
