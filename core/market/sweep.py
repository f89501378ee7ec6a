"""One scenario at array speed: bills and figures of many algorithms, without arrays over slots and without checks.

`sweep` gives what `compare` gives to 1e-9. Algorithms that the compiled kernel does not know, and communities with
homes known by their meter alone, go through `compare` itself; `Swept.through` says which way each went. The kernel does
not solve the optimum that a battery's value tapping is held against: it and its means are not defined there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Literal

import numpy as np

from core.market.algorithms import get
from core.market.algorithms.supply_demand_ratio import require_room
from core.market.battery import storage_of
from core.market.community import Community, FloatArray, Tariff
from core.market.compare import Selection, compare, require_length
from core.market.contract import Algorithm, Value
from core.market.dispatch import Dispatch, Storage
from core.market.orders import STRATEGIES, Draws, installed_kw
from core.market.quantities import figures_of
from core.market.totals import NAN, Totals, flows_of

BY_PRICE = {"grid_only": 0, "mid_market_rate": 1, "supply_demand_ratio": 2, "bill_sharing": 3, "p2p_battery": 1}
"""Algorithms that the kernel settles by one price a slot, and its number for how; the battery's after its dispatch."""
AUCTIONS = {"uniform_price_auction": 0, "pay_as_bid_auction": 1, "simple_auction": 1, "mcafee_auction": 2}
"""Auctions that the kernel knows, and its number for their rule."""
BATTERY = "p2p_battery"


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """One algorithm's bills `[household]` and figures in one scenario. through: "kernel" or "compare"."""

    algorithm_id: str
    name: str
    parameters: dict[str, Value]
    figures: dict[str, float]
    totals: Totals | None
    through: Literal["kernel", "compare"]

    @property
    def bill(self) -> FloatArray:
        """Bills, `[household]`; empty for the kind `run(path) -> dict`."""
        return self.totals.bill if self.totals is not None else np.zeros(0)


def knows(algorithm_id: str) -> bool:
    """Whether the kernel can settle this algorithm."""
    return algorithm_id in BY_PRICE or algorithm_id in AUCTIONS


def sweep(
    community: Community, tariff: Tariff, selections: Sequence[Selection], *, storage: Storage | None = None
) -> list[Swept]:
    """Every selection on one community, in the order given.

    storage: batteries of households' own sizes for the battery algorithm, in place of its parameters. Raises
    MarketError: unknown name, bad parameter; for what goes through `compare`, a broken invariant too.
    """
    require_length(tariff, community)
    chosen = [(get(algorithm_id), given) for algorithm_id, given in selections]
    prepared = [(algorithm, algorithm.complete(given)) for algorithm, given in chosen]
    metered = bool(community.metered.any())
    there = [place for place, (algorithm, _) in enumerate(prepared) if knows(algorithm.id) and not metered]
    found: dict[int, Swept] = {}
    if there:
        run = _Run(community, tariff, storage)
        found = dict(zip(there, run.settle([prepared[place] for place in there]), strict=True))
    rest = [place for place in range(len(prepared)) if place not in found]
    others = compare([selections[place] for place in rest], community, tariff) if rest else []
    for place, outcome in zip(rest, others, strict=True):
        named = (outcome.algorithm_id, outcome.name, outcome.parameters, outcome.figures, outcome.totals)
        found[place] = Swept(*named, through="compare")
    return _beside_each_other([found[place] for place in range(len(prepared))])


def _beside_each_other(swept: Sequence[Swept]) -> list[Swept]:
    """The figures that depend on what else is compared."""
    ratios = [each.totals.peak_ratio for each in swept if each.totals is not None]
    worst = max((ratio for ratio in ratios if np.isfinite(ratio)), default=NAN)
    done = []
    for each in swept:
        if each.totals is None:
            done.append(each)
            continue
        totals = replace(each.totals, worst_peak_ratio=worst)
        done.append(replace(each, totals=totals, figures=figures_of(totals)))
    return done


