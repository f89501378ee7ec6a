"""One slot under one algorithm: every order, what was filled, the prices, and who traded with whom.

A slot is not settled by itself: batteries, rules over the whole time and random draws reach over slots. So the whole
run is settled again from its readings and parameters, once for all its slots, and the slot is read from that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np
from cachetools import LRUCache, cached

from core.errors import MarketError, TooLargeError
from core.market.algorithms import get
from core.market.community import Community, FloatArray
from core.market.compare import dispatch_with, settle
from core.market.dispatch import DUST_KWH
from core.market.meters import split
from core.market.settlement import Settlement, columns
from core.market.trades import trades_of
from core.runs.plan import Scenario
from core.runs.results import ResultRow, RunResult

KEPT = 12
"""Settlements kept for the next slot that is looked at."""
MOST_CELLS = 20_000_000
"""Households × slots above which a run is not settled again for a look at one slot."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one household has or needs in the slot after its own use, and what became of it.

    price: of its order, per kWh; None where the algorithm takes no orders. paid_price: mean of what it paid or got.
    """

    household_id: str
    side: Literal["bid", "ask"]
    quantity_kwh: float
    filled_kwh: float
    price: float | None
    paid_price: float | None

    @property
    def unfilled_kwh(self) -> float:
        """What is left to the grid."""
        return max(0.0, self.quantity_kwh - self.filled_kwh)


@dataclass(frozen=True, slots=True)
class Trade:
    """Energy that passes between two households, with its price per kWh."""

    seller_id: str
    buyer_id: str
    energy_kwh: float
    price: float


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot under one algorithm. bids: the highest price first; asks: the lowest first; NaN without a trade."""

    algorithm_id: str
    name: str
    bids: tuple[Order, ...]
    asks: tuple[Order, ...]
    trades: tuple[Trade, ...]
    traded_kwh: float
    price: float
    retail_price: float
    feed_in_price: float

    @property
    def takes_orders(self) -> bool:
        """Whether households state prices, or a rule makes one for all."""
        return any(order.price is not None for order in (*self.bids, *self.asks))


def slot_of(community: Community, scenario: Scenario, row: ResultRow, slot: int) -> Slot:
    """The slot at place `slot` of the run. Raises TooLargeError if the run is too large to settle again, MarketError
    where a rulebook decided it."""
    if scenario.rules is not None:
        raise MarketError(
            "One slot of a run under a rulebook is not drawn.",
            fix="`python -m core settle` shows every slot of it.",
        )
    return _read(_settled(community, scenario, row), row, slot)


def why_left(order: Order, slot: Slot) -> str:
    """Why a part of the order was left to the grid; "" if nothing was."""
    if order.unfilled_kwh <= DUST_KWH:
        return ""
    is_bid = order.side == "bid"
    across = slot.asks if is_bid else slot.bids
    prices = [other.price for other in across if other.price is not None]
    if order.price is not None and prices:
        if is_bid and order.price < min(prices):
            return "its bid lies below every ask"
        if not is_bid and order.price > max(prices):
            return "its ask lies above every bid"
    own, other = ((sum(each.quantity_kwh for each in side)) for side in (slot.bids if is_bid else slot.asks, across))
    if own > other:
        return "more is needed than offered" if is_bid else "more is offered than needed"
    return "the mechanism left it out"


def spread(result: RunResult, rows: Sequence[ResultRow]) -> FloatArray:
    """How far apart the algorithms' prices are in each slot, `[slot]`; 0 where fewer than two have one."""
    prices = [result.series(row, ("price",))["price"] for row in rows if row.has_arrays]
    if not prices:
        return np.zeros(result.slots)
    stacked = np.stack(prices)
    there = np.isfinite(stacked)
    highest = np.where(there, stacked, -np.inf).max(axis=0)
    lowest = np.where(there, stacked, np.inf).min(axis=0)
    return np.where(there.sum(axis=0) > 1, highest - lowest, 0.0)


def _key(community: Community, scenario: Scenario, row: ResultRow) -> tuple[str, str]:
    return row.result_digest, row.scenario_key + row.algorithm_id


@cached(LRUCache(KEPT), key=_key, lock=Lock())
def _settled(community: Community, scenario: Scenario, row: ResultRow) -> Settlement:
    cells = community.households * community.slots
    if cells > MOST_CELLS:
        raise TooLargeError(
            f"The run has {cells:,} slots of households, more than {MOST_CELLS:,} that are settled again for one slot.",
            fix="Compare a shorter span.",
        )
    algorithm = get(row.algorithm_id)
    parameters: Mapping[str, float | int | str] = row.parameters
    tariff = scenario.tariff.of(community)
    columns_of = split(community)  # a home known by its meter is two columns while algorithms are at work
    return settle(algorithm, dispatch_with(algorithm, columns_of, tariff, parameters), tariff, parameters)


def _read(settlement: Settlement, row: ResultRow, slot: int) -> Slot:
    dispatch, part = settlement.dispatch, slice(slot, slot + 1)
    ids, of = dispatch.community.household_ids, dispatch.community.household_of
    net, fills = dispatch.net_kwh[slot], settlement.fills
    trades = trades_of(settlement, part)
    bought, paid = _sums(trades.buyer, trades.energy_kwh, trades.buy_price, len(ids))
    sold, got = _sums(trades.seller, trades.energy_kwh, trades.sell_price, len(ids))
    prices = None if fills is None else columns(np.asarray(fills.order_price[part]))[0]
    orders = []
    for place in np.flatnonzero(np.abs(net) > DUST_KWH).tolist():
        home, is_bid = int(of[place]), bool(net[place] > 0.0)
        filled, money = (bought[home], paid[home]) if is_bid else (sold[home], got[home])
        price = None if prices is None or not np.isfinite(prices[place]) else float(prices[place])
        orders.append(
            Order(
                household_id=ids[home],
                side="bid" if is_bid else "ask",
                quantity_kwh=abs(float(net[place])),
                filled_kwh=float(min(filled, abs(net[place]))),
                price=price,
                paid_price=float(money / filled) if filled > DUST_KWH else None,
            )
        )
    return Slot(
        algorithm_id=row.algorithm_id,
        name=row.name,
        bids=tuple(sorted((each for each in orders if each.side == "bid"), key=lambda each: -(each.price or 0.0))),
        asks=tuple(sorted((each for each in orders if each.side == "ask"), key=lambda each: each.price or 0.0)),
        trades=tuple(
            Trade(ids[seller], ids[buyer], energy, price)
            for seller, buyer, energy, price in zip(
                trades.seller.tolist(),
                trades.buyer.tolist(),
                trades.energy_kwh.tolist(),
                trades.price.tolist(),
                strict=True,
            )
        ),
        traded_kwh=float(settlement.traded_kwh[slot]),
        price=float(settlement.price[slot]),
        retail_price=float(settlement.tariff.retail_price[slot]),
        feed_in_price=float(settlement.tariff.feed_in_price[slot]),
    )


def _sums(household: np.ndarray, energy: FloatArray, price: FloatArray, homes: int) -> tuple[FloatArray, FloatArray]:
    """Energy and money of each household, `[household]`."""
    energies = (energy, energy * price)
    bought, money = (np.bincount(household, each, minlength=homes).astype(np.float64) for each in energies)
    return bought, money
