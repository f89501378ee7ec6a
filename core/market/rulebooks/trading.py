"""Who trades what by a mechanism under a rulebook: auctions and prices, sharing keys, contracts from a forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.errors import MarketError
from core.market.algorithms import get, keywords
from core.market.chunks import blocks
from core.market.community import Community, FloatArray, IntArray, Tariff
from core.market.contract import Algorithm, Value, unknown
from core.market.dispatch import Dispatch, own_use
from core.market.meters import folded, split
from core.market.rulebooks.contracts import Contracts, Settled, energy_by, settle_contracts
from core.market.rulebooks.fields import did_you_mean
from core.market.rulebooks.forecast import forecast_kwh
from core.market.rulebooks.form import SETTLEMENTS, Deviation, Forward, deviation_of
from core.market.rulebooks.place import Forecasts, Place, Position
from core.market.rulebooks.sharing import share_out
from core.market.settlement import Fills, Settlement, columns
from core.market.trades import Trades, trades_of_fills

SHARING_KEY, CONTRACTS = "sharing_key", "contracts"
"""Mechanisms that only a rulebook has: energy is allocated by its key, or by contracts that are handed in."""


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """What a mechanism did.

    bought_kwh, sold_kwh: `[slot, household]`, at the buyer's and at the seller's meter. credited_kwh: the same, what
    a member owned and did not use; None unless energy is allocated. peer, deviation: money, `[household]`.
    price: `[slot]`, NaN without a trade. beyond_meter: whether more may be bought or sold than was metered.
    """

    bought_kwh: FloatArray
    sold_kwh: FloatArray
    peer: FloatArray
    price: FloatArray
    operator_surplus: float = 0.0
    operator_by_slot: FloatArray | None = None
    credited_kwh: FloatArray | None = None
    deviation: FloatArray | None = None
    settled: Settled | None = None
    beyond_meter: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Mechanism:
    """A mechanism by name with complete parameters: an algorithm, or one that only a rulebook has."""

    id: str
    parameters: dict[str, Value]
    algorithm: Algorithm | None = None
    settlement: str = ""
    deviation: Deviation | None = None


def mechanism_of(name: str, given: Mapping[str, object]) -> Mechanism:
    """A mechanism by name. Raises MarketError with "did you mean"."""
    if name in (SHARING_KEY, CONTRACTS):
        known = ("settlement", "deviation") if name == CONTRACTS else ()
        for key in given:
            if key not in known:
                raise unknown(f"parameter of {name}", str(key), dict.fromkeys(known))
        rule = str(given.get("settlement") or "")
        if rule and rule not in SETTLEMENTS:
            raise unknown("settlement of contracts", rule, dict.fromkeys(SETTLEMENTS))
        deviation = deviation_of(given.get("deviation"), "mechanism.deviation")
        return Mechanism(name, {}, settlement=rule, deviation=deviation)
    try:
        algorithm = get(name)
    except MarketError as error:
        near = did_you_mean(name, (SHARING_KEY, CONTRACTS))
        raise MarketError(error.message, fix=near or f"{error.fix} Also {SHARING_KEY} and {CONTRACTS}.") from None
    return Mechanism(name, algorithm.complete(given), algorithm)


def dispatch_of_mechanism(place: Place, mechanism: Mechanism, community: Community) -> Dispatch:
    """What physically flows, under the mechanism's own batteries if it has some."""
    algorithm = mechanism.algorithm
    if algorithm is None or algorithm.dispatch is None:
        return own_use(community)
    given = {name: mechanism.parameters[name] for name in keywords(algorithm.dispatch)}
    if algorithm.under_rules is None:
        _needs_one_price(place, algorithm)
        tariff = place.tariff()
    else:
        # Its batteries follow surplus and deficit alone; the tariff handed in decides nothing.
        tariff = Tariff.flat(community.slots)
    found = algorithm.dispatch(community, tariff, **given)
    assert isinstance(found, Dispatch)
    return found


