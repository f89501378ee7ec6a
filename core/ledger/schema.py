"""The fields each kind of transaction has, and the check that a document has exactly these."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.errors import TransactionError
from core.ledger.canonical import MAX_INTEGER, Json, shown

HEX_DIGITS = frozenset("0123456789abcdef")
Rule = tuple[Callable[[Json], bool], str]
"""A test of a field's value, and what it expects in words."""


def amount_micro(energy_wh: int, price_micro_per_kwh: int) -> int:
    """Money in millionths: energy times price, rounded half to even."""
    whole, rest = divmod(energy_wh * price_micro_per_kwh, 1000)
    return whole + (rest > 500 or (rest == 500 and whole % 2 == 1))


def _is_text(longest: int, *, shortest: int = 1) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, str) and shortest <= len(value) <= longest


def _is_integer(least: int = -MAX_INTEGER) -> Callable[[Json], bool]:
    return lambda value: type(value) is int and value >= least


def _is_object(value: Json) -> bool:
    return isinstance(value, dict)


def _is_hex(value: Json) -> bool:
    return isinstance(value, str) and 32 <= len(value) <= 128 and HEX_DIGITS.issuperset(value)


ID = (_is_text(128), "text of 1 to 128 characters")
TIME = (_is_integer(0), "milliseconds since 1970 UTC")
OBJECT = (_is_object, "an object")
HEX = (_is_hex, "32 to 128 hex digits")

SCHEMA: dict[str, dict[str, Rule]] = {
    "trade": {
        "buyer": ID,
        "seller": ID,
        "energy_wh": (_is_integer(1), "a positive whole number of Wh"),
        "price_micro_per_kwh": (_is_integer(0), "millionths per kWh, not negative"),
        "amount_micro": (_is_integer(0), "millionths, not negative"),
        "received_at_ms": TIME,
    },
    "run": {"run_id": ID, "at_ms": TIME},
    "audit": {"action": ID, "actor": (_is_text(128, shortest=0), "text"), "subject": ID, "at_ms": TIME},
    "note": {"text": (_is_text(4096), "text of 1 to 4096 characters"), "author": ID, "at_ms": TIME},
}
OPTIONAL: dict[str, dict[str, Rule]] = {
    "trade": {
        "publisher": ID,
        "message_id": (_is_text(256), "text of 1 to 256 characters"),
        "sequence": (_is_integer(0), "a number not below 0"),
        "slot_ms": TIME,
        "traded_at_ms": TIME,
        "simulated": (lambda value: value is True, "true"),
    },
    "run": {
        "actor": ID,
        "name": (_is_text(256), "text of 1 to 256 characters"),  # of runs recorded before names stayed off the ledger
        "dataset_digest": HEX,
        "results": (lambda value: isinstance(value, list) and len(value) > 0, "a list of results"),
        "findings": OBJECT,
        "commitment": HEX,
    },
    "audit": {"details": OBJECT},
    "note": {},
}
FINDINGS: dict[str, Rule] = {"count": (_is_integer(0), "a number not below 0"), "digest": HEX}
RESULT: dict[str, Rule] = {
    "algorithm_id": ID,
    "source_digest": HEX,
    "parameters": OBJECT,
    "figures": OBJECT,
    "invariants": OBJECT,
    "result_digest": HEX,
}
RESULT_OPTIONAL: dict[str, Rule] = {"seed": (_is_integer(), "an integer"), "tariff": OBJECT, "scenario": ID}


def check(document: Json) -> None:
    """Raises TransactionError unless an admitted document has exactly the fields of its kind."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind not in SCHEMA:
        raise TransactionError(f"The kind of a transaction is {shown(kind)}, expected one of {', '.join(SCHEMA)}.")
    _check_fields(document, SCHEMA[kind], OPTIONAL[kind] | {"kind": ID}, f"The {kind}")
    if kind == "trade":
        _check_trade(document)
    if kind == "run":
        _check_run(document)


def _check_run(document: dict[str, Json]) -> None:
    """Contents, or a commitment to them."""
    contents = {"name", "dataset_digest", "results", "findings"} & set(document)
    if "commitment" in document:
        if contents:
            raise TransactionError(f"The run has a commitment and also {', '.join(sorted(contents))}, expected one.")
        return
    for name in ("dataset_digest", "results"):
        if name not in document:
            raise TransactionError(f"The run has no {name}.")
    if "findings" in document:
        _check_fields(document["findings"], FINDINGS, {}, "The findings of the run")
    for number, entry in enumerate(document["results"]):
        if not isinstance(entry, dict):
            raise TransactionError(f"Result {number} of the run is {shown(entry)}, expected an object.")
        _check_fields(entry, RESULT, RESULT_OPTIONAL, f"Result {number} of the run")


def _check_fields(
    document: dict[str, Json],
    required: Mapping[str, Rule],
    optional: Mapping[str, Rule],
    whose: str,
) -> None:
    for name in required:
        if name not in document:
            raise TransactionError(f"{whose} has no {name}.")
    for name, value in document.items():
        rule = required.get(name) or optional.get(name)
        if rule is None:
            raise TransactionError(f"{whose} has the field {shown(name)}, which its kind does not know.")
        if not rule[0](value):
            raise TransactionError(f"{whose} has {name} {shown(value)}, expected {rule[1]}.")


def _check_trade(document: dict[str, Json]) -> None:
    if document["buyer"] == document["seller"]:
        raise TransactionError(f"{shown(document['buyer'])} is buyer and seller of the same trade.")
    expected = amount_micro(document["energy_wh"], document["price_micro_per_kwh"])
    if document["amount_micro"] != expected:
        raise TransactionError(f"The trade has amount_micro {document['amount_micro']}, expected {expected}.")
