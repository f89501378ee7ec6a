"""The promises every settlement must keep, each with its worst violation and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from core.errors import MarketError
from core.market.chunks import blocks
from core.market.community import Community, FloatArray
from core.market.dispatch import DUST_KWH, Storage
from core.market.meters import folded
from core.market.settlement import Account, Fills, Settlement, columns

ENERGY_TOLERANCE = 1e-9
MONEY_TOLERANCE = 1e-6
PRICE_TOLERANCE = 1e-9
ROUNDING = 1e-12
MAY_BE_EXEMPT = ("price_bounds", "individual_rationality", "no_trade_left", "additive_over_slots")
"""What a mechanism may break if its file's EXEMPT names it; every result then says so. `additive_over_slots` (cutting
the horizon in two changes nothing) is no check of one run: the contract tests ask for it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant on one settlement: whether it holds, the worst violation, and a sentence with its place.

    exempt: the mechanism is known to break it and says so; `holds` then only reports.
    """

    name: str
    holds: bool
    worst: float
    sentence: str
    exempt: bool = False


def check(
    settlement: Settlement, *, exempt: tuple[str, ...] = (), account: Account | None = None
) -> tuple[Verdict, ...]:
    """Every invariant on a settlement; those named in `exempt` are marked so. account: if it is at hand."""
    verdicts = _verdicts(settlement, account or settlement.account())
    return tuple(replace(verdict, exempt=verdict.name in exempt) for verdict in verdicts)


def require(verdicts: tuple[Verdict, ...], *, algorithm: str) -> None:
    """Raises MarketError with the sentence of the first broken invariant that is not exempt."""
    for verdict in verdicts:
        if not verdict.holds and not verdict.exempt:
            raise MarketError(
                f"{algorithm} breaks {verdict.name}: {verdict.sentence}",
                fix="Its figures would be wrong: correct the algorithm.",
                code="broken_invariant",
            )


def _verdicts(settlement: Settlement, account: Account) -> Iterator[Verdict]:
    yield _finite(settlement, account)
    yield _energy_balance(settlement)
    yield _within_position(settlement)
    yield _grid_balance(settlement)
    yield _budget_balance(settlement, account)
    yield _least_cost(settlement)
    if settlement.fills is not None:
        yield _prices_between_orders(settlement, settlement.fills)
    elif settlement.bill_of_column is None:
        yield _prices_between_tariffs(settlement)
    yield _individual_rationality(settlement, account)
    if settlement.fills is not None:
        yield _operator(settlement)
        yield _no_trade_left(settlement, settlement.fills)
    if settlement.dispatch.storage is not None:
        yield from _battery(settlement, settlement.dispatch.storage)


class _Worst:
    """Keeps the place where a violation is furthest above its limit."""

    def __init__(self, name: str, promise: str, unit: str) -> None:
        self.name, self.promise, self.unit = name, promise, unit
        self.over, self.amount, self.place = -np.inf, 0.0, ""

    def see(self, violation: FloatArray, limit: float | FloatArray, where: Callable[..., str]) -> _Worst:
        """Look at `violation`; `where` puts the indices of its worst entry into words. NaN is the worst of all."""
        over = np.nan_to_num(violation - limit, nan=np.inf)
        at = np.unravel_index(int(np.argmax(over)), over.shape)
        if float(over[at]) > self.over:
            self.over, self.amount, self.place = float(over[at]), float(violation[at]), where(*map(int, at))
        return self

    def verdict(self) -> Verdict:
        """What was seen, in a sentence."""
        worst = self.amount if self.amount > 0.0 or np.isnan(self.amount) else 0.0
        sentence = f"{self.promise}; at worst{self.place} it is off by {worst:.6g} {self.unit}."
        return Verdict(self.name, self.over <= 0.0, worst, sentence)


def _of_slot(slot: int) -> str:
    return f" in slot {slot}"


def _of_household(community: Community) -> Callable[[int], str]:
    return lambda household: f" for household {community.household_ids[household]}"


def _of_both(community: Community, part: slice) -> Callable[[int, int], str]:
    return lambda slot, household: f" in slot {part.start + slot}, household {community.household_ids[household]},"


def _finite(settlement: Settlement, account: Account) -> Verdict:
    worst = _Worst("finite", "every bill is a number", "bills")
    bad = (~np.isfinite(account.bill)).astype(np.float64)
    return worst.see(bad, 0.0, _of_household(settlement.dispatch.community)).verdict()


def _energy_balance(settlement: Settlement) -> Verdict:
    """Σ bought = Σ sold in each slot, and pairs, where the algorithm gives them, add up to both."""
    dispatch, q = settlement.dispatch, settlement.traded_kwh
    bought, sold = q * (dispatch.demand_kwh > 0.0), q * (dispatch.supply_kwh > 0.0)
    apart = np.zeros_like(bought)
    if settlement.fills is not None:
        for part in blocks(*dispatch.net_kwh.shape):
            filled = settlement.fills.filled_kwh[part]
            bought[part] = np.maximum(filled, 0.0).sum(axis=1)
            sold[part] = np.maximum(-filled, 0.0).sum(axis=1)
            if settlement.fills.pairs is not None:
                buys, sells = settlement.fills.pairs.within(part).summed(filled.shape)
                apart[part] = np.abs(buys - sells - filled).max(axis=1)
    worst = _Worst("energy_balance", "peers buy what peers sell", "kWh")
    limit = 4.0 * ENERGY_TOLERANCE * np.maximum(1.0, dispatch.demand_kwh)
    return worst.see(np.maximum(np.abs(bought - sold), apart), limit, _of_slot).verdict()


def _within_position(settlement: Settlement) -> Verdict:
    """bought <= deficit, sold <= surplus; pro rata, that is 0 <= q <= demand, supply."""
    dispatch = settlement.dispatch
    worst = _Worst("within_position", "nobody buys more than the deficit or sells more than the surplus", "kWh")
    if settlement.fills is None:
        q = settlement.traded_kwh
        beyond = np.maximum(q - np.minimum(dispatch.demand_kwh, dispatch.supply_kwh), -q)
        return worst.see(beyond, ENERGY_TOLERANCE * np.maximum(1.0, dispatch.demand_kwh), _of_slot).verdict()
    for part in blocks(*dispatch.net_kwh.shape):
        filled, net = settlement.fills.filled_kwh[part], dispatch.net_kwh[part]
        beyond = np.maximum(filled - np.maximum(net, 0.0), np.minimum(net, 0.0) - filled)
        limit = ENERGY_TOLERANCE * np.maximum(1.0, np.abs(net))
        worst.see(beyond, limit, _of_both(dispatch.community, part))
    return worst.verdict()


def _grid_balance(settlement: Settlement) -> Verdict:
    """Import less export at the connection is the sum of net positions."""
    dispatch = settlement.dispatch
    net = np.concatenate([dispatch.net_kwh[part].sum(axis=1) for part in blocks(*dispatch.net_kwh.shape)])
    worst = _Worst("grid_balance", "import less export is the sum of net positions", "kWh")
    limit = ENERGY_TOLERANCE * np.maximum(2.0, dispatch.demand_kwh + dispatch.supply_kwh)
    return worst.see(np.abs(dispatch.import_kwh - dispatch.export_kwh - net), limit, _of_slot).verdict()


def _budget_balance(settlement: Settlement, account: Account) -> Verdict:
    """Σ bills = C(q) + operator's surplus."""
    imbalance = float(account.bill.sum() - settlement.grid_cost().sum() - settlement.operator_surplus().sum())
    turnover = float(np.abs(account.paid).sum() + np.abs(account.earned).sum())
    worst = _Worst("budget_balance", "bills add up to the grid's bill and the operator's surplus", "in money")
    limit = max(MONEY_TOLERANCE, ROUNDING * turnover)
    return worst.see(np.array([abs(imbalance)]), limit, lambda _: " in all").verdict()


