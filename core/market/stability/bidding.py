"""What a home gains in an auction by bidding something else than the truth, and where that leads.

A price is written as a markup: an ask is f + m·(r - f), a bid r - m·(r - f); the truth is m = 0, as the grid is what a
home has without the market. A home keeps one markup for its asks and one for its bids over the whole horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.market.algorithms import get
from core.market.community import Community, FloatArray, IntArray, Tariff
from core.market.contract import Value
from core.market.dispatch import Dispatch
from core.market.meters import folded
from core.market.order_book import known_parameters
from core.market.settlement import Fills, columns

MARKUPS = np.array([-0.05, 0.0, 0.05, *np.round(np.arange(1, 11) * 0.1, 1)])
"""Tried for asks and for bids: from a little beyond the truth, which puts an order first, to the grid's other price."""
MOST_ROUNDS = 60
REGRET_WORK, RESPONSE_WORK = 500_000, 20_000
"""Homes × homes × slots with a trade for which the regrets, and the run of best responses, take seconds."""
BLOCK = 400_000
"""Values of one array of orders that are cleared at once."""
Mechanism = Callable[[FloatArray, FloatArray], Fills]


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """Where best responses lead, one home after the other, each taking the markups that are best against the others'.

    ending: "fixed point" (nobody gains by another markup: an equilibrium on this grid), "cycle" of `cycle` rounds, or
    "no end" within the most rounds. ask_markup, bid_markup: `[household]` at the end. savings, savings_truthful:
    `[household]`, currency, against the grid only, at the end and if all told the truth. traded_share: energy traded at
    the end over that traded in truth.
    """

    ending: str
    rounds: int
    cycle: int
    ask_markup: FloatArray
    bid_markup: FloatArray
    savings: FloatArray
    savings_truthful: FloatArray
    traded_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Bidding:
    """regret: `[household]`, currency: the most a home gains by another markup for its asks and its bids while all
    others tell the truth. responses: where best responses lead; None unless asked for."""

    algorithm_id: str
    regret: FloatArray
    responses: Responses | None

    @property
    def strategy_proof(self) -> bool:
        """Whether no home gains by anything but the truth, on this grid of markups."""
        return not (self.regret > 0.0).any()


def work_of(dispatch: Dispatch) -> int:
    """Homes × homes × slots with a trade: what `bidding` takes grows with it."""
    return dispatch.community.households**2 * int((dispatch.matched_kwh > 0.0).sum())


