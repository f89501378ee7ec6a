"""The nucleolus: the shares under which the group that is worst served is served as well as can be, then the next one.

Schmeidler 1969, SIAM Journal on Applied Mathematics 17; one linear programme a level with the groups that bind
generated as needed: Hallefjord, Helming, Jørnsten 1995, International Journal of Game Theory 24.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm

import numpy as np

from core.errors import MarketError, TooLargeError
from core.market.community import FloatArray
from core.market.stability.blocking import Search
from core.market.stability.game import Game
from core.market.stability.shapley import costs_of_all_groups

EXACT_HOMES = 20
"""Homes with energy to which every group is looked at, a million; beyond, the solver finds those that bind."""
MOST_HOMES = 40
"""Homes with energy that a few minutes are enough for."""
NOTHING = 1e-9
"""Savings of all homes together, currency, that are not shared out."""
NEAR = 1e-9
"""What counts as nothing, in parts of what all homes save together."""

Oracle = Callable[[FloatArray, "_Fixed", float], list[FloatArray]]


def nucleolus(game: Game, *, exact_homes: int = EXACT_HOMES) -> FloatArray:
    """Savings due to each home, `[household]`, currency; they add up to what all homes save together.

    Homes without energy in slots that count bring the same to every group and get it. Raises TooLargeError above
    `MOST_HOMES` homes with energy.
    """
    active = np.flatnonzero(~game.idle)
    share = game.alone - game.linear
    inside = Game(game.alone[active], game.linear[active], game.swing[active])
    worth = inside.worth(inside.everyone())
    if active.size < 2 or worth <= NOTHING:
        return share
    if active.size > MOST_HOMES:
        raise TooLargeError(
            f"The nucleolus of {active.size} homes would take hours; {MOST_HOMES} homes take minutes.",
            fix="Use the Shapley value, or fewer homes.",
        )
    scaled = Game(inside.alone / worth, inside.linear / worth, inside.swing / worth)
    oracle = _every_group(scaled) if active.size <= exact_homes else _solver(scaled)
    share[active] = _levels(scaled, oracle) * worth
    return share


class _Fixed:
    """Groups whose excess no later level can change, with the numbers of their members kept as exact fractions."""

    def __init__(self, homes: int) -> None:
        self.homes = homes
        self.groups: list[FloatArray] = []
        self.payoffs: list[float] = []
        self._rows: list[list[Fraction]] = []
        self._pivots: list[int] = []

    def add(self, group: FloatArray, payoff: float) -> bool:
        """Fix what a group gets; False if that follows from the groups fixed already."""
        row = self._reduced(group)
        pivot = next((place for place, value in enumerate(row) if value), None)
        if pivot is None:
            return False
        row = [value / row[pivot] for value in row]
        for other in self._rows:
            if other[pivot]:
                factor = other[pivot]
                other[:] = [a - factor * b for a, b in zip(other, row, strict=True)]
        self._rows.append(row)
        self._pivots.append(pivot)
        self.groups.append(group)
        self.payoffs.append(payoff)
        return True

    @property
    def complete(self) -> bool:
        """Whether every home's share follows."""
        return len(self._rows) == self.homes

    def follows(self, group: FloatArray) -> bool:
        """Whether what this group gets follows from the groups fixed."""
        return not any(self._reduced(group))

    def apart(self) -> FloatArray:
        """Whole numbers `[direction, household]`: a group follows if and only if it adds up to 0 in every row."""
        free = [place for place in range(self.homes) if place not in self._pivots]
        rows = []
        for place in free:
            row = [Fraction(0)] * self.homes
            row[place] = Fraction(1)
            for pivot, fixed in zip(self._pivots, self._rows, strict=True):
                row[pivot] = -fixed[place]
            whole = lcm(*(value.denominator for value in row))
            rows.append([float(value * whole) for value in row])
        return np.array(rows).reshape(len(free), self.homes)

    def _reduced(self, group: FloatArray) -> list[Fraction]:
        row = [Fraction(int(value)) for value in group]
        for pivot, fixed in zip(self._pivots, self._rows, strict=True):
            if row[pivot]:
                factor = row[pivot]
                row = [a - factor * b for a, b in zip(row, fixed, strict=True)]
        return row


def _levels(game: Game, oracle: Oracle) -> FloatArray:
    """Shares `[household]` of a game whose homes save 1 together."""
    homes = game.households
    fixed = _Fixed(homes)
    fixed.add(np.ones(homes), 1.0)
    pool = _Pool(game, [*np.eye(homes), *(1.0 - np.eye(homes))])
    while not fixed.complete:
        excess, binding = _level(pool, fixed, oracle)
        before = len(fixed.groups)
        for group, worth in binding:
            fixed.add(group, worth - excess)
        if len(fixed.groups) == before:
            raise MarketError("The nucleolus was not found: no group binds.")
        pool.drop(fixed)
    return np.linalg.solve(np.array(fixed.groups), np.array(fixed.payoffs))