def trade(position: Position, mechanism: Mechanism, *, contracts: Contracts | None = None) -> Traded:
    """What the mechanism does with a position, apart from forward contracts. Raises MarketError where it is not
    defined under the rulebook."""
    rulebook, nothing = position.place.rulebook, np.zeros_like(position.need_kwh)
    households, slots = nothing.shape[1], nothing.shape[0]
    if mechanism.id == CONTRACTS:
        return _of_contracts(position, mechanism, contracts or _no_contracts(), rulebook.forward)
    if rulebook.peer.counts_as == "incentive":
        note = () if mechanism.id in ("grid_only", SHARING_KEY) else (NOBODY_TRADES,)
        return Traded(nothing, nothing, np.zeros(households), np.full(slots, np.nan), notes=note)
    if mechanism.id == SHARING_KEY:
        return _of_key(position)
    algorithm = mechanism.algorithm
    assert algorithm is not None
    if rulebook.peer.counts_as == "allocation" and algorithm.id != "grid_only":
        raise MarketError(
            f"{algorithm.name} is not defined where energy is allocated to members by law.",
            fix=f"Compare {SHARING_KEY} or grid_only.",
        )
    if algorithm.under_rules is None:
        return _of_linear(position, mechanism, algorithm)
    return of_fills(position, fills_of(position, mechanism, algorithm))


NOBODY_TRADES = "Under this rulebook bills stay those of the grid and money is paid for shared energy: nobody trades."


def fills_of(position: Position, mechanism: Mechanism, algorithm: Algorithm) -> Fills:
    """What an algorithm that knows rulebooks gives each column."""
    assert algorithm.under_rules is not None
    given = {name: mechanism.parameters[name] for name in keywords(algorithm.under_rules)}
    found = algorithm.under_rules(position.orders(), **given)
    assert isinstance(found, Fills)
    return found


def of_fills(position: Position, fills: Fills) -> Traded:
    """The trade that fills of delivered kWh `[slot, column]` make."""
    community, loss = position.dispatch.community, position.place.rulebook.peer.loss
    shape = fills.filled_kwh.shape
    paid_by, bought, sold = np.zeros(shape[1]), np.zeros(shape), np.zeros(shape)
    paid, got, traded = np.zeros(shape[0]), np.zeros(shape[0]), np.zeros(shape[0])
    for part in blocks(*shape):
        filled = fills.filled_kwh[part]
        buys, sells = np.maximum(filled, 0.0), np.maximum(-filled, 0.0)
        pays = np.where(buys > 0.0, columns(fills.buy_price[part]) * buys, 0.0)
        gets = np.where(sells > 0.0, columns(fills.sell_price[part]) * sells, 0.0)
        paid_by += (pays - gets).sum(axis=0)
        paid[part], got[part], traded[part] = pays.sum(axis=1), gets.sum(axis=1), buys.sum(axis=1)
        bought[part] = buys
        sold[part] = sells / (1.0 - loss) if loss else sells
    with np.errstate(invalid="ignore", divide="ignore"):
        price = np.where(traded > 0.0, (paid + got) / 2.0 / traded, np.nan)
    bought, sold = folded(bought, community), folded(sold, community)
    np.minimum(sold, position.surplus_kwh, out=sold)
    surplus = 0.0 if fills.buy_price is fills.sell_price else float((paid - got).sum())
    by_slot = None if fills.buy_price is fills.sell_price else paid - got
    return Traded(bought, sold, folded(paid_by, community), price, surplus, by_slot)


def _of_linear(position: Position, mechanism: Mechanism, algorithm: Algorithm) -> Traded:
    """An algorithm that knows prices of one tariff only."""
    _needs_one_price(position.place, algorithm)
    if algorithm.settle is None:
        raise MarketError(f"{algorithm.name} gives figures only and cannot be settled under a rulebook.")
    tariff = position.place.tariff()
    given = {name: mechanism.parameters[name] for name in keywords(algorithm.settle)}
    settlement = algorithm.settle(position.dispatch, tariff, **given)
    assert isinstance(settlement, Settlement)
    community, net = position.dispatch.community, position.dispatch.net_kwh
    if settlement.fills is not None:
        filled = settlement.fills.filled_kwh
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            of_demand = np.nan_to_num(settlement.traded_kwh / position.dispatch.demand_kwh)
            of_supply = np.nan_to_num(settlement.traded_kwh / position.dispatch.supply_kwh)
        filled = net * np.where(net > 0.0, of_demand[:, None], of_supply[:, None])
    bought, sold = folded(np.maximum(filled, 0.0), community), folded(np.maximum(-filled, 0.0), community)
    grid = tariff.retail_price @ (position.need_kwh - bought) - tariff.feed_in_price @ (position.surplus_kwh - sold)
    peer = folded(settlement.account().bill, community) - grid
    return Traded(bought, sold, peer, settlement.price, float(settlement.operator_surplus().sum()))