def _least_cost(settlement: Settlement) -> Verdict:
    """C(q) >= C*: trading less than all matched energy never costs the community less."""
    least = settlement.least_cost()
    worst = _Worst("least_cost", "the grid's bill is not below the least possible", "in money")
    limit = MONEY_TOLERANCE * np.maximum(1.0, np.abs(least))
    return worst.see(least - settlement.grid_cost(), limit, _of_slot).verdict()


def _prices_between_tariffs(settlement: Settlement) -> Verdict:
    """f <= sell <= buy <= r where somebody buys and sells."""
    dispatch, retail, feed_in = settlement.dispatch, settlement.tariff.retail_price, settlement.tariff.feed_in_price
    buy, sell = settlement.unit_prices()
    buys, sells = dispatch.demand_kwh > 0.0, dispatch.supply_kwh > 0.0
    outside = np.where(buys, np.maximum(buy - retail, feed_in - buy), 0.0)
    outside = np.where(sells, np.maximum(outside, feed_in - sell), outside)
    outside = np.where(buys & sells, np.maximum(outside, sell - buy), outside)
    worst = _Worst("price_bounds", "feed-in price <= sell price <= buy price <= retail price", "per kWh")
    return worst.see(outside, PRICE_TOLERANCE * np.maximum(1.0, retail), _of_slot).verdict()


