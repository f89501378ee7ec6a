"""A rulebook: everything a place decides about money, read once from a TOML or JSON table.

docs/rulebooks.md describes every key. `rulebook_of` raises MarketError naming the key, what was found and what is
expected.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import MarketError
from core.market.local_time import known_zone
from core.market.rulebooks.fields import TOP, Table, did_you_mean, number, shown
from core.market.tariff import DayPrices, parse_hours

ARRANGEMENTS = ("net_billing", "net_metering", "gross_metering")
SHAPES = ("supply", "allocation", "incentive")
ROUNDS = ("static", "pro_rata", "equal", "priority")
SHARES = ("producers", "consumers", "equal", "fund")
FORECASTS = ("perfect", "day_before", "mean_7_days", "noise")
SETTLEMENTS = ("min_pro_rata", "min_fifo", "min_seller_first", "optimum", "own_deviation")
INPUT = "input"
TOP_KEYS = ("name", "currency", "timezone", "sources", "billing", "classes", "peer", "key", "incentive", "forward")
Hours = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Prices:
    """A price a slot: by the clock, as a series, or, with `from_input`, the one that comes with the readings."""

    by_clock: DayPrices = field(default_factory=lambda: DayPrices(0.0))
    series: tuple[float, ...] = ()
    from_input: bool = False

    @property
    def flat(self) -> bool:
        """One price for all times."""
        return not (self.by_clock.bands or self.series or self.from_input)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Hours of the local day in which the energy price is raised (lowered) by this share."""

    name: str
    hours: Hours
    raised_by: float


@dataclass(frozen=True, slots=True)
class Percentage:
    """A share `rate` of the named parts of the bill: energy, fixed, or earlier percentages."""

    name: str
    rate: float
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TariffClass:
    """What the grid charges and pays the households of one class.

    slabs: (upper limit of the month's kWh, price per kWh), the last limit infinite; empty where `energy` holds.
    per_kw: (upper limit of the sanctioned load, price per kW and month).
    """

    arrangement: str = "net_billing"
    energy: Prices = field(default_factory=Prices)
    slabs: tuple[tuple[float, float], ...] = ()
    export: Prices = field(default_factory=Prices)
    credit_within_month_energy: bool = False
    year_end_price: float = 0.0
    per_kw: tuple[tuple[float, float], ...] = ()
    per_month: float = 0.0
    time_of_day: tuple[TimeOfDay, ...] = ()
    percent: tuple[Percentage, ...] = ()

    @property
    def linear(self) -> bool:
        """Whether every kWh of a slot has one price, whatever else the month brings."""
        return self.arrangement != "net_metering" and not self.slabs and not self.credit_within_month_energy


@dataclass(frozen=True, slots=True)
class Charge:
    """What each side pays per kWh of peer energy by its own meter, and who gets it."""

    name: str
    buyer: float = 0.0
    seller: float = 0.0
    to: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """How peer energy counts. price: of a sharing key; None is the middle between bids and asks."""

    counts_as: str = "supply"
    price: float | None = None
    charges: tuple[Charge, ...] = ()
    loss: float = 0.0

    @property
    def buyer_charge(self) -> float:
        """c^B, currency/kWh."""
        return math.fsum(charge.buyer for charge in self.charges)

    @property
    def seller_charge(self) -> float:
        """c^S, currency/kWh."""
        return math.fsum(charge.seller for charge in self.charges)


@dataclass(frozen=True, slots=True)
class Key:
    """Who gets the shared energy: rounds in order, each over what the one before left."""

    rounds: tuple[str, ...]
    coefficients: Mapping[str, float] = field(default_factory=dict)
    by_hours: tuple[tuple[Hours, Mapping[str, float]], ...] = ()
    rank: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Premium:
    """min(cap, fixed + (reference - zonal price)⁺) + zone, currency per shared kWh."""

    fixed: float = 0.0
    reference: float | None = None
    cap: float = math.inf
    zone: float = 0.0


@dataclass(frozen=True, slots=True)
class Incentive:
    """Money per shared kWh and who gets which share of it; the shares add up to 1."""

    shares: Mapping[str, float]
    per_kwh: float = 0.0
    premium: Premium | None = None


