"""A double auction at one price a slot, between the last orders that trade and the first that do not."""

from __future__ import annotations

from core.market.auctions import uniform_price
from core.market.chunks import BySlots
from core.market.community import FloatArray, Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch
from core.market.orders import STRATEGY_PARAMETERS, OrderPrices
from core.market.rulebooks.orders import Orders
from core.market.settlement import Fills, Settlement

NAME = "Uniform-price auction"
SOURCE = "Chatterjee, Samuelson 1983, Operations Research 31; Wilson 1985, Econometrica 53"
RANK = 60
FAMILY = "auction"
COLOUR = "#7f5599"
PARAMETERS = (
    Parameter(
        "k",
        0.5,
        label="Place of the price (k)",
        unit="share",
        help="Where the price lies: 0 lowest, 1 highest.",
        minimum=0.0,
        maximum=1.0,
    ),
    *STRATEGY_PARAMETERS,
)


def clear(net_kwh: FloatArray, order_price: BySlots, *, k: float) -> Fills:
    """Every slot's orders at one price."""
    return uniform_price(net_kwh, order_price, k=k)


def settle(
    dispatch: Dispatch, tariff: Tariff, *, k: float, strategy: str, alpha: float, beta: float, seed: int
) -> Settlement:
    """price = low + k·(high - low) of the interval of clearing prices; the volume is the largest the orders allow."""
    prices = OrderPrices(dispatch, tariff, strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return Settlement.of_fills(dispatch, tariff, clear(dispatch.net_kwh, prices, k=k))


def under_rules(orders: Orders, *, k: float, strategy: str, alpha: float, beta: float, seed: int) -> Fills:
    """The same auction of orders that carry charges and losses."""
    prices = orders.priced(strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return clear(orders.net_kwh, prices, k=k)
