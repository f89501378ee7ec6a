"""What a payload says, exactly, or the reason why it is not a trade or a meter reading.

A reason is an InputError whose `code` is one of CODES; its sentence quotes what was found, cut and escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any

import msgspec

from core.errors import InputError
from core.ledger.canonical import shown
from core.live.json_fields import (
    EXACT,
    ID,
    MAX_BYTES,
    MAX_FIELDS,
    MAX_ID,
    bad_id,
    count_in,
    flag_in,
    identifier,
    missing,
    number_in,
    parse,
    scaled_in,
    time_ms,
    wrong_type,
)

MAX_QTY_KWH = 10_000
MAX_PRICE = 100_000
MAX_KW = 100

CODES = {
    "too_large": f"More than {MAX_BYTES:,} bytes",
    "not_utf8": "Not UTF-8 text",
    "not_json": "Not JSON",
    "not_a_number": "NaN or infinity",
    "contradiction": "A field contradicts another or the ledger",
    "duplicate_key": "A key appears twice",
    "too_deep": "Nested too deeply",
    "not_an_object": "JSON, but not an object",
    "too_many_fields": f"More than {MAX_FIELDS} fields",
    "missing_field": "A field is missing",
    "wrong_type": "A field has the wrong type",
    "negative": "A number is negative",
    "too_small": "Less than half a watt-hour",
    "absurd": "A number beyond all reason",
    "bad_id": "An id that is not allowed",
    "bad_publisher": "A publisher that is not the sender",
    "same_household": "Buyer and seller are the same",
    "bad_time": "A time that cannot be read",
    "unexpected_topic": "A topic that nobody expects",
    "retained": "A retained message without an id",
    "id_reused": "An id that names another trade",
    "not_storable": "The ledger's format refuses it",
}
"""Every reason for the quarantine, with its heading."""

METERS = "meters"
"""The publisher of trades that the lab makes of meter readings."""
_SLOT_NUMBERS = 100_000
_METER_NAMES = {"load_kW": "load_kw", "solar_kW": "solar_kw"}


class TradeMessage(msgspec.Struct, frozen=True, gc=False):
    """A trade as its publisher sent it, in the ledger's integers (half-even rounding).

    traded_at_ms, slot_ms: the publisher's `timestamp` and `slot`, ms since 1970 UTC. seq: the publisher's own count.
    """

    buyer: str
    seller: str
    energy_wh: int
    price_micro_per_kwh: int
    publisher: str = ""
    message_id: str | None = None
    seq: int | None = None
    traded_at_ms: int | None = None
    slot_ms: int | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class MeterMessage:
    """One household's mean power at a time (ms since 1970 UTC), kW.

    solar_kw: None if the message has none: a home without panels. at_ms: None if it has no time: the arrival counts.
    """

    household_id: str
    load_kw: float
    solar_kw: float | None
    at_ms: int | None


def read_trade(payload: bytes, *, zone: tzinfo = UTC, currency: str = "") -> TradeMessage:
    """The trade in a payload; a time without an offset is read in `zone`. Raises InputError with the reason.

    currency: the ledger's; a payload that names another one is refused.
    """
    fields = _in_kwh(parse(payload))
    _check_currency(fields, currency)
    buyer, seller = identifier(fields, "buyer"), identifier(fields, "seller")
    if buyer == seller:
        raise InputError(f"buyer and seller are both {shown(buyer)}.", code="same_household")
    energy_wh = scaled_in(fields, "qty_kwh", most=MAX_QTY_KWH, scale=3)
    if energy_wh == 0:
        raise InputError(f"qty_kwh is {shown(fields['qty_kwh'])}, less than half a watt-hour.", code="too_small")
    return TradeMessage(
        buyer=buyer,
        seller=seller,
        energy_wh=energy_wh,
        price_micro_per_kwh=scaled_in(fields, "price", most=MAX_PRICE, scale=6),
        publisher=identifier(fields, "publisher") if "publisher" in fields else "",
        message_id=identifier(fields, "id") if "id" in fields else None,
        seq=count_in(fields, "seq") if "seq" in fields else None,
        traded_at_ms=time_ms(fields["timestamp"], "timestamp", zone) if "timestamp" in fields else None,
        slot_ms=_slot_ms(fields["slot"], zone) if "slot" in fields else None,
        simulated=flag_in(fields, "simulated") if "simulated" in fields else False,
    )


def published_by(message: TradeMessage, topic_level: str) -> TradeMessage:
    """The trade with its publisher as the broker vouches for it; topic_level: "" on the topic that all share.

    A publisher with a topic of its own (its last level) is named `/<level>`, which no payload can claim, so nobody
    without the right to write that topic uses up its ids. Raises InputError for a publisher that is not the sender.
    """
    if message.publisher == METERS:
        raise InputError(f"{METERS} is the lab's own publisher; choose another name.", code="bad_publisher")
    if not topic_level:
        return message
    if not ID.fullmatch(topic_level) or len(topic_level) == MAX_ID:
        raise bad_id("The publisher in the topic", topic_level)
    if message.publisher not in ("", topic_level):
        raise InputError(
            f"publisher is {shown(message.publisher)} on the topic of {shown(topic_level)}.", code="bad_publisher"
        )
    return msgspec.structs.replace(message, publisher=f"/{topic_level}")


def read_meter(household_id: str, payload: bytes, *, zone: tzinfo = UTC) -> MeterMessage:
    """The reading in a payload published for a household. Raises InputError with the reason."""
    if not ID.fullmatch(household_id):
        raise bad_id("The household in the topic", household_id)
    fields = _as_in_files(parse(payload))
    return MeterMessage(
        household_id=household_id,
        load_kw=float(number_in(fields, "load_kw", most=MAX_KW)),
        solar_kw=float(number_in(fields, "solar_kw", most=MAX_KW)) if "solar_kw" in fields else None,
        at_ms=time_ms(fields["timestamp"], "timestamp", zone) if "timestamp" in fields else None,
    )


_TO_KWH = {"wh": -3, "kwh": 0, "mwh": 3}
_CURRENCIES = {"₹": "INR", "€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "RS": "INR"}


def _in_kwh(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with the energy as `qty_kwh`, whatever unit the payload names.

    `qty_wh` and `qty_mwh` say their unit, `qty` needs a `unit`; a `unit` beside a name that says another is refused.
    """
    named = [name for name in ("qty_kwh", "qty_wh", "qty_mwh", "qty") if name in fields]
    unit = fields.get("unit")
    if not named or (named == ["qty_kwh"] and unit is None):
        return fields
    if len(named) > 1:
        raise InputError(f"{' and '.join(named)} are the same field; send one.", code="contradiction")
    if unit is not None and not isinstance(unit, str):
        raise wrong_type("unit", unit, "Wh, kWh or MWh")
    said = named[0].partition("_")[2]
    if unit is not None and unit.lower() not in _TO_KWH:
        raise InputError(f"unit is {shown(unit)}, expected Wh, kWh or MWh.", code="contradiction")
    if said and unit is not None and unit.lower() != said:
        raise InputError(f"unit is {shown(unit)} beside {named[0]}; say the unit once.", code="contradiction")
    if not said and unit is None:
        raise missing("unit", fields)
    found = number_in(fields, named[0], most=MAX_QTY_KWH * 1000)
    others = {name: value for name, value in fields.items() if name not in (named[0], "unit")}
    return others | {"qty_kwh": EXACT.scaleb(Decimal(found), _TO_KWH[said or str(unit).lower()])}


def _check_currency(fields: Mapping[str, Any], currency: str) -> None:
    found = fields.get("currency")
    if found is None or not currency:
        return
    if not isinstance(found, str):
        raise wrong_type("currency", found, f"the text {shown(currency)}")
    if _code(found) != _code(currency):
        raise InputError(f"currency is {shown(found)}, the ledger's is {shown(currency)}.", code="contradiction")


def _code(currency: str) -> str:
    upper = currency.strip().rstrip(".").upper()
    return _CURRENCIES.get(upper, upper)


def _as_in_files(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with `load_kW` and `solar_kW`, the spelling of CSV files, under the names used here."""
    named = {_METER_NAMES.get(name, name): value for name, value in fields.items()}
    if len(named) != len(fields):
        twice = next(name for name in _METER_NAMES if name in fields and _METER_NAMES[name] in fields)
        raise InputError(f"{twice} and {_METER_NAMES[twice]} are the same field; send one.", code="duplicate_key")
    return named


def _slot_ms(found: object, zone: tzinfo) -> int | None:
    """The start of a slot; a slot's bare number (0, 1, 2, …) is allowed but has no time."""
    if type(found) is int and 0 <= found < _SLOT_NUMBERS:
        return None
    return time_ms(found, "slot", zone)
