"""The promises every settlement must keep, each with its worst violation and where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.errors import MarketError
from core.market.chunks import blocks
from core.market.community import FloatArray
from core.market.dispatch import DUST_KWH
from core.market.settlement import Account, Settlement

ENERGY_TOLERANCE = 1e-9
MONEY_TOLERANCE = 1e-6
PRICE_TOLERANCE = 1e-9
MAY_BE_EXEMPT = ("price_bounds", "individual_rationality", "no_trade_left", "additive_over_slots")
"""What a mechanism may declare to break: named in its file's EXEMPT and flagged in every result."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant on one settlement: whether it holds, the worst violation, and a sentence with the place.

    exempt: the mechanism is known to break it and says so; `holds` then only reports.
    """

    name: str
    holds: bool
    worst: float
    sentence: str
    exempt: bool = False


def check(settlement: Settlement, *, exempt: tuple[str, ...] = ()) -> tuple[Verdict, ...]:
    """Every invariant on a settlement."""
    account = settlement.account()
    return tuple(
        Verdict(v.name, v.holds, v.worst, v.sentence, exempt=True) if v.name in exempt else v
        for v in _verdicts(settlement, account)
    )


def require(verdicts: tuple[Verdict, ...], *, algorithm: str) -> None:
    """Raises MarketError with the sentence of the first broken invariant that is not exempt."""
    for verdict in verdicts:
        if not verdict.holds and not verdict.exempt:
            raise MarketError(
                f"{algorithm} breaks {verdict.name}: {verdict.sentence}",
                fix="The algorithm's file must be corrected; its figures would be wrong.",
                code="broken_invariant",
            )


def _verdicts(settlement: Settlement, account: Account) -> Iterator[Verdict]:
    yield _finite(settlement, account)
    yield from _energy(settlement)
    yield _grid_balance(settlement)
    yield _budget(settlement, account)
    yield _least_cost(settlement)
    yield _prices(settlement)
    yield _rationality(settlement, account)
    if settlement.fills is not None:
        yield _no_trade_left(settlement)
    if settlement.dispatch.storage is not None:
        yield from _battery(settlement)


def _verdict(
    name: str, violation: FloatArray, *, limit: float | FloatArray, unit: str, promise: str, settlement: Settlement
) -> Verdict:
    """From a violation `[slot]`, `[slot, household]` or `[household]` (when `name` is about households)."""
    over = np.nan_to_num(violation - limit, nan=np.inf)
    place = np.unravel_index(int(np.argmax(over)), over.shape)
    worst = float(max(violation[place], 0.0))
    return Verdict(
        name,
        bool(over[place] <= 0.0),
        worst,
        f"{promise}; worst{_place(settlement, place, violation)}: {worst:.6g} {unit}.",
    )


def _place(settlement: Settlement, place: tuple[np.intp, ...], violation: FloatArray) -> str:
    community = settlement.dispatch.community
    if violation.shape == (community.slots, community.households):
        return f" in slot {place[0]}, household {community.household_ids[place[1]]}"
    if violation.shape == (community.slots,):
        return f" in slot {place[0]}"
    if violation.shape == (community.households,):
        return f" for household {community.household_ids[place[0]]}"
    return ""


def _finite(settlement: Settlement, account: Account) -> Verdict:
    bad = (~np.isfinite(account.bill)).astype(np.float64)
    return _verdict("finite", bad, limit=0.0, unit="bills", promise="every bill is a number", settlement=settlement)


def _energy(settlement: Settlement) -> Iterator[Verdict]:
    """Σ bought = Σ sold in each slot; bought <= deficit, sold <= surplus."""
    dispatch, q = settlement.dispatch, settlement.traded_kwh
    bought, sold, beyond = (np.zeros(q.shape) for _ in range(3))
    if settlement.fills is None:
        bought = np.where(dispatch.demand_kwh > 0.0, q, 0.0)
        sold = np.where(dispatch.supply_kwh > 0.0, q, 0.0)
        beyond = np.maximum(q - np.minimum(dispatch.demand_kwh, dispatch.supply_kwh), -q)
        limit = ENERGY_TOLERANCE * np.maximum(1.0, dispatch.demand_kwh)
        worst = _verdict("within_position", beyond, limit=limit, unit="kWh", promise=_WITHIN, settlement=settlement)
    else:
        worst = None
        for part in blocks(*dispatch.net_kwh.shape):
            filled, net = settlement.fills.filled_kwh[part], dispatch.net_kwh[part]
            bought[part] = np.maximum(filled, 0.0).sum(axis=1)
            sold[part] = np.maximum(-filled, 0.0).sum(axis=1)
            over = np.where(filled * net < 0.0, np.abs(filled), np.abs(filled) - np.abs(net))
            beyond[part] = over.max(axis=1)
            at = int(np.argmax(over))
            if worst is None or over.flat[at] > worst.worst:
                slot, household = divmod(at, over.shape[1])
                amount = float(over.flat[at])
                sentence = (
                    f"{_WITHIN}; worst in slot {part.start + slot}, household"
                    f" {dispatch.community.household_ids[household]}: {max(amount, 0.0):.6g} kWh."
                )
                holds = amount <= ENERGY_TOLERANCE * max(1.0, float(abs(net[slot, household])))
                worst = Verdict("within_position", holds, max(amount, 0.0), sentence)
    limit = 4.0 * ENERGY_TOLERANCE * np.maximum(1.0, dispatch.demand_kwh)
    yield _verdict(
        "energy_balance",
        np.abs(bought - sold),
        limit=limit,
        unit="kWh",
        promise="what is bought from peers equals what is sold to them",
        settlement=settlement,
    )
    if worst is not None:
        yield worst


_WITHIN = "nobody buys more than the deficit or sells more than the surplus"


def _grid_balance(settlement: Settlement) -> Verdict:
    """Import less export at the connection is the community's net position."""
    dispatch = settlement.dispatch
    net = np.concatenate([dispatch.net_kwh[part].sum(axis=1) for part in blocks(*dispatch.net_kwh.shape)])
    return _verdict(
        "grid_balance",
        np.abs(dispatch.import_kwh - dispatch.export_kwh - net),
        limit=ENERGY_TOLERANCE * np.maximum(1.0, dispatch.demand_kwh + dispatch.supply_kwh),
        unit="kWh",
        promise="import less export equals the sum of net positions",
        settlement=settlement,
    )


