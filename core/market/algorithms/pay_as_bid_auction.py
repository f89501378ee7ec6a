"""A double auction in which every matched pair trades at a price between its own bid and ask."""

from __future__ import annotations

from core.market.auctions import pay_as_bid
from core.market.community import Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch
from core.market.orders import STRATEGY_PARAMETERS, OrderPrices
from core.market.settlement import Settlement

NAME = "Pay-as-bid auction"
SOURCE = "The discriminatory double auction; allocation as in the uniform-price auction"
RANK = 70
FAMILY = "auction"
PARAMETERS = (
    Parameter("c", 0.5, unit="share", help="Weight of the bid: 1 pays the bid, 0 the ask.", minimum=0.0, maximum=1.0),
    *STRATEGY_PARAMETERS,
)


def settle(
    dispatch: Dispatch, tariff: Tariff, *, c: float, strategy: str, alpha: float, beta: float, seed: int
) -> Settlement:
    """Highest bid meets lowest ask while bid >= ask; each pair trades at c·bid + (1 - c)·ask."""
    prices = OrderPrices(dispatch, tariff, strategy=strategy, alpha=alpha, beta=beta, seed=seed)
    return Settlement.of_fills(dispatch, tariff, pay_as_bid(dispatch.net_kwh, prices, c=c))
