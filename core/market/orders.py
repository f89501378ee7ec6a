"""Order strategies: what households bid and ask, apart from the mechanism that clears it, and named in every result."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from core.market.chunks import blocks
from core.market.community import Community, FloatArray, Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch

STRATEGIES = ("solar_abundance", "truthful", "zero_intelligence")

ALPHA = Parameter("alpha", 5.0, unit="₹/kWh", help="How far a roof at full sun lowers its ask.", minimum=0.0)
BETA = Parameter("beta", 0.125, unit="₹/kWh", help="How far a bid stays below the retail price.", minimum=0.0)
STRATEGY_PARAMETERS = (
    Parameter(
        "strategy",
        "solar_abundance",
        unit="",
        help="How orders are priced: by the sun, at their true value, or at random within the grid's prices.",
        choices=STRATEGIES,
    ),
    ALPHA,
    BETA,
    Parameter("seed", 0, unit="", help="Start of zero intelligence's random prices.", minimum=0, maximum=2**53),
)


def order_prices(
    dispatch: Dispatch, tariff: Tariff, *, strategy: str, alpha: float, beta: float, seed: int
) -> FloatArray:
    """A price for every household's order, `[slot, household]`: a bid where it needs energy, else an ask."""
    community = dispatch.community
    price = np.empty_like(dispatch.net_kwh)
    roof_kw = installed_kw(community)
    for part in blocks(*price.shape):
        retail, feed_in = tariff.retail_price[part, None], tariff.feed_in_price[part, None]
        if strategy == "zero_intelligence":
            price[part] = feed_in + (retail - feed_in) * _uniform(community, part, seed)
            continue
        bid, ask = retail, feed_in
        if strategy == "solar_abundance":
            sun = np.minimum(community.solar_kw[part] / roof_kw, 1.0)
            bid, ask = retail - beta, np.maximum(feed_in, retail - alpha * sun)
        price[part] = np.where(dispatch.net_kwh[part] > 0.0, bid, ask)
    return price


def installed_kw(community: Community) -> FloatArray:
    """Installed PV, `[household]`: as known, else the largest solar power seen; infinite where there is no PV."""
    known = np.isfinite(community.pv_kw) & (community.pv_kw > 0.0)
    roof = np.where(known, community.pv_kw, community.solar_kw.max(axis=0))
    return np.where(roof > 0.0, roof, np.inf)


def _uniform(community: Community, part: slice, seed: int) -> FloatArray:
    """Uniform numbers in [0, 1), `[slot, household]`, drawn from seed, household id and the slot's time alone.

    SplitMix64 (Steele, Lea, Flood 2014): every household has its own stream and every slot its own number, so neither
    the order of households, nor one more household, nor a longer horizon changes anybody's draw.
    """
    digests = (hashlib.sha256(f"{seed} {household_id}".encode()).digest() for household_id in community.household_ids)
    stream = np.array([int.from_bytes(digest[:8], "little") for digest in digests], dtype=np.uint64)
    at_ms = community.slot_starts()[part].astype(np.int64).astype(np.uint64)
    state: npt.NDArray[np.uint64] = stream + (at_ms * np.uint64(0x9E3779B97F4A7C15))[:, None]
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
