"""Order strategies: what households bid and ask, apart from the mechanism that clears it, and named in every result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from core.market.community import Community, FloatArray, Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch

T = TypeVar("T")
MOST_KEPT = 8_000_000
"""Order prices kept for the next auction: 64 MB, a year of quarter-hours of 200 homes."""
STRATEGIES = ("solar_abundance", "truthful", "zero_intelligence")

ALPHA = Parameter(
    "alpha",
    5.0,
    label="Ask level of sunny roofs (α)",
    unit="₹/kWh",
    help="How far a roof at full sun lowers its ask.",
    minimum=0.0,
)
BETA = Parameter(
    "beta",
    0.125,
    label="Bid below retail (β)",
    unit="₹/kWh",
    help="How far a bid stays below the retail price.",
    minimum=0.0,
)
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
    Parameter(
        "seed",
        0,
        label="Random seed",
        unit="",
        help="Start of zero intelligence's random prices.",
        minimum=0,
        maximum=2**53,
    ),
)


class OrderPrices:
    """A price for every household's order, a bid where it needs energy, else an ask; worked out block by block.

    `prices[slots]` gives `[slot, household]`. Equal orders of one dispatch are worked out once, as long as they are few
    enough to be kept; a decade of them is never in memory at once.
    """

    def __init__(
        self, dispatch: Dispatch, tariff: Tariff, *, strategy: str, alpha: float, beta: float, seed: int
    ) -> None:
        self._dispatch, self._tariff, self._strategy = dispatch, tariff, strategy
        self._alpha, self._beta = alpha, beta
        self._roof_kw = installed_kw(dispatch.community)
        self._draws = (
            Draws(dispatch.community.household_ids, dispatch.community.slot_starts(), seed)
            if strategy == "zero_intelligence"
            else None
        )
        used = {"solar_abundance": (alpha, beta), "zero_intelligence": (seed,)}.get(strategy, ())
        self._key = (id(tariff), strategy, *used)
        self._kept = None
        if dispatch.net_kwh.size <= MOST_KEPT:
            self._kept = self.shared("prices", lambda: np.full(dispatch.net_kwh.shape, np.nan))

    def shared(self, what: Hashable, make: Callable[[], T]) -> T:
        """`make()`, once for all equal orders of this dispatch and tariff."""
        known = self._dispatch.shared
        key = (*self._key, what)
        if key not in known:
            known[key] = (make(), self._tariff)  # the tariff stays, so that no other one gets its id
        return known[key][0]  # type: ignore[index, no-any-return]

    def of(self, net_kwh: FloatArray) -> bool:
        """Whether these are the orders of these positions."""
        return net_kwh is self._dispatch.net_kwh

    def __getitem__(self, slots: slice, /) -> FloatArray:
        """Bids and asks of these slots."""
        if self._kept is None:
            return self._worked_out(slots)
        kept = self._kept[slots]
        if np.isnan(kept[:, 0]).any():
            kept[:] = self._worked_out(slots)
        return kept

    def _worked_out(self, slots: slice) -> FloatArray:
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
    """Uniform numbers in [0, 1), `[slot, name]`, drawn from seed, name (a household's id) and the slot's time alone.

    SplitMix64 (Steele, Lea, Flood 2014): every household has its own stream and every slot its own number, so neither
    the order of households, nor one more household, nor a longer horizon changes anybody's draw. byte_order: how the
    first eight bytes of the name's digest are read; orders read them little end first, forecasts big end first.
    """

    def __init__(
        self,
        names: Sequence[str],
        slot_starts: npt.NDArray[np.datetime64],
        seed: int,
        *,
        byte_order: Literal["little", "big"] = "little",
    ) -> None:
        digests = (hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names)
        self.stream = np.array([int.from_bytes(digest[:8], byte_order) for digest in digests], dtype=np.uint64)
        self.place = slot_starts.astype(np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)

    def __getitem__(self, slots: slice, /) -> FloatArray:
        """The numbers of these slots."""
        state: npt.NDArray[np.uint64] = self.stream + self.place[slots, None]
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
        return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
