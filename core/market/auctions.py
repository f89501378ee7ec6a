"""The auctions' settlements: one clearing, three ways to price it."""

from __future__ import annotations

import numpy as np

from core.market.chunks import blocks
from core.market.clearing import clear
from core.market.community import FloatArray, Tariff
from core.market.dispatch import Dispatch
from core.market.pairing import IntArray, pair, queue
from core.market.settlement import Fills, Settlement


def settle_pay_as_bid(dispatch: Dispatch, tariff: Tariff, *, order_price: FloatArray, bid_weight: float) -> Settlement:
    """Highest bid meets lowest ask; each pair trades at c·bid + (1 - c)·ask, c = `bid_weight`."""
    filled = clear(dispatch.net_kwh, order_price).filled_kwh
    unit_price = pair_prices(filled, order_price, bid_weight=bid_weight)
    return Settlement.of_fills(dispatch, tariff, Fills(filled, order_price, unit_price, unit_price, bid_weight))


def pair_prices(filled_kwh: FloatArray, order_price: FloatArray, *, bid_weight: float) -> FloatArray:
    """Mean price of a filled kWh, `[slot, household]`; equal orders of a slot get an equal price. 0 if not filled."""
    unit_price = np.zeros_like(filled_kwh)
    for part in blocks(*filled_kwh.shape):
        filled, price = filled_kwh[part], order_price[part]
        pairs = pair(filled, price)
        bid, ask = price[pairs.slot, pairs.buyer], price[pairs.slot, pairs.seller]
        money = (bid_weight * bid + (1.0 - bid_weight) * ask) * pairs.energy_kwh
        for sign, trader in ((1.0, pairs.buyer), (-1.0, pairs.seller)):
            place = pairs.slot * filled.shape[1] + trader
            paid, energy = (_sums_at(place, values, filled.shape) for values in (money, pairs.energy_kwh))
            side = sign * filled > 0.0
            mean = _mean_over_ties(paid, energy, queue(np.where(side, energy, 0.0), price), price)
            unit_price[part] = np.where(side, mean, unit_price[part])
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
    first = np.flatnonzero(starts)
    level = np.cumsum(starts) - 1
    pooled = [
        np.add.reduceat(np.take_along_axis(values, places, axis=1).ravel(), first)[level] for values in (paid, energy)
    ]
    mean = np.divide(pooled[0], pooled[1], out=np.zeros_like(pooled[0]), where=pooled[1] > 0.0)
    back = np.empty_like(paid)
    np.put_along_axis(back, places, mean.reshape(paid.shape), axis=1)
    return back