@dataclass(frozen=True, slots=True)
class Deviation:
    """Under `own_deviation`: what a buyer is paid and a seller charged for each kWh short of the contracts."""

    buyer_credit: float = 0.0
    seller_charge: float = 0.0


@dataclass(frozen=True, slots=True)
class Forward:
    """Contracts from a forecast, settled by meter."""

    forecast: str = "day_before"
    settlement: str = "min_pro_rata"
    deviation: Deviation | None = None
    lead_slots: int = 0
    noise: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything a place decides. document: as it was written, for export and for the digest."""

    name: str
    currency: str
    time_zone: str
    sources: tuple[str, ...]
    year_starts_month: int
    prorate: bool
    carry_at_end: bool
    classes: Mapping[str, TariffClass]
    peer: Peer
    key: Key | None
    incentive: Incentive | None
    forward: Forward | None
    document: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256, hex, of the rulebook as canonical JSON; name and sources included."""
        text = json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def linear(self) -> bool:
        """Whether every household's bill is a price times energy in each slot."""
        return all(each.linear for each in self.classes.values()) and self.peer.counts_as == "supply"


def rulebook_of(document: object) -> Rulebook:
    """Read a rulebook from its table. Raises MarketError naming the key and the value."""
    top = Table(document, TOP).only(*TOP_KEYS)
    name, zone = top.text("name", "Rulebook"), top.text("timezone", "UTC")
    known_zone(zone)
    sources = tuple(str(each) for each in top.list("sources"))
    currency = top.text("currency", "INR")
    billing = top.table("billing")
    year_starts = _month_of(billing.text("year_starts", "01-01"), billing.at("year_starts"))
    prorate = billing.flag("prorate")
    carry = billing.choice("horizon_end", ("settle", "carry"), "settle") == "carry"
    billing.done()
    classes = top.named("classes", _class)
    key = _key(top.table("key")) if "key" in top else None
    incentive = _incentive(top.table("incentive")) if "incentive" in top else None
    forward = _forward(top.table("forward")) if "forward" in top else None
    for name_ in ("key", "incentive", "forward"):
        top.take(name_)
    peer = _peer(top.table("peer"))
    top.done()
    if not classes:
        raise MarketError("The rulebook has no classes.", fix="Give at least [classes.default].")
    if (peer.counts_as == "incentive") != (incentive is not None):
        raise MarketError(
            f'peer.counts_as is "{peer.counts_as}" and there is {"an" if incentive else "no"} [incentive].',
            fix='Give both [incentive] and counts_as = "incentive", or neither.',
        )
    assert isinstance(document, Mapping)
    return Rulebook(
        name=name,
        currency=currency,
        time_zone=zone,
        sources=sources,
        year_starts_month=year_starts,
        prorate=prorate,
        carry_at_end=carry,
        classes=classes,
        peer=peer,
        key=key,
        incentive=incentive,
        forward=forward,
        document=_plain(document),
    )


