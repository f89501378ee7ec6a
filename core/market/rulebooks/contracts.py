"""Forward contracts: how much of each is settled once the meters are read, and who met what was promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import BoolArray, FloatArray, IntArray
from core.market.rulebooks.max_flow import most_settled

NEAR_KWH = 1e-9


def energy_by(place: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Values added up by place, `[size]`."""
    return np.bincount(place, weights=values, minlength=size).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Contracts:
    """One entry a contract, in the order in which they were made. slot, buyer, seller: indices; delivered kWh; price
    per kWh."""

    slot: IntArray
    buyer: IntArray
    seller: IntArray
    kwh: FloatArray
    price: FloatArray

    def __len__(self) -> int:
        return int(self.slot.size)


@dataclass(frozen=True, slots=True, eq=False)
class Parties:
    """One side of the contracts: who stands behind each, slot by slot.

    of: `[contract]`, the party (a household in a slot). contracted_kwh, metered_kwh: `[party]`.
    slot, household: `[party]`.
    """

    of: IntArray
    slot: IntArray
    household: IntArray
    contracted_kwh: FloatArray
    metered_kwh: FloatArray

    @classmethod
    def side(cls, slot: IntArray, household: IntArray, kwh: FloatArray, metered_kwh: FloatArray) -> Parties:
        """The parties of one side; metered_kwh: `[slot, household]`, what each could take or deliver."""
        households = metered_kwh.shape[1]
        place, of = np.unique(slot * households + household, return_inverse=True)
        at, who = np.divmod(place, households)
        contracted = energy_by(of, kwh, place.size)
        return cls(of.astype(np.int64), at, who, contracted, metered_kwh[at, who])

    @property
    def shortfall_kwh(self) -> FloatArray:
        """Contracted less metered, `[party]`."""
        short = np.maximum(self.contracted_kwh - self.metered_kwh, 0.0)
        return np.where(short <= NEAR_KWH * np.maximum(1.0, self.contracted_kwh), 0.0, short)

    @property
    def compliant(self) -> BoolArray:
        """Whether the party met all its contracts, `[party]`."""
        found: BoolArray = self.shortfall_kwh == 0.0
        return found

    def pro_rata(self, kwh: FloatArray) -> FloatArray:
        """The part of each contract's `kwh` that the meter covers, shared pro rata, `[contract]`."""
        wanted = energy_by(self.of, kwh, self.slot.size)
        share = np.divide(self.metered_kwh, wanted, out=np.ones_like(wanted), where=wanted > self.metered_kwh)
        found: FloatArray = kwh * share[self.of]
        return found

    def first_come(self, kwh: FloatArray) -> FloatArray:
        """The part of each contract's `kwh` that the meter covers, in the order of the contracts, `[contract]`."""
        left, found = self.metered_kwh.copy(), np.empty_like(kwh)
        order = np.argsort(self.of, kind="stable")
        starts = np.searchsorted(self.of[order], np.arange(self.slot.size))
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size) - starts[self.of[order]]
        by_rank = np.argsort(rank, kind="stable")
        # One round for each party's first contracts, one for the second ones, and so on.
        for some in np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]) if rank.size else ():
            found[some] = np.minimum(kwh[some], left[self.of[some]])
            left[self.of[some]] -= found[some]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What became of the contracts. buyer_kwh, seller_kwh: what each side allocated to a contract; settled_kwh: z,
    all `[contract]`. figures: by name."""

    contracts: Contracts
    buyers: Parties
    sellers: Parties
    buyer_kwh: FloatArray
    seller_kwh: FloatArray
    settled_kwh: FloatArray
    figures: dict[str, float]


def settle_contracts(
    contracts: Contracts,
    *,
    needed_kwh: FloatArray,
    delivered_kwh: FloatArray,
    rule: str,
    buyer_credit: float = 0.0,
    seller_charge: float = 0.0,
) -> Settled:
    """Settle by one of the rules; needed_kwh, delivered_kwh: `[slot, household]`, what the meters say."""
    quantity = contracts.kwh
    buyers = Parties.side(contracts.slot, contracts.buyer, quantity, needed_kwh)
    sellers = Parties.side(contracts.slot, contracts.seller, quantity, delivered_kwh)
    optimum, best = most_settled(quantity, contracts.slot, buyers, sellers, earliest_first=rule == "optimum")
    if rule == "min_fifo":
        of_buyer, of_seller = buyers.first_come(quantity), sellers.first_come(quantity)
    elif rule == "min_seller_first":
        of_seller = sellers.pro_rata(quantity)
        of_buyer = buyers.pro_rata(of_seller)
    elif rule == "optimum":
        of_buyer = of_seller = best
    else:
        of_buyer, of_seller = buyers.pro_rata(quantity), sellers.pro_rata(quantity)
    settled = np.minimum(of_buyer, of_seller)
    guaranteed = rule == "own_deviation"
    left = np.zeros_like(quantity) if guaranteed else quantity - settled
    left = np.where(left <= NEAR_KWH * np.maximum(1.0, quantity), 0.0, left)
    by_seller, by_buyer = sellers.compliant[sellers.of], buyers.compliant[buyers.of]
    contracted, done = float(quantity.sum()), float(settled.sum())
    short_buyers, short_sellers = float(buyers.shortfall_kwh.sum()), float(sellers.shortfall_kwh.sum())
    stranded = optimum - done
    figures = {
        "contracted_kwh": contracted,
        "settled_kwh": done,
        "settled_share": done / contracted if contracted > 0.0 else float("nan"),
        "optimum_kwh": optimum,
        "stranded_kwh": stranded if stranded > NEAR_KWH * max(1.0, optimum) else 0.0,
        "buyer_shortfall_kwh": short_buyers,
        "seller_shortfall_kwh": short_sellers,
        "deviation_charges": seller_charge * short_sellers - buyer_credit * short_buyers if guaranteed else 0.0,
        "compliant_seller_unsettled_kwh": float(left[by_seller].sum()),
        "compliant_buyer_unsettled_kwh": float(left[by_buyer].sum()),
        "compliant_revenue_gap": float((contracts.price * left)[by_seller].sum()),
    }
    return Settled(contracts, buyers, sellers, of_buyer, of_seller, settled, figures)