def _budget(settlement: Settlement, account: Account) -> Verdict:
    """Σ bills = C(q) + operator surplus."""
    from core.market.figures import operator_surplus

    paid = float(account.bill.sum())
    wanted = float(settlement.grid_cost().sum() + operator_surplus(settlement).sum())
    scale = float(account.paid.sum() + account.earned.sum())
    return _verdict(
        "budget_balance",
        np.array([abs(paid - wanted)]),
        limit=max(MONEY_TOLERANCE, 1e-12 * abs(scale)),
        unit="in money",
        promise="bills add up to the grid's bill and the operator's surplus",
        settlement=settlement,
    )


def _least_cost(settlement: Settlement) -> Verdict:
    """C(q) >= C*: trading less than all matched energy never costs the community less."""
    least = settlement.least_cost()
    return _verdict(
        "least_cost",
        least - settlement.grid_cost(),
        limit=MONEY_TOLERANCE * np.maximum(1.0, np.abs(least)),
        unit="in money",
        promise="the grid's bill is not below the least possible",
        settlement=settlement,
    )


def _prices(settlement: Settlement) -> Verdict:
    """f <= sell <= buy <= r for shared prices; ask <= price <= bid for auctions."""
    dispatch, tariff = settlement.dispatch, settlement.tariff
    limit = PRICE_TOLERANCE * max(1.0, float(tariff.retail_price.max()))
    if settlement.fills is None:
        buy, sell = settlement.buy_price, settlement.sell_price
        if buy is None or sell is None:
            raise MarketError("The settlement has neither unit prices nor fills.", fix="Use one of its constructors.")
        buys, sells = dispatch.demand_kwh > 0.0, dispatch.supply_kwh > 0.0
        outside = np.zeros(dispatch.community.slots)
        outside = np.where(buys, np.maximum(buy - tariff.retail_price, tariff.feed_in_price - buy), outside)
        outside = np.where(sells, np.maximum(outside, tariff.feed_in_price - sell), outside)
        outside = np.where(buys & sells, np.maximum(outside, sell - buy), outside)
        promise = "feed-in price <= sell price <= buy price <= retail price"
        return _verdict("price_bounds", outside, limit=limit, unit="per kWh", promise=promise, settlement=settlement)
    fills, outside = settlement.fills, np.zeros(dispatch.community.slots)
    for part in blocks(*dispatch.net_kwh.shape):
        filled, order = fills.filled_kwh[part], fills.order_price[part]
        buy, sell = fills.buy_price[part], fills.sell_price[part]
        over_bid = np.where(filled > DUST_KWH, (buy if buy.ndim == 2 else buy[:, None]) - order, 0.0)
        under_ask = np.where(filled < -DUST_KWH, order - (sell if sell.ndim == 2 else sell[:, None]), 0.0)
        outside[part] = np.maximum(over_bid, under_ask).max(axis=1)
    promise = "nobody pays more than the bid or gets less than the ask"
    return _verdict("price_bounds", outside, limit=limit, unit="per kWh", promise=promise, settlement=settlement)