def bidding(
    algorithm_id: str,
    dispatch: Dispatch,
    tariff: Tariff,
    parameters: Mapping[str, Value] | None = None,
    *,
    respond: bool = True,
    seed: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Bidding:
    """Regret of truth, then a run of best responses in a seeded order of homes to a fixed point or a cycle.

    Raises MarketError for an algorithm that is no auction with an order book.
    """
    market = _Market.of(algorithm_id, dispatch, tariff, parameters or {})
    homes = dispatch.community.households
    truth = np.zeros((2, homes))
    regret = np.zeros(homes)
    for home in range(homes):
        if cancelled():
            break
        regret[home] = sum(market.best_markup(home, side, truth)[1] for side in (0, 1))
    regret = folded(np.where(regret <= market.near, 0.0, regret), dispatch.community)
    if not respond:
        return Bidding(algorithm_id, regret, None)
    return Bidding(algorithm_id, regret, _by_household(_best_responses(market, seed, cancelled), dispatch.community))


def _by_household(run: Responses, community: Community) -> Responses:
    """A home known by its meter asks with its export's column and bids with its import's."""
    return replace(
        run,
        ask_markup=folded(run.ask_markup, community),
        bid_markup=folded(run.bid_markup, community),
        savings=folded(run.savings, community),
        savings_truthful=folded(run.savings_truthful, community),
    )


def _best_responses(market: _Market, seed: int, cancelled: Callable[[], bool]) -> Responses:
    """One order of the homes for all rounds: so a profile that comes back is a cycle for certain."""
    homes = market.net_kwh.shape[1]
    order = np.random.default_rng(seed).permutation(homes)
    markup = np.zeros((2, homes))
    seen = {markup.tobytes(): 0}
    ending, cycle, done = "no end", 0, 0
    while done < MOST_ROUNDS and not cancelled():
        done += 1
        before = markup.copy()
        for home in map(int, order):
            for side in (0, 1):
                best, gain = market.best_markup(home, side, markup)
                if gain > market.near:
                    markup[side, home] = best
        if np.array_equal(before, markup):
            ending = "fixed point"
            break
        if markup.tobytes() in seen:
            ending, cycle = "cycle", done - seen[markup.tobytes()]
            break
        seen[markup.tobytes()] = done
    truth, end = market.outcome(np.zeros((2, homes))), market.outcome(markup)
    share = end[1] / truth[1] if truth[1] > 0.0 else 1.0
    return Responses(ending, done, cycle, markup[0], markup[1], end[0], truth[0], share)


@dataclass(frozen=True, slots=True, eq=False)
class _Market:
    """The slots of a horizon in which somebody can trade, and the auction that clears them."""

    clear: Mechanism
    net_kwh: FloatArray
    retail: FloatArray
    feed_in: FloatArray
    near: float

    @classmethod
    def of(cls, algorithm_id: str, dispatch: Dispatch, tariff: Tariff, parameters: Mapping[str, Value]) -> _Market:
        known = known_parameters(algorithm_id)
        chosen = {name: known[name].check(parameters.get(name, known[name].default)) for name in known}
        trading = np.flatnonzero((dispatch.matched_kwh > 0.0) & (tariff.retail_price > tariff.feed_in_price))
        retail, feed_in = tariff.retail_price[trading], tariff.feed_in_price[trading]
        near = 1e-9 * max(1.0, float(retail @ dispatch.demand_kwh[trading]))
        mechanism = get(algorithm_id).clear
        assert mechanism is not None
        return cls(lambda net, price: mechanism(net, price, **chosen), dispatch.net_kwh[trading], retail, feed_in, near)

    def prices(self, markup: FloatArray, slots: slice | IntArray) -> FloatArray:
        """Everybody's order prices, `[slot, household]`, for markups `[ask or bid, household]`."""
        retail, feed_in = self.retail[slots][:, None], self.feed_in[slots][:, None]
        spread = retail - feed_in
        bids: FloatArray = np.where(
            self.net_kwh[slots] > 0.0, retail - markup[1] * spread, feed_in + markup[0] * spread
        )
        return bids

    def best_markup(self, home: int, side: int, markup: FloatArray) -> tuple[float, float]:
        """The markup of one side (0 asks, 1 bids) that is best against the others', and its gain over the present."""
        own = self.net_kwh[:, home]
        slots = np.flatnonzero(own < 0.0 if side == 0 else own > 0.0)
        if slots.size == 0:
            return float(markup[side, home]), 0.0
        levels = np.append(markup[side, home], MARKUPS)
        saved = np.zeros(levels.size)
        step = max(1, BLOCK // (levels.size * self.net_kwh.shape[1]))
        for start in range(0, slots.size, step):
            saved += self._saved(home, side, markup, slots[start : start + step], levels)
        best = int(np.argmax(saved))
        return (
            (float(levels[best]), float(saved[best] - saved[0])) if saved[best] > saved[0] else (float(levels[0]), 0.0)
        )

    def _saved(self, home: int, side: int, markup: FloatArray, slots: IntArray, levels: FloatArray) -> FloatArray:
        """What the home saves in these slots at each level, `[level]`, currency."""
        price = np.tile(self.prices(markup, slots), (levels.size, 1))
        spread = self.retail[slots] - self.feed_in[slots]
        own = (
            (self.feed_in[slots] + levels[:, None] * spread)
            if side == 0
            else (self.retail[slots] - levels[:, None] * spread)
        )
        price[:, home] = own.ravel()
        fills = self.clear(np.tile(self.net_kwh[slots], (levels.size, 1)), price)
        saved = self._savings(
            fills, np.tile(self.retail[slots], levels.size), np.tile(self.feed_in[slots], levels.size)
        )
        by_level: FloatArray = saved[:, home].reshape(levels.size, -1).sum(axis=1)
        return by_level

    @staticmethod
    def _savings(fills: Fills, retail: FloatArray, feed_in: FloatArray) -> FloatArray:
        filled = fills.filled_kwh
        bought = np.where(filled > 0.0, (retail[:, None] - columns(fills.buy_price)) * filled, 0.0)
        sold = np.where(filled < 0.0, (feed_in[:, None] - columns(fills.sell_price)) * filled, 0.0)
        return bought + sold

    def outcome(self, markup: FloatArray) -> tuple[FloatArray, float]:
        """Savings `[household]` and traded energy, kWh, of everybody's markups."""
        if not self.retail.size:
            return np.zeros(self.net_kwh.shape[1]), 0.0
        fills = self.clear(self.net_kwh, self.prices(markup, slice(None)))
        saved: FloatArray = self._savings(fills, self.retail, self.feed_in).sum(axis=0)
        return saved, float(np.maximum(fills.filled_kwh, 0.0).sum())
