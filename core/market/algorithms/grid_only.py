"""Nobody trades: everyone buys from the grid at the retail price and sells to it at the feed-in price."""

from __future__ import annotations

import numpy as np

from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.rulebooks.orders import Orders
from core.market.settlement import Fills, Settlement

NAME = "Grid only"
SOURCE = "Zhou, Wu, Long 2018, Applied Energy 222, eq. 17"
RANK = 0
FAMILY = "bound"
COLOUR = "#868da3"
EXEMPT = ("no_trade_left",)


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """The baseline: C0_i = Σ_t (r·deficit - f·surplus)."""
    return Settlement.at_unit_prices(
        dispatch,
        tariff,
        buy_price=tariff.retail_price,
        sell_price=tariff.feed_in_price,
        traded_kwh=np.zeros(dispatch.community.slots),
    )


def under_rules(orders: Orders) -> Fills:
    """Nobody trades, whatever the grid's bills look like."""
    return orders.unpriced()
