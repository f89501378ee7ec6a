"""The Shapley value: what a home brings on average over all orders of joining.

Shapley 1953, Contributions to the Theory of Games II; antithetic pairs of orders: Mitchell, Cooper, Frank, Holmes 2022,
Journal of Machine Learning Research 23.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray, IntArray
from core.market.stability.game import Game

EXACT_HOMES = 16
"""Homes with energy to which every group is counted: 2^16 groups."""
SLOTS_TOGETHER = 4
"""Slots that share their orders of joining: the fewer, the more their errors cancel."""
FEWEST_PAIRS, MOST_PAIRS = 16, 8_192
EFFORT = 24_000_000
"""Home-slots that are looked at when sampling: about half a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Shapley:
    """share: savings due to each home, `[household]`, currency; they add up to what all homes save together.

    standard_error: `[household]`, currency, 0 where exact. pairs: pairs of orders for each few slots, 0 where exact.
    """

    share: FloatArray
    standard_error: FloatArray
    pairs: int

    @property
    def exact(self) -> bool:
        """Whether every group was counted."""
        return self.pairs == 0


def shapley(game: Game, *, seed: int = 0, exact_homes: int = EXACT_HOMES) -> Shapley:
    """The Shapley value of the savings v: exact for up to `exact_homes` homes with energy, beyond that sampled.

    Homes without energy in slots that count bring the same to every group and are not counted.
    """
    active = np.flatnonzero(~game.idle)
    share, error = game.alone - game.linear, np.zeros(game.households)
    if active.size == 0:
        return Shapley(share, error, 0)
    swing = game.swing[active]
    if active.size <= exact_homes:
        share[active] -= _exact(swing)
        return Shapley(share, error, 0)
    pairs = _pairs_for(swing.size)
    cost, variance = _sampled(swing, pairs, seed)
    share[active] -= cost
    error[active] = np.sqrt(variance)
    return Shapley(share, error, pairs)


def _exact(swing: FloatArray) -> FloatArray:
    """Shapley value of Σ_t |Σ_S swing|, `[household]`, from the cost of each of the 2^N groups."""
    homes = swing.shape[0]
    cost = costs_of_all_groups(swing)
    groups = np.arange(cost.size)
    size = np.bitwise_count(groups).astype(np.int64)
    weight = np.array([1.0 / (homes * math.comb(homes - 1, others)) for others in range(homes)])
    share = np.empty(homes)
    for home in range(homes):
        without = groups[(groups >> home) & 1 == 0]
        share[home] = weight[size[without]] @ (cost[without | (1 << home)] - cost[without])
    return share


def costs_of_all_groups(swing: FloatArray) -> FloatArray:
    """Σ_t |Σ_S swing| of every group S, `[2^N]`; bit i of the place says whether home i is in it."""
    homes, slots = swing.shape
    low = _sums(swing[: homes // 2])
    high = _sums(swing[homes // 2 :])
    cost = np.empty((high.shape[0], low.shape[0]))
    step = max(1, 32_768 // max(1, slots))
    for place, rest in enumerate(high):
        for start in range(0, low.shape[0], step):
            part = low[start : start + step] + rest
            cost[place, start : start + step] = np.abs(part, out=part).sum(axis=1)
    return cost.ravel()


def _sums(swing: FloatArray) -> FloatArray:
    """Σ_S swing of every group of these homes, `[2^homes, slot]`."""
    sums = np.zeros((1, swing.shape[1]))
    for own in swing:
        sums = np.concatenate([sums, sums + own])
    return sums


def _pairs_for(home_slots: int) -> int:
    return int(min(MOST_PAIRS, max(FEWEST_PAIRS, EFFORT // max(1, home_slots))))


def _sampled(swing: FloatArray, pairs: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of the mean of Σ_t |Σ_S swing|'s increases, `[household]`.

    Every few slots have orders of their own, so that errors of different slots are independent; the slots taken
    together lie far apart in time. The second order of a pair is the first one backwards.
    """
    homes, slots = swing.shape
    draws = np.random.default_rng(seed)
    mean, variance = np.zeros(homes), np.zeros(homes)
    several = -(-slots // SLOTS_TOGETHER)
    batch = max(1, 200_000 // (homes * SLOTS_TOGETHER))
    for first in range(several):
        part = np.ascontiguousarray(swing[:, first::several])
        total, squares = np.zeros(homes), np.zeros(homes)
        for start in range(0, pairs, batch):
            orders = np.argsort(draws.random((min(batch, pairs - start), homes)), axis=1)
            brings = _increases(part, orders)
            total += brings.sum(axis=0)
            squares += (brings**2).sum(axis=0)
        mean += total / pairs
        variance += np.maximum(squares - total**2 / pairs, 0.0) / (pairs - 1) / pairs
    return mean, variance


def _increases(swing: FloatArray, orders: IntArray) -> FloatArray:
    """What each home adds to Σ_t |Σ_S swing|, mean of these orders and the same backwards, `[order, household]`."""
    after = np.cumsum(swing[orders], axis=1)
    everyone = after[:, -1:, :].copy()
    cost = np.abs(after).sum(axis=2)
    cost_backwards = np.abs(everyone - after).sum(axis=2)
    forwards = np.diff(cost, axis=1, prepend=0.0)
    backwards = -np.diff(cost_backwards, axis=1, prepend=np.abs(everyone).sum(axis=2))
    by_home: FloatArray = np.empty_like(forwards)
    np.put_along_axis(by_home, orders, (forwards + backwards) / 2.0, axis=1)
    return by_home
