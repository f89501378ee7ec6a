"""Trade reduction: the marginal buyer and seller give up their trade and set the price of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.chunks import BySlots, blocks
from core.market.clearing import Clearing
from core.market.community import BoolArray, FloatArray, IntArray
from core.market.dispatch import DUST_KWH, ROUNDING


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """filled_kwh `[slot, household]`, positive bought; buy_price >= sell_price `[slot]`, NaN without a trade."""

    filled_kwh: FloatArray
    buy_price: FloatArray
    sell_price: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One side of a block's books, best price first, at one price the largest order first; `[slot, place]`.

    price of the sellers, and of the buyers with its sign turned: lower is better on both sides. last: place of the
    marginal order, the last that the largest trade reaches, `[slot, 1]`.
    """

    order: IntArray
    quantity: FloatArray
    price: FloatArray
    last: IntArray

    @property
    def limit(self) -> FloatArray:
        """Price of the marginal order, `[slot]`."""
        found: FloatArray = np.take_along_axis(self.price, self.last, axis=1)[:, 0]
        return found

    def next_price(self) -> FloatArray:
        """Price of the order after the marginal one, `[slot]`; NaN where there is none."""
        after = np.minimum(self.last + 1, self.price.shape[1] - 1)
        there = (self.last + 1 < self.price.shape[1]) & (np.take_along_axis(self.quantity, after, axis=1) > 0.0)
        found: FloatArray = np.where(there, np.take_along_axis(self.price, after, axis=1), np.nan)[:, 0]
        return found

    def kept(self) -> FloatArray:
        """Quantities of the orders before the marginal one, `[slot, place]`."""
        return np.where(np.arange(self.price.shape[1]) < self.last, self.quantity, 0.0)

    def shared(self, kept: FloatArray) -> FloatArray:
        """`kept` with what the marginal price level keeps shared pro rata by all its orders, back by household."""
        level = (self.price == self.limit[:, None]) & (self.quantity > 0.0)
        there = np.where(level, self.quantity, 0.0).sum(axis=1, keepdims=True)
        stays = np.where(level, kept, 0.0).sum(axis=1, keepdims=True)
        share = np.divide(stays, there, out=np.zeros_like(there), where=there > 0.0)
        by_household = np.empty_like(kept)
        np.put_along_axis(by_household, self.order, np.where(level, self.quantity * share, kept), axis=1)
        return by_household


def reduce_trade(net_kwh: FloatArray, order_price: BySlots, cleared: Clearing) -> Reduced:
    """Trade reduction in every slot. net_kwh, order_price `[slot, household]`, `cleared` their largest trade.

    With K and L the marginal buyer and seller: the buyers before K and the sellers before L trade, buyers pay bid K,
    sellers get ask L. The longer side carries the excess in equal parts, nobody below nothing (Huang, Scheller-Wolf,
    Sycara 2002). Where every order is one equal unit and p0, half-way between the first bid and ask left out, lies
    within [ask K, bid K], all K pairs trade at p0 (McAfee 1992). Orders at the marginal price share what it keeps pro
    rata: they trade at their own price and gain nothing, so which of them trades how much matters to none.
    """
    slots = net_kwh.shape[0]
    out = Reduced(np.zeros_like(net_kwh), np.full(slots, np.nan), np.full(slots, np.nan))
    for part in blocks(*net_kwh.shape):
        rows = np.flatnonzero(cleared.volume_kwh[part] > 0.0)
        if rows.size:
            trading = part.start + rows
            filled, volume = cleared.filled_kwh[trading], cleared.volume_kwh[trading]
            reduced = _reduce_block(net_kwh[trading], order_price[part][rows], filled, volume)
            out.filled_kwh[trading] = reduced.filled_kwh
            out.buy_price[trading], out.sell_price[trading] = reduced.buy_price, reduced.sell_price
    return out


def _reduce_block(net: FloatArray, price: FloatArray, filled: FloatArray, volume: FloatArray) -> Reduced:
    buyers = _side(np.maximum(net, 0.0), -price, volume)
    sellers = _side(np.maximum(-net, 0.0), price, volume)
    bid, ask = -buyers.limit, sellers.limit
    middle = (sellers.next_price() - buyers.next_price()) / 2.0
    all_trade = _equal_units(net) & (ask <= middle) & (middle <= bid)
    bought, sold = _cut_to_the_shorter(buyers.kept(), sellers.kept())
    reduced = buyers.shared(bought) - sellers.shared(sold)
    none = (bought.sum(axis=1) < DUST_KWH) & ~all_trade
    return Reduced(
        np.where(all_trade[:, None], filled, np.where(none[:, None], 0.0, reduced)),
        np.where(all_trade, middle, np.where(none, np.nan, bid)),
        np.where(all_trade, middle, np.where(none, np.nan, ask)),
    )


def _side(quantity: FloatArray, price: FloatArray, volume: FloatArray) -> _Side:
    price = np.where(quantity > 0.0, price, np.inf)
    order = np.lexsort((-quantity, price), axis=1)
    quantity = np.take_along_axis(quantity, order, axis=1)
    reached = np.cumsum(quantity, axis=1) >= (volume - np.maximum(DUST_KWH, ROUNDING * volume))[:, None]
    return _Side(order, quantity, np.take_along_axis(price, order, axis=1), np.argmax(reached, axis=1)[:, None])


def _equal_units(net: FloatArray) -> BoolArray:
    """Whether all orders of a slot have the same quantity, `[slot]`."""
    quantity = np.abs(net)
    smallest = np.where(quantity > 0.0, quantity, np.inf).min(axis=1)
    equal: BoolArray = quantity.max(axis=1) - smallest <= DUST_KWH
    return equal


def _cut_to_the_shorter(bought: FloatArray, sold: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both sides `[slot, place]` with equal sums: the longer one carries its excess in equal parts."""
    excess = bought.sum(axis=1) - sold.sum(axis=1)
    return _less_equal_parts(bought, np.maximum(excess, 0.0)), _less_equal_parts(sold, np.maximum(-excess, 0.0))


def _less_equal_parts(quantity: FloatArray, excess: FloatArray) -> FloatArray:
    """`quantity` less `excess` `[slot]` in equal parts: max(quantity - part, 0), the part such that the sum fits."""
    ascending = np.sort(quantity, axis=1)
    places = quantity.shape[1]
    before = np.cumsum(ascending, axis=1) - ascending
    lost_if_part_is_this = before + ascending * (places - np.arange(places))
    excess = np.minimum(excess, lost_if_part_is_this[:, -1])  # all of it, whatever order it was added up in
    first = np.argmax(lost_if_part_is_this >= excess[:, None], axis=1)[:, None]
    part = (excess[:, None] - np.take_along_axis(before, first, axis=1)) / (places - first)
    left: FloatArray = np.maximum(quantity - part, 0.0)
    return left
