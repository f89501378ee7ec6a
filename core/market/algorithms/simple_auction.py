"""Sunny roofs ask less, everyone bids just below retail; highest bid meets lowest ask at the mid-point."""

from __future__ import annotations

from core.market.auctions import pay_as_bid
from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.orders import ALPHA, BETA, OrderPrices
from core.market.settlement import Settlement

NAME = "Simple auction"
SOURCE = "The project's own first algorithm"
RANK = 10
FAMILY = "auction"
PARAMETERS = (ALPHA, BETA)


def settle(dispatch: Dispatch, tariff: Tariff, *, alpha: float, beta: float) -> Settlement:
    """ask = max(f, r - α·min(solar_kw/pv_kw, 1)), bid = r - β; a pair trades while bid >= ask."""
    prices = OrderPrices(dispatch, tariff, strategy="solar_abundance", alpha=alpha, beta=beta, seed=0)
    return Settlement.of_fills(dispatch, tariff, pay_as_bid(dispatch.net_kwh, prices, c=0.5))
