"""Telescopic slabs: each kWh of a month pays the price of the slab it falls in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray

EDGE_KWH = 1e-9
"""A month within this of a slab's limit stands at the limit."""
EDGE_SHARE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Slabs:
    """limits: `[slab, month]`, upper limits in kWh, the last infinite; prices: `[slab]`, currency/kWh."""

    limits: FloatArray
    prices: FloatArray

    @classmethod
    def of(cls, bands: tuple[tuple[float, float], ...], share: FloatArray) -> Slabs:
        """Slabs whose limits count for `share` `[month]` of each month."""
        limits, prices = np.array(bands).T
        return cls(np.where(np.isinf(limits)[:, None], np.inf, limits[:, None] * share), prices)

    @property
    def rising(self) -> bool:
        """Whether no slab is cheaper than the one before: only then is the bill convex."""
        return bool((np.diff(self.prices) >= 0.0).all())

    def parts(self, energy_kwh: FloatArray) -> FloatArray:
        """kWh in each slab, `[slab, month, household]`, of a month's kWh `[month, household]`."""
        upper = self.limits[:, :, None]
        lower = np.concatenate([np.zeros_like(upper[:1]), upper[:-1]])
        found: FloatArray = np.maximum(np.minimum(energy_kwh, upper) - lower, 0.0)
        return found

    def cost(self, energy_kwh: FloatArray) -> FloatArray:
        """Money for a month's kWh, `[month, household]`."""
        found: FloatArray = np.einsum("k,kmh->mh", self.prices, self.parts(energy_kwh))
        return found

    def price_at(self, energy_kwh: FloatArray, *, above: bool) -> FloatArray:
        """Price of the next kWh (`above`) or of the last one, `[month, household]`; at a limit the two differ."""
        edge = np.maximum(EDGE_KWH, EDGE_SHARE * energy_kwh)
        at = energy_kwh + edge if above else np.maximum(energy_kwh - edge, 0.0)
        slab = (at[None] > self.limits[:, :, None]).sum(axis=0)
        found: FloatArray = self.prices[slab]
        return found


def energy_cost(billed_kwh: FloatArray, slabs: Slabs, raised_by: FloatArray) -> FloatArray:
    """E(x)·Σ_k (1 + τ_k)·billed_k / x of `[month, block, household]`: the average slab price, raised by block."""
    total = billed_kwh.sum(axis=1)
    cost = slabs.cost(total)
    if not raised_by.any():
        return cost
    weighted = np.einsum("k,mkh->mh", 1.0 + raised_by, billed_kwh)
    found: FloatArray = np.divide(cost * weighted, total, out=np.zeros_like(cost), where=total > 0.0)
    return found


def energy_slope(
    billed_kwh: FloatArray, change: FloatArray, weighted_change: FloatArray, slabs: Slabs, raised_by: FloatArray
) -> FloatArray:
    """How fast `energy_cost` changes when the month's kWh change by `change` and their sum weighted by 1 + τ by
    `weighted_change`, both `[direction, month, household]`."""
    total: FloatArray = billed_kwh.sum(axis=1)
    slope: FloatArray = slabs.price_at(total, above=True) * np.maximum(change, 0.0)
    slope += slabs.price_at(total, above=False) * np.minimum(change, 0.0)
    if not raised_by.any():
        return slope
    weighted = np.einsum("k,mkh->mh", 1.0 + raised_by, billed_kwh)
    some = total > EDGE_KWH
    safe = np.where(some, total, 1.0)
    cost = slabs.cost(total)
    inside = (slope * weighted + cost * weighted_change) / safe - cost * weighted * change / safe**2
    found: FloatArray = np.where(some, inside, slabs.prices[0] * weighted_change)
    return found