@cache
def kernel() -> tuple[ModuleType, ModuleType]:
    """The compiled loops of prices and of auctions, imported once."""
    from core.market import sweep_auctions, sweep_kernel

    return sweep_kernel, sweep_auctions


def warm() -> None:
    """Compile every loop and keep it on disk, so that no click waits for it: at installation, or in the background."""
    community = Community(
        ("A", "B"), datetime(2024, 6, 1, tzinfo=UTC), 1.0, np.eye(2), np.eye(2)[::-1].copy(), np.full(2, np.nan)
    )
    sweep(community, Tariff.flat(2), [(each, {}) for each in (*BY_PRICE, *AUCTIONS)])


@dataclass(frozen=True, slots=True, eq=False)
class _Flows:
    """Net positions `[slot, household]`, demand and supply `[2, slot]`, and what the figures need of them."""

    net: FloatArray
    both: FloatArray
    totals: dict[str, float]
    least_cost: float


class _Run:
    """One community and tariff; every flow and every order set worked out once."""

    def __init__(self, community: Community, tariff: Tariff, storage: Storage | None) -> None:
        self.community, self.tariff, self.storage = community, tariff, storage
        self.prices = np.stack([tariff.retail_price, tariff.feed_in_price])
        net, both = self._empty()
        kernel()[0].net_of(community.load_kw, community.solar_kw, community.slot_h, net, both)
        self.plain = self._flows(net, both)
        self.baseline = self._by_price(self.plain, BY_PRICE["grid_only"], 0.0)[0]
        self.stored: dict[tuple[Value, ...], _Flows] = {}

    def settle(self, prepared: Sequence[tuple[Algorithm, dict[str, Value]]]) -> list[Swept]:
        """Every algorithm with its complete parameters."""
        auctions: dict[tuple[Value, ...], list[int]] = {}
        found: dict[int, Totals] = {}
        for place, (algorithm, parameters) in enumerate(prepared):
            if algorithm.id in AUCTIONS:
                auctions.setdefault(_orders(parameters), []).append(place)
                continue
            flows = self._stored(parameters) if algorithm.id == BATTERY else self.plain
            added = float(parameters.get("compensation", 0.0))
            require_room(self.tariff, added)
            bill, sums = self._by_price(flows, BY_PRICE[algorithm.id], added)
            found[place] = self._totals(flows, bill, sums, priced=algorithm.id != "bill_sharing")
        for orders, places in auctions.items():
            rules = [(AUCTIONS[prepared[place][0].id], _weight(prepared[place][1])) for place in places]
            for place, bill, sums in zip(places, *self._auctions(orders, rules), strict=True):
                found[place] = self._totals(self.plain, bill, sums)
        return [
            Swept(algorithm.id, algorithm.name, parameters, {}, found[place], through="kernel")
            for place, (algorithm, parameters) in enumerate(prepared)
        ]

    def _empty(self) -> tuple[FloatArray, FloatArray]:
        return np.empty_like(self.community.load_kw), np.empty((2, self.community.slots))

    def _flows(self, net: FloatArray, both: FloatArray) -> _Flows:
        dispatch = Dispatch(self.community, net, both[0], both[1], np.zeros(both.shape[1]))
        left = both - dispatch.matched_kwh
        least = float((self.prices[0] * left[0] - self.prices[1] * left[1]).sum())
        return _Flows(net, both, flows_of(dispatch), least)

    def _by_price(self, flows: _Flows, kind: int, added: float) -> tuple[FloatArray, FloatArray]:
        loops = kernel()[0]
        bill, sums = np.zeros(self.community.households), np.zeros(loops.SUMS)
        loops.by_price(flows.net, flows.both, self.prices, kind, added, bill, sums)
        return bill, sums

    def _auctions(self, orders: tuple[Value, ...], rules: Sequence[tuple[int, float]]) -> tuple[FloatArray, FloatArray]:
        strategy, alpha, beta, seed = orders
        loops = kernel()[1]
        bills = np.zeros((len(rules), self.community.households))
        sums = np.zeros((len(rules), kernel()[0].SUMS))
        draws = Draws(self.community.household_ids, self.community.slot_starts(), int(seed))
        loops.auctions(
            self.plain.net,
            self.plain.both,
            self.prices,
            self.community.solar_kw,
            installed_kw(self.community),
            STRATEGIES.index(str(strategy)),
            float(alpha),
            float(beta),
            draws.stream,
            draws.place,
            np.array([rule for rule, _ in rules]),
            np.array([weight for _, weight in rules]),
            bills,
            sums,
        )
        return bills, sums

    def _stored(self, parameters: Mapping[str, Value]) -> _Flows:
        """The flows behind batteries of these parameters."""
        key = tuple(parameters.values())
        if key not in self.stored:
            self.stored[key] = self._behind(parameters)
        return self.stored[key]

    def _behind(self, parameters: Mapping[str, Value]) -> _Flows:
        names = ("capacity_kwh", "power_kw", "charge_efficiency", "discharge_efficiency", "owners")
        given = {name: parameters[name] for name in names}
        storage = self.storage or storage_of(self.community, **given)  # type: ignore[arg-type]
        loops, net = kernel()[0], self.plain.net
        shares = np.ones((2, self.community.slots))
        if parameters["order"] == "market_first":
            demand, supply = self.plain.both
            matched = Dispatch(self.community, net, demand, supply, np.zeros(0)).matched_kwh
            for share, total in zip(shares, (supply, demand), strict=True):
                share -= np.divide(matched, total, out=np.zeros_like(total), where=total > 0.0)
        limit = storage.power_kw * self.community.slot_h
        efficiencies = (storage.charge_efficiency, storage.discharge_efficiency)
        level, (after, both) = np.zeros(self.community.households), self._empty()
        if parameters["start"] == "cyclic":
            gained = np.zeros(self.community.households)
            loops.gained(net, shares, limit, efficiencies, gained)
            level = np.where(gained > 0.0, storage.capacity_kwh, 0.0)
            loops.stored(net, shares, storage.capacity_kwh, limit, efficiencies, level, after, both)
        loops.stored(net, shares, storage.capacity_kwh, limit, efficiencies, level, after, both)
        return self._flows(after, both)

    def _totals(self, flows: _Flows, bill: FloatArray, sums: FloatArray, *, priced: bool = True) -> Totals:
        loops = kernel()[0]
        trades = sums[loops.PRICED]
        return Totals(
            bill=bill,
            baseline_bill=self.baseline,
            slots=self.community.slots,
            traded_kwh=float(sums[loops.TRADED]),
            untraded_kwh=float(sums[loops.UNTRADED]),
            unmet_demand_kwh=float(sums[loops.UNMET]),
            price_times_kwh=float(sums[loops.TIMES]) if priced else NAN,
            price_std=float(np.sqrt(sums[loops.SQUARES] / trades)) if trades else NAN,
            operator_surplus=float(sums[loops.OPERATOR]),
            grid_cost=float(sums[loops.GRID_COST]),
            least_cost=flows.least_cost,
            best_cost=flows.least_cost if flows is self.plain else NAN,
            **flows.totals,
        )


def _orders(parameters: Mapping[str, Value]) -> tuple[Value, ...]:
    """What decides an auction's orders: strategy, alpha, beta and seed, without what the strategy does not use."""
    strategy = parameters.get("strategy", "solar_abundance")
    if strategy == "truthful":
        return strategy, 0.0, 0.0, 0
    if strategy == "zero_intelligence":
        return strategy, 0.0, 0.0, parameters["seed"]
    return strategy, parameters["alpha"], parameters["beta"], 0


def _weight(parameters: Mapping[str, Value]) -> float:
    """An auction's own number: k of one price, c of pairs."""
    return float(parameters.get("k", parameters.get("c", 0.5)))
