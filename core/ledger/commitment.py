"""A run whose contents stay private: the ledger has a salted commitment, and whoever has the opening proves the rest.

line        the canonical line of the run as it would stand on the ledger with everything in it
commitment  SHA-256(0x02 ‖ salt ‖ line), with 32 random bytes of salt, so that nobody can guess what is hidden
opening     {"salt": hex, "transaction": the whole run}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from core.errors import LabError, LedgerError
from core.ledger import canonical, transaction
from core.ledger.canonical import Json
from core.ledger.transaction import Transaction

SALT_BYTES = 32
_PUBLIC = ("kind", "run_id", "at_ms", "actor")
"""What a private run still says: that it was, whose and when."""


def seal(run: Transaction, *, salt: bytes) -> Transaction:
    """The private form of a run."""
    shown = {name: run.document[name] for name in _PUBLIC if name in run.document}
    return transaction.from_document({**shown, "commitment": _commitment(run.body, salt)})


def opening(run: Transaction, *, salt: bytes) -> dict[str, Json]:
    """What opens the private form of a run; whoever has it can show everybody what the run says."""
    return {"salt": salt.hex(), "transaction": run.document}


def is_sealed(document: Mapping[str, Json]) -> bool:
    """Whether a transaction hides its contents behind a commitment."""
    return document.get("kind") == "run" and "commitment" in document


def opened(sealed: Mapping[str, Json], opening: Mapping[str, Json]) -> dict[str, Json]:
    """The whole run behind a private one. Raises LedgerError unless the opening is the one it was sealed with."""
    try:
        whole = transaction.from_document(opening["transaction"])
        salt = bytes.fromhex(opening["salt"])
    except (KeyError, TypeError, ValueError, AttributeError, LabError):
        raise LedgerError("This is no opening of a run: it needs salt and transaction.") from None
    if len(salt) != SALT_BYTES or seal(whole, salt=salt).document != dict(sealed):
        raise LedgerError(
            f"The opening does not fit the commitment of run {canonical.shown(sealed.get('run_id', ''))}.",
            fix="Something in it was changed, or it belongs to another run.",
        )
    return whole.document


def _commitment(line: bytes, salt: bytes) -> str:
    return hashlib.sha256(b"\2" + salt + line).hexdigest()
