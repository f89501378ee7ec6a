"""Who carries a community, and which kind of next home adds most to it: both from the community's own profiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.battery import greedy
from core.market.community import BoolArray, Community, FloatArray, IntArray, Tariff
from core.market.dispatch import Storage, own_use

EVENING = (17, 22)
"""Hours of the local day that count as evening, the last one not included."""
BATTERY_KWH, BATTERY_KW, EFFICIENCY = 5.0, 2.5, 0.95


@dataclass(frozen=True, slots=True)
class NextHome:
    """One kind of home to invite.

    adds: currency, what the community with one more such home saves beyond what it saves now, the mean over the homes
        whose profiles it is taken from. best_adds: the same for the profile that adds most, that of `best`.
    """

    kind: str
    label: str
    profiles: int
    adds: float
    best: str
    best_adds: float


def next_homes(community: Community, tariff: Tariff, hour: IntArray | None = None) -> tuple[NextHome, ...]:
    """Every kind the community has profiles for, the one that adds most first. hour: `[slot]`, of the local day."""
    plain = own_use(community).net_kwh
    roof = community.solar_kw.max(axis=0) > 0.0
    kinds: list[tuple[str, str, FloatArray, IntArray]] = [
        ("roof", "a home with a roof", plain, np.flatnonzero(roof)),
        ("no_roof", "a home without a roof", plain, np.flatnonzero(~roof)),
    ]
    if hour is not None:
        kinds.append(("evening", "an evening home without a roof", plain, _evening_homes(community, hour, ~roof)))
    if roof.any():
        stored = _with_batteries(community, roof)
        kinds.append(("roof_battery", "a home with a roof and a battery", stored, np.flatnonzero(roof)))
    found = [_kind(community, tariff, plain, *kind) for kind in kinds if kind[3].size]
    return tuple(sorted(found, key=lambda each: -each.adds))


def _kind(
    community: Community,
    tariff: Tariff,
    net_kwh: FloatArray,
    kind: str,
    label: str,
    profiles: FloatArray,
    homes: IntArray,
) -> NextHome:
    adds = np.array([added(net_kwh, profiles[:, home], tariff) for home in homes])
    best = int(np.argmax(adds))
    name = community.household_ids[homes[best]]
    return NextHome(kind, label, int(homes.size), float(adds.mean()), name, float(adds[best]))


def added(net_kwh: FloatArray, newcomer_kwh: FloatArray, tariff: Tariff) -> float:
    """v(N and the newcomer) - v(N), currency: Σ (r - f)·(energy of the newcomer that finds an opposite remainder)."""
    left = net_kwh.sum(axis=1)
    spread = tariff.retail_price - tariff.feed_in_price
    return float(spread @ ((np.abs(left) + np.abs(newcomer_kwh) - np.abs(left + newcomer_kwh)) / 2.0))


def _evening_homes(community: Community, hour: IntArray, among: BoolArray) -> IntArray:
    """The third of these homes that uses the largest part of its energy in the evening, at least one."""
    homes = np.flatnonzero(among)
    total = community.load_kw[:, homes].sum(axis=0)
    evening = community.load_kw[(hour >= EVENING[0]) & (hour < EVENING[1])][:, homes].sum(axis=0)
    part = np.divide(evening, total, out=np.zeros_like(total), where=total > 0.0)
    return homes[np.argsort(-part, kind="stable")[: max(1, -(-homes.size // 3))]] if homes.size else homes


def _with_batteries(community: Community, roof: BoolArray) -> FloatArray:
    """Net positions if every home with a roof had a battery that starts as full as it ends."""
    has = roof.astype(np.float64)
    empty = Storage(has * BATTERY_KWH, has * BATTERY_KW, EFFICIENCY, EFFICIENCY)
    end = greedy(community, empty).storage
    assert end is not None
    start = Storage(empty.capacity_kwh, empty.power_kw, EFFICIENCY, EFFICIENCY, start_soc_kwh=end.soc_kwh[-1])
    return greedy(community, start).net_kwh
