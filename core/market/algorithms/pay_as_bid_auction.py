"""A double auction in which every matched pair trades at a price between its own bid and ask."""

from __future__ import annotations

from core.market.auctions import pay_as_bid
from core.market.chunks import BySlots
from core.market.community import FloatArray, Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch
from core.market.orders import STRATEGY_PARAMETERS, OrderPrices
from core.market.rulebooks.orders import Orders
from core.market.settlement import Fills, Settlement

NAME = "Pay-as-bid auction"
SOURCE = "The discriminatory double auction; allocation as in the uniform-price auction"
RANK = 70
FAMILY = "auction"
COLOUR = "#4a7174"
PARAMETERS = (
    Parameter(
        "c",
        0.5,
        label="Weight of the bid (c)",
        unit="share",
        help="Weight of the bid: 1 pays the bid, 0 the ask.",
        minimum=0.0,
        maximum=1.0,
    ),
    *STRATEGY_PARAMETERS,
)


def clear(net_kwh: FloatArray, order_price: BySlots, *, c: float) -> Fills:
    """Every slot's orders, each pair at its own price."""
    return pay_as_bid(net_kwh, order_price, c=c)


def settle(
    dispatch: Dispatch, tariff: Tariff, *, c: float, strategy: str, alpha: float, beta: float, seed: int
) -> Settlement:
    """Highest bid meets lowest ask while bid >= ask; each pair trades at c·bid + (1 - c)·ask."""
    prices = OrderPrices(dispatch, tariff, strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return Settlement.of_fills(dispatch, tariff, clear(dispatch.net_kwh, prices, c=c))


def under_rules(orders: Orders, *, c: float, strategy: str, alpha: float, beta: float, seed: int) -> Fills:
    """The same auction of orders that carry charges and losses."""
    prices = orders.priced(strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return clear(orders.net_kwh, prices, c=c)
