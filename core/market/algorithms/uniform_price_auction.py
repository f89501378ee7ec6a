"""A double auction at one price a slot, between the last orders that trade and the first that do not."""

from __future__ import annotations

from core.market.auctions import uniform_price
from core.market.community import Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch
from core.market.orders import STRATEGY_PARAMETERS, OrderPrices
from core.market.settlement import Settlement

NAME = "Uniform-price auction"
SOURCE = "Chatterjee, Samuelson 1983, Operations Research 31; Wilson 1985, Econometrica 53"
RANK = 60
FAMILY = "auction"
PARAMETERS = (
    Parameter("k", 0.5, unit="share", help="Where the price lies: 0 lowest, 1 highest.", minimum=0.0, maximum=1.0),
    *STRATEGY_PARAMETERS,
)


def settle(
    dispatch: Dispatch, tariff: Tariff, *, k: float, strategy: str, alpha: float, beta: float, seed: int
) -> Settlement:
    """price = low + k·(high - low) of the interval of clearing prices; the volume is the largest the orders allow."""
    prices = OrderPrices(dispatch, tariff, strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return Settlement.of_fills(dispatch, tariff, uniform_price(dispatch.net_kwh, prices, k=k))
