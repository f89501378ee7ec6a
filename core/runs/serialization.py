"""Frozen dataclasses as JSON and back, strictly: what is written down about a run must not be half understood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from core.errors import MarketError

Kind = TypeVar("Kind")


def plain(value: object) -> Any:
    """Dicts, lists, numbers and text; `read` makes an equal value of them."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=dict))


def read(document: object, kind: type[Kind], *, what: str) -> Kind:
    """The value that `plain` wrote. Raises MarketError for a missing or unknown key, or a value of another type."""
    try:
        found = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise MarketError(f"{what} cannot be read: {error}.", fix="Give what to_json wrote.") from None
    if unknown := _unknown(document, plain(found)):
        raise MarketError(f"{what} cannot be read: {unknown} is not known.", fix="Give what to_json wrote.")
    return found


def _unknown(document: object, written: object) -> str:
    """The first key of the document that the value does not have; "" where every key is understood."""
    if isinstance(document, Mapping) and isinstance(written, Mapping):
        return next(
            (f"{key}"[:80] for key in document if key not in written),
            next(filter(None, (_unknown(document[key], written[key]) for key in document if key in written)), ""),
        )
    if isinstance(document, list | tuple) and isinstance(written, list):
        return next(filter(None, map(_unknown, document, written)), "")
    return ""
