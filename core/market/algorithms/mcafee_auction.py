"""A double auction in which no order that trades sets a price, so that bidding one's true value is best."""

from __future__ import annotations

from core.market.auctions import mcafee
from core.market.chunks import BySlots
from core.market.community import FloatArray, Tariff
from core.market.dispatch import Dispatch
from core.market.orders import STRATEGY_PARAMETERS, OrderPrices
from core.market.rulebooks.orders import Orders
from core.market.settlement import Fills, Settlement

NAME = "McAfee auction"
SOURCE = "McAfee 1992, J. Econ. Theory 56; Huang, Scheller-Wolf, Sycara 2002, Computational Intelligence 18"
RANK = 80
FAMILY = "auction"
COLOUR = "#3b62fb"
PARAMETERS = STRATEGY_PARAMETERS
EXEMPT = ("no_trade_left",)


def clear(net_kwh: FloatArray, order_price: BySlots) -> Fills:
    """Every slot's orders, less the marginal trade."""
    return mcafee(net_kwh, order_price)


def settle(dispatch: Dispatch, tariff: Tariff, *, strategy: str, alpha: float, beta: float, seed: int) -> Settlement:
    """The marginal buyer and seller give up their trade; buyers pay its bid, sellers get its ask."""
    prices = OrderPrices(dispatch, tariff, strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return Settlement.of_fills(dispatch, tariff, clear(dispatch.net_kwh, prices))


def under_rules(orders: Orders, *, strategy: str, alpha: float, beta: float, seed: int) -> Fills:
    """The same auction of orders that carry charges and losses."""
    return clear(orders.net_kwh, orders.priced(strategy=strategy, alpha=alpha, beta=beta, seed=seed))
