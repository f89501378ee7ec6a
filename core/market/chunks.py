"""Whole horizons are worked through in blocks of slots that fit the processor's cache, so temporaries stay small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from core.market.community import FloatArray

BLOCK_VALUES = 16_384
"""Values of one array in a block: 128 KiB, so that a dozen of them fit a second-level cache."""


def blocks(slots: int, households: int) -> Iterator[slice]:
    """Consecutive slices over `slots` of about `BLOCK_VALUES / households` slots each."""
    step = max(1, BLOCK_VALUES // max(1, households))
    for start in range(0, slots, step):
        yield slice(start, min(start + step, slots))


class BySlots(Protocol):
    """Values `[slot, household]` that are asked for block by block: an array, or something that works them out."""

    def __getitem__(self, slots: slice, /) -> FloatArray:
        """The values of these slots."""
        ...
