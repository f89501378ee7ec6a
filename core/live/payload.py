"""What a payload says, exactly, or the reason why it is not a trade or a meter reading.

A reason is an InputError whose `code` is one of CODES; its sentence quotes what was found, cut and escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NoReturn

import msgspec

from core.errors import InputError
from core.ledger.canonical import shown

MAX_BYTES = 16_384
MAX_FIELDS = 32
MAX_DEPTH = 4
MAX_DIGITS = 400
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
MAX_ID = 64
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EXACT = Context(prec=2 * MAX_BYTES, rounding=ROUND_HALF_EVEN)  # as many digits as a payload can hold
_EARLIEST_MS = 946_684_800_000  # 2000-01-01
_LATEST_MS = 4_102_444_800_000  # 2100-01-01
_MS_FROM = 100_000_000_000  # a number of seconds stays below until the year 5138
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
    buyer, seller = _id(fields, "buyer"), _id(fields, "seller")
    if buyer == seller:
        raise InputError(f"buyer and seller are both {shown(buyer)}.", code="same_household")
    energy_wh = _scaled(fields, "qty_kwh", most=MAX_QTY_KWH, scale=3)
    if energy_wh == 0:
        raise InputError(f"qty_kwh is {shown(fields['qty_kwh'])}, less than half a watt-hour.", code="too_small")
    return TradeMessage(
        buyer=buyer,
        seller=seller,
        energy_wh=energy_wh,
        price_micro_per_kwh=_scaled(fields, "price", most=MAX_PRICE, scale=6),
        publisher=_id(fields, "publisher") if "publisher" in fields else "",
        message_id=_id(fields, "id") if "id" in fields else None,
        seq=_count(fields, "seq") if "seq" in fields else None,
        traded_at_ms=time_ms(fields["timestamp"], "timestamp", zone) if "timestamp" in fields else None,
        slot_ms=_slot_ms(fields["slot"], zone) if "slot" in fields else None,
        simulated=_flag(fields, "simulated") if "simulated" in fields else False,
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
    if not _ID.fullmatch(topic_level) or len(topic_level) == MAX_ID:
        raise _bad_id("The publisher in the topic", topic_level)
    if message.publisher not in ("", topic_level):
        raise InputError(
            f"publisher is {shown(message.publisher)} on the topic of {shown(topic_level)}.", code="bad_publisher"
        )
    return msgspec.structs.replace(message, publisher=f"/{topic_level}")


def read_meter(household_id: str, payload: bytes, *, zone: tzinfo = UTC) -> MeterMessage:
    """The reading in a payload published for a household. Raises InputError with the reason."""
    if not _ID.fullmatch(household_id):
        raise _bad_id("The household in the topic", household_id)
    fields = _as_in_files(parse(payload))
    return MeterMessage(
        household_id=household_id,
        load_kw=float(_number(fields, "load_kw", most=MAX_KW)),
        solar_kw=float(_number(fields, "solar_kw", most=MAX_KW)) if "solar_kw" in fields else None,
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
        raise _wrong_type("unit", unit, "Wh, kWh or MWh")
    said = named[0].partition("_")[2]
    if unit is not None and unit.lower() not in _TO_KWH:
        raise InputError(f"unit is {shown(unit)}, expected Wh, kWh or MWh.", code="contradiction")
    if said and unit is not None and unit.lower() != said:
        raise InputError(f"unit is {shown(unit)} beside {named[0]}; say the unit once.", code="contradiction")
    if not said and unit is None:
        raise _missing("unit", fields)
    found = _number(fields, named[0], most=MAX_QTY_KWH * 1000)
    others = {name: value for name, value in fields.items() if name not in (named[0], "unit")}
    return others | {"qty_kwh": _EXACT.scaleb(Decimal(found), _TO_KWH[said or str(unit).lower()])}


def _check_currency(fields: Mapping[str, Any], currency: str) -> None:
    found = fields.get("currency")
    if found is None or not currency:
        return
    if not isinstance(found, str):
        raise _wrong_type("currency", found, f"the text {shown(currency)}")
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


def parse(payload: bytes) -> dict[str, Any]:
    """The fields of a flat JSON object, numbers as int or Decimal. Raises InputError with the reason."""
    if len(payload) > MAX_BYTES:
        raise InputError(f"The payload has {len(payload):,} bytes, at most {MAX_BYTES:,} are read.", code="too_large")
    try:
        found = _DECODER.decode(payload.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"Byte {error.start} of the payload is not UTF-8.", code="not_utf8") from None
    except RecursionError:
        raise InputError("The payload is nested too deeply.", code="too_deep") from None
    except ValueError as error:
        raise InputError(f"{shown(payload)} is not JSON: {error}.", code="not_json") from None
    if not isinstance(found, dict):
        raise InputError(f"{shown(payload)} is not a JSON object.", code="not_an_object")
    if len(found) > MAX_FIELDS:
        raise InputError(f"The payload has {len(found)} fields, at most {MAX_FIELDS} are read.", code="too_many_fields")
    for name, value in found.items():
        if type(value) in (dict, list) and _depth(value) >= MAX_DEPTH:
            raise InputError(f"{shown(name)} is nested deeper than {MAX_DEPTH} levels.", code="too_deep")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"The key {shown(twice)} appears twice.", code="duplicate_key")
    return found


def _no_constant(text: str) -> NoReturn:
    raise InputError(f"{text} is not a number that can be traded.", code="not_a_number")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise InputError(f"The number {shown(text)} is beyond all reason.", code="absurd") from None


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise InputError(f"The number {shown(text)} has more than {MAX_DIGITS} characters.", code="absurd")
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_decimal, parse_int=_integer
)


def _depth(value: Any) -> int:
    """Levels of nesting, counted no further than MAX_DEPTH."""
    level, depth = [value], 0
    while level and depth < MAX_DEPTH:
        depth += 1
        children = [item for part in level for item in (part.values() if isinstance(part, dict) else part)]
        level = [item for item in children if isinstance(item, dict | list)]
    return depth


def _missing(name: str, fields: Mapping[str, Any]) -> InputError:
    present = ", ".join(shown(field) for field in list(fields)[:8]) or "none"
    subject = f"The fields {name} are" if " and " in name else f"The field {name} is"
    return InputError(f"{subject} missing; found: {present}.", code="missing_field")


def _bad_id(name: str, found: str) -> InputError:
    return InputError(f"{name} is {shown(found)}, expected 1 to 64 of the characters A-Z a-z 0-9 _ -.", code="bad_id")


def _id(fields: Mapping[str, Any], name: str) -> str:
    found = fields.get(name)
    if not isinstance(found, str):
        raise _missing(name, fields) if name not in fields else _wrong_type(name, found, "text")
    if not _ID.fullmatch(found):
        raise _bad_id(name, found)
    return found


def _wrong_type(name: str, found: object, expected: str) -> InputError:
    what = f"the text {shown(found)}" if isinstance(found, str) else shown(json.dumps(found, default=str))[1:-1]
    return InputError(f"{name} is {what}, expected {expected}.", code="wrong_type")


def _number(fields: Mapping[str, Any], name: str, *, most: int) -> int | Decimal:
    found = fields.get(name)
    if type(found) is not Decimal and type(found) is not int:
        raise _missing(name, fields) if name not in fields else _wrong_type(name, found, "a number")
    if found < 0:
        raise InputError(f"{name} is {shown(found)}, expected a number that is not negative.", code="negative")
    if found > most:
        raise InputError(f"{name} is {shown(found)}, expected at most {most:,}.", code="absurd")
    return found


def _scaled(fields: Mapping[str, Any], name: str, *, most: int, scale: int) -> int:
    return scaled(Decimal(_number(fields, name, most=most)), scale)


def scaled(number: Decimal, scale: int) -> int:
    """A number times 10^scale, rounded half to even from its exact decimal value."""
    return round(_EXACT.scaleb(number, scale))


def _count(fields: Mapping[str, Any], name: str) -> int:
    found = fields[name]
    if type(found) is not int:
        raise _wrong_type(name, found, "a whole number")
    if found < 0:
        raise InputError(f"{name} is {shown(found)}, expected a number that is not negative.", code="negative")
    if found > 2**53 - 1:
        raise InputError(f"{name} is {shown(found)}, expected at most 2^53−1.", code="absurd")
    return found


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    found = fields[name]
    if not isinstance(found, bool):
        raise _wrong_type(name, found, "true or false")
    return found


def _slot_ms(found: object, zone: tzinfo) -> int | None:
    """The start of a slot; a slot's bare number (0, 1, 2, …) is allowed but has no time."""
    if type(found) is int and 0 <= found < _SLOT_NUMBERS:
        return None
    return time_ms(found, "slot", zone)


def time_ms(found: object, name: str, zone: tzinfo) -> int:
    """ISO 8601 text, or a number of seconds or milliseconds since 1970, as ms. Raises InputError naming the field."""
    if isinstance(found, str):
        try:
            at = datetime.fromisoformat(found)
            at_ms = round((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            raise _bad_time(name, found) from None
    elif isinstance(found, int | float | Decimal) and not isinstance(found, bool):
        at_ms = _whole_ms(Decimal(found))
    else:
        raise _wrong_type(name, found, "a time such as 2026-01-05T10:15:00Z")
    if not _EARLIEST_MS <= at_ms <= _LATEST_MS:
        raise _bad_time(name, found)
    return at_ms


def _whole_ms(number: Decimal) -> int:
    """Seconds or milliseconds as milliseconds; anything beyond every time becomes a time out of range."""
    if abs(number) > _LATEST_MS:
        return -1
    return int(number if number >= _MS_FROM else number.scaleb(3, _EXACT))


def _bad_time(name: str, found: object) -> InputError:
    return InputError(
        f"{name} is {shown(found)}, expected a time between 2000 and 2100 such as 2026-01-05T10:15:00Z.",
        code="bad_time",
    )
