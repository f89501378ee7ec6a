"""What physically flows: own use, batteries, and what each household is left needing or offering.

Everything here is independent of prices paid between households: it is computed once and shared by every settlement.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from core.market.chunks import blocks
from core.market.community import Community, FloatArray

DUST_KWH = 1e-9
"""Quantities below this neither trade nor set a price."""
ROUNDING = 1e-12
"""Of a sum of energies: what adding it up in another order may change, and so counts as nothing beside it."""


@dataclass(frozen=True, slots=True, eq=False)
class Dispatch:
    """Net position of every household in every slot, after its own solar and battery.

    net_kwh: `[slot, household]`, kWh; positive needs energy, negative offers it; below dust it is 0.
    demand_kwh, supply_kwh: `[slot]`, sums of the positive and of the negative net positions.
    grid_charge_kwh: `[slot]`, what batteries took from the grid; 0 unless the dispatch says otherwise.
    storage: batteries and their state of charge, None without.
    marginal_price: `[slot]`, what one more kWh would cost the community, where the dispatch is an optimum.
    shared: what settlements of this dispatch have worked out for each other, by what it was worked out from.
    """

    community: Community
    net_kwh: FloatArray
    demand_kwh: FloatArray
    supply_kwh: FloatArray
    grid_charge_kwh: FloatArray
    storage: Storage | None = None
    marginal_price: FloatArray | None = None
    shared: dict[Hashable, object] = field(default_factory=dict)

    @property
    def matched_kwh(self) -> FloatArray:
        """The most that can be traded, `[slot]`, kWh; dust does not trade."""
        return _above_dust(np.minimum(self.demand_kwh, self.supply_kwh), self.demand_kwh)

    @property
    def import_kwh(self) -> FloatArray:
        """What flows in at the community's connection, `[slot]`, kWh; below dust it is 0."""
        return _above_dust(self.demand_kwh - self.supply_kwh, self.demand_kwh)

    @property
    def export_kwh(self) -> FloatArray:
        """What flows out at the community's connection, `[slot]`, kWh; below dust it is 0."""
        return _above_dust(self.supply_kwh - self.demand_kwh, self.supply_kwh)


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Batteries of a community and what they did.

    capacity_kwh, power_kw: `[household]`, 0 for a household without one.
    charge_efficiency, discharge_efficiency: shares in (0, 1].
    start_soc_kwh: `[household]`; soc_kwh: `[slot, household]`, at the end of each slot.
    charges_from_grid: whether a battery may take more than its own home's surplus.
    cyclic: whether it had to start with what it ends with.
    """

    capacity_kwh: FloatArray
    power_kw: FloatArray
    charge_efficiency: float
    discharge_efficiency: float
    start_soc_kwh: FloatArray = field(default_factory=lambda: np.zeros(0))
    soc_kwh: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    charges_from_grid: bool = False
    cyclic: bool = False


def _above_dust(energy_kwh: FloatArray, beside_kwh: FloatArray) -> FloatArray:
    """0 where there is nothing but dust, or what rounding leaves of a sum as large as `beside_kwh`."""
    return np.where(energy_kwh < np.maximum(DUST_KWH, ROUNDING * beside_kwh), 0.0, energy_kwh)


def dispatch_of(community: Community, net_kwh: FloatArray, *, storage: Storage | None = None) -> Dispatch:
    """A dispatch from net positions `[slot, household]`, kWh; dust in `net_kwh` is set to 0 in place."""
    demand, supply = np.empty(community.slots), np.empty(community.slots)
    for part in blocks(*net_kwh.shape):
        net = net_kwh[part]
        net[np.abs(net) < DUST_KWH] = 0.0
        demand[part] = np.maximum(net, 0.0).sum(axis=1)
        supply[part] = np.maximum(-net, 0.0).sum(axis=1)
    return Dispatch(community, net_kwh, demand, supply, np.zeros(community.slots), storage)


def own_use(community: Community) -> Dispatch:
    """Solar serves the household's own load first; no battery. `load - solar`, in kWh."""
    net = np.empty_like(community.load_kw)
    for part in blocks(*net.shape):
        np.subtract(community.load_kw[part], community.solar_kw[part], out=net[part])
        net[part] *= community.slot_h
    return dispatch_of(community, net)