def _needs_one_price(place: Place, algorithm: Algorithm) -> None:
    if not place.one_price:
        raise MarketError(
            f"{algorithm.name} is defined for one linear net-billing class without charges and losses only.",
            fix="Compare other mechanisms under this rulebook, or this one under one that is linear.",
        )


def _of_key(position: Position) -> Traded:
    place = position.place
    rulebook = place.rulebook
    if rulebook.key is None:
        raise MarketError("The rulebook has no [key], and sharing_key needs one.", fix='Such as rounds = ["pro_rata"].')
    owned = rulebook.peer.counts_as == "allocation"
    shared = share_out(
        rulebook.key,
        position.need_kwh,
        position.surplus_kwh,
        household_ids=place.ids,
        calendar=place.calendar,
        loss=rulebook.peer.loss,
        owned=owned,
    )
    delivered = shared.used_kwh.sum(axis=1) + shared.credited_kwh.sum(axis=1)
    if rulebook.peer.price is None:
        bid, ask = position.orders().means()
        price = np.where(np.isfinite(bid), (bid + ask) / 2.0, ask)
    else:
        price = np.full(delivered.size, rulebook.peer.price)
    price = np.where(delivered > 0.0, price, np.nan)
    money = np.nan_to_num(price)
    sold = (1.0 - rulebook.peer.loss) * shared.sold_kwh
    peer = money @ (shared.used_kwh + shared.credited_kwh) - money @ sold
    notes: tuple[str, ...] = ()
    if rulebook.key.rounds == ("static",) and not (rulebook.key.coefficients or rulebook.key.by_hours):
        notes = ("The key has no coefficients, so nothing is shared: give each member its share.",)
    credited = shared.credited_kwh if owned else None
    return Traded(shared.used_kwh, shared.sold_kwh, peer, price, credited_kwh=credited, notes=notes)


def _no_contracts() -> Contracts:
    nothing = np.zeros(0, dtype=np.int64)
    return Contracts(nothing, nothing, nothing, np.zeros(0), np.zeros(0))


def forward_contracts(position: Position, mechanism: Mechanism, given: Forecasts) -> Contracts:
    """The trades that the mechanism makes of the forecast, as contracts. Raises MarketError."""
    place = position.place
    rulebook, community = place.rulebook, place.households
    forward = rulebook.forward
    assert forward is not None
    expected = _expected(place, forward, given)
    ahead = place.position(dispatch_of_mechanism(place, mechanism, split(expected)))
    if mechanism.id == SHARING_KEY:
        traded = _of_key(ahead)
        filled = traded.bought_kwh - (1.0 - rulebook.peer.loss) * traded.sold_kwh
        fills = Fills(filled, filled, np.nan_to_num(traded.price), np.nan_to_num(traded.price))
        of = np.arange(community.households)
    else:
        algorithm = mechanism.algorithm
        assert algorithm is not None
        of = ahead.dispatch.community.household_of
        if algorithm.under_rules is None:
            raise MarketError(
                f"{algorithm.name} makes no forward contracts.", fix="Compare an auction or the mid-market rate."
            )
        fills = fills_of(ahead, mechanism, algorithm)
    made = _trades(fills)
    return Contracts(made.slot, of[made.buyer], of[made.seller], made.energy_kwh, made.price)


