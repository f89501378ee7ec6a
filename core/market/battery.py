"""Greedy home batteries: they keep a home's surplus for its own later deficit, and never charge from the grid.

Luthander, Widén, Nilsson, Palm 2015, Applied Energy 142, for the rule.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.errors import MarketError
from core.market.chunks import blocks
from core.market.community import BoolArray, Community, FloatArray
from core.market.contract import Parameter
from core.market.dispatch import Dispatch, Storage, dispatch_of, own_use
from core.market.meters import export_columns, folded, unfolded
from core.market.passes import compiled_for

ORDERS = ("self_first", "market_first")
STARTS = ("cyclic", "empty")

BATTERY_PARAMETERS = (
    Parameter("capacity_kwh", 5.0, label="Battery size", unit="kWh", help="Usable size of each battery.", minimum=0.0),
    Parameter("power_kw", 2.5, label="Battery power", unit="kW", help="Most it charges or discharges.", minimum=0.0),
    Parameter(
        "charge_efficiency",
        0.95,
        label="Charging efficiency",
        unit="share",
        help="Kept while charging.",
        above=0.0,
        maximum=1.0,
    ),
    Parameter(
        "discharge_efficiency",
        0.95,
        label="Discharging efficiency",
        unit="share",
        help="Kept while discharging.",
        above=0.0,
        maximum=1.0,
    ),
    Parameter(
        "owners",
        "pv",
        label="Who has a battery",
        unit="",
        help='Who has one: "pv" (homes with PV), "all", or ids such as "HH001 HH004".',
    ),
    Parameter(
        "start",
        "cyclic",
        unit="",
        help="How full it is at first: as it ends (cyclic), or empty; then what is left at the end counts for nothing.",
        choices=STARTS,
    ),
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
    has = owners_of(community, owners)
    main, export = export_columns(community)
    has[main] |= has[export]
    has[export] = False
    return Storage(
        np.where(has, capacity_kwh, 0.0), np.where(has, power_kw, 0.0), charge_efficiency, discharge_efficiency
    )


def owners_of(community: Community, owners: str) -> BoolArray:
    """Who owns a battery, `[household]`: "pv", "all", "none", or ids separated by spaces or commas."""
    if owners == "all":
        return np.ones(community.households, dtype=bool)
    if owners == "none":
        return np.zeros(community.households, dtype=bool)
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


def greedy(community: Community, storage: Storage, *, order: str = "self_first", cyclic: bool = False) -> Dispatch:
    """Charge from own surplus, discharge for own deficit, in every slot as far as size and power allow.

    charge = min(surplus, P·h, (E - soc)/η_c); discharge = min(deficit, P·h, soc·η_d);
    soc += η_c·charge - discharge/η_d. "self_first" serves the battery before peers; "market_first" serves peers
    first, so that only what finds no peer reaches the battery. A metered home's battery sees import less export.

    cyclic: every battery starts with what it ends with; otherwise empty, unless `storage` says otherwise.
    """
    plain = own_use(community)
    net = folded(plain.net_kwh, community)
    households = net.shape[1]
    surplus_share = deficit_share = np.ones(community.slots)
    if order == "market_first":
        surplus_share = _left_over(plain.supply_kwh, plain.matched_kwh)
        deficit_share = _left_over(plain.demand_kwh, plain.matched_kwh)
    limit = storage.power_kw[:households] * community.slot_h
    battery = (storage.capacity_kwh[:households], limit, storage.charge_efficiency, storage.discharge_efficiency)
    start = storage.start_soc_kwh[:households] if storage.start_soc_kwh.size else np.zeros(households)
    compiled = compiled_for(net.size)
    store = compiled.store_greedily if compiled else store_in_numpy
    if cyclic:
        start = _cyclic_start(net, surplus_share, deficit_share, battery)
        level = start.copy()
        store(net.copy(), surplus_share, deficit_share, *battery, level, np.empty_like(net))
        start = level
    after, soc = net.copy(), np.empty_like(net)
    store(after, surplus_share, deficit_share, *battery, start.copy(), soc)
    if (exports := community.households - households) > 0:
        after = unfolded(plain.net_kwh, after - net, community)
        start, soc = np.pad(start, (0, exports)), np.pad(soc, ((0, 0), (0, exports)))
    filled = replace(storage, start_soc_kwh=start, soc_kwh=soc, cyclic=cyclic)
    return dispatch_of(community, after, storage=filled)


def _cyclic_start(
    net: FloatArray,
    surplus_share: FloatArray,
    deficit_share: FloatArray,
    battery: tuple[FloatArray, FloatArray, float, float],
) -> FloatArray:
    """A state of charge `[household]` from which one pass leads to the one that a horizon both starts and ends with.

    Every slot moves the charge by a fixed amount and keeps it within 0 and the battery's size, so all of them together
    do: end = min(max(start + A, L), U), A being the sum of the amounts. Where A > 0 only U ends as it started, and a
    full battery ends at U; elsewhere L does, and an empty battery ends at L.
    """
    capacity, limit, charge_efficiency, discharge_efficiency = battery
    gained = np.zeros(net.shape[1])
    for part in blocks(*net.shape):
        charge = np.minimum(np.maximum(-net[part], 0.0) * surplus_share[part, None], limit)
        discharge = np.minimum(np.maximum(net[part], 0.0) * deficit_share[part, None], limit)
        gained += (charge_efficiency * charge - discharge / discharge_efficiency).sum(axis=0)
    return np.where(gained > 0.0, capacity, 0.0)


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
