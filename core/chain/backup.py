"""A copy of the whole lab, taken while it runs.

Order of the copy: folders of readings and results, the database, the checkpoints, the ledger, the folders again. What
is copied later may be newer than what was copied before: a ledger longer than its database is settled at the next
start, and files that no row names harm nobody. The manifest comes last: without it a backup is not whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.chain.opening import KEY_FILE
from core.chain.signed import ACCEPTED_FILE, CHECKPOINTS_FILE
from core.errors import InputError, LedgerDamagedError, UnavailableError
from core.ledger.file import fsync_folder
from core.ledger.recovery import Glance, whole_blocks
from core.ledger.verify import reading
from core.ledger.walk import CLOSING, START, Tip
from core.settings import Settings
from core.store import copies

MANIFEST = "manifest.json"
FORMAT = 1
LEDGER, DATABASE, DATA, UPLOADS = "ledger.json", "database", "data", "uploads"
DERIVED = ("index", "index.lock", "lab.lock", "staged", "columns", "replaced")
"""What of the data folder is not copied: made anew, or only of use to a running lab."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup holds. blocks: of its ledger; bytes: of all its files."""

    folder: Path
    made_at: str
    blocks: int
    files: int
    bytes: int


def backup(settings: Settings, folder: Path) -> Saved:
    """Copy the lab into a new folder. Raises InputError for one that is not empty, UnavailableError for a full disk."""
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty.", fix="Name a new folder for every backup.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy_folders(settings, folder)
        (folder / DATABASE).mkdir(exist_ok=True)
        url = settings.resolved_database_url
        copies.copy_out(url, folder / DATABASE / copies.name_for(url))
        for name in (CHECKPOINTS_FILE, ACCEPTED_FILE, KEY_FILE):
            if (settings.data_dir / name).is_file():
                copy_file(settings.data_dir / name, folder / DATA / name)
        tip = _copy_ledger(settings.ledger_path, folder / LEDGER)
        _copy_folders(settings, folder)
        return _sealed(folder, tip)
    except OSError as error:
        raise UnavailableError(
            f"The backup in {folder} is not whole: {error.strerror}.", fix="Make room and take it again, elsewhere."
        ) from error


def checked(folder: Path) -> dict[str, Any]:
    """The manifest of a backup whose files are all as they were written. Raises InputError naming the first other."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        files = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{folder} is no whole backup: its {MANIFEST} is missing or damaged.", fix="Name the folder of a backup."
        ) from None
    if manifest.get("format") != FORMAT:
        raise InputError(f"{folder} has the format {manifest.get('format')}, expected {FORMAT}.")
    for name, about in files.items():
        path = folder / name
        if not path.is_file() or [path.stat().st_size, _digest(path)] != about:
            raise InputError(f"{path} is missing or not what was backed up.", fix="Take another backup.")
    return manifest


# ---- taking


def _copy_ledger(source: Path, target: Path) -> Tip:
    """The whole blocks of the file, closed as a file of its own."""
    with reading(source) as (read, size):
        walker = Glance(read, size).walker(START)
        _, damage = whole_blocks(walker)
        if damage is not None and size - walker.tip.end > len(CLOSING) and read(size - len(CLOSING), 3) == CLOSING:
            raise LedgerDamagedError(
                damage.message, height=damage.height, offset=damage.offset, fix="A damaged ledger is not backed up."
            )
        with target.open("wb") as file:
            for start in range(0, walker.tip.end, _PIECE):
                file.write(read(start, min(_PIECE, walker.tip.end - start)))
            file.write(CLOSING)
    return walker.tip


def _copy_folders(settings: Settings, folder: Path) -> None:
    """Everything in the data folder and the uploads but the database and what is derived."""
    own = Path(settings.resolved_database_url.removeprefix("sqlite:///"))
    database = own.name if own.parent == settings.data_dir else "lab.db"
    for path in sorted(settings.data_dir.iterdir()) if settings.data_dir.exists() else ():
        named = path.name.startswith((database, ".")) or path.name in (*DERIVED, CHECKPOINTS_FILE, ACCEPTED_FILE)
        if named or path.resolve() in (settings.ledger_path.resolve(), settings.uploads_dir.resolve()):
            continue
        copy_tree(path, folder / DATA / path.name)
    (folder / DATA).mkdir(exist_ok=True)
    copy_tree(settings.uploads_dir, folder / UPLOADS)


def copy_tree(source: Path, target: Path) -> None:
    """Copy files that are not there yet in the same size; one that vanishes meanwhile was deleted, and is left out."""
    for path in [source] if source.is_file() else sorted(source.rglob("*")):
        place = target if path == source else target / path.relative_to(source)
        try:
            if path.is_file() and not (place.exists() and place.stat().st_size == path.stat().st_size):
                copy_file(path, place)
        except FileNotFoundError:
            continue


def copy_file(source: Path, target: Path) -> None:
    """Written aside, synced, then named; with the mode of the original."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    fresh.chmod(source.stat().st_mode & 0o777)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(target)


def _sealed(folder: Path, tip: Tip) -> Saved:
    files = {str(path.relative_to(folder)): [path.stat().st_size, _digest(path)] for path in _files(folder)}
    made_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    manifest = {
        "format": FORMAT,
        "made_at": made_at,
        "blocks": tip.height + 1,
        "tip_hash": tip.hash,
        "log_root": tip.log_root.hex(),
        "files": files,
    }
    for name in files:
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(folder / MANIFEST)
    return saved_in(folder, manifest)


def saved_in(folder: Path, manifest: dict[str, Any]) -> Saved:
    """What the manifest of a backup says."""
    sizes = [int(size) for size, _ in manifest["files"].values()]
    return Saved(folder, str(manifest["made_at"]), int(manifest["blocks"]), len(sizes), sum(sizes))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / MANIFEST)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
