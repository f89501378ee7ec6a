"""The scarcer the community's supply, the nearer its price to retail; abundance brings it down to feed-in."""

from __future__ import annotations

import numpy as np

from core.errors import MarketError
from core.market.community import FloatArray, Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch
from core.market.rulebooks.orders import Orders, at_supply_demand_ratio
from core.market.settlement import Fills, Settlement

NAME = "Supply-demand ratio"
SOURCE = (
    "Liu, Yu, Wang, Li, Ma, Lei 2017, IEEE Trans. Power Syst. 32(5);"
    " with compensation: Mello et al. 2023, Energies 16(4), eq. 22"
)
RANK = 40
FAMILY = "sharing"
COLOUR = "#bf1863"
PARAMETERS = (
    Parameter(
        "compensation",
        0.0,
        label="Compensation for peers",
        unit="₹/kWh",
        help="Added to the feed-in price for peers.",
        minimum=0.0,
    ),
)


def settle(dispatch: Dispatch, tariff: Tariff, *, compensation: float) -> Settlement:
    """With R = supply/demand <= 1 peers pay r·(f+c) / ((r-f-c)·R + f+c), with R > 1 f+c; c is the compensation."""
    return Settlement.at_peer_price(dispatch, tariff, price=peer_price(dispatch, tariff, compensation))


def require_room(tariff: Tariff, compensation: float) -> None:
    """Raises MarketError where the compensation is above r - f."""
    above = tariff.feed_in_price + compensation > tariff.retail_price + 1e-12
    if compensation > 0.0 and above.any():
        slot = int(np.argmax(above))
        room = float(tariff.retail_price[slot] - tariff.feed_in_price[slot])
        raise MarketError(
            f"compensation is {compensation:g}, and in slot {slot} retail less feed-in is {room:g}.",
            fix=f"Give 0 to {float((tariff.retail_price - tariff.feed_in_price).min()):g}.",
        )


def peer_price(dispatch: Dispatch, tariff: Tariff, compensation: float) -> FloatArray:
    """What peers pay peers, `[slot]`. Raises MarketError where the compensation is above r - f."""
    require_room(tariff, compensation)
    retail, floor = tariff.retail_price, tariff.feed_in_price + compensation
    demand, supply = dispatch.demand_kwh, dispatch.supply_kwh
    scarce = supply <= demand
    ratio = np.divide(supply, demand, out=np.zeros_like(demand), where=scarce & (demand > 0.0))
    denominator = (retail - floor) * ratio + floor
    price = np.divide(retail * floor, denominator, out=retail.copy(), where=denominator > 0.0)
    return np.where(scarce, price, floor)


def under_rules(orders: Orders, *, compensation: float) -> Fills:
    """The ratio's price between the mean bid and the mean ask, for those whom it suits."""
    return at_supply_demand_ratio(orders, compensation=compensation)
