"""Double auctions over a whole horizon at once: who is filled, and between which prices the market clears.

One fact carries it. With D the total demand bid, the market clears at the lowest order price p at which all orders,
bids and offers alike, priced at or below p add up to at least D: supply(<= p) - demand(> p) is that sum less D. So the
clearing price is one weighted quantile of the orders' prices, and no pairing is needed to find it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.chunks import BySlots, blocks
from core.market.community import BoolArray, FloatArray
from core.market.dispatch import DUST_KWH, ROUNDING
from core.market.passes import compiled_for


@dataclass(frozen=True, slots=True, eq=False)
class Clearing:
    """The largest trade the orders allow, and the prices that support it.

    filled_kwh: `[slot, household]`, positive bought, negative sold. Orders that tie at the margin share it pro rata.
    volume_kwh: `[slot]`. low_price, high_price: `[slot]`, the interval of clearing prices, NaN without a trade:
        low = max(highest accepted offer, highest bid not fully filled),
        high = min(lowest accepted bid, lowest offer not fully filled).
    """

    filled_kwh: FloatArray
    volume_kwh: FloatArray
    low_price: FloatArray
    high_price: FloatArray


def clear(net_kwh: FloatArray, order_price: BySlots) -> Clearing:
    """Clear every slot. net_kwh `[slot, household]`: a bid where positive, an offer where negative; no dust."""
    compiled = compiled_for(net_kwh.size)
    if compiled is None:
        return clear_in_numpy(net_kwh, order_price)
    slots, households = net_kwh.shape
    out = Clearing(np.empty((slots, households)), np.empty(slots), np.empty(slots), np.empty(slots))
    for part in blocks(slots, households):
        where = (out.filled_kwh[part], out.volume_kwh[part], out.low_price[part], out.high_price[part])
        net, price = np.ascontiguousarray(net_kwh[part]), np.ascontiguousarray(order_price[part])
        compiled.clear_slots(net, price, DUST_KWH, ROUNDING, *where)
    return out


def clear_in_numpy(net_kwh: FloatArray, order_price: BySlots) -> Clearing:
    """`clear` without compiled code: the same to the last bit."""
    slots, households = net_kwh.shape
    out = Clearing(np.zeros((slots, households)), np.zeros(slots), np.full(slots, np.nan), np.full(slots, np.nan))
    for part in blocks(slots, households):
        _clear_block(net_kwh[part], order_price[part], out, part)
    return out


def _clear_block(net: FloatArray, price: FloatArray, out: Clearing, part: slice) -> None:
    bids, offers = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    demand, supply = _sums(bids), _sums(offers)
    dust = np.maximum(DUST_KWH, ROUNDING * demand)
    margin = _clearing_price(bids + offers, price, demand - dust)[:, None]
    above, below, level = price > margin, price < margin, price == margin
    bid_above, bid_level = _sums(np.where(above, bids, 0.0)), _sums(np.where(level, bids, 0.0))
    offer_below, offer_level = _sums(np.where(below, offers, 0.0)), _sums(np.where(level, offers, 0.0))
    volume = np.minimum(bid_above + bid_level, offer_below + offer_level)
    volume[(demand < DUST_KWH) | (supply < DUST_KWH) | (volume <= dust)] = 0.0
    trades = volume > 0.0
    bid_share = _share(volume - bid_above, bid_level, dust)
    offer_share = _share(volume - offer_below, offer_level, dust)
    bought = np.where(above, bids, np.where(level, bids * bid_share[:, None], 0.0))
    sold = np.where(below, offers, np.where(level, offers * offer_share[:, None], 0.0))
    filled = np.where(trades[:, None], bought - sold, 0.0)
    out.filled_kwh[part], out.volume_kwh[part] = filled, volume
    is_order = net != 0.0
    accepted_offer, accepted_bid = offer_share > 0.0, bid_share > 0.0
    bid_left, offer_left = (bid_level > 0.0) & (bid_share < 1.0), (offer_level > 0.0) & (offer_share < 1.0)
    # Orders below the margin are accepted offers or unfilled bids, those above accepted bids or unfilled offers.
    low = np.where(accepted_offer | bid_left, margin[:, 0], _highest(price, below & is_order))
    high = np.where(accepted_bid | offer_left, margin[:, 0], _lowest(price, above & is_order))
    out.low_price[part], out.high_price[part] = np.where(trades, low, np.nan), np.where(trades, high, np.nan)


def _sums(values: FloatArray) -> FloatArray:
    """Row sums added from left to right, as a compiled loop adds them: the results are the same to the last bit."""
    return np.cumsum(values, axis=1)[:, -1]


def _clearing_price(quantity: FloatArray, price: FloatArray, wanted: FloatArray) -> FloatArray:
    """The lowest price at or below which the quantities add up to `wanted`, `[slot]`."""
    order = np.argsort(price, axis=1)
    reached = np.cumsum(np.take_along_axis(quantity, order, axis=1), axis=1) >= wanted[:, None]
    reached[:, -1] = True
    first = np.argmax(reached, axis=1)[:, None]
    marginal = np.take_along_axis(order, first, axis=1)
    found: FloatArray = np.take_along_axis(price, marginal, axis=1)[:, 0]
    return found


def _share(wanted: FloatArray, there: FloatArray, dust: FloatArray) -> FloatArray:
    """Share of the marginal level that is filled, `[slot]`: 0 or 1 when within dust of it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(there > 0.0, wanted / there, 0.0)
    return np.where(wanted <= dust, 0.0, np.where(there - wanted <= dust, 1.0, share))


def _highest(price: FloatArray, where: BoolArray) -> FloatArray:
    highest: FloatArray = np.where(where, price, -np.inf).max(axis=1)
    return highest


def _lowest(price: FloatArray, where: BoolArray) -> FloatArray:
    lowest: FloatArray = np.where(where, price, np.inf).min(axis=1)
    return lowest
