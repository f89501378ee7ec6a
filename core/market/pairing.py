"""Walks two queues side by side: which buyer takes how much from which seller, for many slots at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray, IntArray

ROUNDING = 1e-12
"""Pairs below this share of their slot's volume come from rounding, not from orders."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Each entry is one pair: `slot`, `buyer` and `seller` are indices, `energy_kwh` what passes between them.

    price: of each pair, per kWh; None where prices are given by slot or household.
    """

    slot: IntArray
    buyer: IntArray
    seller: IntArray
    energy_kwh: FloatArray
    price: FloatArray | None = None

    def within(self, slots: slice) -> Pairs:
        """The pairs of these slots, counted from the first of them. Pairs must be in the order of their slots."""
        first, last = np.searchsorted(self.slot, (slots.start, slots.stop))
        part = slice(int(first), int(last))
        price = None if self.price is None else self.price[part]
        return Pairs(self.slot[part] - slots.start, self.buyer[part], self.seller[part], self.energy_kwh[part], price)

    def summed(self, shape: tuple[int, int], *, weight: FloatArray | float = 1.0) -> tuple[FloatArray, FloatArray]:
        """What each household buys and what it sells, `[slot, household]`, times `weight`."""
        energy, sums = self.energy_kwh * weight, np.zeros((2, *shape))
        for side, household in enumerate((self.buyer, self.seller)):
            np.add.at(sums[side], (self.slot, household), energy)
        return sums[0], sums[1]


def pair(filled_kwh: FloatArray, order_price: FloatArray | None = None) -> Pairs:
    """Pair buyers and sellers of every slot: highest bid meets lowest ask; without prices, in household order.

    filled_kwh `[slot, household]`: positive bought, negative sold, equal sums in each slot. At most one pair less
    than there are traders in a slot.
    """
    trading = np.flatnonzero((filled_kwh > 0.0).any(axis=1))
    filled_kwh = filled_kwh[trading]
    order_price = None if order_price is None else order_price[trading]
    households = filled_kwh.shape[1]
    bought, sold = np.maximum(filled_kwh, 0.0), np.maximum(-filled_kwh, 0.0)
    volume = bought.sum(axis=1)
    buyers = queue(bought, None if order_price is None else -order_price)
    sellers = queue(sold, order_price)
    ends = np.concatenate([_ends(bought, buyers), _ends(sold, sellers)], axis=1)
    order = np.argsort(ends, axis=1)
    ends = np.take_along_axis(ends, order, axis=1)
    of_buyer = order < households
    place_of_buyer = np.minimum(np.cumsum(of_buyer, axis=1) - of_buyer, households - 1)
    place_of_seller = np.minimum(np.cumsum(~of_buyer, axis=1) - ~of_buyer, households - 1)
    share = np.diff(ends, axis=1, prepend=0.0)
    slot, step = np.nonzero(share > ROUNDING)
    return Pairs(
        trading[slot],
        buyers[slot, place_of_buyer[slot, step]],
        sellers[slot, place_of_seller[slot, step]],
        share[slot, step] * volume[slot],
    )


def queue(energy: FloatArray, key: FloatArray | None) -> IntArray:
    """Households in the order they are served, `[slot, place]`; those without energy come last."""
    if key is None:
        key = np.broadcast_to(np.arange(energy.shape[1], dtype=np.float64), energy.shape)
    queue: IntArray = np.argsort(np.where(energy > 0.0, key, np.inf), axis=1)
    return queue


def _ends(energy: FloatArray, queue: IntArray) -> FloatArray:
    """Where each place of the queue ends, as a share of the slot's volume; exactly 1 at the end."""
    ends = np.cumsum(np.take_along_axis(energy, queue, axis=1), axis=1)
    total = ends[:, -1:]
    return np.divide(ends, total, out=np.ones_like(ends), where=total > 0.0)
