"""The two hot passes as compiled loops, cached on disk; each gives to the last bit what its NumPy twin gives.

Reached through `compiled_for` only: numba takes longer to import than a small community takes to settle.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from core.market.community import FloatArray

_compile = njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})


def _lowest_reaching(
    price: FloatArray,
    weight: FloatArray,
    wanted: float,
    pivot: float,
    below_price: FloatArray,
    below_weight: FloatArray,
    above_price: FloatArray,
    above_weight: FloatArray,
) -> float:
    """The lowest price at or below which the weights add up to `wanted`: a search that sorts nothing.

    Splits the candidates at a pivot, keeps the half that holds the answer, and goes on; `pivot` is a first guess and
    changes the speed only. Writes every candidate to both halves and advances one: no branch to mispredict.
    """
    counted, left = 0.0, price.size
    from_price, from_weight = price, weight
    while True:
        lighter = equal = 0.0
        below = above = 0
        for i in range(left):
            p, w = from_price[i], from_weight[i]
            below_price[below], below_weight[below] = p, w
            above_price[above], above_weight[above] = p, w
            below += p < pivot
            above += p > pivot
            lighter += w if p < pivot else 0.0
            equal += w if p == pivot else 0.0
        if counted + lighter >= wanted and below > 0:
            from_price, from_weight, left = below_price, below_weight, below
        elif counted + lighter + equal >= wanted or above == 0:
            return pivot
        else:
            counted += lighter + equal
            from_price, from_weight, left = above_price, above_weight, above
        first, middle, last = from_price[0], from_price[left >> 1], from_price[left - 1]
        pivot = max(min(first, middle), min(max(first, middle), last))


def _share(wanted: float, there: float, dust: float) -> float:
    """Share of the marginal level that is filled: 0 or 1 when within dust of it."""
    if wanted <= dust:
        return 0.0
    return 1.0 if there - wanted <= dust else wanted / there


_search = _compile(_lowest_reaching)
_level_share = _compile(_share)


def _clear_slot(
    orders: FloatArray,
    prices: FloatArray,
    dust_kwh: float,
    rounding: float,
    pivot: float,
    fill: FloatArray,
    work: FloatArray,
) -> tuple[float, float, float, float]:
    """One slot: volume, lowest and highest clearing price, and the margin as the next slot's first guess."""
    households = orders.size
    weight = work[0]
    demand = supply = 0.0
    for i in range(households):
        weight[i] = abs(orders[i])
        demand += max(orders[i], 0.0)
        supply += max(-orders[i], 0.0)
    dust = max(dust_kwh, rounding * demand)
    if demand < dust_kwh or supply < dust_kwh:
        fill[:] = 0.0
        return 0.0, np.nan, np.nan, pivot
    margin = _search(prices, weight, demand - dust, pivot, work[1], work[2], work[3], work[4])
    bid_above = bid_level = offer_below = offer_level = 0.0
    for i in range(households):
        x, p = orders[i], prices[i]
        bid_above += x if (x > 0.0) & (p > margin) else 0.0
        bid_level += x if (x > 0.0) & (p == margin) else 0.0
        offer_below += -x if (x < 0.0) & (p < margin) else 0.0
        offer_level += -x if (x < 0.0) & (p == margin) else 0.0
    most = min(bid_above + bid_level, offer_below + offer_level)
    if most <= dust:
        fill[:] = 0.0
        return 0.0, np.nan, np.nan, margin
    bid_share = _level_share(most - bid_above, bid_level, dust)
    offer_share = _level_share(most - offer_below, offer_level, dust)
    low, high = -np.inf, np.inf
    for i in range(households):
        x, p = orders[i], prices[i]
        inside = p > margin if x > 0.0 else p < margin
        share = bid_share if x > 0.0 else offer_share
        fill[i] = x if inside else (x * share if p == margin else 0.0)
        low = max(low, p if (p < margin) & (x != 0.0) else -np.inf)
        high = min(high, p if (p > margin) & (x != 0.0) else np.inf)
    if offer_share > 0.0 or (bid_level > 0.0 and bid_share < 1.0):
        low = margin
    if bid_share > 0.0 or (offer_level > 0.0 and offer_share < 1.0):
        high = margin
    return most, low, high, margin


clear_slot: Callable[..., tuple[float, float, float, float]] = _compile(_clear_slot)


def _clear_slots(
    net: FloatArray,
    price: FloatArray,
    dust_kwh: float,
    rounding: float,
    filled: FloatArray,
    volume: FloatArray,
    low_price: FloatArray,
    high_price: FloatArray,
) -> None:
    work = np.empty((5, net.shape[1]))
    margin = price[0, 0]
    for slot in range(net.shape[0]):
        volume[slot], low_price[slot], high_price[slot], margin = clear_slot(
            net[slot], price[slot], dust_kwh, rounding, margin, filled[slot], work
        )


def _store_greedily(
    net: FloatArray,
    surplus_share: FloatArray,
    deficit_share: FloatArray,
    capacity: FloatArray,
    limit: FloatArray,
    charge_efficiency: float,
    discharge_efficiency: float,
    level: FloatArray,
    soc: FloatArray,
) -> None:
    slots, households = net.shape
    for slot in range(slots):
        of_surplus, of_deficit = surplus_share[slot], deficit_share[slot]
        for i in range(households):
            x, held = net[slot, i], level[i]
            charge = min(min(max(-x, 0.0) * of_surplus, limit[i]), (capacity[i] - held) / charge_efficiency)
            discharge = min(min(max(x, 0.0) * of_deficit, limit[i]), held * discharge_efficiency)
            held = held + (charge_efficiency * charge - discharge / discharge_efficiency)
            held = max(min(held, capacity[i]), 0.0)
            level[i] = held
            soc[slot, i] = held
            net[slot, i] = x + (charge - discharge)


clear_slots: Callable[..., None] = _compile(_clear_slots)
store_greedily: Callable[..., None] = _compile(_store_greedily)
