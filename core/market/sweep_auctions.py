"""Auctions as one compiled loop over slots: all that have equal orders share one clearing and one sorting.

The clearing is `core.market.compiled`'s, to the last bit. Orders are sorted only where a rule needs their order, and
within a slot: a year's sorting by NumPy would take longer than all else together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from core.market.community import FloatArray, IntArray
from core.market.compiled import _compile, clear_slot
from core.market.dispatch import DUST_KWH, ROUNDING
from core.market.sweep_kernel import GRID_COST, OPERATOR, TRADED, UNMET, UNTRADED, add_price

UNIFORM, PAIRS, REDUCTION = range(3)
"""Rules: at one price, each pair at its own, trade reduction."""
SOLAR, TRUTHFUL, RANDOM = range(3)
"""Order strategies."""


def _draw(stream: np.uint64, place: np.uint64) -> float:
    """SplitMix64's number of a stream at a place, as `core.market.orders.Draws` has it."""
    state = stream + place
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state = state ^ (state >> np.uint64(31))
    return float(state >> np.uint64(11)) * 2.0**-53


_drawn = _compile(_draw)


def _sort_side(order: IntArray, count: int, price: FloatArray, amount: FloatArray, sign: float) -> None:
    """Sort the first `count` of `order` by price (`sign` 1 lowest first), at one price the largest amount first."""
    keys = np.empty(count)
    for i in range(count):
        keys[i] = sign * price[order[i]]
    sorted_order = order[:count][np.argsort(keys)]
    first = 0
    while first < count:
        last = first + 1
        while last < count and price[sorted_order[last]] == price[sorted_order[first]]:
            last += 1
        if last - first > 1:
            group = sorted_order[first:last].copy()
            sizes = np.empty(last - first)
            for i in range(last - first):
                sizes[i] = -amount[group[i]]
            sorted_order[first:last] = group[np.argsort(sizes)]
        first = last
    order[:count] = sorted_order


_sort = _compile(_sort_side)


def _pay_pairs(
    buyers: IntArray,
    sellers: IntArray,
    fill: FloatArray,
    price: FloatArray,
    weight: float,
    unit: FloatArray,
    money: FloatArray,
    energy: FloatArray,
) -> None:
    """Unit price of each filled order in `unit`: highest bid meets lowest ask; orders of one price get one price."""
    bought = sold = 0.0
    for i in buyers:
        money[i] = energy[i] = 0.0
        bought += max(fill[i], 0.0)
    for i in sellers:
        money[i] = energy[i] = 0.0
        sold += max(-fill[i], 0.0)
    b = s = 0
    to_buyer, to_seller = max(fill[buyers[0]], 0.0), max(-fill[sellers[0]], 0.0)
    at = 0.0
    while True:
        buyer_end, seller_end = to_buyer / bought, to_seller / sold
        end = min(buyer_end, seller_end)
        share = end - at
        if share > ROUNDING:
            i, j = buyers[b], sellers[s]
            paid = (weight * price[i] + (1.0 - weight) * price[j]) * (share * bought)
            money[i] += paid
            money[j] += paid
            energy[i] += share * bought
            energy[j] += share * bought
        at = end
        if buyer_end <= seller_end:
            b += 1
            if b == buyers.size:
                break
            to_buyer += max(fill[buyers[b]], 0.0)
        else:
            s += 1
            if s == sellers.size:
                break
            to_seller += max(-fill[sellers[s]], 0.0)
    for side in (buyers, sellers):
        first = 0
        while first < side.size:
            last, paid, amount = first, 0.0, 0.0
            while last < side.size and price[side[last]] == price[side[first]]:
                paid += money[side[last]]
                amount += energy[side[last]]
                last += 1
            for place in range(first, last):
                unit[side[place]] = paid / amount if amount > 0.0 else 0.0
            first = last


_pairs = _compile(_pay_pairs)


