"""Every question of stability and fairness about the bills of a comparison, answered in one pass."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.market.algorithms import get, keywords
from core.market.community import Community, FloatArray, IntArray, Tariff
from core.market.compare import dispatch_with
from core.market.contract import Value
from core.market.dispatch import own_use
from core.market.meters import split
from core.market.stability import words
from core.market.stability.bidding import REGRET_WORK, RESPONSE_WORK, Bidding, bidding, work_of
from core.market.stability.blocking import TIME_LIMIT_S, most_blocking
from core.market.stability.frontier import Point, frontier
from core.market.stability.game import Game
from core.market.stability.growth import NextHome, next_homes
from core.market.stability.nucleolus import EXACT_HOMES, nucleolus
from core.market.stability.shapley import Shapley, shapley
from core.market.stability.shares import equal_split, marginal_contribution
from core.market.totals import gini_index, jain_index


@dataclass(frozen=True, slots=True, eq=False)
class Bills:
    """What one algorithm charges: bill `[household]`, currency, in the order of the community's households."""

    algorithm_id: str
    name: str
    parameters: Mapping[str, Value]
    bill: FloatArray


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a group would leave one algorithm's market.

    gap: what the group that gains most saves by leaving, currency, 0 where stable. group: its household ids. pays:
    what it pays, would_pay: what it would pay alone. percent: gap of |pays|, None where that is 0. bound: no group
    saves more; exact: nothing is left between gap and bound.
    """

    algorithm_id: str
    name: str
    stable: bool
    gap: float
    group: tuple[str, ...]
    pays: float
    would_pay: float
    percent: float | None
    bound: float
    exact: bool
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """What all homes save together with their own use, and to whom it is due, `[household]`, currency.

    worth: v(N). alone: grid-only bills. brings: v(N) - v(N without the home). nucleolus: None above its most homes.
    """

    worth: float
    alone: FloatArray
    shapley: Shapley
    nucleolus: FloatArray | None
    equal_split: FloatArray
    marginal_contribution: FloatArray
    brings: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """All answers. not_defined: why no group's cost can be said, as under net metering; then all else is empty."""

    household_ids: tuple[str, ...]
    not_defined: str = ""
    verdicts: tuple[Verdict, ...] = ()
    shares: Shares | None = None
    carriers: str = ""
    next_homes: tuple[NextHome, ...] = ()
    bidding: tuple[Bidding, ...] = ()
    frontier: tuple[Point, ...] = ()
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is asked. bidding: regrets and best responses however long they take; else where they take seconds.

    time_limit_s: for the leaving group of each algorithm. hour: `[slot]`, of the local day, for evening homes.
    """

    currency: str = "₹"
    time_limit_s: float = TIME_LIMIT_S
    bidding: bool = False
    hour: IntArray | None = None
    not_defined: str = ""


def study(
    community: Community,
    tariff: Tariff,
    bills: Sequence[Bills],
    options: Options | None = None,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Study:
    """Who would leave under each algorithm, who brings what, whom to invite, what bidding untruly gains.

    progress: called with (done, all, what comes next). Stops early, with what is known, when cancelled.
    """
    options = options or Options()
    if options.not_defined:
        return Study(community.household_ids, options.not_defined)
    return _Study(community, tariff, bills, options, progress or (lambda *_: None), cancelled).answer()


class _Study:
    def __init__(
        self,
        community: Community,
        tariff: Tariff,
        bills: Sequence[Bills],
        options: Options,
        progress: Callable[[int, int, str], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.community, self.tariff, self.bills, self.options = community, tariff, bills, options
        self._progress, self.cancelled = progress, cancelled
        self.columns = split(community)
        self.plain = own_use(self.columns)
        self._games: dict[Hashable, Game] = {None: Game.of(self.plain, tariff)}
        self._done, self._notes = 0, list[str]()
        self._auctions = [each for each in bills if get(each.algorithm_id).clear is not None]
        self._all = len(bills) + len(self._auctions) + 2

    def answer(self) -> Study:
        verdicts = []
        for each in self.bills:
            self._next(each.name)
            if self.cancelled():
                break
            verdicts.append(self._verdict(each))
        self._next("Shapley value and nucleolus")
        shares = self._shares()
        self._next("The next home")
        invited = next_homes(self.community, self.tariff, self.options.hour)
        bids = self._bidding()
        found = Study(
            self.community.household_ids,
            "",
            tuple(verdicts),
            shares,
            self._carriers(shares),
            invited,
            bids,
            self._frontier(verdicts),
            tuple(self._notes),
        )
        self._progress(self._all, self._all, "")
        return found

    def _next(self, what: str) -> None:
        self._progress(self._done, self._all, what)
        self._done += 1

    def _game_of(self, bills: Bills) -> Game:
        algorithm = get(bills.algorithm_id)
        if algorithm.dispatch is None:
            return self._games[None]
        key = algorithm.dispatch, tuple((name, bills.parameters[name]) for name in keywords(algorithm.dispatch))
        if key not in self._games:
            moved = dispatch_with(algorithm, self.columns, self.tariff, bills.parameters)
            self._games[key] = Game.of(moved, self.tariff)
        return self._games[key]

    def _verdict(self, bills: Bills) -> Verdict:
        game, currency = self._game_of(bills), self.options.currency
        found = most_blocking(game, bills.bill, time_limit_s=self.options.time_limit_s, cancelled=self.cancelled)
        ids = self.community.household_ids
        group = tuple(ids[place] for place in np.flatnonzero(found.members))
        pays = float(bills.bill[found.members].sum())
        sentence = words.STABLE
        if group:
            sentence = words.leaving(group, len(ids), gain=found.gain, pays=pays, currency=currency)
        if not found.exact:
            more = words.unfinished(found.gain, found.bound, currency)
            sentence = f"{sentence} {more}" if group else more
        return Verdict(
            bills.algorithm_id,
            bills.name,
            not group and found.exact,
            found.gain,
            group,
            pays,
            pays - found.gain,
            100.0 * found.gain / abs(pays) if group and abs(pays) > 1e-6 else None,
            found.bound,
            found.exact,
            sentence,
        )

    def _shares(self) -> Shares:
        game = self._games[None]
        core = next((game.alone - each.bill for each in self.bills if each.algorithm_id == "nucleolus"), None)
        if core is None and int((~game.idle).sum()) <= EXACT_HOMES:
            core = nucleolus(game)
        elif core is None:
            self._notes.append(
                f"The nucleolus is left out above {EXACT_HOMES} homes unless it is asked for by name: it takes minutes."
            )
        found = shapley(game)
        if not found.exact:
            worst = float(np.max(found.standard_error / np.maximum(found.share, 1e-9 * game.worth(game.everyone()))))
            self._notes.append(
                f"The Shapley value is sampled: standard errors are at most {100.0 * worst:.1f} % of a home's share."
            )
        return Shares(
            game.worth(game.everyone()),
            game.alone,
            found,
            core,
            equal_split(game),
            marginal_contribution(game),
            game.marginal(),
        )

    def _carriers(self, shares: Shares) -> str:
        """Which homes the community rests on: the fewest that are due half of the savings by the Shapley value."""
        if shares.worth <= 1e-6:
            return "Nobody: these homes save nothing together."
        order = np.argsort(-shares.shapley.share, kind="stable")
        reached = np.cumsum(shares.shapley.share[order]) >= 0.5 * shares.worth * (1.0 - 1e-12)
        carry = order[: int(np.argmax(reached)) + 1]
        names = [self.community.household_ids[place] for place in carry]
        text = words.group_in_words(names, -1)
        most = int(np.argmax(shares.brings))
        amount = words.money(float(shares.brings[most]), self.options.currency)
        verb = "brings" if len(names) == 1 else "bring"
        return (
            f"{text} {verb} half of what all save together;"
            f" without {self.community.household_ids[most]} it would be {amount} less."
        )

    def _bidding(self) -> tuple[Bidding, ...]:
        work, found = work_of(self.plain), []
        respond = self.options.bidding or work <= RESPONSE_WORK
        if self._auctions and not self.options.bidding and work > RESPONSE_WORK:
            left = "Best responses are" if work <= REGRET_WORK else "Regret of truth and best responses are"
            self._notes.append(f"{left} left out, as they take longer here: ask for bidding.")
        for each in self._auctions:
            self._next(f"Bidding in {each.name}")
            if self.cancelled() or (work > REGRET_WORK and not self.options.bidding):
                continue
            found.append(
                bidding(
                    each.algorithm_id,
                    self.plain,
                    self.tariff,
                    each.parameters,
                    respond=respond,
                    cancelled=self.cancelled,
                )
            )
        return tuple(found)

    def _frontier(self, verdicts: Sequence[Verdict]) -> tuple[Point, ...]:
        alone = self._games[None].alone
        points = []
        for verdict, bills in zip(verdicts, self.bills, strict=False):
            saved = alone - bills.bill
            near = 1e-9 * np.maximum(1.0, np.abs(alone))
            saved = np.where(np.abs(saved) <= near, 0.0, saved)  # rounding has no Gini index
            points.append(
                Point(
                    verdict.algorithm_id,
                    verdict.name,
                    float(saved.sum()),
                    gini_index(saved),
                    jain_index(saved),
                    float(np.maximum(np.where(saved >= -near, 0.0, -saved), 0.0).max()),
                    verdict.gap,
                )
            )
        return frontier(points)
