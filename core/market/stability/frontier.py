"""Savings against fairness against stability: which mechanisms are beaten by another one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Point:
    """One mechanism. savings, worst_loss, gap: currency; gini of the homes' savings is the fairness that counts here,
    jain beside it. beaten_by: names of those that are at least as good in savings, Gini and gap and better in one."""

    algorithm_id: str
    name: str
    savings: float
    gini: float
    jain: float
    worst_loss: float
    gap: float
    beaten_by: tuple[str, ...] = ()


def frontier(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points in their order, each with those that beat it. A Gini index that is not defined is the worst."""
    return tuple(replace(each, beaten_by=tuple(o.name for o in points if _beats(o, each))) for each in points)


def _beats(one: Point, other: Point) -> bool:
    pairs = list(zip(_better_is_more(one), _better_is_more(other), strict=True))
    near = 1e-6 * max(1.0, abs(one.savings), abs(other.savings))
    tolerances = (near, 1e-9, near)
    return all(a >= b - t for (a, b), t in zip(pairs, tolerances, strict=True)) and any(
        a > b + t for (a, b), t in zip(pairs, tolerances, strict=True)
    )


def _better_is_more(point: Point) -> tuple[float, float, float]:
    return point.savings, -math.inf if math.isnan(point.gini) else -point.gini, -point.gap