def _kept_of(side: IntArray, amount: FloatArray, volume: float, kept: FloatArray) -> tuple[int, float]:
    """Place of the marginal order of a sorted side, and what those before it trade; `kept` by place."""
    wanted, total, last = volume - max(DUST_KWH, ROUNDING * volume), 0.0, 0
    for place in range(side.size):
        total += amount[side[place]]
        last = place
        if total >= wanted:
            break
    before = 0.0
    for place in range(last):
        kept[place] = amount[side[place]]
        before += kept[place]
    return last, before


def _cut(kept: FloatArray, count: int, excess: float) -> None:
    """`kept` less `excess` in equal parts, nobody below nothing."""
    rising = np.sort(kept[:count])
    before, part = 0.0, 0.0
    for place in range(count):
        part = (excess - before) / (count - place)
        if before + rising[place] * (count - place) >= excess:
            break
        before += rising[place]
    for place in range(count):
        kept[place] = max(kept[place] - part, 0.0)


def _share_level(
    side: IntArray, last: int, amount: FloatArray, price: FloatArray, kept: FloatArray, out: FloatArray, sign: float
) -> None:
    """What each order of a side trades in `out`: kept, and at the marginal price pro rata."""
    limit, there, stays = price[side[last]], 0.0, 0.0
    for place in range(side.size):
        if price[side[place]] == limit:
            there += amount[side[place]]
            stays += kept[place] if place < last else 0.0
    share = stays / there if there > 0.0 else 0.0
    for place in range(side.size):
        i = side[place]
        traded = amount[i] * share if price[i] == limit else (kept[place] if place < last else 0.0)
        out[i] = sign * traded


_kept, _cut_parts, _share_out = _compile(_kept_of), _compile(_cut), _compile(_share_level)


def _reduce(
    buyers: IntArray,
    sellers: IntArray,
    amount: FloatArray,
    price: FloatArray,
    volume: float,
    fill: FloatArray,
    out: FloatArray,
    kept: FloatArray,
) -> tuple[float, float]:
    """Trade reduction: what each household trades in `out`, and the buyers' and sellers' price; NaN without a trade."""
    least, most = np.inf, 0.0
    for side in (buyers, sellers):
        for i in side:
            least, most = min(least, amount[i]), max(most, amount[i])
    last_buyer, bought = _kept(buyers, amount, volume, kept[0])
    last_seller, sold = _kept(sellers, amount, volume, kept[1])
    bid, ask = price[buyers[last_buyer]], price[sellers[last_seller]]
    if most - least <= DUST_KWH and last_buyer + 1 < buyers.size and last_seller + 1 < sellers.size:
        middle = (price[buyers[last_buyer + 1]] + price[sellers[last_seller + 1]]) / 2.0
        if ask <= middle <= bid:
            out[:] = fill
            return middle, middle
    if bought > sold:
        _cut_parts(kept[0], last_buyer, min(bought - sold, bought))
    elif sold > bought:
        _cut_parts(kept[1], last_seller, min(sold - bought, sold))
    out[:] = 0.0
    trading = 0.0
    for place in range(last_buyer):
        trading += kept[0, place]
    if trading < DUST_KWH:
        return np.nan, np.nan
    _share_out(buyers, last_buyer, amount, price, kept[0], out, 1.0)
    _share_out(sellers, last_seller, amount, price, kept[1], out, -1.0)
    return bid, ask


_reduced = _compile(_reduce)


def _book(
    fill: FloatArray, buy: FloatArray, sell: FloatArray, r: float, f: float, bill: FloatArray
) -> tuple[float, ...]:
    """Move filled energy from the grid's prices to the peers'; bought, sold, paid and earned by all."""
    bought = sold = paid = earned = 0.0
    for i in range(fill.size):
        x = fill[i]
        if x > 0.0:
            bought += x
            paid += buy[i] * x
            bill[i] += (buy[i] - r) * x
        elif x < 0.0:
            sold -= x
            earned -= sell[i] * x
            bill[i] += (sell[i] - f) * x
    return bought, sold, paid, earned


