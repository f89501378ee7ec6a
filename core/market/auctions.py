"""The auctions: one clearing, three ways to turn it into fills and prices.

Each takes net positions and order prices `[slot, household]` (a bid where the position is positive, an offer where it
is negative) and gives `Fills`; an order book typed by hand is a horizon of one slot.
"""

from __future__ import annotations

import numpy as np

from core.market.chunks import BySlots, blocks
from core.market.clearing import Clearing, clear
from core.market.community import FloatArray, IntArray
from core.market.orders import OrderPrices
from core.market.pairing import pair, queue
from core.market.settlement import Fills
from core.market.trade_reduction import reduce_trade


def uniform_price(net_kwh: FloatArray, order_price: BySlots, *, k: float) -> Fills:
    """Everyone filled trades at low + k·(high - low) of the clearing prices' interval. Chatterjee, Samuelson 1983."""
    cleared = _cleared(net_kwh, order_price)
    price = cleared.low_price + k * (cleared.high_price - cleared.low_price)
    return Fills(cleared.filled_kwh, order_price, price, price)


def pay_as_bid(net_kwh: FloatArray, order_price: BySlots, *, c: float) -> Fills:
    """Highest bid meets lowest ask; each pair trades at c·bid + (1 - c)·ask."""
    if isinstance(order_price, OrderPrices) and order_price.of(net_kwh):
        return order_price.shared(("pay_as_bid", c), lambda: _pay_as_bid(net_kwh, order_price, c))
    return _pay_as_bid(net_kwh, order_price, c)


def _pay_as_bid(net_kwh: FloatArray, order_price: BySlots, c: float) -> Fills:
    filled = _cleared(net_kwh, order_price).filled_kwh
    unit_price = pair_prices(filled, order_price, c=c)
    return Fills(filled, order_price, unit_price, unit_price, c)


def _cleared(net_kwh: FloatArray, order_price: BySlots) -> Clearing:
    """The clearing of these orders; auctions of one dispatch with equal orders share it."""
    if isinstance(order_price, OrderPrices) and order_price.of(net_kwh):
        return order_price.shared("clearing", lambda: clear(net_kwh, order_price))
    return clear(net_kwh, order_price)


def mcafee(net_kwh: FloatArray, order_price: BySlots) -> Fills:
    """Buyers pay and sellers get prices set by orders that do not trade at them; the operator keeps the difference.

    McAfee 1992 in slots where every order is one equal unit, else the multi-unit trade reduction of Huang,
    Scheller-Wolf, Sycara 2002.
    """
    cleared = _cleared(net_kwh, order_price)
    reduced = reduce_trade(net_kwh, order_price, cleared)
    return Fills(reduced.filled_kwh, order_price, reduced.buy_price, reduced.sell_price)


def pair_prices(filled_kwh: FloatArray, order_price: BySlots, *, c: float) -> FloatArray:
    """Mean price of a filled kWh, `[slot, household]`; equal orders of a slot get an equal price. 0 if not filled."""
    unit_price = np.zeros_like(filled_kwh)
    for part in blocks(*filled_kwh.shape):
        unit_price[part] = _block_prices(filled_kwh[part], order_price[part], c)
    return unit_price


def _block_prices(filled: FloatArray, price: FloatArray, c: float) -> FloatArray:
    unit_price = np.zeros_like(filled)
    trading = np.flatnonzero((filled > 0.0).any(axis=1))
    filled, price = filled[trading], price[trading]
    pairs = pair(filled, price)
    bid, ask = price[pairs.slot, pairs.buyer], price[pairs.slot, pairs.seller]
    money = (c * bid + (1.0 - c) * ask) * pairs.energy_kwh
    found = np.zeros_like(filled)
    for side, trader in ((filled > 0.0, pairs.buyer), (filled < 0.0, pairs.seller)):
        place = pairs.slot * filled.shape[1] + trader
        paid, energy = (_sums_at(place, values, filled.shape) for values in (money, pairs.energy_kwh))
        mean = _mean_over_ties(paid, energy, queue(np.where(side, 1.0, 0.0), price), price)
        found[side] = mean[side]
    unit_price[trading] = found
    return unit_price


def _sums_at(place: IntArray, values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Values added up by their flat place in an array of this shape."""
    sums = np.zeros(int(np.prod(shape)))
    np.add.at(sums, place, values)
    return sums.reshape(shape)


def _mean_over_ties(paid: FloatArray, energy: FloatArray, places: IntArray, price: FloatArray) -> FloatArray:
    """Money over energy, pooled over the orders of a slot that have the same price, `[slot, household]`."""
    sorted_price = np.take_along_axis(price, places, axis=1)
    starts = np.ones(price.shape, dtype=bool)
    starts[:, 1:] = sorted_price[:, 1:] != sorted_price[:, :-1]
    first, level = np.flatnonzero(starts), np.cumsum(starts) - 1
    pooled = [
        np.add.reduceat(np.take_along_axis(values, places, axis=1).ravel(), first)[level] for values in (paid, energy)
    ]
    mean = np.divide(pooled[0], pooled[1], out=np.zeros_like(pooled[0]), where=pooled[1] > 0.0)
    back = np.empty_like(paid)
    np.put_along_axis(back, places, mean.reshape(paid.shape), axis=1)
    return back
