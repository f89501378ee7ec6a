"""One community, one rulebook, one mechanism as a JSON object, and everything that follows as another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.errors import MarketError
from core.market.community import Community, FloatArray
from core.market.meters import split
from core.market.rulebooks.account import Baseline, RuledAccount
from core.market.rulebooks.contracts import Contracts
from core.market.rulebooks.fields import Table, number, shown
from core.market.rulebooks.form import Rulebook, rulebook_of
from core.market.rulebooks.grid import GivenPrices
from core.market.rulebooks.place import Forecasts, Members, Place, ReferencePrices
from core.market.rulebooks.presets import preset
from core.market.rulebooks.sharing import known_households
from core.market.rulebooks.trading import CONTRACTS, Mechanism, dispatch_of_mechanism, mechanism_of

GOLDEN = ("expected", "tol", "why", "about", "bills_without_hand_arithmetic")
"""What a worked case has beside its question; `settle` does not look at it."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A question to the rulebooks, read and checked."""

    rulebook: Rulebook
    mechanism: Mechanism
    community: Community
    members: Members
    given: GivenPrices
    forecasts: Forecasts
    contracts: Contracts | None


def settle_case(document: object) -> dict[str, Any]:
    """The answer to a case. Raises MarketError naming the key and what is expected."""
    case = case_of(document)
    place = Place(case.rulebook, case.community, members=case.members, given=case.given)
    dispatch = dispatch_of_mechanism(place, case.mechanism, split(place.households))
    position = place.position(dispatch)
    account = RuledAccount(position, case.mechanism, contracts=case.contracts, forecasts=case.forecasts)
    return answer(account, Baseline(place.own_position() if dispatch.storage is not None else position))


def case_of(document: object) -> Case:
    """Read a case. Raises MarketError."""
    top = Table(document, "The case")
    top.take("id")
    for key in GOLDEN:
        top.take(key)
    found = top.take("rulebook")
    rulebook = preset(found) if isinstance(found, str) else rulebook_of(found)
    mechanism = _mechanism(top.take("mechanism"))
    given = top.table("input")
    top.done()
    start_at, slot_h = _start(given), given.number("slot_h", 1.0, least=1e-6)
    households = given.tables("households")
    if not households:
        raise MarketError("The case has no households.", fix="Give input.households, one table each.")
    read = [_Household.of(table) for table in households]
    slots = read[0].load_kwh.size
    for each in read:
        for name in ("load_kwh", "solar_kwh", "load_forecast_kwh", "solar_forecast_kwh"):
            series = getattr(each, name)
            if series is not None and series.size != slots:
                raise MarketError(
                    f"Household {each.household_id}: {name} has {series.size} values,"
                    f" expected {slots} as load_kwh of household {read[0].household_id}."
                )
    community = Community(
        tuple(each.household_id for each in read),
        start_at,
        slot_h,
        np.stack([each.load_kwh for each in read], axis=1) / slot_h,
        np.stack([each.solar_kwh for each in read], axis=1) / slot_h,
        np.array([each.pv_kw for each in read]),
    )
    prices = {name: _series(given, name, slots) for name in ("retail_price", "export_price", "zonal_price")}
    case = Case(
        rulebook,
        mechanism,
        community,
        Members(
            {each.household_id: each.class_name for each in read},
            {each.household_id: each.sanctioned_kw for each in read},
            {each.household_id: each.credit_kwh for each in read},
        ),
        GivenPrices(prices["retail_price"], prices["export_price"], prices["zonal_price"]),
        Forecasts(
            {each.household_id: each.load_forecast_kwh for each in read if each.load_forecast_kwh is not None},
            {each.household_id: each.solar_forecast_kwh for each in read if each.solar_forecast_kwh is not None},
        ),
        _contracts(given, community) if "contracts" in given else None,
    )
    given.take("contracts")
    given.done()
    if case.contracts is None and mechanism.id == CONTRACTS:
        raise MarketError("The mechanism is contracts, and input.contracts gives none.", fix="Give a list of them.")
    if case.contracts is not None and mechanism.id != CONTRACTS:
        raise MarketError(
            f"input.contracts are given, and the mechanism is {mechanism.id}.", fix='Use {"name": "contracts"}.'
        )
    return case


