"""Homes of which only the meter is known: import and export of a slot are two positions, not one netted.

A market works on columns. A household with load and solar is one column; a metered one is two while algorithms are at
work, its import and its export, and one again in every result.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.market.community import Community, FloatArray, IntArray

EXPORT = " (export)"
"""Behind the id of a metered household: the column of what it exports."""


def split(community: Community) -> Community:
    """The community with one more column, at the end, for the export of each metered household."""
    metered = np.flatnonzero(community.metered)
    if not metered.size:
        return community
    load, solar = community.load_kw.copy(), community.solar_kw.copy()
    exported = solar[:, metered]
    solar[:, metered] = 0.0
    of = np.concatenate([np.arange(community.households), metered])
    return replace(
        community,
        household_ids=(*community.household_ids, *(community.household_ids[i] + EXPORT for i in metered)),
        load_kw=np.hstack([load, np.zeros_like(exported)]),
        solar_kw=np.hstack([solar, exported]),
        pv_kw=community.pv_kw[of],
        metered=community.metered[of],
        positions=community.positions[of],
        household_of=of,
    )


def folded(values: FloatArray, community: Community) -> FloatArray:
    """`values` `[..., column]` of a split community by household, `[..., household]`: import and export added up."""
    main, export = export_columns(community)
    if not export.size:
        return values
    found = values[..., : values.shape[-1] - export.size].copy()
    found[..., main] += values[..., export]
    return found


def unfolded(net_kwh: FloatArray, flow_kwh: FloatArray, community: Community) -> FloatArray:
    """Positions `[slot, column]` after batteries took `flow_kwh` `[slot, household]` (negative: gave it).

    What is taken comes off the export first, and what is given off the import.
    """
    main, export = export_columns(community)
    households = flow_kwh.shape[1]
    found = net_kwh.copy()
    plain = np.setdiff1d(np.arange(households), main)
    found[:, plain] += flow_kwh[:, plain]
    flow, imported, exported = flow_kwh[:, main], net_kwh[:, main], -net_kwh[:, export]
    from_export = np.clip(flow, -np.maximum(-flow - imported, 0.0), exported)
    found[:, export] += from_export
    found[:, main] += flow - from_export
    return found


def export_columns(community: Community) -> tuple[IntArray, IntArray]:
    """The columns of import and of export of each metered household of a split community; none in others."""
    export = np.flatnonzero(community.household_of != np.arange(community.households))
    return community.household_of[export], export
