"""The way back of a backup: refused where it would fork the chain, and nothing that is here is destroyed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from core.chain.backup import DATA, DATABASE, LEDGER, UPLOADS, Saved, checked, copy_file, copy_tree, saved_in
from core.chain.examining import examine, stored
from core.chain.opening import first_record, rules_of
from core.chain.signed import ACCEPTED_FILE, CHECKPOINTS_FILE, signed
from core.errors import ConflictError, InputError, LabError, LedgerDamagedError
from core.ledger.recovery import Glance, whole_blocks
from core.ledger.verify import reading, verify
from core.ledger.walk import CLOSING, START, Tip
from core.settings import Settings
from core.store import copies

_PIECE = 1 << 20


def restore(settings: Settings, folder: Path, *, older: bool = False, retained: str = "") -> Saved:
    """Put a backup in the place of this lab; what was there is moved to `replaced` in the data folder.

    A sound ledger here that extends the backup's stays, with its checkpoints: the next start settles the rest. Nobody
    may be running the lab. older: take a backup that lacks blocks this lab has signed; the lab is read-only then,
    until a newer copy is put back or the loss is accepted. Raises ConflictError for a backup that would fork the chain.
    """
    manifest = checked(folder)
    last = _last_checkpoint(settings)
    stays = _extends(settings.ledger_path, folder / LEDGER) and _is_whole(settings, retained)
    problem = None if stays else _would_fork(settings, folder, kept=f"{last}\n{retained}")
    if problem is not None and not older:
        raise ConflictError(
            f"This backup would fork the chain: {problem}",
            fix="Restore a newer backup; if there is none, `restore --older` and then `accept-loss`.",
        )
    aside = settings.data_dir / "replaced" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    aside.mkdir(mode=0o700, parents=True)
    kept = {name: settings.data_dir / name for name in (CHECKPOINTS_FILE, ACCEPTED_FILE)}
    newer = {
        name: path.read_bytes() for name, path in kept.items() if (stays or problem is not None) and path.is_file()
    }
    if problem is not None and last.encode() not in newer.get(CHECKPOINTS_FILE, b""):
        newer[CHECKPOINTS_FILE] = newer.get(CHECKPOINTS_FILE, b"") + b"\n" + last.encode()
    _move_aside(settings, aside)
    copy_tree(folder / DATA, settings.data_dir)
    copy_tree(folder / UPLOADS, settings.uploads_dir)
    for name, content in newer.items():
        kept[name].write_bytes(content)  # what was signed since stays known
    url = settings.resolved_database_url
    copies.copy_in(folder / DATABASE / copies.name_for(url), url)
    copy_file(aside / LEDGER if stays else folder / LEDGER, settings.ledger_path)
    return saved_in(folder, manifest)


def _last_checkpoint(settings: Settings) -> str:
    """What the database that is here says was signed last; "" if it cannot be asked."""
    try:
        return stored(settings)[1]
    except LabError:
        return ""


def _extends(present: Path, saved: Path) -> bool:
    """Whether the ledger that is here is sound and goes on from that of the backup."""
    here = first_record(present)
    if not here or here != first_record(saved) or not verify(present, 2).ok:
        return False
    with reading(present) as (read, _), reading(saved) as (read_saved, size):
        end = size - len(CLOSING)
        pieces = range(0, end, _PIECE)
        return all(
            read(start, min(_PIECE, end - start)) == read_saved(start, min(_PIECE, end - start)) for start in pieces
        )


def _is_whole(settings: Settings, retained: str) -> bool:
    """Whether the ledger that is here has every block that was recorded and signed."""
    try:
        examine(settings, retained=retained)
    except LedgerDamagedError:
        return False
    except LabError:  # the database cannot be asked: it is what is lost
        return not _differs_from_signed(settings, retained)
    return True


def _differs_from_signed(settings: Settings, retained: str) -> bool:
    with reading(settings.ledger_path) as (read, size):
        file = Glance(read, size)
        walker = file.walker(START)
        whole_blocks(walker)
        rules = rules_of(first_record(settings.ledger_path))
        try:
            signed(settings.data_dir, rules, retained=retained, tail=None).check(walker.tip, file)
        except LedgerDamagedError:
            return True
    return False


def _would_fork(settings: Settings, folder: Path, *, kept: str) -> str | None:
    """Why mining on from the backup would sign other blocks than this lab has signed; None if it would not."""
    ledger = folder / LEDGER
    verdict = verify(ledger, 2)
    if not verdict.ok:
        raise LedgerDamagedError(f"{ledger}: {verdict.sentence}", height=verdict.height, offset=verdict.offset)
    record = first_record(ledger)
    if not record:
        raise InputError(f"{ledger} has no block, so there is nothing to restore.")
    with reading(ledger) as (read, size):
        file = Glance(read, size)
        walker = file.walker(START)
        whole_blocks(walker)
        try:
            signed(settings.data_dir, rules_of(record), retained=kept, tail=None).check(walker.tip, file)
        except LedgerDamagedError as error:
            return error.message
        return _lacks_blocks(settings.ledger_path, record, walker.tip)


def _lacks_blocks(present: Path, record: bytes, tip: Tip) -> str | None:
    """Whether the ledger that is here has blocks that the backup has not, though no checkpoint is left to say so."""
    here = first_record(present)
    if not here:
        return None
    if here != record:
        raise ConflictError(
            f"{present} is another chain than that of the backup.",
            fix="Restore into an empty DATA_DIR and LEDGER_PATH.",
        )
    with reading(present) as (read, size):
        tips, _ = whole_blocks(Glance(read, size).walker(START))
    if len(tips) - 1 > tip.height:
        return f"it ends after block {tip.height}, {present} after block {len(tips) - 1}."
    if present.stat().st_size > tip.end + len(CLOSING):
        return f"it ends after block {tip.height}, {present} is longer, though damaged."
    return None


def _move_aside(settings: Settings, aside: Path) -> None:
    for path in sorted(settings.data_dir.iterdir()):
        if path.name not in ("lab.lock", "replaced"):
            shutil.move(path, aside / path.name)
    if settings.uploads_dir.exists() and not settings.uploads_dir.is_relative_to(settings.data_dir):
        shutil.move(settings.uploads_dir, aside / UPLOADS)
    if settings.ledger_path.exists():
        shutil.copyfile(settings.ledger_path, aside / LEDGER)
