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


def energies(values: FloatArray, *, own_start: bool) -> tuple[FloatArray, int]:
    """Energy of each interval, `[reading]`, NaN where it cannot be known, and how many restarts and hairs there were.

    A total whose first value after a restart is that of a whole interval stands for the interval it names: the energy
    is the rise up to the row (own_start: the first row too begins at a restart). Else it is the rise after the row, and
    the last row only ends the one before it.
    """
    held, odd, starts = _held(values)
    after = held[starts[1:]] if len(starts) > 1 else np.zeros(0)
    rises = np.diff(held)
    usual = float(np.median(rises[rises > 0])) if (rises > 0).any() else 0.0
    counted = len(after) > 0 and float(np.median(after)) > 0.02 * usual and own_start
    found = np.full(len(held), np.nan)
    bounds = [*starts, len(held)]
    for first, end in pairwise(bounds):
        part = held[first:end]
        if counted:
            found[first:end] = np.diff(part, prepend=0.0)
        else:
            found[first : end - 1] = np.diff(part)
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
