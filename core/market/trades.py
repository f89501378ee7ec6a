"""Pairwise trades of a settlement, on demand: for any range of slots, or a whole horizon, without a loop over pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.errors import TooLargeError
from core.market.chunks import blocks
from core.market.community import FloatArray, IntArray
from core.market.pairing import Pairs, pair, queue
from core.market.settlement import Fills, Settlement, columns

MOST_TRADES = 10_000_000
"""Trades given at once unless asked for more: 480 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """One entry a trade. slot, buyer, seller: indices; energy_kwh; prices per kWh, apart only where an operator
    keeps the difference."""

    slot: IntArray
    buyer: IntArray
    seller: IntArray
    energy_kwh: FloatArray
    buy_price: FloatArray
    sell_price: FloatArray

    def __len__(self) -> int:
        return int(self.slot.size)

    @property
    def price(self) -> FloatArray:
        """The trade's price: half-way where buyer and seller have different ones."""
        return (self.buy_price + self.sell_price) / 2.0


def trades_of(settlement: Settlement, slots: slice = slice(None), *, limit: int = MOST_TRADES) -> Trades:
    """The trades of these slots, which add up to every household's bought and sold energy and money.

    Where the algorithm decided who trades with whom, these are its pairs. Else, where a slot has one price, buyers and
    sellers are paired in household order, with the fewest trades; and where pairs have their own price, the highest bid
    meets the lowest ask and equal orders share each step pro rata.

    Raises TooLargeError when there are more than `limit`.
    """
    first, last, _ = slots.indices(settlement.dispatch.community.slots)
    found: list[Trades] = []
    count = 0
    for block in blocks(max(0, last - first), settlement.dispatch.community.households):
        part = slice(first + block.start, first + block.stop)
        trades = _block(settlement, part, limit - count)
        count += len(trades)
        if count > limit:
            raise _too_many(part, limit)
        found.append(trades)
    names = ("slot", "buyer", "seller", "energy_kwh", "buy_price", "sell_price")
    if not found:
        return Trades(*(np.zeros(0, dtype=np.int64),) * 3, *(np.zeros(0),) * 3)
    made = Trades(*(np.concatenate([getattr(trades, name) for trades in found]) for name in names))
    of = settlement.dispatch.community.household_of
    return replace(made, buyer=of[made.buyer], seller=of[made.seller])


def _too_many(part: slice, limit: int) -> TooLargeError:
    return TooLargeError(
        f"There are more than {limit:,} trades up to slot {part.stop}.", fix="Ask for fewer slots, or a higher limit."
    )


def _block(settlement: Settlement, part: slice, limit: int) -> Trades:
    if settlement.fills is not None:
        return trades_of_fills(settlement.fills, part, limit=limit)
    pairs = pair(_pro_rata(settlement, part))
    price = settlement.price[part][pairs.slot]
    return Trades(part.start + pairs.slot, pairs.buyer, pairs.seller, pairs.energy_kwh, price, price)


def trades_of_fills(fills: Fills, part: slice = slice(0, 1), *, limit: int = MOST_TRADES) -> Trades:
    """The trades that an auction's fills of a block of slots stand for; of the first slot unless told."""
    if fills.pairs is not None:
        pairs = fills.pairs.within(part)
        if pairs.slot.size > limit:
            raise _too_many(part, limit)
        if pairs.price is None:
            buy_price = columns(fills.buy_price[part])[pairs.slot, 0 if fills.buy_price.ndim == 1 else pairs.buyer]
            sell_price = columns(fills.sell_price[part])[pairs.slot, 0 if fills.sell_price.ndim == 1 else pairs.seller]
        else:
            buy_price = sell_price = pairs.price
    elif fills.pair_weight is None:
        pairs = pair(fills.filled_kwh[part])
        buy_price, sell_price = fills.buy_price[part][pairs.slot], fills.sell_price[part][pairs.slot]
    else:
        order = fills.order_price[part]
        pairs = _shared_by_ties(fills.filled_kwh[part], order, limit, part)
        bid, ask = order[pairs.slot, pairs.buyer], order[pairs.slot, pairs.seller]
        buy_price = sell_price = fills.pair_weight * bid + (1.0 - fills.pair_weight) * ask
    return Trades(part.start + pairs.slot, pairs.buyer, pairs.seller, pairs.energy_kwh, buy_price, sell_price)


