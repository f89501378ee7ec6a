"""The four kinds of transaction, each a fixed set of integer and text fields in canonical form.

kind    fields (optional ones in brackets)                                                     same one again if
trade   buyer seller energy_wh price_micro_per_kwh amount_micro received_at_ms                 publisher + message_id,
        [publisher message_id sequence slot_ms traded_at_ms simulated]                         else the same bytes
run     run_id at_ms dataset_digest results[…] [actor findings]                                run_id
        or, of a private run: run_id at_ms commitment [actor]; see core/ledger/commitment.py
audit   action actor subject at_ms [details]                                                   the same bytes
note    text author at_ms                                                                      the same bytes
genesis only the first line of block 0: see core/ledger/block.py                               –
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import orjson

from core.errors import TransactionError
from core.ledger import canonical, schema
from core.ledger.canonical import Json

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is written to the ledger, as document and as the very bytes that are hashed.

    body: the canonical line. tx_hash: hex of SHA-256(0x00 ‖ body), which is also its Merkle leaf.
    dedupe: two transactions with the same text are the same transaction.
    """

    document: dict[str, Json]
    body: bytes
    tx_hash: str
    dedupe: str

    @property
    def dedupe_digest(self) -> bytes:
        """The pool's unique key: the first 16 bytes of SHA-256 of `dedupe`."""
        return key_of(self.dedupe)


def from_document(document: Mapping[str, object]) -> Transaction:
    """Admit, check against the schema of its kind, and freeze. Raises TransactionError."""
    admitted = canonical.admit(dict(document), where="the transaction")
    schema.check(admitted)
    return _frozen(admitted, canonical.encode(admitted))


def from_line(body: bytes) -> Transaction:
    """The transaction whose canonical line this is. Raises TransactionError unless it is exactly canonical."""
    document = canonical.decode(body)
    schema.check(document)
    return _frozen(document, body)


def _frozen(document: dict[str, Json], body: bytes) -> Transaction:
    tx_hash = leaf_hash(body)
    return Transaction(document, body, tx_hash, dedupe(document, tx_hash=tx_hash))


def leaf_hash(body: bytes) -> str:
    """The hash of a transaction: RFC 6962 leaf over its canonical line, hex."""
    return hashlib.sha256(b"\0" + body).hexdigest()


def dedupe(document: Mapping[str, Json], *, tx_hash: str) -> str:
    """What makes a transaction the same one as another; computed from the document alone, so a file is enough."""
    kind = document["kind"]
    if kind == "trade" and "message_id" in document:
        return "trade:" + orjson.dumps([document.get("publisher", ""), document["message_id"]]).decode()
    if kind == "run":
        return f"run:{document['run_id']}"
    return f"hash:{tx_hash}"


def keys_of(line: bytes) -> tuple[bytes, bytes]:
    """The pool's key of a transaction line that was checked before, and the digest of its terms."""
    document = orjson.loads(line)
    return key_of(dedupe(document, tx_hash=leaf_hash(line))), terms_digest(document)


TERMS = ("buyer", "seller", "energy_wh", "price_micro_per_kwh", "slot_ms")


def terms_digest(document: Mapping[str, Json]) -> bytes:
    """What was agreed in a trade: two with the same key and other terms are two trades. Empty for other kinds."""
    if document["kind"] != "trade":
        return b""
    return hashlib.sha256(orjson.dumps([document.get(name) for name in TERMS])).digest()[:16]


def key_of(dedupe_text: str) -> bytes:
    """The pool's key for a dedupe text."""
    return hashlib.sha256(dedupe_text.encode()).digest()[:16]


# ---- builders


def trade(
    *,
    buyer: str,
    seller: str,
    energy_wh: int,
    price_micro_per_kwh: int,
    received_at_ms: int,
    publisher: str = "",
    message_id: str | None = None,
    sequence: int | None = None,
    slot_ms: int | None = None,
    traded_at_ms: int | None = None,
    simulated: bool = False,
) -> Transaction:
    """A live trade. A message without an id needs a `sequence`, unique among arrivals of the same millisecond.

    slot_ms: start of the interval the energy belongs to. traded_at_ms: the publisher's own clock.
    """
    optional: dict[str, object] = {
        "publisher": publisher or None,
        "message_id": message_id,
        "sequence": sequence,
        "slot_ms": slot_ms,
        "traded_at_ms": traded_at_ms,
        "simulated": simulated or None,
    }
    return from_document(
        {
            "kind": "trade",
            "buyer": buyer,
            "seller": seller,
            "energy_wh": energy_wh,
            "price_micro_per_kwh": price_micro_per_kwh,
            "amount_micro": schema.amount_micro(energy_wh, price_micro_per_kwh),
            "received_at_ms": received_at_ms,
            **{name: value for name, value in optional.items() if value is not None},
        }
    )


def result(
    *,
    algorithm_id: str,
    source_digest: str,
    parameters: Mapping[str, object],
    figures: Mapping[str, float | None],
    invariants: Mapping[str, bool],
    result_digest: str,
    seed: int | None = None,
    tariff: Mapping[str, object] | None = None,
    scenario: str = "",
) -> dict[str, Json]:
    """What one algorithm did in a run. Figures become millionths (`<name>_micro`, null where not defined).

    Parameters and tariff keep integers, text and booleans; other numbers become their shortest decimal text.
    """
    entry: dict[str, Json] = {
        "algorithm_id": algorithm_id,
        "source_digest": source_digest,
        "parameters": {name: _plain(value) for name, value in parameters.items()},
        "figures": {f"{name}_micro": micro(value) for name, value in figures.items()},
        "invariants": dict(invariants),
        "result_digest": result_digest,
    }
    optional = {
        "seed": seed,
        "tariff": tariff and {name: _plain(value) for name, value in tariff.items()},
        "scenario": scenario,
    }
    return entry | {name: value for name, value in optional.items() if value not in (None, "")}


def run(
    *,
    run_id: str,
    at_ms: int,
    dataset_digest: str,
    results: Sequence[Mapping[str, Json]],
    actor: str = "",
    findings: Mapping[str, Json] | None = None,
) -> Transaction:
    """A comparison of algorithms on one dataset; `results` are made by `result`.

    findings: count and digest of what was found about the readings. No name: free text is not for the ledger.
    """
    optional = {"actor": actor, "findings": findings}
    return from_document(
        {
            "kind": "run",
            "run_id": run_id,
            "at_ms": at_ms,
            "dataset_digest": dataset_digest,
            "results": [dict(entry) for entry in results],
            **{key: value for key, value in optional.items() if value},
        }
    )


def audit(
    *, action: str, actor: str, subject: str, at_ms: int, details: Mapping[str, object] | None = None
) -> Transaction:
    """Something done to accounts or settings: who did what to whom."""
    document: dict[str, object] = {"kind": "audit", "action": action, "actor": actor, "subject": subject}
    return from_document(document | {"at_ms": at_ms} | ({"details": dict(details)} if details else {}))


def note(*, text: str, author: str, at_ms: int) -> Transaction:
    """A sentence for the record."""
    return from_document({"kind": "note", "text": text, "author": author, "at_ms": at_ms})


# ---- numbers


def micro(value: float | None) -> int | None:
    """A figure in millionths; None where it is not defined (None or NaN)."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        raise TransactionError("A figure is infinite, expected a number or NaN for not defined.")
    return round(Fraction(value) * MICRO)


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    return str(value)
