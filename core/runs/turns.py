"""Whose run is next: of those who wait, whoever has the fewest runs before it; within one's own, first come first."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping


def in_turn(queued: Iterable[tuple[str, str]], running: Mapping[str, int]) -> tuple[str, ...]:
    """The ids of queued runs in the order in which they will begin.

    queued: (run id, owner id), first come first. running: how many runs of each owner are under way.
    """
    waiting: defaultdict[str, deque[tuple[int, str]]] = defaultdict(deque)
    for place, (run_id, owner_id) in enumerate(queued):
        waiting[owner_id].append((place, run_id))
    before = Counter(running)
    heads = [(before[owner_id], mine[0][0], owner_id) for owner_id, mine in waiting.items()]
    heapq.heapify(heads)
    order = []
    while heads:
        runs_before, _, owner_id = heapq.heappop(heads)
        order.append(waiting[owner_id].popleft()[1])
        if waiting[owner_id]:
            heapq.heappush(heads, (runs_before + 1, waiting[owner_id][0][0], owner_id))
    return tuple(order)
