"""The most that the contracts of each slot allow to be settled by the meters: a maximum flow between two sides.

Where one side of a slot delivers all it promised, the other side's meters alone decide and no search is needed. What
remains is solved by augmenting paths, slot by slot, in one compiled loop for many contracts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from core.market.community import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from core.market.rulebooks.contracts import Parties

WORTH_COMPILING = 20_000
"""Contracts from which importing the compiled loop pays for itself."""
DUST_KWH = 1e-12


def most_settled(
    kwh: FloatArray, slot: IntArray, buyers: Parties, sellers: Parties, *, earliest_first: bool
) -> tuple[float, FloatArray]:
    """The largest Σ z with Σ of a buyer <= its meter, Σ of a seller <= its meter, 0 <= z <= kwh; and such a z.

    earliest_first: of all such z the one that settles the earliest contracts most; otherwise any.
    """
    if not kwh.size:
        return 0.0, kwh.copy()
    buyers_short, sellers_short = (_short(side, slot) for side in (buyers, sellers))
    found = np.where(sellers_short, sellers.first_come(kwh), buyers.first_come(kwh))
    hard = np.flatnonzero(buyers_short & sellers_short)
    if hard.size:
        order = hard[np.argsort(slot[hard], kind="stable")]
        starts = np.flatnonzero(np.diff(slot[order], prepend=-1))
        buyer, seller = _numbered(buyers.of[order], starts), _numbered(sellers.of[order], starts)
        flow = np.zeros(order.size)
        _solver(order.size)(
            np.append(starts, order.size),
            buyer,
            seller,
            kwh[order],
            buyers.metered_kwh[buyers.of[order]],
            sellers.metered_kwh[sellers.of[order]],
            earliest_first,
            flow,
        )
        found[order] = flow
    return float(found.sum()), found


def _short(side: Parties, slot: IntArray) -> BoolArray:
    """Whether anybody on this side of a contract's slot is short, `[contract]`."""
    short = np.zeros(int(slot.max()) + 1, dtype=bool)
    short[side.slot[side.contracted_kwh > side.metered_kwh]] = True
    found: BoolArray = short[slot]
    return found


def _numbered(party: IntArray, starts: IntArray) -> IntArray:
    """Parties numbered from 0 within each slot; a slot's parties are a run of numbers before."""
    lowest = np.minimum.reduceat(party, starts)
    found: IntArray = party - np.repeat(lowest, np.diff(np.append(starts, party.size)))
    return found


@cache
def _compiled() -> Callable[..., Any]:
    """`_solve` compiled, with compiled steps in place of the plain ones it calls."""
    try:
        from numba import njit
    except ImportError:
        return _solve
    compiled = njit(cache=True, nogil=True)
    steps = {step.__name__: compiled(step) for step in (_reach, _push)}
    return compiled(FunctionType(_solve.__code__, {**globals(), **steps}, "_solve"))


def _solver(contracts: int) -> Callable[..., Any]:
    return _compiled() if contracts >= WORTH_COMPILING else _solve


def _solve(
    starts: IntArray,
    buyer: IntArray,
    seller: IntArray,
    kwh: FloatArray,
    needs: FloatArray,
    delivers: FloatArray,
    earliest_first: bool,
    flow: FloatArray,
) -> None:
    """Fill `flow` `[contract]`; slot n has the contracts from starts[n] to before starts[n + 1]. needs, delivers: the
    meter of each contract's buyer and seller. Nodes: sellers, then buyers, then source and sink."""
    for n in range(starts.size - 1):
        first, end = starts[n], starts[n + 1]
        sellers, buyers = seller[first:end].max() + 1, buyer[first:end].max() + 1
        source, sink = sellers + buyers, sellers + buyers + 1
        meter, used = np.zeros(source), np.zeros(source)
        for e in range(first, end):
            meter[seller[e]], meter[sellers + buyer[e]] = delivers[e], needs[e]
        for e in range(first, end):
            s, b = seller[e], sellers + buyer[e]
            flow[e] = min(kwh[e], meter[s] - used[s], meter[b] - used[b])
            used[s] += flow[e]
            used[b] += flow[e]
        parent = np.empty(source + 2, dtype=np.int64)
        via, depth = np.empty_like(parent), np.empty_like(parent)
        graph = (buyer, seller, kwh, flow, meter, used, sellers, parent, via, depth)
        while _reach(source, sink, first, end, graph):
            _push(source, sink, np.inf, graph)
        if not earliest_first:
            continue
        for e in range(first, end):
            # More of this contract by a circle through later ones only; the sum stays the largest.
            while kwh[e] - flow[e] > DUST_KWH and _reach(sellers + buyer[e], seller[e], e + 1, end, graph):
                flow[e] += _push(sellers + buyer[e], seller[e], kwh[e] - flow[e], graph)


def _reach(start: int, goal: int, first: int, end: int, graph: Any) -> bool:
    """Whether energy can be shifted from start to goal over contracts first to end; marks the shortest way."""
    buyer, seller, kwh, flow, meter, used, sellers, parent, via, depth = graph
    source, sink = meter.size, meter.size + 1
    parent[:] = -1
    parent[start], depth[start], level, found = start, 0, 0, True
    while found and parent[goal] < 0:
        found = False
        for e in range(first, end):
            s, b = seller[e], sellers + buyer[e]
            if parent[b] < 0 and parent[s] >= 0 and depth[s] == level and kwh[e] - flow[e] > DUST_KWH:
                parent[b], via[b], depth[b], found = s, e, level + 1, True
            elif parent[s] < 0 and parent[b] >= 0 and depth[b] == level and flow[e] > DUST_KWH:
                parent[s], via[s], depth[s], found = b, e, level + 1, True
        for node in range(source):
            end_node = source if node < sellers else sink
            spare, given = meter[node] - used[node] > DUST_KWH, used[node] > DUST_KWH
            outward, inward = (given, spare) if node < sellers else (spare, given)
            if parent[end_node] < 0 and parent[node] >= 0 and depth[node] == level and outward:
                parent[end_node], via[end_node], depth[end_node], found = node, -1, level + 1, True
            elif parent[node] < 0 and parent[end_node] >= 0 and depth[end_node] == level and inward:
                parent[node], via[node], depth[node], found = end_node, -1, level + 1, True
        level += 1
    return bool(parent[goal] >= 0)


def _push(start: int, goal: int, limit: float, graph: Any) -> float:
    """Shift as much as fits along the marked way, and say how much."""
    _, _, kwh, flow, meter, used, sellers, parent, via, _ = graph
    source = meter.size
    amount, node = limit, goal
    for shifting in (False, True):
        node = goal
        while node != start:
            before, e = parent[node], via[node]
            if e >= 0:
                forward = node >= sellers
                room = kwh[e] - flow[e] if forward else flow[e]
                if shifting:
                    flow[e] += amount if forward else -amount
            else:
                party = before if node >= source else node
                more = (before == source) if party < sellers else (node == source + 1)
                room = meter[party] - used[party] if more else used[party]
                if shifting:
                    used[party] += amount if more else -amount
            if not shifting:
                amount = min(amount, room)
            node = before
    return amount