def _pro_rata(settlement: Settlement, part: slice) -> FloatArray:
    """Every household's share of what its side trades, `[slot, household]`."""
    dispatch, q = settlement.dispatch, settlement.traded_kwh[part]
    demand, supply = dispatch.demand_kwh[part], dispatch.supply_kwh[part]
    of_demand = np.divide(q, demand, out=np.zeros_like(q), where=demand > 0.0)[:, None]
    of_supply = np.divide(q, supply, out=np.zeros_like(q), where=supply > 0.0)[:, None]
    net = dispatch.net_kwh[part]
    return net * np.where(net > 0.0, of_demand, of_supply)


@dataclass(frozen=True, slots=True, eq=False)
class _Levels:
    """Orders of one side grouped by price. level: `[slot, household]`, number of an order's group in all of the block;
    start, size: `[level]`, its members in `member`; share: `[slot, household]`, an order's part of its group."""

    level: IntArray
    start: IntArray
    size: IntArray
    member: IntArray
    share: FloatArray


def _shared_by_ties(filled: FloatArray, price: FloatArray, limit: int, part: slice) -> Pairs:
    """Pairs by price in which orders of one price take their part of every pair that their price level makes."""
    steps = pair(filled, price)
    buyers, sellers = _levels(np.maximum(filled, 0.0), -price), _levels(np.maximum(-filled, 0.0), price)
    of_buyer, of_seller = buyers.level[steps.slot, steps.buyer], sellers.level[steps.slot, steps.seller]
    if steps.slot.size == 0:
        return steps
    new = np.ones(of_buyer.size, dtype=bool)
    new[1:] = (of_buyer[1:] != of_buyer[:-1]) | (of_seller[1:] != of_seller[:-1])
    first = np.flatnonzero(new)
    energy = np.add.reduceat(steps.energy_kwh, first)
    slot, of_buyer, of_seller = steps.slot[first], of_buyer[first], of_seller[first]
    across = sellers.size[of_seller]
    pairs = buyers.size[of_buyer] * across
    if int(pairs.sum()) > limit:
        raise _too_many(part, limit)
    step = np.repeat(np.arange(first.size), pairs)
    inside = np.arange(step.size) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    buyer = buyers.member[buyers.start[of_buyer][step] + inside // across[step]]
    seller = sellers.member[sellers.start[of_seller][step] + inside % across[step]]
    shares = buyers.share[slot[step], buyer] * sellers.share[slot[step], seller]
    return Pairs(slot[step], buyer, seller, energy[step] * shares)


def _levels(energy: FloatArray, key: FloatArray) -> _Levels:
    places = queue(energy, key)
    in_order, amount = np.take_along_axis(key, places, axis=1), np.take_along_axis(energy, places, axis=1)
    new = np.ones(key.shape, dtype=bool)
    new[:, 1:] = (in_order[:, 1:] != in_order[:, :-1]) | ((amount[:, 1:] > 0.0) != (amount[:, :-1] > 0.0))
    start = np.flatnonzero(new)
    number = np.cumsum(new).reshape(key.shape) - 1
    total = np.add.reduceat(amount.ravel(), start)[number]
    level, share = np.empty_like(number), np.empty_like(energy)
    np.put_along_axis(level, places, number, axis=1)
    of_level = np.divide(amount, total, out=np.zeros_like(amount), where=total > 0.0)
    np.put_along_axis(share, places, of_level, axis=1)
    return _Levels(level, start, np.diff(np.append(start, key.size)), places.ravel(), share)
