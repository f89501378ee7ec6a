"""Energy goes to the nearest neighbour who needs it, pair by pair, at the price half-way between the grid's two."""

from __future__ import annotations

import numpy as np

from core.market.community import FloatArray, IntArray, Tariff
from core.market.dispatch import DUST_KWH, ROUNDING, Dispatch
from core.market.orders import OrderPrices
from core.market.pairing import Pairs, pair
from core.market.settlement import Fills, Settlement

NAME = "Nearest neighbour"
SOURCE = "The lab's own example of an algorithm that decides who trades with whom; distances: Sinnott 1984, haversine"
RANK = 55
FAMILY = "sharing"
COLOUR = "#e84c9a"
EARTH_KM = 6371.0
ROUNDING_KM = 1e-6


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """The nearest pair of a home in need and one with surplus trades first, then the next, until all is matched.

    Pairs at the same distance share pro rata, so names decide nothing; homes without a known position come last and
    share what is left pro rata.
    """
    need = np.ascontiguousarray(np.maximum(dispatch.net_kwh, 0.0).T)
    offer = np.ascontiguousarray(np.maximum(-dispatch.net_kwh, 0.0).T)
    found = [_level(need, offer, buyers, sellers) for buyers, sellers in _levels(dispatch, need, offer)]
    found.append(_all_that_is_left(need.T, offer.T))
    slot, buyer, seller, energy = (np.concatenate([part[i] for part in found]) for i in range(4))
    price = ((tariff.retail_price + tariff.feed_in_price) / 2.0)[slot]
    orders = OrderPrices(dispatch, tariff, strategy="truthful", alpha=0.0, beta=0.0, seed=0)
    fills = Fills.of_pairs(Pairs(slot, buyer, seller, energy, price), orders, shape=dispatch.net_kwh.shape)
    return Settlement.of_fills(dispatch, tariff, fills)


Found = tuple[IntArray, IntArray, IntArray, FloatArray]


def _levels(dispatch: Dispatch, need: FloatArray, offer: FloatArray) -> list[tuple[IntArray, IntArray]]:
    """Buyers and sellers of every distance at which anybody could trade, the nearest first."""
    distance, of = distances_km(dispatch.community.positions), dispatch.community.household_of
    distance[of[:, None] == of] = np.inf  # a metered home does not trade with itself
    buyer, seller = np.nonzero(
        np.isfinite(distance) & (need.max(axis=1) > 0.0)[:, None] & (offer.max(axis=1) > 0.0)[None, :]
    )
    apart = np.round(distance[buyer, seller] / ROUNDING_KM).astype(np.int64)
    order = np.argsort(apart, kind="stable")
    cuts = np.flatnonzero(np.diff(apart[order])) + 1
    return list(zip(np.split(buyer[order], cuts), np.split(seller[order], cuts), strict=True)) if order.size else []


def distances_km(positions: FloatArray) -> FloatArray:
    """Great-circle distance between every two positions `[household, 2]`; infinite where one is not known."""
    latitude, longitude = np.radians(positions).T
    across = np.sin((latitude[:, None] - latitude) / 2.0) ** 2
    along = np.cos(latitude[:, None]) * np.cos(latitude) * np.sin((longitude[:, None] - longitude) / 2.0) ** 2
    distance = 2.0 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(across + along, 1.0)))
    return np.where(np.isnan(distance), np.inf, distance)


def _level(need: FloatArray, offer: FloatArray, buyers: IntArray, sellers: IntArray) -> Found:
    """Trades of one distance, taken off `need` and `offer` `[household, slot]`.

    need·offer / max(all offers to this buyer, all needs before this seller): nobody gets more than wanted, equal homes
    get equal parts, and a lone pair trades all it can.
    """
    offered = {b: offer[sellers[buyers == b]].sum(axis=0) for b in np.unique(buyers).tolist()}
    needed = {s: need[buyers[sellers == s]].sum(axis=0) for s in np.unique(sellers).tolist()}
    rows, taken = [], []
    for buyer, seller in zip(buyers.tolist(), sellers.tolist(), strict=True):
        slots = np.flatnonzero((need[buyer] > 0.0) & (offer[seller] > 0.0))
        most = np.maximum(offered[buyer][slots], needed[seller][slots])
        taken.append(need[buyer][slots] * offer[seller][slots] / most)
        rows.append(slots)
    for buyer, seller, slots, energy in zip(buyers.tolist(), sellers.tolist(), rows, taken, strict=True):
        need[buyer, slots] = _less(need[buyer, slots], energy)
        offer[seller, slots] = _less(offer[seller, slots], energy)
    sizes = [slots.size for slots in rows]
    return np.concatenate(rows), np.repeat(buyers, sizes), np.repeat(sellers, sizes), np.concatenate(taken)


def _less(energy: FloatArray, taken: FloatArray) -> FloatArray:
    """What is left; what only rounding leaves is nothing."""
    left = energy - taken
    return np.where(left <= ROUNDING * energy, 0.0, left)


def _all_that_is_left(need: FloatArray, offer: FloatArray) -> Found:
    """The rest `[slot, household]`, shared pro rata by everybody."""
    demand, supply = need.sum(axis=1), offer.sum(axis=1)
    matched = np.where(np.minimum(demand, supply) < DUST_KWH, 0.0, np.minimum(demand, supply))
    of_need = np.divide(matched, demand, out=np.zeros_like(matched), where=demand > 0.0)[:, None]
    of_offer = np.divide(matched, supply, out=np.zeros_like(matched), where=supply > 0.0)[:, None]
    pairs = pair(need * of_need - offer * of_offer)
    return pairs.slot, pairs.buyer, pairs.seller, pairs.energy_kwh
