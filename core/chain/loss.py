"""Going on after blocks were lost for good: from the last sound block, with the loss written into the chain."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.chain.chain import Chain
from core.chain.opening import first_record, rules_of
from core.chain.records import MinedBlock
from core.chain.signed import ACCEPTED_FILE, CHECKPOINTS_FILE, Signed, signed
from core.errors import ConflictError
from core.ledger.file import LedgerFile
from core.ledger.recovery import REMEDY, Mark, whole_blocks
from core.ledger.transaction import Transaction, audit
from core.ledger.walk import START, Tip
from core.settings import Settings
from core.store import Store, copies
from core.store import tip as marks
from core.store.pool import Pool

ACTION = "accept_loss"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was given up. last: the block from which the chain goes on; kept: where the file as it was is."""

    sentence: str
    last: int
    kept: Path | None
    block: MinedBlock | None


def accept_loss(settings: Settings, *, retained: str, clock: Callable[[], int]) -> Accepted:
    """Cut the ledger back to its last sound block, and mine a block that says what is missing.

    Nobody may be running the lab. Every step can be done again. Raises ConflictError if nothing is lost.
    """
    store = Store(settings.resolved_database_url)
    try:
        reason = _damage(settings, store, retained=retained, clock=clock)
        with store.read() as connection:
            mark, checkpoint = marks.read(connection) or (None, "")
        record = mark.genesis if mark is not None else first_record(settings.ledger_path)
        known = (
            signed(settings.data_dir, rules_of(record), expected=checkpoint, retained=retained, tail=None)
            if record
            else None
        )
        tip, kept = _cut_back(settings.ledger_path, clock)
        loss, sentence = _record(tip, mark, known, reason=reason, at_ms=clock())
        with store.begin() as connection:
            copies.forget_ledger(connection)
            Pool(store, clock=clock).insert(connection, [loss])
        _set_aside(settings.data_dir, tip, known)
        chain = Chain(settings, store, clock=clock)
        try:
            block = chain.mine()
        finally:
            chain.close()
        return Accepted(sentence, tip.height, kept, block)
    finally:
        store.close()


def _damage(settings: Settings, store: Store, *, retained: str, clock: Callable[[], int]) -> str:
    """Why the ledger is read-only. Raises ConflictError if it is not, or for a reason that is no loss."""
    chain = Chain(settings, store, clock=clock, retained=retained)
    if chain.status().writable:
        chain.verify(2)
    status = chain.status()
    chain.close()
    if status.writable:
        raise ConflictError("Nothing is lost: the ledger has every block that was recorded and signed.")
    if not status.damage:
        raise ConflictError(status.notice or "The ledger cannot be opened.")
    return status.damage.removesuffix(REMEDY).strip()


def _cut_back(path: Path, clock: Callable[[], int]) -> tuple[Tip, Path | None]:
    """The last sound block, after which the file ends now, and where the file as it was is kept if it was cut."""
    file = LedgerFile(path, create=True)
    try:
        if file.holds_nothing:
            file.begin_empty()
        tips, damage = whole_blocks(file.walker(START, level=2))
        tip = tips[-1] if tips else START
        if damage is None:
            return tip, None
        kept = path.with_name(f"{path.name}.damaged-{datetime.fromtimestamp(clock() / 1000, UTC):%Y%m%dT%H%M%S}")
        shutil.copyfile(path, kept)
        file.cut_back(tip)
        return tip, kept
    finally:
        file.close()


def _record(tip: Tip, mark: Mark | None, known: Signed | None, *, reason: str, at_ms: int) -> tuple[Transaction, str]:
    """The transaction that tells what is missing, and the same as a sentence."""
    newest = max(known.newest, key=lambda found: found.size) if known is not None and known.newest else None
    last = max(newest.size - 1 if newest else -1, mark.before.height + 1 if mark is not None and mark.hash else -1)
    details: dict[str, object] = {"goes_on_after": tip.height, "last_known": last, "reason": reason[:200]}
    if newest is not None and known is not None:
        details |= {"checkpoint_size": newest.size, "checkpoint_root": newest.root.hex()}
        times = {"lost_from_ms": known.at_ms(tip.height + 2), "lost_until_ms": known.at_ms(newest.size)}
        details |= {name: found for name, found in times.items() if found is not None and newest.size > tip.height + 1}
    lost = f"blocks {tip.height + 1} to {last}" if last > tip.height else "no block that was recorded"
    sentence = f"Given up: {lost}. {reason} The chain goes on after block {tip.height}."
    return audit(action=ACTION, actor="operator", subject=lost, at_ms=at_ms, details=details), sentence


def _set_aside(folder: Path, tip: Tip, known: Signed | None) -> None:
    """Checkpoints over blocks that are given up move to a file of their own; the others stay."""
    path, aside = folder / CHECKPOINTS_FILE, folder / ACCEPTED_FILE
    if known is None:
        lost, rest = [path.read_text(errors="replace")] if path.is_file() else [], []
    else:
        newest = set(known.newest)
        lost = [note for found, note in known.notes.items() if found.size > tip.height + 1 or found in newest]
        rest = [note for note in known.notes.values() if note not in lost]
    _append(aside, lost)
    _rewrite(path, rest)


def _append(path: Path, notes: list[str]) -> None:
    if notes:
        before = path.read_text(errors="replace") if path.is_file() else ""
        _rewrite(path, [part for part in (before.strip("\n") + "\n" if before else "", *notes) if part])


def _rewrite(path: Path, notes: list[str]) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write("\n".join(notes))
        file.flush()
        os.fsync(file.fileno())
    if path.is_dir():
        shutil.move(path, path.with_name(f"{path.name}.folder"))
    fresh.replace(path)
