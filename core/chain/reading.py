"""A ledger file to look into without a store, a lock or a writer: for commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.chain.explorer import Explorer
from core.chain.opening import KEY_FILE, Opened, first_record
from core.chain.publisher import Publisher
from core.chain.receipts import Receipts
from core.chain.signed import CHECKPOINTS_FILE
from core.errors import LedgerError
from core.ledger import checkpoint, verify
from core.ledger.checkpoint import SigningKey
from core.ledger.genesis import Genesis


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be asked of the file."""

    explorer: Explorer
    receipts: Receipts


@contextmanager
def read_only(ledger: Path, data_dir: Path) -> Iterator[Reading]:
    """The ledger at a path; its key and its checkpoints are looked for in `data_dir`, then beside it.

    Raises LedgerError if there is no such file, or no block in it that is sound.
    """
    with verify.reading(ledger):
        pass
    record = first_record(ledger)
    if not record:
        raise LedgerError(
            f"{ledger} has no block to read.", fix="Run `python -m core verify` on it to see whether it is damaged."
        )
    explorer = Explorer(ledger, Opened(None, None, record, None))
    folders = (data_dir, ledger.absolute().parent)
    assert explorer.rules is not None, "block 0 is sound"
    try:
        yield Reading(explorer, Receipts(explorer, _key(explorer.rules, folders), _published(explorer.rules, folders)))
    finally:
        explorer.close()


def _key(rules: Genesis, folders: tuple[Path, ...]) -> SigningKey | None:
    for folder in folders:
        with suppress(LedgerError):
            key = checkpoint.load_key(folder / KEY_FILE)
            if key.public.hex() == rules.log_key:
                return key
    return None


def _published(rules: Genesis, folders: tuple[Path, ...]) -> Publisher:
    found = [Publisher(folder / CHECKPOINTS_FILE) for folder in folders]
    return next((publisher for publisher in found if publisher.text().startswith(f"{rules.origin}\n")), found[0])