def _plain(value: Any) -> Any:
    """Tables and lists as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _month_of(text: str, where: str) -> int:
    found = re.fullmatch(r"(0[1-9]|1[0-2])-01", text)
    if found is None:
        raise MarketError(f'{where} is "{text[:80]}", expected the first day of a month.', fix='Such as "04-01".')
    return int(found[1])


def _class(found: object, where: str) -> TariffClass:
    table = Table(found, where)
    arrangement = table.choice("arrangement", ARRANGEMENTS, "net_billing")
    metering = arrangement == "net_metering"
    energy, slabs = _energy(table.table("energy"), metering=metering)
    if metering and "export" in table:
        raise MarketError(
            f"{table.at('export')}: net metering has no price for exports.", fix="Leave it out; see year_end_price."
        )
    if not metering and "year_end_price" in table:
        raise MarketError(f"{table.at('year_end_price')} needs net_metering.", fix="Leave it out.")
    if metering and "export_credit" in table:
        raise MarketError(f"{table.at('export_credit')}: net metering pays no export credit.", fix="Leave it out.")
    export = _export(table.table("export"))
    limited = table.choice("export_credit", ("month_energy", "none"), "none") == "month_energy"
    fixed = table.table("fixed")
    per_kw = _bands(fixed.list("per_kw"), fixed.at("per_kw"), least=0.0)
    per_month = fixed.number("per_month")
    fixed.done()
    made = TariffClass(
        arrangement=arrangement,
        energy=energy,
        slabs=slabs,
        export=export,
        credit_within_month_energy=limited,
        year_end_price=table.number("year_end_price"),
        per_kw=per_kw,
        per_month=per_month,
        time_of_day=tuple(_time_of_day(each) for each in table.tables("time_of_day")),
        percent=_percentages(table.tables("percent")),
    )
    table.done()
    return made


def _energy(table: Table, *, metering: bool) -> tuple[Prices, tuple[tuple[float, float], ...]]:
    table.only("price", "slabs", "series")
    given = [key for key in ("price", "slabs", "series") if key in table]
    if len(given) != 1:
        raise MarketError(
            f"{table.where} has {' and '.join(given) or 'no price'}, expected one of price, slabs, series."
        )
    slabs = _bands(table.list("slabs"), table.at("slabs"))
    prices = _prices(table)
    table.done()
    if metering and not prices.flat:
        raise MarketError(
            f"{table.where}: net metering takes one price or slabs.", fix="Give hours of the day in time_of_day."
        )
    return prices, slabs


def _export(table: Table) -> Prices:
    if "price" in table and "series" in table:
        raise MarketError(f"{table.where} has price and series, expected one of them.")
    prices = _prices(table)
    table.done()
    return prices


def _prices(table: Table) -> Prices:
    price, series = table.take("price"), table.take("series")
    if series == INPUT:
        return Prices(from_input=True)
    if series is not None:
        if not isinstance(series, list | tuple) or not series:
            raise MarketError(f'{table.at("series")} is {shown(series)}, expected a list of prices or "input".')
        where = table.at("series")
        return Prices(series=tuple(number(each, f"{where}[{place}]") for place, each in enumerate(series)))
    if isinstance(price, str):
        return Prices(DayPrices.parse(price, name=table.at("price"), least=-math.inf))
    return Prices(DayPrices(number(0.0 if price is None else price, table.at("price"))))


def _bands(found: list[object], where: str, *, least: float = -math.inf) -> tuple[tuple[float, float], ...]:
    """(upper limit, price) in rising order, the last without a limit ("rest", in JSON also null)."""
    bands: list[tuple[float, float]] = []
    for place, each in enumerate(found):
        at = f"{where}[{place}]"
        if not isinstance(each, list | tuple) or len(each) != 2:
            raise MarketError(f"{at} is {shown(each)}, expected [upper limit, price].", fix="Such as [200, 3.0].")
        last = each[0] is None or each[0] == "rest"
        upper = math.inf if last else number(each[0], f"the limit of {at}", least=0.0)
        if upper <= (bands[-1][0] if bands else 0.0):
            raise MarketError(f"{at} ends at {upper:g}, expected a limit above the one before.")
        bands.append((upper, number(each[1], f"the price of {at}", least=least)))
    if bands and not math.isinf(bands[-1][0]):
        raise MarketError(
            f"{where} says nothing above {bands[-1][0]:g}.", fix='End with ["rest", price] (in JSON [null, price]).'
        )
    return tuple(bands)


def _time_of_day(table: Table) -> TimeOfDay:
    hours = parse_hours(table.text("hours"), name=table.at("hours"))
    made = TimeOfDay(table.text("name"), hours, table.number("percent", least=-100.0) / 100.0)
    table.done()
    return made


def _percentages(tables: list[Table]) -> tuple[Percentage, ...]:
    made: list[Percentage] = []
    for table in tables:
        name = table.text("name")
        parts = ["energy", "fixed", *(each.name for each in made)]
        if not name or name in parts:
            raise MarketError(f"{table.at('name')} is {shown(name)}, expected a name of its own.")
        on = tuple(str(each) for each in table.list("on"))
        for each in on:
            if each not in parts:
                fix = did_you_mean(each, parts) or f"There is: {', '.join(parts)}."
                raise MarketError(f'{table.at("on")}: there is no part "{each[:80]}" before {name}.', fix=fix)
        if not on or len(set(on)) != len(on):
            raise MarketError(f"{table.at('on')} is {shown(list(on))}, expected each part once, at least one.")
        made.append(Percentage(name, table.number("rate"), on))
        table.done()
    return tuple(made)


def _peer(table: Table) -> Peer:
    charges: list[Charge] = []
    for each in table.tables("charges"):
        charge = Charge(each.text("name"), each.number("buyer"), each.number("seller"), each.text("to"))
        each.done()
        if not charge.name or charge.name in {other.name for other in charges}:
            raise MarketError(f"{each.at('name')} is {shown(charge.name)}, expected a name of its own.")
        charges.append(charge)
    price = table.take("price", "mid")
    made = Peer(
        table.choice("counts_as", SHAPES, "supply"),
        None if price == "mid" else _price_or_mid(price, table.at("price")),
        tuple(charges),
        table.number("loss", least=0.0, below=1.0),
    )
    table.done()
    return made


def _price_or_mid(found: object, where: str) -> float:
    if isinstance(found, str):
        raise MarketError(f'{where} is {shown(found)}, expected a number or "mid".')
    return number(found, where)


def _key(table: Table) -> Key:
    rounds = tuple(str(each) for each in table.list("rounds"))
    for each in rounds:
        if each not in ROUNDS:
            raise MarketError(
                f"{table.at('rounds')} has {shown(each)}, expected of: {', '.join(ROUNDS)}.",
                fix=did_you_mean(each, ROUNDS),
            )
    if not rounds:
        raise MarketError(f"{table.at('rounds')} is empty, expected of: {', '.join(ROUNDS)}.")
    by_hours = table.named("coefficients_by_hours", _coefficients)
    made = Key(
        rounds,
        _coefficients(table.take("coefficients", {}), table.at("coefficients")),
        tuple(
            (parse_hours(hours, name=table.at("coefficients_by_hours")), shares) for hours, shares in by_hours.items()
        ),
        table.named("rank", number),
    )
    table.done()
    return made


def _coefficients(found: object, where: str) -> dict[str, float]:
    if not isinstance(found, Mapping):
        raise MarketError(f"{where} is {shown(found)}, expected a table.")
    shares = {str(name): number(share, f"{where}.{name}", least=0.0) for name, share in found.items()}
    total = math.fsum(shares.values())
    if total > 1.0 + 1e-9:
        raise MarketError(f"{where} add up to {total:g}, expected at most 1.")
    return shares


def _incentive(table: Table) -> Incentive:
    premium = None
    if "premium" in table:
        given = table.table("premium")
        reference = given.number("reference") if "reference" in given else None
        if reference is None:
            given.take("reference")
        premium = Premium(
            given.number("fixed"),
            reference,
            given.number("cap") if "cap" in given else math.inf,
            given.number("zone"),
        )
        given.take("cap")
        given.done()
    shares = table.table("shares")
    found = {name: shares.number(name, least=0.0) for name in SHARES}
    shares.done()
    if abs(math.fsum(found.values()) - 1.0) > 1e-9:
        raise MarketError(f"{shares.where} add up to {math.fsum(found.values()):g}, expected 1.")
    made = Incentive(found, table.number("per_kwh"), premium)
    table.take("premium")
    table.done()
    return made


def _forward(table: Table) -> Forward:
    settlement = table.choice("settlement", SETTLEMENTS, "min_pro_rata")
    made = Forward(
        table.choice("forecast", FORECASTS, "day_before"),
        settlement,
        deviation_of(table.take("deviation"), table.at("deviation")),
        table.whole("lead_slots"),
        table.number("noise", least=0.0),
        table.whole("seed"),
    )
    table.done()
    return made


def deviation_of(found: object, where: str) -> Deviation | None:
    """The prices of deviations, None if not given."""
    if found is None:
        return None
    table = Table(found, where)
    made = Deviation(table.number("buyer_credit"), table.number("seller_charge"))
    table.done()
    return made
