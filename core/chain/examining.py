"""A ledger held against what this lab knows of it, for commands: nothing is written, no lock is taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.chain.opening import beheaded, first_record, missing, rules_of
from core.chain.signed import CHECKPOINTS_FILE, Signed, signed
from core.ledger.recovery import Glance, Mark, newest, whole_blocks
from core.ledger.verify import reading
from core.ledger.walk import START
from core.settings import Settings
from core.store import Store
from core.store import tip as marks


@dataclass(frozen=True, slots=True)
class Examined:
    """What a ledger was compared with. mark: the last block the database knows, None if it knows none."""

    mark: int | None
    signed: Signed | None

    @property
    def sentence(self) -> str:
        """For a person."""
        parts = [f"the block {self.mark} that the database recorded"] if self.mark is not None else []
        count = len(self.signed.notes) if self.signed else 0
        if count:
            parts.append(f"{count} checkpoint{'s' if count > 1 else ''} of this lab")
        return f"Compared with {' and '.join(parts)}." if parts else "This lab has recorded nothing to compare it with."


def examine(settings: Settings, *, retained: str = "") -> Examined:
    """Hold the ledger of the settings against the recorded mark and the checkpoints. Raises LedgerDamagedError.

    What is recorded is read before the file, which may grow meanwhile. retained: as for `Chain`.
    """
    path = settings.ledger_path
    mark, checkpoint = stored(settings)
    if mark is not None and mark.hash and not path.exists():
        raise missing(path, mark)
    record = mark.genesis if mark is not None else first_record(path)
    published = settings.data_dir / CHECKPOINTS_FILE
    found = (
        signed(settings.data_dir, rules_of(record), expected=checkpoint, retained=retained, tail=None)
        if record
        else None
    )
    with reading(path) as (read, size):
        file = Glance(read, size)
        if mark is not None:
            tip = newest(file, mark)
        else:
            walker = file.walker(START)
            whole_blocks(walker)
            tip = walker.tip
        if found is None and published.exists():
            raise beheaded(path, published)
        if found is not None:
            found.check(tip, file)
    return Examined(mark.before.height + 1 if mark is not None and mark.hash else None, found)


def stored(settings: Settings) -> tuple[Mark | None, str]:
    """The mark and its checkpoint; a database that is not there is not made."""
    url = settings.resolved_database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None, ""
    store = Store(url)
    try:
        with store.read() as connection:
            return marks.read(connection) or (None, "")
    finally:
        store.close()
