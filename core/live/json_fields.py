"""A payload's JSON, exactly: numbers as they were written, every key once, and a reason for whatever is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NoReturn

from core.errors import InputError
from core.ledger.canonical import shown

MAX_BYTES = 16_384
MAX_FIELDS = 32
MAX_DEPTH = 4
MAX_DIGITS = 400
MAX_ID = 64
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
EXACT = Context(prec=2 * MAX_BYTES, rounding=ROUND_HALF_EVEN)  # as many digits as a payload can hold
_EARLIEST_MS = 946_684_800_000  # 2000-01-01
_LATEST_MS = 4_102_444_800_000  # 2100-01-01
_MS_FROM = 100_000_000_000  # a number of seconds stays below until the year 5138


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


def missing(name: str, fields: Mapping[str, Any]) -> InputError:
    """A field that must be there is not."""
    present = ", ".join(shown(field) for field in list(fields)[:8]) or "none"
    subject = f"The fields {name} are" if " and " in name else f"The field {name} is"
    return InputError(f"{subject} missing; found: {present}.", code="missing_field")


def bad_id(name: str, found: str) -> InputError:
    """An id in another alphabet."""
    return InputError(f"{name} is {shown(found)}, expected 1 to 64 of the characters A-Z a-z 0-9 _ -.", code="bad_id")


def identifier(fields: Mapping[str, Any], name: str) -> str:
    """A field that is an id. Raises InputError with the reason, as all that follow."""
    found = fields.get(name)
    if not isinstance(found, str):
        raise missing(name, fields) if name not in fields else wrong_type(name, found, "text")
    if not ID.fullmatch(found):
        raise bad_id(name, found)
    return found


def wrong_type(name: str, found: object, expected: str) -> InputError:
    """A field of another type."""
    what = f"the text {shown(found)}" if isinstance(found, str) else shown(json.dumps(found, default=str))[1:-1]
    return InputError(f"{name} is {what}, expected {expected}.", code="wrong_type")


def number_in(fields: Mapping[str, Any], name: str, *, most: int) -> int | Decimal:
    """A field that is a number from 0 to `most`."""
    found = fields.get(name)
    if type(found) is not Decimal and type(found) is not int:
        raise missing(name, fields) if name not in fields else wrong_type(name, found, "a number")
    if found < 0:
        raise InputError(f"{name} is {shown(found)}, expected a number that is not negative.", code="negative")
    if found > most:
        raise InputError(f"{name} is {shown(found)}, expected at most {most:,}.", code="absurd")
    return found


def scaled_in(fields: Mapping[str, Any], name: str, *, most: int, scale: int) -> int:
    """The same times 10^scale, as a whole number."""
    return scaled(Decimal(number_in(fields, name, most=most)), scale)


def scaled(number: Decimal, scale: int) -> int:
    """A number times 10^scale, rounded half to even from its exact decimal value."""
    return round(EXACT.scaleb(number, scale))


def count_in(fields: Mapping[str, Any], name: str) -> int:
    """A field that is a whole number, not negative."""
    found = fields[name]
    if type(found) is not int:
        raise wrong_type(name, found, "a whole number")
    if found < 0:
        raise InputError(f"{name} is {shown(found)}, expected a number that is not negative.", code="negative")
    if found > 2**53 - 1:
        raise InputError(f"{name} is {shown(found)}, expected at most 2^53−1.", code="absurd")
    return found


def flag_in(fields: Mapping[str, Any], name: str) -> bool:
    """A field that is true or false."""
    found = fields[name]
    if not isinstance(found, bool):
        raise wrong_type(name, found, "true or false")
    return found


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
        raise wrong_type(name, found, "a time such as 2026-01-05T10:15:00Z")
    if not _EARLIEST_MS <= at_ms <= _LATEST_MS:
        raise _bad_time(name, found)
    return at_ms


def _whole_ms(number: Decimal) -> int:
    """Seconds or milliseconds as milliseconds; anything beyond every time becomes a time out of range."""
    if abs(number) > _LATEST_MS:
        return -1
    return int(number if number >= _MS_FROM else number.scaleb(3, EXACT))


def _bad_time(name: str, found: object) -> InputError:
    return InputError(
        f"{name} is {shown(found)}, expected a time between 2000 and 2100 such as 2026-01-05T10:15:00Z.",
        code="bad_time",
    )