def _mechanism(found: object) -> Mechanism:
    if found is None:
        raise MarketError("The case has no mechanism.", fix='Such as {"name": "mid_market_rate"}.')
    if isinstance(found, str):
        return mechanism_of(found, {})
    if not isinstance(found, Mapping) or not isinstance(found.get("name"), str):
        raise MarketError(f"mechanism is {shown(found)}, expected a name.", fix='Such as {"name": "mid_market_rate"}.')
    return mechanism_of(found["name"], {key: value for key, value in found.items() if key != "name"})


@dataclass(frozen=True, slots=True, eq=False)
class _Household:
    household_id: str
    class_name: str
    sanctioned_kw: float
    pv_kw: float
    credit_kwh: float
    load_kwh: FloatArray
    solar_kwh: FloatArray
    load_forecast_kwh: FloatArray | None
    solar_forecast_kwh: FloatArray | None

    @classmethod
    def of(cls, table: Table) -> _Household:
        household_id = table.text("id")
        if not household_id:
            raise MarketError(f"{table.where} has no id.", fix="Give every household its own id.")
        where = f"Household {household_id}"
        load = _energies(table.take("load_kwh"), f"{where}: load_kwh")
        if load is None:
            raise MarketError(f"{where} has no load_kwh.", fix="Give kWh, one a slot.")
        solar = _energies(table.take("solar_kwh"), f"{where}: solar_kwh")
        made = cls(
            household_id,
            table.text("class", "default"),
            table.number("sanctioned_kw", least=0.0) if "sanctioned_kw" in table else np.nan,
            table.number("pv_kw", least=0.0) if "pv_kw" in table else np.nan,
            table.number("credit_kwh", least=0.0),
            load,
            np.zeros_like(load) if solar is None else solar,
            _energies(table.take("load_forecast_kwh"), f"{where}: load_forecast_kwh", unknown=True),
            _energies(table.take("solar_forecast_kwh"), f"{where}: solar_forecast_kwh", unknown=True),
        )
        for key in ("sanctioned_kw", "pv_kw"):
            table.take(key)
        table.done()
        return made


def _energies(found: object, where: str, *, unknown: bool = False) -> FloatArray | None:
    """kWh, one a slot; `unknown`: null may stand for what is not known."""
    if found is None:
        return None
    if not isinstance(found, list) or not found:
        raise MarketError(f"{where} is {shown(found)}, expected a list of kWh, one a slot.")
    return np.array(
        [
            np.nan if unknown and each is None else number(each, f"{where}[{slot}]", least=0.0)
            for slot, each in enumerate(found)
        ]
    )


def _series(given: Table, name: str, slots: int) -> FloatArray | None:
    found = given.list(name)
    if not found:
        return None
    if len(found) != slots:
        raise MarketError(f"input.{name} has {len(found)} prices for {slots} slots, expected one a slot.")
    return np.array([number(each, f"input.{name}[{slot}]") for slot, each in enumerate(found)])


def _start(given: Table) -> datetime:
    text = given.text("start_at")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1970 <= found.year <= 2100:
        raise MarketError(
            f"input.start_at is {shown(text)}, expected a time with its zone between 1970 and 2100.",
            fix='Such as "2026-05-10T06:30:00Z".',
        )
    return found.astimezone(UTC)


def _contracts(given: Table, community: Community) -> Contracts:
    rows: list[tuple[int, int, int, float, float]] = []
    for table in given.tables("contracts"):
        parties = [table.text("buyer"), table.text("seller")]
        known_households(parties, community.household_ids, table.where)
        buyer, seller = (community.household_ids.index(each) for each in parties)
        slot = table.whole("slot")
        if slot >= community.slots:
            raise MarketError(f"{table.at('slot')} is {slot}, and the last slot is {community.slots - 1}.")
        if buyer == seller:
            raise MarketError(f"{table.where} has {parties[0]} on both sides, expected two households.")
        rows.append((slot, buyer, seller, table.number("kwh", least=0.0), table.number("price")))
        table.done()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    slot_, buyer_, seller_ = (np.array(each, dtype=np.int64) for each in columns[:3])
    return Contracts(slot_, buyer_, seller_, *(np.array(each, dtype=np.float64) for each in columns[3:]))