_booked = _compile(_book)


def _auctions(
    net: FloatArray,
    both: FloatArray,
    prices: FloatArray,
    solar_kw: FloatArray,
    roof_kw: FloatArray,
    strategy: int,
    alpha: float,
    beta: float,
    stream: npt.NDArray[np.uint64],
    place: npt.NDArray[np.uint64],
    rules: IntArray,
    weights: FloatArray,
    bills: FloatArray,
    sums: FloatArray,
) -> None:
    """Auctions `[rule]` of the same orders: one clearing and one sorting for all; bills `[rule, household]`."""
    slots, households = net.shape
    price, fill, out = np.empty(households), np.empty(households), np.empty(households)
    buy, sell = np.empty(households), np.empty(households)
    amount, money, energy = np.empty(households), np.empty(households), np.empty(households)
    work, kept = np.empty((5, households)), np.empty((2, households))
    buyer, seller = np.empty(households, np.int64), np.empty(households, np.int64)
    grid = np.zeros(households)
    pivot, sorting = 0.0, False
    for rule in rules:
        sorting = sorting or rule != UNIFORM
    for slot in range(slots):
        r, f, d, s = prices[0, slot], prices[1, slot], both[0, slot], both[1, slot]
        matched = min(d, s)
        matched = 0.0 if matched < max(DUST_KWH, ROUNDING * d) else matched
        orders = net[slot]
        for i in range(households):
            grid[i] += r * orders[i] if orders[i] > 0.0 else f * orders[i]
        volume = low = high = 0.0
        if d >= DUST_KWH and s >= DUST_KWH:
            for i in range(households):
                if strategy == RANDOM:
                    price[i] = f + (r - f) * _drawn(stream[i], place[slot])
                elif strategy == TRUTHFUL:
                    price[i] = r if orders[i] > 0.0 else f
                elif orders[i] > 0.0:
                    price[i] = r - beta
                else:
                    price[i] = max(f, r - alpha * min(solar_kw[slot, i] / roof_kw[i], 1.0))
            volume, low, high, pivot = clear_slot(orders, price, DUST_KWH, ROUNDING, pivot, fill, work)
        buyers, sellers = buyer[:0], seller[:0]
        if volume > 0.0 and sorting:
            b = n = 0
            for i in range(households):
                amount[i] = abs(orders[i])
                if orders[i] > 0.0:
                    buyer[b] = i
                    b += 1
                elif orders[i] < 0.0:
                    seller[n] = i
                    n += 1
            _sort(buyer, b, price, amount, -1.0)
            _sort(seller, n, price, amount, 1.0)
            buyers, sellers = buyer[:b], seller[:n]
        for rule in range(rules.size):
            bought = sold = paid = earned = 0.0
            if volume > 0.0:
                out[:] = fill
                if rules[rule] == UNIFORM:
                    buy[:] = sell[:] = low + weights[rule] * (high - low)
                elif rules[rule] == PAIRS:
                    _pairs(buyers, sellers, fill, price, weights[rule], buy, money, energy)
                    sell[:] = buy
                else:
                    pays, gets = _reduced(buyers, sellers, amount, price, volume, fill, out, kept)
                    buy[:], sell[:] = pays, gets
                bought, sold, paid, earned = _booked(out, buy, sell, r, f, bills[rule])
            of = sums[rule]
            of[TRADED] += bought
            of[UNTRADED] += matched - bought
            of[UNMET] += d - bought
            of[GRID_COST] += r * (d - bought) - f * (s - bought)
            of[OPERATOR] += paid - earned if rules[rule] == REDUCTION else 0.0
            if bought > 0.0:
                add_price(of, (paid / bought + earned / sold) / 2.0, bought)
    for rule in range(rules.size):
        bills[rule] += grid


auctions: Callable[..., None] = _compile(_auctions)
