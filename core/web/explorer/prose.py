"""What a person reads in a transaction: a sentence, and its fields as names beside values.

Everything here is plain text of the document's own fields: whoever shows it escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.ledger.commitment import is_sealed
from core.web.explorer.view import link
from core.web.format import Amounts, Clock
from core.web.table import Cell

Document = Mapping[str, Any]
Fact = tuple[str, Cell | str]

KINDS = {
    "trade": "Energy one household sold to another, as it came over MQTT or the simulator.",
    "run": "A comparison of algorithms: which data, parameters, figures and result.",
    "audit": "Something done to accounts or settings: who did what.",
    "note": "A sentence for the record.",
    "genesis": "The first line of the chain: its id, currency, rounding, work and public key.",
}


def sentence(document: Document, amounts: Amounts) -> str:
    """One line that says what the transaction says."""
    kind = document.get("kind")
    if kind == "trade":
        energy, price = amounts.energy(document["energy_wh"]), amounts.price(document["price_micro_per_kwh"])
        return f"{document['buyer']} bought {energy} from {document['seller']} at {price}"
    if kind == "run":
        if is_sealed(document):
            return f"Private comparison {document['run_id']}"
        names = ", ".join(dict.fromkeys(str(entry["algorithm_id"]) for entry in document["results"]))
        return f"{document.get('name') or 'Comparison'}: {names}"
    if kind == "audit":
        return f"{document['actor'] or 'the lab'}: {str(document['action']).replace('_', ' ')} {document['subject']}"
    if kind == "note":
        return f"{document['author']}: {document['text']}"
    return f"Chain {document.get('chain_id', '')} begins"


def happened_at_ms(document: Document) -> int | None:
    """When it was received or done, by the lab's clock; None for the genesis line."""
    found = document.get("received_at_ms", document.get("at_ms"))
    return found if isinstance(found, int) else None


def household(household_id: str) -> Cell:
    """A household's id, leading to its page."""
    return Cell(household_id, href=link(household=household_id))


def facts(document: Document, amounts: Amounts, *, clock: Clock) -> list[Fact]:
    """The fields, in the order a person asks for them."""
    kind = str(document.get("kind"))
    builders = {"trade": _trade, "run": _run, "audit": _audit, "note": _note, "genesis": _genesis}
    builder = builders.get(kind)
    return [("Kind", kind)] + (builder(document, amounts, clock) if builder else [])


def _trade(document: Document, amounts: Amounts, clock: Clock) -> list[Fact]:
    found: list[Fact] = [
        ("Seller", household(document["seller"])),
        ("Buyer", household(document["buyer"])),
        ("Energy", amounts.energy(document["energy_wh"])),
        ("Price", amounts.price(document["price_micro_per_kwh"])),
        ("Amount", amounts.money(document["amount_micro"])),
        ("Received", clock.exact(document["received_at_ms"])),
    ]
    if "traded_at_ms" in document:
        found.append(("Publisher's own time", clock.exact(document["traded_at_ms"])))
    if "slot_ms" in document:
        found.append(("Slot of the energy", f"starts {clock.exact(document['slot_ms'])}"))
    found += [
        (name, str(document[key]))
        for name, key in (("Publisher", "publisher"), ("Message id", "message_id"), ("Sequence", "sequence"))
        if key in document
    ]
    if document.get("simulated"):
        found.append(("Origin", "the simulated community"))
    return found


def _run(document: Document, amounts: Amounts, clock: Clock) -> list[Fact]:
    run_id = str(document["run_id"])
    found: list[Fact] = [("Run", Cell(run_id, href=link(run=run_id)))]
    found += [(name, str(document[key])) for name, key in (("Name", "name"), ("By", "actor")) if key in document]
    found.append(("Finished", clock.exact(document["at_ms"])))
    if is_sealed(document):
        return [*found, ("Commitment to everything else", str(document["commitment"]))]
    if "findings" in document:
        found.append(("Findings about the readings", amounts.whole(document["findings"]["count"])))
    return [
        *found,
        ("Dataset digest", str(document["dataset_digest"])),
        ("Results", amounts.count(len(document["results"]), "algorithm")),
    ]


def _audit(document: Document, _amounts: Amounts, clock: Clock) -> list[Fact]:
    return [
        ("Who", document["actor"] or "the lab"),
        ("Did", str(document["action"]).replace("_", " ")),
        ("To", str(document["subject"])),
        ("At", clock.exact(document["at_ms"])),
        *((str(name), str(value)) for name, value in document.get("details", {}).items()),
    ]


def _note(document: Document, _amounts: Amounts, clock: Clock) -> list[Fact]:
    return [("Author", document["author"]), ("Text", document["text"]), ("At", clock.exact(document["at_ms"]))]


def _genesis(document: Document, amounts: Amounts, _clock: Clock) -> list[Fact]:
    steps = document.get("work", [])
    return [
        ("Chain id", str(document.get("chain_id", ""))),
        ("Currency", str(document.get("currency", ""))),
        ("Rounding", str(document.get("rounding", "")).replace("_", " ")),
        ("Public key of the log", str(document.get("log_key", ""))),
        *(
            (
                f"Work from block {amounts.whole(step['from_height'])}",
                f"{amounts.whole(step['hashes'])} hashes expected",
            )
            for step in steps
        ),
    ]