def _prices_between_orders(settlement: Settlement, fills: Fills) -> Verdict:
    """ask <= price <= bid for whoever trades."""
    community = settlement.dispatch.community
    worst = _Worst("price_bounds", "nobody pays more than the bid or gets less than the ask", "per kWh")
    for part in blocks(*fills.filled_kwh.shape):
        filled, order = fills.filled_kwh[part], fills.order_price[part]
        outside = np.where(filled > DUST_KWH, columns(fills.buy_price[part]) - order, 0.0)
        outside = np.where(filled < -DUST_KWH, order - columns(fills.sell_price[part]), outside)
        limit = PRICE_TOLERANCE * np.maximum(1.0, np.abs(order))
        worst.see(outside, limit, _of_both(community, part))
    return worst.verdict()


def _individual_rationality(settlement: Settlement, account: Account) -> Verdict:
    """No household pays more than it would for the same net positions without peers."""
    dispatch, tariff = settlement.dispatch, settlement.tariff
    alone = np.zeros(dispatch.community.households)
    for part in blocks(*dispatch.net_kwh.shape):
        deficit = np.maximum(dispatch.net_kwh[part], 0.0)
        alone += np.einsum("t,th->h", tariff.retail_price[part], deficit)
        alone -= np.einsum("t,th->h", tariff.feed_in_price[part], deficit - dispatch.net_kwh[part])
    worst = _Worst("individual_rationality", "no household pays more than without peers", "in money")
    limit = MONEY_TOLERANCE * np.maximum(1.0, np.abs(alone))
    return worst.see(account.bill - alone, limit, _of_household(dispatch.community)).verdict()


def _operator(settlement: Settlement) -> Verdict:
    """The operator never pays in."""
    surplus = settlement.operator_surplus()
    worst = _Worst("operator_surplus", "the operator's surplus is not negative", "in money")
    return worst.see(-surplus, MONEY_TOLERANCE, _of_slot).verdict()


def _no_trade_left(settlement: Settlement, fills: Fills) -> Verdict:
    """The volume is the most the orders allow: no unfilled bid reaches an unfilled ask."""
    dispatch = settlement.dispatch
    left = np.zeros(dispatch.community.slots)
    for part in blocks(*dispatch.net_kwh.shape):
        filled, net, order = fills.filled_kwh[part], dispatch.net_kwh[part], fills.order_price[part]
        limit = 2.0 * ENERGY_TOLERANCE * np.maximum(1.0, dispatch.demand_kwh[part, None])
        bid = np.where(net - filled > limit, order, -np.inf).max(axis=1)
        ask = np.where(filled - net > limit, order, np.inf).min(axis=1)
        left[part] = bid >= ask
    worst = _Worst("no_trade_left", "no bid and ask that could trade are left unfilled", "slots")
    return worst.see(left, 0.0, _of_slot).verdict()


def _battery(settlement: Settlement, storage: Storage) -> Iterator[Verdict]:
    """0 <= soc <= E; flows within power; soc moves by η_c·charge - discharge/η_d; own solar only, unless it may."""
    dispatch, community = settlement.dispatch, settlement.dispatch.community
    level = _Worst("battery_level", "the state of charge stays between empty and full", "kWh")
    power = _Worst("battery_power", "charge and discharge stay within the battery's power", "kWh")
    losses = _Worst("battery_losses", "what is stored is what flowed in, less the losses", "kWh")
    imports = _Worst("battery_import", "no home needs more energy with a battery than without", "kWh")
    limit = 4.0 * ENERGY_TOLERANCE * np.maximum(1.0, storage.capacity_kwh)
    before = storage.start_soc_kwh[None, :]
    for part in blocks(*dispatch.net_kwh.shape):
        soc, net, where = storage.soc_kwh[part], dispatch.net_kwh[part], _of_both(community, part)
        own = (community.load_kw[part] - community.solar_kw[part]) * community.slot_h
        flow, change = np.zeros_like(net), np.diff(np.concatenate([before, soc]), axis=0)
        flows = folded(net - own, community)
        flow[:, : flows.shape[1]] = flows
        before = soc[-1:]
        stored = np.where(flow > 0.0, flow * storage.charge_efficiency, flow / storage.discharge_efficiency)
        level.see(np.maximum(soc - storage.capacity_kwh, -soc), limit, where)
        power.see(np.abs(flow) - storage.power_kw * community.slot_h, limit, where)
        losses.see(np.abs(change - stored), limit, where)
        imports.see(np.maximum(net, 0.0) - np.maximum(own, 0.0), limit, where)
    yield from (level.verdict(), power.verdict(), losses.verdict())
    if not storage.charges_from_grid:
        yield imports.verdict()