def _rationality(settlement: Settlement, account: Account) -> Verdict:
    """No household pays more than it would for the same net positions without peers."""
    dispatch, tariff = settlement.dispatch, settlement.tariff
    alone = np.zeros(dispatch.community.households)
    for part in blocks(*dispatch.net_kwh.shape):
        deficit = np.maximum(dispatch.net_kwh[part], 0.0)
        alone += np.einsum("t,th->h", tariff.retail_price[part], deficit)
        alone -= np.einsum("t,th->h", tariff.feed_in_price[part], deficit - dispatch.net_kwh[part])
    return _verdict(
        "individual_rationality",
        account.bill - alone,
        limit=MONEY_TOLERANCE * np.maximum(1.0, np.abs(alone)),
        unit="in money",
        promise="no household pays more than without peers",
        settlement=settlement,
    )


def _no_trade_left(settlement: Settlement) -> Verdict:
    """The volume is the most the orders allow: no unfilled bid reaches an unfilled ask."""
    fills, dispatch = settlement.fills, settlement.dispatch
    assert fills is not None
    left = np.zeros(dispatch.community.slots)
    for part in blocks(*dispatch.net_kwh.shape):
        filled, net, order = fills.filled_kwh[part], dispatch.net_kwh[part], fills.order_price[part]
        limit = 2.0 * ENERGY_TOLERANCE * np.maximum(1.0, dispatch.demand_kwh[part, None])
        rest = np.abs(net) - np.abs(filled) > limit
        bid = np.where(rest & (net > 0.0), order, -np.inf).max(axis=1)
        ask = np.where(rest & (net < 0.0), order, np.inf).min(axis=1)
        left[part] = np.where(bid >= ask, 1.0, 0.0)
    return _verdict(
        "no_trade_left",
        left,
        limit=0.0,
        unit="slots",
        promise="no bid and ask that could trade are left unfilled",
        settlement=settlement,
    )


def _battery(settlement: Settlement) -> Iterator[Verdict]:
    """0 <= soc <= E; charge and discharge within power; soc moves by η_c·charge - discharge/η_d."""
    dispatch = settlement.dispatch
    community, storage = dispatch.community, dispatch.storage
    assert storage is not None
    level, power, losses = (np.zeros(community.slots) for _ in range(3))
    before = storage.start_soc_kwh[None, :]
    for part in blocks(*dispatch.net_kwh.shape):
        soc = storage.soc_kwh[part]
        change = np.diff(np.concatenate([before, soc]), axis=0)
        before = soc[-1:]
        own = (community.load_kw[part] - community.solar_kw[part]) * community.slot_h
        flow = dispatch.net_kwh[part] - own
        level[part] = np.maximum(soc - storage.capacity_kwh, -soc).max(axis=1)
        power[part] = (np.abs(flow) - storage.power_kw * community.slot_h).max(axis=1)
        wanted = np.where(flow > 0.0, flow * storage.charge_efficiency, flow / storage.discharge_efficiency)
        losses[part] = np.abs(change - wanted).max(axis=1)
    for name, violation, promise in (
        ("battery_level", level, "the state of charge stays between empty and full"),
        ("battery_power", power, "charge and discharge stay within the battery's power"),
        ("battery_losses", losses, "what is stored is what flowed in, less the losses"),
    ):
        limit = 4.0 * ENERGY_TOLERANCE * max(1.0, float(storage.capacity_kwh.max()))
        yield _verdict(name, violation, limit=limit, unit="kWh", promise=promise, settlement=settlement)
