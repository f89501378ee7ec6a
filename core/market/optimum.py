"""The least a community can pay with its batteries: a linear programme, and the prices its duals give.

Batteries with the same hours of storage (size over power) and efficiencies face the same programme, so they are
solved as one and share its plan in proportion to their size. That is exact, treats equal homes equally, and makes the
programme as small as the number of kinds of batteries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.errors import MarketError
from core.market.chunks import blocks
from core.market.community import Community, FloatArray, IntArray, Tariff
from core.market.dispatch import Dispatch, Storage, dispatch_of, own_use
from core.market.meters import export_columns, folded, unfolded

FEASIBILITY = 1e-9
"""HiGHS' tolerance for constraints and duals, kWh and currency/kWh."""
DECIMALS = 10
"""Net positions enter the programme rounded to this, so that another order of adding them up cannot change its plan."""


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """The linear programme in columns: what HiGHS is handed.

    Variables: import and export `[slot]`, then charge, discharge and state of charge `[kind, slot]`, all in kWh.
    Rows: the energy balance `[slot]`, whose duals are the prices, then the storage balance `[kind, slot]`.
    """

    cost: FloatArray
    upper: FloatArray
    right_side: FloatArray
    starts: IntArray
    rows: IntArray
    values: FloatArray
    slots: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """soc_kwh: `[kind, slot]` at the end of each slot; price: `[slot]`, the dual of the energy balance."""

    soc_kwh: FloatArray
    price: FloatArray


def optimum(community: Community, tariff: Tariff, storage: Storage, *, cyclic: bool = True) -> Dispatch:
    """The dispatch of least community cost, with its dual prices.

    Minimises Σ r·import - f·export; batteries may charge from peers and from the grid. cyclic: each battery ends as
    full as it starts, at whatever level is best; otherwise it starts empty and what is left at the end is worth
    nothing. Raises MarketError when HiGHS finds no optimum.
    """
    plain = own_use(community)
    kinds, kind_of = _kinds(storage, community.slot_h)
    net = np.round(plain.demand_kwh - plain.supply_kwh, DECIMALS)
    if kinds.shape[0] == 0 or (cyclic and community.slots == 1):
        middle = (tariff.retail_price + tariff.feed_in_price) / 2.0
        price = np.where(net == 0.0, middle, np.where(net > 0.0, tariff.retail_price, tariff.feed_in_price))
        plan = Plan(np.zeros((kinds.shape[0], community.slots)), price)
    else:
        plan = solve(programme(net, tariff, kinds=kinds, storage=storage, cyclic=cyclic))
    # HiGHS keeps f <= price <= r to its tolerance; within it the bound is the price.
    price = np.clip(plan.price, tariff.feed_in_price, tariff.retail_price)
    return replace(
        _shared_out(plain, plan, storage=storage, kinds=kinds, kind_of=kind_of, cyclic=cyclic), marginal_price=price
    )


def _kinds(storage: Storage, slot_h: float) -> tuple[FloatArray, IntArray]:
    """Size and energy a slot of each kind of battery `[kind, 2]`, kWh, and the kind of each household, -1 for none."""
    has = (storage.capacity_kwh > 0.0) & (storage.power_kw > 0.0)
    hours = np.divide(storage.capacity_kwh, storage.power_kw, out=np.zeros_like(storage.power_kw), where=has)
    of_kind, kind = np.unique(hours[has], return_inverse=True)
    kind_of = np.full(has.size, -1, dtype=np.int64)
    kind_of[has] = kind
    sizes = np.zeros((of_kind.size, 2))
    np.add.at(sizes, kind, np.stack([storage.capacity_kwh, storage.power_kw * slot_h], axis=1)[has])
    return sizes, kind_of


def programme(net_kwh: FloatArray, tariff: Tariff, *, kinds: FloatArray, storage: Storage, cyclic: bool) -> Programme:
    """The programme for the community's net position `[slot]` and batteries of these `kinds` `[kind, 2]`."""
    slots, number = net_kwh.size, kinds.shape[0]
    storing = number * slots
    balance, row = np.tile(np.arange(slots), number), slots + np.arange(storing)
    # A state of charge is in its own slot's storage balance and in the next one's; the last closes the circle.
    last = balance == slots - 1
    following = np.where(last, row - (slots - 1), row + 1)
    carried = np.stack([np.ones(storing, dtype=bool), ~last | cyclic], axis=1).ravel()
    entries = np.concatenate([np.ones(2 * slots), np.full(2 * storing, 2), 1 + carried[1::2]]).astype(np.int64)
    flows = _woven(balance, row)
    energy = np.repeat(kinds[:, 1], slots)
    return Programme(
        cost=np.concatenate([tariff.retail_price, -tariff.feed_in_price, np.zeros(3 * storing)]),
        upper=np.concatenate([np.full(2 * slots, np.inf), energy, energy, np.repeat(kinds[:, 0], slots)]),
        right_side=np.concatenate([net_kwh, np.zeros(storing)]),
        starts=np.concatenate([[0], np.cumsum(entries)]),
        rows=np.concatenate([balance[:slots], balance[:slots], flows, flows, _woven(row, following)[carried]]),
        values=np.concatenate(
            [
                np.ones(slots),
                -np.ones(slots),
                np.tile([-1.0, -storage.charge_efficiency], storing),
                np.tile([1.0, 1.0 / storage.discharge_efficiency], storing),
                np.tile([1.0, -1.0], storing)[carried],
            ]
        ),
        slots=slots,
    )


