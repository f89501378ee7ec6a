"""Receipts: a small JSON object with which anybody can check one transaction offline.

A receipt has what cannot be computed, and nothing else; the signature at the end is the one comparison:

    transaction                          the document; its canonical bytes are the Merkle leaf
    index, tx_path                       its place among the header's n transactions, and the siblings → tx_root
    header                               the block's header without the two roots that follow from the paths
    log_path                             the frontier of the log before this block, smallest subtree first → log_root,
                                         and with the header as the next leaf → the root over height + 1 blocks
    origin, key, signature               Ed25519 over the checkpoint `origin ⏎ height + 1 ⏎ base64 root ⏎`
    opening                              optional: what opens a private run, see core/ledger/commitment.py

Paths, key and signature are base64; a path is its 32-byte hashes one after the other. `key` is there so that the
receipt can be checked at all; whoever wants to know who signed compares it with the key they know.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import LabError, LedgerError
from core.ledger import canonical, checkpoint, commitment, merkle, transaction
from core.ledger.block import Header
from core.ledger.canonical import Json
from core.ledger.checkpoint import Checkpoint

_HASH = 32
_FIELDS = {"transaction", "index", "tx_path", "header", "log_path", "origin", "key", "signature"}
_OPTIONAL = {"opening"}
MAX_BYTES = 3 * canonical.MAX_BYTES


@dataclass(frozen=True, slots=True)
class Checked:
    """What a receipt proves: this transaction is in this block of the log that this key signed.

    checkpoint: the text that was signed; compare it with one you kept. opened: the whole run, where the receipt opens
    a private one.
    """

    tx_hash: str
    document: dict[str, Json]
    height: int
    index: int
    time_ms: int
    origin: str
    key: str
    checkpoint: str
    opened: dict[str, Json] | None = None


def make(
    line: bytes,
    *,
    index: int,
    tx_path: Sequence[bytes],
    header: Header,
    peaks: Sequence[bytes],
    origin: str,
    public: bytes,
    signature: bytes,
) -> dict[str, Json]:
    """The receipt of transaction `index` of a block. peaks: the log's frontier before it, largest subtree first."""
    fields = orjson.loads(header.encode())
    return {
        "transaction": orjson.loads(line),
        "index": index,
        "tx_path": _encoded(b"".join(tx_path)),
        "header": {name: value for name, value in fields.items() if name not in ("log_root", "tx_root")},
        "log_path": _encoded(b"".join(reversed(peaks))),
        "origin": origin,
        "key": _encoded(public),
        "signature": _encoded(signature),
    }


def encode(receipt: Mapping[str, Json]) -> bytes:
    """The receipt as the JSON text that is handed out."""
    return orjson.dumps(receipt)


def check(text: bytes, *, public: bytes | None = None) -> Checked:
    """Check a receipt; with `public` also that this key signed it. Raises LedgerError saying what is wrong."""
    receipt = _parsed(text)
    try:
        return _checked(receipt, public)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LedgerError("This is not a receipt of this lab: a field is missing or has another form.") from None


def _parsed(text: bytes) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise LedgerError(f"A receipt has at most {MAX_BYTES} bytes, this has {len(text)}.")
    try:
        found = canonical.admit(json.loads(text, object_pairs_hook=canonical.unique), where="the receipt")
    except (ValueError, RecursionError, LabError):
        found = None
    if not isinstance(found, dict) or set(found) - _OPTIONAL != _FIELDS:
        raise LedgerError("This is not a receipt: it is not a JSON object with the fields of one.")
    return found


def _checked(receipt: dict[str, Any], expected: bytes | None) -> Checked:
    line = canonical.encode(receipt["transaction"])
    fields, index = receipt["header"], receipt["index"]
    leaf = merkle.leaf(line)
    tx_root = merkle.root_from_path(leaf, index, size=fields["n"], path=_path(receipt["tx_path"]))
    if tx_root is None or not 0 <= index < fields["n"]:
        raise LedgerError(f"The path of the receipt does not fit place {index} among {fields['n']} transactions.")
    peaks = _path(receipt["log_path"])
    height = fields["height"]
    if len(peaks) != height.bit_count():
        raise LedgerError(f"The path of the receipt does not fit a log of {height} blocks.")
    log_root = merkle.Frontier(height, peaks[::-1]).root()
    header = canonical.encode({**fields, "log_root": log_root.hex(), "tx_root": tx_root.hex()})
    root = merkle.leaf(header)
    for peak in peaks:
        root = merkle.node(peak, root)
    found = Checkpoint(receipt["origin"], height + 1, root)
    public = base64.b64decode(receipt["key"], validate=True)
    if expected is not None and public != expected:
        raise LedgerError(f"The receipt is signed with the key {public.hex()}, expected {expected.hex()}.")
    signed = checkpoint.note(
        found.text,
        name=found.origin,
        signature=base64.b64decode(receipt["signature"], validate=True),
        public=public,
    )
    try:
        checkpoint.open_note(signed, name=found.origin, public=public)
    except LedgerError:
        raise LedgerError(
            "The receipt does not hold: its parts do not lead to what was signed.",
            fix="Something in it was changed, or it was not made by this lab.",
        ) from None
    whole = commitment.opened(receipt["transaction"], receipt["opening"]) if "opening" in receipt else None
    return Checked(
        tx_hash=transaction.leaf_hash(line),
        document=receipt["transaction"],
        height=height,
        index=index,
        time_ms=fields["time"],
        origin=found.origin,
        key=public.hex(),
        checkpoint=found.text,
        opened=whole,
    )


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _path(text: str) -> list[bytes]:
    joined = base64.b64decode(text, validate=True)
    if len(joined) % _HASH:
        raise ValueError("not whole hashes")
    return [joined[place : place + _HASH] for place in range(0, len(joined), _HASH)]
