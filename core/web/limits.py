"""So many requests a second, with room for a burst: a bucket for every caller that refills steadily."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import TooManyRequestsError

CALLERS = 10_000
"""Buckets remembered; the one used longest ago is forgotten, which fills it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_s` requests a second for good, `burst` at once."""

    per_s: float
    burst: int


class Buckets:
    """One bucket for every caller. Used on one thread."""

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Take one request out of the caller's bucket. Raises TooManyRequestsError when it is empty."""
        now = self._clock()
        left, at = self._left.pop(caller, (float(self._rate.burst), now))
        left = min(float(self._rate.burst), left + (now - at) * self._rate.per_s)
        self._left[caller] = (max(0.0, left - 1), now) if left >= 1 else (left, now)
        if len(self._left) > CALLERS:
            self._left.popitem(last=False)
        if left < 1:
            wait_s = (1 - left) / self._rate.per_s
            raise TooManyRequestsError("Too many requests.", retry_after_s=wait_s, fix="Wait as Retry-After says.")