def _woven(first: IntArray, second: IntArray) -> IntArray:
    """first[0], second[0], first[1], second[1], …"""
    return np.stack([first, second], axis=1).ravel()


def solve(programme: Programme) -> Plan:
    """Solve with HiGHS' dual simplex method. Raises MarketError when it finds no optimum."""
    import highspy

    solver = solver_of(programme)
    solver.run()
    status = solver.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise MarketError(f"The optimum was not found: HiGHS says {solver.modelStatusToString(status)}.")
    solution, slots = solver.getSolution(), programme.slots
    storing = (programme.cost.size - 2 * slots) // 3
    soc = np.asarray(solution.col_value)[-storing:].reshape(-1, slots)
    return Plan(soc, np.asarray(solution.row_dual)[:slots])


def solver_of(programme: Programme) -> Any:
    """HiGHS with the programme in it, ready to run on one thread and silently."""
    import highspy

    # The solver without the modelling layer above it, which writes a banner to standard output.
    solver = highspy._Highs()  # type: ignore[attr-defined]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("primal_feasibility_tolerance", FEASIBILITY)
    solver.setOptionValue("dual_feasibility_tolerance", FEASIBILITY)
    columns, rows = programme.cost.size, programme.right_side.size
    solver.passModel(
        columns,
        rows,
        programme.values.size,
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,  # added to the cost
        programme.cost,
        np.zeros(columns),  # lower and upper bounds of the columns, then of the rows
        programme.upper,
        programme.right_side,
        programme.right_side,
        programme.starts.astype(np.int32),
        programme.rows.astype(np.int32),
        programme.values,
        np.zeros(columns, dtype=np.int32),  # no column is integer
    )
    return solver


def _shared_out(
    plain: Dispatch, plan: Plan, *, storage: Storage, kinds: FloatArray, kind_of: IntArray, cyclic: bool
) -> Dispatch:
    """Each household's part of its kind's plan, in proportion to its battery.

    Flows follow from the state of charge alone. Where energy is worth nothing the programme may charge and discharge
    at once to burn it; the same change of charge in one direction wastes less and costs no more.
    """
    soc_of_kind = np.clip(plan.soc_kwh.T, 0.0, kinds[:, 0])
    start_of_kind = soc_of_kind[-1:] if cyclic else np.zeros_like(soc_of_kind[-1:])
    change = np.diff(np.concatenate([start_of_kind, soc_of_kind]), axis=0)
    flow_of_kind = np.where(change > 0.0, change / storage.charge_efficiency, change * storage.discharge_efficiency)
    owner = np.flatnonzero(kind_of >= 0)
    kind = kind_of[owner]
    share = storage.capacity_kwh[owner] / kinds[kind, 0]
    net, soc, charged = plain.net_kwh.copy(), np.zeros_like(plain.net_kwh), np.zeros(plain.demand_kwh.size)
    split = export_columns(plain.community)[1].size > 0
    for part in blocks(*net.shape):
        flow = flow_of_kind[part][:, kind] * share
        own = folded(net[part], plain.community)
        charged[part] = np.maximum(flow - np.maximum(-own[:, owner], 0.0), 0.0).sum(axis=1)
        if split:
            flows = np.zeros_like(own)
            flows[:, owner] = flow
            net[part] = unfolded(net[part], flows, plain.community)
        else:
            net[part, owner] = own[:, owner] + flow
        soc[part, owner] = soc_of_kind[part][:, kind] * share
    start = np.zeros(net.shape[1])
    start[owner] = start_of_kind[0, kind] * share
    filled = replace(storage, start_soc_kwh=start, soc_kwh=soc, charges_from_grid=True, cyclic=cyclic)
    found = dispatch_of(plain.community, net, storage=filled)
    return replace(found, grid_charge_kwh=np.minimum(found.import_kwh, charged))
