"""The database as one file for a backup, taken while the lab runs, and put back."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from core.errors import UnavailableError
from core.store import tip
from core.store.pool import seen_table

SQLITE_NAME, POSTGRESQL_NAME = "lab.db", "lab.pgdump"
_PIECE = 256
_PAUSE_S = 0.005


def name_for(url: str) -> str:
    """The name of the copy in a backup: the kinds cannot be mistaken for each other."""
    return SQLITE_NAME if make_url(url).get_backend_name() == "sqlite" else POSTGRESQL_NAME


def copy_out(url: str, target: Path) -> None:
    """Write everything that is committed now to `target`. Raises UnavailableError with the reason."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        _run("pg_dump", "--format=custom", f"--file={target}", url=url)
        return
    source = Path(str(parsed.database))
    if not source.exists():
        raise UnavailableError(f"The database {source} is not there.", fix="Look at DATA_DIR and DATABASE_URL.")
    try:
        with closing(sqlite3.connect(source, timeout=30)) as there, closing(sqlite3.connect(target)) as copy:
            there.backup(copy, pages=_PIECE, sleep=_PAUSE_S)  # in pieces, so that the lab goes on meanwhile
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise UnavailableError(f"The database {source} cannot be copied: {error}.", fix="Look at the disk.") from error


def copy_in(source: Path, url: str) -> None:
    """Put a copy in the place of the database; nobody may have it open."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        _run("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", str(source), url=url)
        return
    target = Path(str(parsed.database))
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in (target, *(target.with_name(f"{target.name}-{end}") for end in ("wal", "shm", "journal"))):
        path.unlink(missing_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o600)
    fresh.replace(target)


def forget_ledger(connection: Connection) -> None:
    """Inside a writing transaction: what the database knows of the ledger; the next start reads it from the file."""
    connection.execute(seen_table.delete())
    connection.execute(tip.tip_table.delete())
    tip.write_damage(connection, "")


def _run(program: str, *options: str, url: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    found = shutil.which(program)
    if found is None:
        raise UnavailableError(f"{program} is not installed.", fix="Install PostgreSQL's client programs.")
    done = subprocess.run([found, *options, f"--dbname={plain}"], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise UnavailableError(f"{program} failed: {reason[0][:300]}.", fix="Look at DATABASE_URL and the server.")