def _trades(fills: Fills) -> Trades:
    found = [trades_of_fills(fills, part) for part in blocks(*fills.filled_kwh.shape)]
    names = ("slot", "buyer", "seller", "energy_kwh", "buy_price", "sell_price")
    return Trades(*(np.concatenate([getattr(each, name) for each in found]) for name in names))


def _expected(place: Place, forward: Forward, given: Forecasts) -> Community:
    """The community as it is forecast; where nothing is known of a home, it neither needs nor offers."""
    community = place.households
    load = _forecast(community.load_kw * community.slot_h, given.load_kwh, place, forward, "load")
    solar = _forecast(community.solar_kw * community.slot_h, given.solar_kwh, place, forward, "solar")
    nothing_known = np.isnan(load) | np.isnan(solar)
    for values in (load, solar):
        values[nothing_known] = 0.0
        values /= community.slot_h
    return replace(community, load_kw=load, solar_kw=solar)


def _forecast(
    values: FloatArray, given: Mapping[str, FloatArray], place: Place, forward: Forward, what: str
) -> FloatArray:
    found = values
    if len(given) < len(place.ids):
        found = forecast_kwh(values, place.households, forward, what=what)
    if given:
        found = found.copy()
        for household, series in given.items():
            found[:, place.ids.index(household)] = series
    return found


def _of_contracts(position: Position, mechanism: Mechanism, contracts: Contracts, forward: Forward | None) -> Traded:
    rule = mechanism.settlement or (forward.settlement if forward else SETTLEMENTS[0])
    deviation = mechanism.deviation or (forward.deviation if forward else None)
    if rule == "own_deviation" and deviation is None:
        raise MarketError(
            "own_deviation needs the prices of deviations.",
            fix="Give deviation = {buyer_credit = 4.0, seller_charge = 8.0}.",
        )
    deviation = deviation or Deviation()
    loss, (slots, households) = position.place.rulebook.peer.loss, position.need_kwh.shape
    settled = settle_contracts(
        contracts,
        needed_kwh=position.need_kwh,
        delivered_kwh=position.surplus_kwh * (1.0 - loss) if loss else position.surplus_kwh,
        rule=rule,
        buyer_credit=deviation.buyer_credit,
        seller_charge=deviation.seller_charge,
    )
    guaranteed = rule == "own_deviation"
    kwh = contracts.kwh if guaranteed else settled.settled_kwh
    money = kwh * contracts.price
    bought = _spread(contracts.slot, contracts.buyer, kwh, slots, households)
    sold = _spread(contracts.slot, contracts.seller, kwh, slots, households) / (1.0 - loss)
    peer = energy_by(contracts.buyer, money, households) - energy_by(contracts.seller, money, households)
    traded, paid = energy_by(contracts.slot, kwh, slots), energy_by(contracts.slot, money, slots)
    charged = None
    if guaranteed:
        charged = energy_by(
            settled.sellers.household, deviation.seller_charge * settled.sellers.shortfall_kwh, households
        ) - energy_by(settled.buyers.household, deviation.buyer_credit * settled.buyers.shortfall_kwh, households)
    else:
        np.minimum(bought, position.need_kwh, out=bought)
        np.minimum(sold, position.surplus_kwh, out=sold)
    price = np.divide(paid, traded, out=np.full(slots, np.nan), where=traded > 0.0)
    return Traded(bought, sold, peer, price, deviation=charged, settled=settled, beyond_meter=guaranteed)


def _spread(slot: IntArray, household: IntArray, kwh: FloatArray, slots: int, households: int) -> FloatArray:
    """Contracts added up by slot and household."""
    place = slot * households + household
    return energy_by(place, kwh, slots * households).reshape(slots, households)


def traded_by(
    position: Position, mechanism: Mechanism, *, contracts: Contracts | None = None, forecasts: Forecasts | None = None
) -> Traded:
    """What the mechanism does with a position, by contracts from a forecast where the rulebook wants it so."""
    forward = position.place.rulebook.forward
    if forward is None or mechanism.id in (CONTRACTS, "grid_only"):
        return trade(position, mechanism, contracts=contracts)
    made = forward_contracts(position, mechanism, forecasts or Forecasts())
    return _of_contracts(position, mechanism, made, forward)
