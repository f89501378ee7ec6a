"""Batteries run for the whole community at the least cost possible, and prices under which nobody does better alone."""

from __future__ import annotations

from core.market.battery import BATTERY_PARAMETERS, storage_of
from core.market.community import Community, Tariff
from core.market.dispatch import Dispatch
from core.market.optimum import optimum
from core.market.settlement import Settlement

NAME = "Community optimum"
SOURCE = "Owen 1975, Mathematical Programming 9: no coalition can do better alone; solved with HiGHS"
RANK = 90
FAMILY = "bound"
COLOUR = "#9e927e"
HEAVY = True
PARAMETERS = BATTERY_PARAMETERS
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
) -> Dispatch:
    """The linear programme: least Σ r·import - f·export, cyclic or from empty batteries."""
    storage = storage_of(
        community,
        capacity_kwh=capacity_kwh,
        power_kw=power_kw,
        charge_efficiency=charge_efficiency,
        discharge_efficiency=discharge_efficiency,
        owners=owners,
    )
    return optimum(community, tariff, storage, cyclic=start == "cyclic")


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """bill_i = Σ_t λ_t·net_i,t at the dual prices λ of the energy balance; bills add up to the least cost."""
    assert dispatch.marginal_price is not None
    return Settlement.at_unit_prices(
        dispatch,
        tariff,
        buy_price=dispatch.marginal_price,
        sell_price=dispatch.marginal_price,
        traded_kwh=dispatch.matched_kwh,
        price=dispatch.marginal_price,
    )
