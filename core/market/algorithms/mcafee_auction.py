"""A double auction in which no order that trades sets a price, so that bidding one's true value is best."""

from __future__ import annotations

from core.market.auctions import mcafee
from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.orders import STRATEGY_PARAMETERS, OrderPrices
from core.market.settlement import Settlement

NAME = "McAfee auction"
SOURCE = "McAfee 1992, J. Econ. Theory 56; Huang, Scheller-Wolf, Sycara 2002, Computational Intelligence 18"
RANK = 80
FAMILY = "auction"
PARAMETERS = STRATEGY_PARAMETERS
EXEMPT = ("no_trade_left",)


def settle(dispatch: Dispatch, tariff: Tariff, *, strategy: str, alpha: float, beta: float, seed: int) -> Settlement:
    """The marginal buyer and seller give up their trade; buyers pay its bid, sellers get its ask."""
    prices = OrderPrices(dispatch, tariff, strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return Settlement.of_fills(dispatch, tariff, mcafee(dispatch.net_kwh, prices))