def answer(account: RuledAccount, baseline: Baseline) -> dict[str, Any]:
    """Everything about an account as JSON has it; null where something is not defined."""
    place, position, traded = account.place, account.position, account.traded
    ids, saved = place.ids, baseline.savings(account.bill)
    arrays = {
        "bill": account.bill,
        "baseline_bill": baseline.bill,
        "savings": saved,
        "peer": traded.peer,
        "charges": account.charges,
        "deviation": account.deviation,
        "incentive": account.incentive,
        "grid": account.grid,
        **{name: account.grid_part(name) for name in ("energy", "fixed", "percent", "export_credit")},
        "bought_kwh": account.bought_kwh,
        "sold_kwh": account.sold_kwh,
        "credited_kwh": account.credited_kwh,
        "import_kwh": account.import_kwh.sum(axis=0),
        "export_kwh": account.export_kwh.sum(axis=0),
        "credit_kwh": account.grid_part("credit_kwh"),
    }
    households = {}
    for place_, household in enumerate(ids):
        _, bill, member = account.class_of(place_)
        households[household] = {
            **{name: float(values[place_]) for name, values in arrays.items()},
            "percents": account.percents(place_),
            "billable_kwh": bill.billable_kwh[:, member].tolist(),
        }
    whole = slice(0, len(traded.price))
    references = [ReferencePrices(position, exported=exported)[whole] for exported in (False, True)]
    least, state = baseline.least_cost()
    by_slot = {
        "bought_kwh": traded.bought_kwh,
        "sold_kwh": traded.sold_kwh,
        "import_kwh": account.import_kwh,
        "export_kwh": account.export_kwh,
    }
    settled = traded.settled
    return {
        "rulebook": {"name": place.rulebook.name, "digest": place.rulebook.digest},
        "mechanism": account.mechanism.id,
        "months": [str(month) for month in place.calendar.months.astype("datetime64[M]")],
        "households": households,
        "reference": {
            household: {
                "import_price": references[0][:, place_].tolist(),
                "export_price": references[1][:, place_].tolist(),
            }
            for place_, household in enumerate(ids)
        },
        "slots": {
            "price": _numbers(traded.price),
            "traded_kwh": account.traded_kwh.tolist(),
            **{
                name: {household: values[:, place_].tolist() for place_, household in enumerate(ids)}
                for name, values in by_slot.items()
            },
        },
        "community": {
            "community_cost": float(account.bill.sum()),
            "baseline_cost": baseline.cost,
            "savings": float(saved.sum()),
            "least_cost": _number(least),
            "least_cost_is": state,
            "charges": {name: float(each.sum()) for name, each in account.charges_by_name.items()},
            "traded_kwh": float(account.traded_kwh.sum()),
            "lost_kwh": account.lost_kwh,
            "operator_surplus": traded.operator_surplus,
            "incentive": account.incentive_paid,
            "fund": account.fund,
            "deviation": float(account.deviation.sum()),
            "budget_imbalance": account.budget_imbalance(),
        },
        "contracts": []
        if settled is None
        else [
            {
                "buyer": ids[settled.contracts.buyer[k]],
                "seller": ids[settled.contracts.seller[k]],
                "slot": int(settled.contracts.slot[k]),
                "kwh": float(settled.contracts.kwh[k]),
                "price": float(settled.contracts.price[k]),
                "buyer_kwh": float(settled.buyer_kwh[k]),
                "seller_kwh": float(settled.seller_kwh[k]),
                "settled_kwh": float(settled.settled_kwh[k]),
            }
            for k in range(len(settled.contracts))
        ],
        "forward": {} if settled is None else {name: _number(value) for name, value in settled.figures.items()},
        "notes": [*place.notes, *traded.notes],
    }


def _numbers(values: FloatArray) -> list[float | None]:
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
