"""One byte form for every document that is hashed: sorted keys, no spaces, integers only, NFC text.

Under the rules `admit` enforces, orjson, json.dumps(sort_keys, separators, ensure_ascii=False), msgspec and RFC 8785
write the same bytes, so anybody can recompute a hash with whatever is at hand.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, NoReturn

import orjson

from core.errors import TooLargeError, TransactionError

Json = Any
"""What `admit` lets through: None, bool, int, str, list and dict of these."""

MAX_INTEGER = 2**53 - 1
MAX_BYTES = 65_536
MAX_DEPTH = 8
KEY = re.compile(r"[a-z][a-z0-9_]*")
SHOWN = 80


def admit(value: Json, *, where: str = "the document") -> Json:
    """A copy of `value` fit for hashing: text NFC-normalised, tuples as lists.

    Raises TransactionError naming the place for anything else: NaN and every other float, integers beyond
    ±(2^53−1), lone surrogates, keys that are not `[a-z][a-z0-9_]*`, nesting deeper than MAX_DEPTH.
    """
    return _admit(value, where, 0)


def _admit(value: Json, where: str, depth: int) -> Json:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value, where)
    if type(value) is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise TransactionError(f"{where} is {shown(value)}, expected an integer within ±(2^53−1).")
        return value
    if depth >= MAX_DEPTH:
        raise TransactionError(f"{where} is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        return {_key(key, where): _admit(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_admit(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise TransactionError(
        f"{where} is {shown(value)} ({type(value).__name__}), expected an integer, text, true, false, null, list or "
        "object.",
        fix="Give numbers as integers of a small unit, such as Wh or millionths.",
    )


def _text(value: str, where: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise TransactionError(f"{where} is {shown(value)}, which is not valid Unicode (a lone surrogate).") from None
    return unicodedata.normalize("NFC", value)


def _key(key: object, where: str) -> str:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise TransactionError(f"{where} has the key {shown(key)}, expected lower case a-z, 0-9 and _ after a letter.")
    return key


def encode(document: Json) -> bytes:
    """The canonical bytes of an admitted document. Raises TooLargeError above MAX_BYTES."""
    body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    if len(body) > MAX_BYTES:
        raise TooLargeError(f"A transaction has {len(body)} bytes, at most {MAX_BYTES} are allowed.")
    return body


def decode(body: bytes) -> Json:
    """The document whose canonical bytes these are. Raises TransactionError unless they are exactly that."""
    if len(body) > MAX_BYTES:
        raise TooLargeError(f"A transaction has {len(body)} bytes, at most {MAX_BYTES} are allowed.")
    try:
        document = admit(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise TransactionError(f"{shown(body)} is not JSON: {error}.") from None
    if encode(document) != body:
        raise TransactionError(f"{shown(body)} is not in canonical form (sorted keys, no spaces, NFC text).")
    return document


def parse(text: bytes | str) -> Json:
    """A foreign JSON text, in any spacing and key order, as an admitted document.

    Raises TransactionError for duplicate keys, NaN, floats, deep nesting and the like.
    """
    if len(text) > MAX_BYTES:
        raise TooLargeError(f"A JSON text has {len(text)} bytes, at most {MAX_BYTES} are allowed.")
    try:
        found = json.loads(text, object_pairs_hook=unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise TransactionError(f"{shown(text)} is not JSON that can be hashed: {str(error)[:SHOWN]}.") from None
    return admit(found)


def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """An object_pairs_hook for `json` that refuses a key that appears twice."""
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise TransactionError(f"The key {shown(key)} appears twice in one object.")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise TransactionError(f"{name} is not a number that can be hashed.")


def shown(found: object) -> str:
    """Foreign text for a message: quoted, control characters escaped, cut at SHOWN characters."""
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    cut = text[:SHOWN]
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in cut)
    return f'"{printable}{"…" if len(text) > SHOWN else ""}"'
