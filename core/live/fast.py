"""The common trade, read and frozen in a third of the time: the same result as the long way, or none.

`read` says nothing about a payload that is not plain: `payload.read_trade` judges it. `freeze` writes the same
transaction as `core.ledger.transaction.trade`. Tests hold both to that.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal

import msgspec
import orjson

from core.ledger.schema import amount_micro
from core.ledger.transaction import Transaction
from core.live.json_fields import MAX_BYTES, scaled
from core.live.payload import MAX_PRICE, MAX_QTY_KWH, TradeMessage

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_MOST_SEQ = 2**53 - 1


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The fields of a plain trade. Text stands for a missing id, publisher or number: an empty one is no id."""

    buyer: str
    seller: str
    qty_kwh: Decimal
    price: Decimal
    id: str | None = None
    publisher: str = ""
    seq: int | None = None
    simulated: bool = False


_decode = msgspec.json.Decoder(_Plain).decode


def read(payload: bytes) -> TradeMessage | None:
    """The trade, if it has only the common fields, plain text, and nothing to complain about."""
    if len(payload) > MAX_BYTES or b"\\" in payload or b"null" in payload:
        return None
    try:
        found = _decode(payload)
    except (msgspec.MsgspecError, ValueError, ArithmeticError):
        return None
    if payload.count(b'"') != _quotes(found) or not _sound(found):
        return None
    energy_wh = scaled(found.qty_kwh, 3)
    if energy_wh == 0:
        return None
    return TradeMessage(
        buyer=found.buyer,
        seller=found.seller,
        energy_wh=energy_wh,
        price_micro_per_kwh=scaled(found.price, 6),
        publisher=found.publisher,
        message_id=found.id,
        seq=found.seq,
        simulated=found.simulated,
    )


def _quotes(found: _Plain) -> int:
    """How many quotes the payload has if no key comes twice and no number stands in quotes.

    Without a backslash a quote can only begin or end a key or a text. Four keys and two texts are always there.
    """
    quotes = 12
    if found.id is not None:
        quotes += 4
    if found.publisher:
        quotes += 4
    if found.seq is not None:
        quotes += 2
    return quotes + 2 if found.simulated else quotes


def _sound(found: _Plain) -> bool:
    return bool(
        found.buyer != found.seller
        and _ID(found.buyer)
        and _ID(found.seller)
        and 0 < found.qty_kwh <= MAX_QTY_KWH
        and 0 <= found.price <= MAX_PRICE
        and (found.id is None or _ID(found.id))
        and (not found.publisher or _ID(found.publisher))
        and (found.seq is None or 0 <= found.seq <= _MOST_SEQ)
    )


def freeze(message: TradeMessage, *, received_at_ms: int, sequence: int | None) -> Transaction:
    """The transaction of a trade that was read; its fields are known to be sound. sequence: without an id."""
    document: dict[str, object] = {
        "amount_micro": amount_micro(message.energy_wh, message.price_micro_per_kwh),
        "buyer": message.buyer,
        "energy_wh": message.energy_wh,
        "kind": "trade",
        "price_micro_per_kwh": message.price_micro_per_kwh,
        "received_at_ms": received_at_ms,
        "seller": message.seller,
    }
    for name, value in (
        ("message_id", message.message_id),
        ("publisher", message.publisher or None),
        ("sequence", sequence),
        ("simulated", message.simulated or None),
        ("slot_ms", message.slot_ms),
        ("traded_at_ms", message.traded_at_ms),
    ):
        if value is not None:
            document[name] = value
    body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    tx_hash = hashlib.sha256(b"\0" + body).hexdigest()
    if message.message_id is None:
        return Transaction(document, body, tx_hash, f"hash:{tx_hash}")
    return Transaction(document, body, tx_hash, f'trade:["{message.publisher}","{message.message_id}"]')
