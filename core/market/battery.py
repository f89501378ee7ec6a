"""Greedy home batteries: they keep a home's surplus for its own later deficit, and never charge from the grid.

Luthander, Widén, Nilsson, Palm 2015, Applied Energy 142, for the rule.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.errors import MarketError
from core.market.community import BoolArray, Community, FloatArray
from core.market.contract import Parameter
from core.market.dispatch import Dispatch, Storage, dispatch_of, own_use
from core.market.passes import compiled_for

ORDERS = ("self_first", "market_first")

BATTERY_PARAMETERS = (
    Parameter("capacity_kwh", 5.0, unit="kWh", help="Usable size of each battery.", minimum=0.0),
    Parameter("power_kw", 2.5, unit="kW", help="Most it charges or discharges.", minimum=0.0),
    Parameter("charge_efficiency", 0.95, unit="share", help="Kept while charging.", above=0.0, maximum=1.0),
    Parameter("discharge_efficiency", 0.95, unit="share", help="Kept while discharging.", above=0.0, maximum=1.0),
    Parameter("owners", "pv", unit="", help='Who has one: "pv" (homes with PV), "all", or ids such as "HH001 HH004".'),
)


def storage_of(
    community: Community,
    *,
    capacity_kwh: float,
    power_kw: float,
    charge_efficiency: float,
    discharge_efficiency: float,
    owners: str,
) -> Storage:
    """The same battery for every owner. Raises MarketError for an owner the community does not have."""
    has = owners_of(community, owners).astype(np.float64)
    return Storage(has * capacity_kwh, has * power_kw, charge_efficiency, discharge_efficiency)


def owners_of(community: Community, owners: str) -> BoolArray:
    """Who owns a battery, `[household]`: "pv", "all", or ids separated by spaces or commas."""
    if owners == "all":
        return np.ones(community.households, dtype=bool)
    if owners == "pv":
        with_pv: BoolArray = (community.pv_kw > 0.0) | (community.solar_kw.max(axis=0) > 0.0)
        return with_pv
    wanted = set(owners.replace(",", " ").split())
    unknown = sorted(wanted - set(community.household_ids))
    if unknown:
        raise MarketError(
            f'owners names "{unknown[0][:80]}", which is not a household of this community'
            f" ({community.household_ids[0]} … {community.household_ids[-1]}).",
            fix='Give "pv", "all", or ids separated by spaces.',
        )
    return np.array([household_id in wanted for household_id in community.household_ids])


def greedy(community: Community, storage: Storage, *, order: str = "self_first") -> Dispatch:
    """Charge from own surplus, discharge for own deficit, in every slot as far as size and power allow.

    charge = min(surplus, P·h, (E - soc)/η_c); discharge = min(deficit, P·h, soc·η_d);
    soc += η_c·charge - discharge/η_d. "self_first" serves the battery before peers; "market_first" serves peers
    first, so that only what finds no peer reaches the battery. Starts empty unless `storage` says otherwise.
    """
    plain = own_use(community)
    surplus_share = deficit_share = np.ones(community.slots)
    if order == "market_first":
        surplus_share = _left_over(plain.supply_kwh, plain.matched_kwh)
        deficit_share = _left_over(plain.demand_kwh, plain.matched_kwh)
    start = storage.start_soc_kwh if storage.start_soc_kwh.size else np.zeros(community.households)
    net, soc = plain.net_kwh, np.empty_like(plain.net_kwh)
    store = compiled.store_greedily if (compiled := compiled_for(net.size)) else store_in_numpy
    store(
        net,
        surplus_share,
        deficit_share,
        storage.capacity_kwh,
        storage.power_kw * community.slot_h,
        storage.charge_efficiency,
        storage.discharge_efficiency,
        start.copy(),
        soc,
    )
    filled = replace(storage, start_soc_kwh=start, soc_kwh=soc)
    return dispatch_of(community, net, storage=filled)


def _left_over(total: FloatArray, matched: FloatArray) -> FloatArray:
    """Share of `total` that is not matched, `[slot]`; 1 where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0.0, 1.0 - matched / total, 1.0)


def store_in_numpy(
    net: FloatArray,
    surplus_share: FloatArray,
    deficit_share: FloatArray,
    capacity: FloatArray,
    limit: FloatArray,
    charge_efficiency: float,
    discharge_efficiency: float,
    level: FloatArray,
    soc: FloatArray,
) -> None:
    """The greedy rule slot by slot, all households at once.

    Turns `net` `[slot, household]` into the net position after the battery and fills in `soc`; `level` `[household]` is
    the state of charge before the first slot, and after the last in the end.
    """
    for slot in range(net.shape[0]):
        surplus, deficit = np.maximum(-net[slot], 0.0) * surplus_share[slot], np.maximum(net[slot], 0.0)
        charge = np.minimum(np.minimum(surplus, limit), (capacity - level) / charge_efficiency)
        discharge = np.minimum(np.minimum(deficit * deficit_share[slot], limit), level * discharge_efficiency)
        held = level + (charge_efficiency * charge - discharge / discharge_efficiency)
        level[:] = np.maximum(np.minimum(held, capacity), 0.0)
        soc[slot] = level
        net[slot] += charge - discharge
