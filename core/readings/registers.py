"""Running totals: told from energy per interval by how they climb, and turned into it without a negative value."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np

from core.market.community import FloatArray

Kind = Literal["interval", "total", "restart"]
FEWEST = 8
"""Rises without which nothing is called a register."""
HAIR_SHARE = 0.2
"""A fall of at most this share of a usual rise is a glitch of the display, not another value."""
RESTART_SHARE = 0.25
"""A fall to below this share of the value before is a restart, at midnight or with a new meter."""


def kind_of(values: FloatArray) -> Kind:
    """What the values of a column are, `[reading]` in order of time: a total climbs but for restarts and hairs."""
    known = values[~np.isnan(values)]
    steps = np.diff(known)
    rises = steps[steps > 0]
    if len(rises) < FEWEST:
        return "interval"
    usual = float(np.median(rises))
    falls = steps < 0
    restart = falls & (known[1:] <= RESTART_SHARE * known[:-1]) & (known[:-1] >= 4 * usual)
    hair = falls & ~restart & (-steps <= np.maximum(HAIR_SHARE * usual, 1e-5 * known[:-1]))
    if (falls & ~restart & ~hair).any() or float(np.ptp(known)) < FEWEST * usual / 2:
        return "interval"
    if 4 * int(hair.sum() + restart.sum()) > len(rises):
        return "interval"
    return "restart" if restart.sum() > 0 else "total"


def counts_own(values: FloatArray) -> bool:
    """Whether the first value after a restart is that of a whole interval: the value stands for the interval it names.

    A counter that shows 0 at midnight stands at the start of its interval instead.
    """
    held, _, starts = _held(values)
    if len(starts) < 2:
        return False
    rises = np.diff(held)
    usual = float(np.median(rises[rises > 0])) if (rises > 0).any() else 0.0
    return bool(np.median(held[starts[1:]]) > 0.02 * usual)


def energies(values: FloatArray, *, own: bool) -> tuple[FloatArray, int]:
    """Energy of each interval, `[reading]`, NaN where it cannot be known, and how many restarts and hairs there were.

    own: the value includes the interval it names, and counting began with the first row: the energy is the rise up to
    the row. Else it is the rise after the row, and the last row before a restart, or of all, only ends the one before.
    """
    held, odd, starts = _held(values)
    found = np.full(len(held), np.nan)
    for first, end in pairwise([*starts, len(held)]):
        if own:
            found[first:end] = np.diff(held[first:end], prepend=0.0)
        else:
            found[first : end - 1] = np.diff(held[first:end])
    return found, odd


def _held(values: FloatArray) -> tuple[FloatArray, int, list[int]]:
    """The values with hairs held, how many restarts and hairs, and where each climb starts."""
    held = values.copy()
    rises = np.diff(values[~np.isnan(values)])
    usual = float(np.median(rises[rises > 0])) if (rises > 0).any() else 0.0
    odd, starts, last = 0, [0], np.nan
    for k, value in enumerate(values.tolist()):
        if np.isnan(value):
            continue
        if value < last:
            odd += 1
            if value <= RESTART_SHARE * last and last >= 4 * usual:
                starts.append(k)
            else:
                held[k] = value = last
        last = value
    return held, odd, starts
