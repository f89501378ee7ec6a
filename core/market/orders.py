"""Order strategies: what households bid and ask, apart from the mechanism that clears it, and named in every result."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

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


class OrderPrices:
    """A price for every household's order, a bid where it needs energy, else an ask; worked out block by block.

    `prices[slots]` gives `[slot, household]`: a year of them is never in memory at once.
    """

    def __init__(
        self, dispatch: Dispatch, tariff: Tariff, *, strategy: str, alpha: float, beta: float, seed: int
    ) -> None:
        self._dispatch, self._tariff, self._strategy = dispatch, tariff, strategy
        self._alpha, self._beta = alpha, beta
        self._roof_kw = installed_kw(dispatch.community)
        self._draws = Draws(dispatch.community, seed) if strategy == "zero_intelligence" else None

    def __getitem__(self, slots: slice, /) -> FloatArray:
        """Bids and asks of these slots."""
        retail, feed_in = self._tariff.retail_price[slots, None], self._tariff.feed_in_price[slots, None]
        if self._draws is not None:
            return feed_in + (retail - feed_in) * self._draws[slots]
        bid, ask = retail, feed_in
        if self._strategy == "solar_abundance":
            sun = np.minimum(self._dispatch.community.solar_kw[slots] / self._roof_kw, 1.0)
            bid, ask = retail - self._beta, np.maximum(feed_in, retail - self._alpha * sun)
        return np.where(self._dispatch.net_kwh[slots] > 0.0, bid, ask)


def installed_kw(community: Community) -> FloatArray:
    """Installed PV, `[household]`: as known, else the largest solar power seen; infinite where there is no PV."""
    known = np.isfinite(community.pv_kw) & (community.pv_kw > 0.0)
    roof = np.where(known, community.pv_kw, community.solar_kw.max(axis=0))
    return np.where(roof > 0.0, roof, np.inf)


class Draws:
    """Uniform numbers in [0, 1), `[slot, household]`, drawn from seed, household id and the slot's time alone.

    SplitMix64 (Steele, Lea, Flood 2014): every household has its own stream and every slot its own number, so neither
    the order of households, nor one more household, nor a longer horizon changes anybody's draw.
    """

    def __init__(self, community: Community, seed: int) -> None:
        digests = (hashlib.sha256(f"{seed} {name}".encode()).digest() for name in community.household_ids)
        self._stream = np.array([int.from_bytes(digest[:8], "little") for digest in digests], dtype=np.uint64)
        self._place = community.slot_starts().astype(np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)

    def __getitem__(self, slots: slice, /) -> FloatArray:
        """The numbers of these slots."""
        state: npt.NDArray[np.uint64] = self._stream + self._place[slots, None]
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
        return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
