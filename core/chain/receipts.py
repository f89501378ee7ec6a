"""Makes receipts: the proof of one transaction, with the signature over the chain up to its block."""

from __future__ import annotations

import base64

from core.chain.explorer import Explorer
from core.chain.publisher import Publisher
from core.errors import UnavailableError
from core.ledger import merkle, receipt
from core.ledger.canonical import Json
from core.ledger.checkpoint import Checkpoint, SigningKey, open_note


class Receipts:
    """Signs with the key; without it, takes the signature of the checkpoint that was published for the block."""

    def __init__(self, explorer: Explorer, key: SigningKey | None, publisher: Publisher) -> None:
        self._explorer = explorer
        self._key = key
        self._publisher = publisher

    def make(self, height: int, index: int) -> dict[str, Json]:
        """The receipt of transaction `index` of a block. Raises UnavailableError if there is no signature for it."""
        placed = self._explorer.placed(height)
        lines = self._explorer.lines(height)
        heads = self._explorer.heads()
        rules = self._explorer.rules
        assert rules is not None, "a chain with a block has rules"
        public = bytes.fromhex(rules.log_key)
        signed = Checkpoint(rules.origin, height + 1, heads.root(height + 1))
        return receipt.make(
            lines[index],
            index=index,
            tx_path=merkle.inclusion_path(merkle.leaves(lines), index),
            header=placed.head.header,
            peaks=heads.peaks(height),
            origin=rules.origin,
            public=public,
            signature=self._signature(signed, public),
        )

    def _signature(self, signed: Checkpoint, public: bytes) -> bytes:
        if self._key is not None:
            return self._key.signature(signed)
        note = self._publisher.find(signed.text)
        if note is None:
            raise UnavailableError(
                f"There is no signature over the first {signed.size} blocks: the signing key is missing.",
                fix="Put ledger.key back into DATA_DIR.",
            )
        open_note(note, name=signed.origin, public=public)
        return base64.b64decode(note.rstrip().rpartition(" ")[2])[4:]
