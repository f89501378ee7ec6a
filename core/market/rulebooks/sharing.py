"""Sharing keys and incentives: the law allocates energy or money, nobody bids.

A key gives out the supply of a slot in rounds, each over what the one before left. Under the shape `allocation` a
member owns its static share of the plant, and what it does not use is its own export.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from core.errors import MarketError
from core.market.chunks import blocks
from core.market.community import FloatArray, IntArray
from core.market.local_time import minute_of_day
from core.market.rulebooks.calendar import Calendar
from core.market.rulebooks.fields import did_you_mean
from core.market.rulebooks.form import Incentive, Key
from core.market.tariff import in_hours


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """used_kwh, credited_kwh, sold_kwh: `[slot, household]`. Used and credited are delivered kWh, sold as sent."""

    used_kwh: FloatArray
    credited_kwh: FloatArray
    sold_kwh: FloatArray


def share_out(
    key: Key,
    need_kwh: FloatArray,
    surplus_kwh: FloatArray,
    *,
    household_ids: tuple[str, ...],
    calendar: Calendar,
    loss: float,
    owned: bool,
) -> Shared:
    """Allocate each slot's surplus by the key; `owned`: static shares belong to the member whether it needs them or
    not. Raises MarketError where the key names a household that is not there."""
    static = _coefficients(key, household_ids, calendar)
    ranks = _ranks(key, household_ids)
    out = Shared(*(np.zeros(need_kwh.shape) for _ in range(3)))
    for part in blocks(*need_kwh.shape):
        sent = surplus_kwh[part]
        there = (1.0 - loss) * sent.sum(axis=1)
        left, need = there.copy(), need_kwh[part].copy()
        used, credited = out.used_kwh[part], out.credited_kwh[part]
        for kind in key.rounds:
            if kind == "static":
                entitled = static[part] * left[:, None]
                given = np.minimum(entitled, need)
                if owned:
                    credited += entitled - given
                    left = left - entitled.sum(axis=1)
                else:
                    left = left - given.sum(axis=1)
                used += given
                need = need - given
                continue
            for among in ranks if kind == "priority" else (slice(None),):
                given = _equally(left, need[:, among]) if kind == "equal" else _pro_rata(left, need[:, among])
                used[:, among] += given
                need[:, among] -= given
                left = left - given.sum(axis=1)
            left = np.maximum(left, 0.0)
        taken = np.divide((used + credited).sum(axis=1), there, out=np.zeros_like(there), where=there > 0.0)
        taken[taken > 1.0 - 1e-12] = 1.0
        out.sold_kwh[part] = sent * taken[:, None]
    return out


def _pro_rata(left: FloatArray, need: FloatArray) -> FloatArray:
    """left·need / Σ need, at most the need."""
    total = need.sum(axis=1)
    share = np.divide(left, total, out=np.zeros_like(left), where=total > 0.0)
    found: FloatArray = need * np.clip(share, 0.0, 1.0)[:, None]
    return found


def _equally(left: FloatArray, need: FloatArray) -> FloatArray:
    """min(need, λ) with λ such that what is left is used up, or everybody has enough."""
    ordered = np.sort(need, axis=1)
    households = need.shape[1]
    before = np.cumsum(ordered, axis=1) - ordered
    among = households - np.arange(households)
    # With the n smallest needs met in full, the others get (left - their sum) / (households - n) each.
    level = (left[:, None] - before) / among
    first = np.argmax((level <= ordered) | (np.arange(households) == households - 1), axis=1)[:, None]
    found: FloatArray = np.minimum(need, np.maximum(np.take_along_axis(level, first, axis=1), 0.0))
    return found


def _coefficients(key: Key, household_ids: tuple[str, ...], calendar: Calendar) -> FloatArray:
    """The static share of each household in each slot, `[slot, household]` (one row seen from every slot)."""
    base = _by_household(key.coefficients, household_ids, "key.coefficients")
    if not key.by_hours:
        return np.broadcast_to(base, (calendar.local.size, base.size))
    found = np.tile(base, (calendar.local.size, 1))
    minute = minute_of_day(calendar.local)
    for hours, shares in key.by_hours:
        found[in_hours(minute, hours)] = _by_household(shares, household_ids, "key.coefficients_by_hours")
    return found


def _by_household(values: Mapping[str, float], household_ids: tuple[str, ...], where: str) -> FloatArray:
    known_households(values, household_ids, where)
    return np.array([values.get(each, 0.0) for each in household_ids])


def _ranks(key: Key, household_ids: tuple[str, ...]) -> list[IntArray]:
    """Places of the households of each rank, first rank first; a household without a rank has no part in it."""
    known_households(key.rank, household_ids, "key.rank")
    ranks = np.array([key.rank.get(each, np.nan) for each in household_ids])
    return [np.flatnonzero(ranks == rank) for rank in np.unique(ranks[np.isfinite(ranks)])]


def known_households(names: Iterable[str], household_ids: tuple[str, ...], where: str) -> None:
    """Raises MarketError where a name is no household of the community."""
    for name in names:
        if name not in household_ids:
            fix = did_you_mean(name, household_ids) or f"There are: {', '.join(household_ids[:20])}."
            raise MarketError(f'{where} names "{name[:80]}", and there is no such household.', fix=fix)


def incentive_of(
    incentive: Incentive, imported: FloatArray, exported: FloatArray, *, zonal_price: FloatArray | None
) -> tuple[FloatArray, float, float, FloatArray]:
    """Money per household `[household]`, the community's fund, all of it, and the shared kWh `[slot]`.

    imported, exported: kWh, `[slot, household]`. Raises MarketError where a zonal price is needed and missing.
    """
    demand, supply = imported.sum(axis=1), exported.sum(axis=1)
    shared = np.minimum(demand, supply)
    unit = np.full(shared.size, incentive.per_kwh)
    premium = incentive.premium
    if premium is not None:
        varies = np.zeros(shared.size)
        if premium.reference is not None:
            if zonal_price is None:
                raise MarketError(
                    "incentive.premium has a reference, and no zonal_price comes with the readings.",
                    fix="Give zonal_price, one price a slot, beside the readings; or leave reference out.",
                )
            varies = np.maximum(premium.reference - zonal_price, 0.0)
        unit = unit + np.minimum(premium.cap, premium.fixed + varies) + premium.zone
    money, shares = unit * shared, incentive.shares
    to_producers = np.divide(money, supply, out=np.zeros_like(money), where=supply > 0.0) @ exported
    to_consumers = np.divide(money, demand, out=np.zeros_like(money), where=demand > 0.0) @ imported
    total = float(money.sum())
    each = shares["producers"] * to_producers + shares["consumers"] * to_consumers
    each = each + shares["equal"] * total / imported.shape[1]
    return each, shares["fund"] * total, total, shared
