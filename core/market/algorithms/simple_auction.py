"""Sunny roofs ask less, everyone bids just below retail; highest bid meets lowest ask at the mid-point."""

from __future__ import annotations

from core.market.auctions import pay_as_bid
from core.market.chunks import BySlots
from core.market.community import FloatArray, Tariff
from core.market.dispatch import Dispatch
from core.market.orders import ALPHA, BETA, OrderPrices
from core.market.rulebooks.orders import Orders
from core.market.settlement import Fills, Settlement

NAME = "Simple auction"
SOURCE = "The project's own first algorithm"
RANK = 10
FAMILY = "auction"
COLOUR = "#059ce2"
PARAMETERS = (ALPHA, BETA)


def clear(net_kwh: FloatArray, order_price: BySlots) -> Fills:
    """Every slot's orders, each pair half-way between bid and ask."""
    return pay_as_bid(net_kwh, order_price, c=0.5)


def settle(dispatch: Dispatch, tariff: Tariff, *, alpha: float, beta: float) -> Settlement:
    """ask = max(f, r - α·min(solar_kw/pv_kw, 1)), bid = r - β; a pair trades while bid >= ask."""
    prices = OrderPrices(dispatch, tariff, strategy="solar_abundance", alpha=alpha, beta=beta, seed=0)
    return Settlement.of_fills(dispatch, tariff, clear(dispatch.net_kwh, prices))


def under_rules(orders: Orders, *, alpha: float, beta: float) -> Fills:
    """The same auction of orders that carry charges and losses; each home's own reference price is its base."""
    prices = orders.priced(strategy="solar_abundance", alpha=alpha, beta=beta)
    return clear(orders.net_kwh, prices)