class _Pool:
    """The groups that a level's programme knows."""

    def __init__(self, game: Game, groups: Sequence[FloatArray]) -> None:
        self._game, self._known = game, set[bytes]()
        self.groups: list[FloatArray] = []
        self.worth: list[float] = []
        for group in groups:
            self.add(group)

    def add(self, group: FloatArray) -> bool:
        """Take a group in; False if it is there."""
        key = group.astype(bool).tobytes()
        if key in self._known or group.all():
            return False
        self._known.add(key)
        self.groups.append(group)
        self.worth.append(self._game.worth(group))
        return True

    def drop(self, fixed: _Fixed) -> None:
        """Let go of groups that say nothing new."""
        kept = [place for place, group in enumerate(self.groups) if not fixed.follows(group)]
        self.groups, self.worth = [self.groups[i] for i in kept], [self.worth[i] for i in kept]
        self._known = {group.astype(bool).tobytes() for group in self.groups}


def _level(pool: _Pool, fixed: _Fixed, oracle: Oracle) -> tuple[float, list[tuple[FloatArray, float]]]:
    """The least possible largest excess, and the groups that bind in every solution, with their worth."""
    from scipy.optimize import linprog  # too slow to load for a command that only lists algorithms

    homes = fixed.homes
    equal = np.hstack([np.array(fixed.groups), np.zeros((len(fixed.groups), 1))])
    while True:
        groups, worth = np.array(pool.groups).reshape(-1, homes), np.array(pool.worth)
        answer = linprog(
            np.append(np.zeros(homes), 1.0),
            A_ub=np.hstack([-groups, -np.ones((len(worth), 1))]),
            b_ub=-worth,
            A_eq=equal,
            b_eq=np.array(fixed.payoffs),
            bounds=[(None, None)] * (homes + 1),
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if answer.status != 0:
            raise MarketError(f"The nucleolus was not found: HiGHS says {answer.message}")
        share, excess = answer.x[:homes], float(answer.x[-1])
        new = [pool.add(group) for group in oracle(share, fixed, excess)]
        if not any(new):
            binds = np.flatnonzero(answer.ineqlin.marginals < -NEAR)
            return excess, [(pool.groups[place], pool.worth[place]) for place in binds]


def _every_group(game: Game) -> Oracle:
    """Looks at the excess of all 2^N groups.

    A group follows from the fixed ones if and only if it adds up to 0 in every direction of `_Fixed.apart`: in a random
    mixture of them, but for a chance of one in two million.
    """
    homes = game.households
    own = _sums_over_groups(game.alone - game.linear)
    worth = own - costs_of_all_groups(game.swing)
    draws = np.random.default_rng(0)

    def worst(share: FloatArray, fixed: _Fixed, excess: float) -> list[FloatArray]:
        directions = fixed.apart()
        mixture = draws.integers(-1_000_000, 1_000_001, size=directions.shape[0]).astype(np.float64) @ directions
        left = worth - _sums_over_groups(share)
        places = np.flatnonzero((left > excess + NEAR) & (_sums_over_groups(mixture) != 0.0))
        most = places[np.argsort(-left[places], kind="stable")[: 2 * homes]]
        return [((place >> np.arange(homes)) & 1).astype(np.float64) for place in most]

    return worst


def _sums_over_groups(values: FloatArray) -> FloatArray:
    """Σ_S values of every group S, `[2^N]`; bit i of the place says whether home i is in it."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return sums


def _solver(game: Game) -> Oracle:
    """Finds the group of largest excess among those that are not fixed, by the programme of `blocking`.

    A group that is not fixed does not add up to 0 in some direction of `_Fixed.apart`, nor, but for a chance of one in
    eighty, in a random mixture of them: a programme for either sign, and a second mixture before a level is believed.
    """
    search = Search(game)
    draws = np.random.default_rng(0)
    alone = game.alone

    def worst(share: FloatArray, fixed: _Fixed, excess: float) -> list[FloatArray]:
        directions = fixed.apart()
        for _ in range(2):
            mixture = draws.integers(-40, 41, size=directions.shape[0]) @ directions
            found = []
            for apart in (mixture, -mixture):
                if not apart.any():
                    continue
                best = search.best(alone - share, apart=apart)
                if best is not None and best.gain > excess + NEAR:
                    found.append(best.members.astype(np.float64))
            if found:
                return found
        return []

    return worst
