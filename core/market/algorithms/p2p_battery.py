"""Home batteries keep the day's surplus for the evening; what is left trades at the mid-market rate."""

from __future__ import annotations

from core.market.battery import BATTERY_PARAMETERS, ORDERS, greedy, storage_of
from core.market.community import Community, Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch
from core.market.rulebooks.orders import Orders, at_mid_price
from core.market.settlement import Fills, Settlement

NAME = "P2P with battery"
SOURCE = "Luthander, Widén, Nilsson, Palm 2015, Applied Energy 142; then Long et al. 2017"
RANK = 20
FAMILY = "battery"
COLOUR = "#007505"
PARAMETERS = (
    *BATTERY_PARAMETERS,
    Parameter(
        "order",
        "self_first",
        label="Battery or peers first",
        unit="",
        help="Whether the battery or peers come first.",
        choices=ORDERS,
    ),
)
EXEMPT = ("additive_over_slots",)


def dispatch(
    community: Community,
    tariff: Tariff,
    *,
    capacity_kwh: float,
    power_kw: float,
    charge_efficiency: float,
    discharge_efficiency: float,
    owners: str,
    start: str,
    order: str,
) -> Dispatch:
    """Solar, load, own battery, peers, grid ("self_first"), or peers before the battery ("market_first")."""
    storage = storage_of(
        community,
        capacity_kwh=capacity_kwh,
        power_kw=power_kw,
        charge_efficiency=charge_efficiency,
        discharge_efficiency=discharge_efficiency,
        owners=owners,
    )
    return greedy(community, storage, order=order, cyclic=start == "cyclic")


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """The mid-market rate on the net positions that the batteries leave."""
    return Settlement.at_peer_price(dispatch, tariff, price=(tariff.retail_price + tariff.feed_in_price) / 2.0)


def under_rules(orders: Orders) -> Fills:
    """The mid-market rate among those whom it suits, on the positions that the batteries leave."""
    return at_mid_price(orders)
