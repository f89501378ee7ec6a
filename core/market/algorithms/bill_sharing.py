"""The community's grid bill is shared by energy: all buyers pay one price, all sellers get one, over the whole time."""

from __future__ import annotations

import numpy as np

from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.settlement import Settlement
from core.market.totals import ratio

NAME = "Bill sharing"
SOURCE = "Long, Wu, Zhang, Thomas, Cheng, Jenkins 2017, IEEE PES General Meeting"
RANK = 50
FAMILY = "sharing"
COLOUR = "#cf8027"
EXEMPT = ("price_bounds", "individual_rationality", "additive_over_slots")


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """buy = Σ r·(D - G)⁺ / Σ D, sell = Σ f·(G - D)⁺ / Σ G. What passes between peers is free: sellers can lose."""
    slots = dispatch.community.slots
    buy = ratio(float((tariff.retail_price * dispatch.import_kwh).sum()), float(dispatch.demand_kwh.sum()))
    sell = ratio(float((tariff.feed_in_price * dispatch.export_kwh).sum()), float(dispatch.supply_kwh.sum()))
    return Settlement.at_unit_prices(
        dispatch,
        tariff,
        buy_price=np.full(slots, np.nan_to_num(buy)),
        sell_price=np.full(slots, np.nan_to_num(sell)),
        traded_kwh=dispatch.matched_kwh,
        no_price="Bill sharing has no price per trade: only the grid's bill is shared.",
    )
