"""What households bid and ask under a rulebook: reference prices, less charges and losses, in delivered kWh.

A buyer's bid is lowered by its charge; a seller's ask is raised by its charge and, with what is lost on the way, counts
per kWh that arrives. So every mechanism clears as it always does, and a pair trades while it still pays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import MarketError
from core.market.chunks import BySlots, blocks
from core.market.community import FloatArray
from core.market.dispatch import DUST_KWH, Dispatch
from core.market.orders import Draws, installed_kw
from core.market.rulebooks.form import Peer
from core.market.settlement import Fills

DECIMALS = 12
"""Orders are rounded to this, so that 7 - 0.21 meets 6.58 + 0.21."""
NEAR = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """The orders of a horizon.

    net_kwh: `[slot, column]`, delivered kWh: bids positive, offers (after losses) negative. import_price, export_price:
    `[slot, column]`, the reference prices of each column's household.
    """

    dispatch: Dispatch
    net_kwh: FloatArray
    import_price: BySlots
    export_price: BySlots
    peer: Peer

    def priced(
        self, *, strategy: str = "truthful", alpha: float = 0.0, beta: float = 0.0, seed: int = 0
    ) -> OrderPrices:
        """Bids and asks after charges and losses, by an order strategy."""
        return OrderPrices(self, strategy=strategy, alpha=alpha, beta=beta, seed=seed)

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and columns."""
        return self.net_kwh.shape[0], self.net_kwh.shape[1]

    def means(self) -> tuple[FloatArray, FloatArray]:
        """Mean truthful bid and mean truthful ask after charges and losses, weighted by energy, `[slot]`; NaN without
        a bid or an offer."""
        bid, ask = np.empty(self.net_kwh.shape[0]), np.empty(self.net_kwh.shape[0])
        prices = self.priced()
        for part in blocks(*self.shape):
            net, price = self.net_kwh[part], prices[part]
            buys, sells = np.maximum(net, 0.0), np.maximum(-net, 0.0)
            with np.errstate(invalid="ignore", divide="ignore"):
                bid[part] = (buys * price).sum(axis=1) / buys.sum(axis=1)
                ask[part] = (sells * price).sum(axis=1) / sells.sum(axis=1)
        return bid, ask

    def at_price(self, price: FloatArray) -> Fills:
        """Everybody for whom `price` `[slot]` pays takes part, once; they share the shorter side pro rata."""
        filled = np.zeros(self.shape)
        prices = self.priced()
        for part in blocks(*self.shape):
            net, order, at = self.net_kwh[part], prices[part], price[part, None]
            near = NEAR * np.maximum(1.0, np.abs(np.nan_to_num(at)))
            takes_part = np.where(net > 0.0, order >= at - near, order <= at + near) & np.isfinite(at)
            buys = np.where(takes_part, np.maximum(net, 0.0), 0.0)
            sells = np.where(takes_part, np.maximum(-net, 0.0), 0.0)
            demand, supply = buys.sum(axis=1), sells.sum(axis=1)
            traded = np.minimum(demand, supply)
            traded[traded < DUST_KWH] = 0.0
            filled[part] = buys * _share(traded, demand) - sells * _share(traded, supply)
        shown = np.where((filled > 0.0).any(axis=1), price, np.nan)
        return Fills(filled, prices, shown, shown)

    def unpriced(self) -> Fills:
        """Nobody trades."""
        nothing = np.full(self.net_kwh.shape[0], np.nan)
        return Fills(np.zeros(self.net_kwh.shape), self.priced(), nothing, nothing)


def at_mid_price(orders: Orders) -> Fills:
    """Halfway between the mean bid and the mean ask."""
    bid, ask = orders.means()
    return orders.at_price((bid + ask) / 2.0)


def at_supply_demand_ratio(orders: Orders, *, compensation: float) -> Fills:
    """The supply-demand ratio between mean bid and mean ask. Raises MarketError where the mean ask is negative."""
    bid, ask = orders.means()
    demand = np.maximum(orders.net_kwh, 0.0).sum(axis=1)
    supply = np.maximum(-orders.net_kwh, 0.0).sum(axis=1)
    both = (demand > 0.0) & (supply > 0.0)
    below = both & (ask < 0.0)
    if below.any():
        slot = int(np.argmax(below))
        raise MarketError(
            f"The supply-demand ratio is not defined in slot {slot}: sellers there ask {ask[slot]:g} on average,"
            " less than nothing.",
            fix="Compare other mechanisms, or other prices.",
        )
    floor = ask + compensation
    above = both & (floor > bid + NEAR) & (bid >= ask - NEAR)
    if compensation > 0.0 and above.any():
        slot = int(np.argmax(above))
        raise MarketError(
            f"compensation is {compensation:g}, and in slot {slot} the mean bid is only {bid[slot] - ask[slot]:g}"
            " above the mean ask."
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = supply / demand
        scarce = (bid - floor) * ratio + floor
        price = np.where(ratio > 1.0, floor, np.where(scarce > 0.0, bid * floor / scarce, bid))
    return orders.at_price(np.where(both & (bid >= ask - NEAR), price, np.nan))


class OrderPrices:
    """Bids and asks `[slot, column]` as they reach the market, worked out block by block."""

    def __init__(self, orders: Orders, *, strategy: str, alpha: float, beta: float, seed: int) -> None:
        self._orders, self._strategy, self._alpha, self._beta = orders, strategy, alpha, beta
        community = orders.dispatch.community
        self._roof_kw = installed_kw(community) if strategy == "solar_abundance" else None
        names = [community.household_ids[each] for each in community.household_of]
        self._draws = Draws(names, community.slot_starts(), seed) if strategy == "zero_intelligence" else None

    def __getitem__(self, slots: slice, /) -> FloatArray:
        """Bids and asks of these slots."""
        orders = self._orders
        high, low = orders.import_price[slots], orders.export_price[slots]
        bid, ask = high, low
        if self._draws is not None:
            bid = ask = low + (high - low) * self._draws[slots]
        elif self._roof_kw is not None:
            sun = np.minimum(orders.dispatch.community.solar_kw[slots] / self._roof_kw, 1.0)
            bid, ask = high - self._beta, np.maximum(low, high - self._alpha * sun)
        peer = orders.peer
        asked = (ask + peer.seller_charge) / (1.0 - peer.loss)
        found: FloatArray = np.where(orders.net_kwh[slots] > 0.0, bid - peer.buyer_charge, asked)
        return found.round(DECIMALS)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)[:, None]
