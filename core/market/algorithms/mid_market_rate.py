"""One price, halfway between the grid's two tariffs, for all energy that finds a peer."""

from __future__ import annotations

from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.rulebooks.orders import Orders, at_mid_price
from core.market.settlement import Fills, Settlement

NAME = "Mid-market rate"
SOURCE = "Long, Wu, Zhang, Thomas, Cheng, Jenkins 2017, IEEE PES General Meeting; Zhou 2018 eq. A25-A27"
RANK = 30
FAMILY = "sharing"
COLOUR = "#b25f4c"


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """Peers pay mid = (r + f)/2. The side with more energy blends in the grid's price for the rest.

    With demand D above supply G: sell = mid, buy = (mid·G + r·(D - G))/D; with G above D: buy = mid,
    sell = (mid·D + f·(G - D))/G. Both hold for a household's whole net position.
    """
    return Settlement.at_peer_price(dispatch, tariff, price=(tariff.retail_price + tariff.feed_in_price) / 2.0)


def under_rules(orders: Orders) -> Fills:
    """Halfway between the mean bid and the mean ask, for those whom that price suits."""
    return at_mid_price(orders)
