"""One database, durable on commit: SQLite in WAL with synchronous=FULL, or PostgreSQL.

One writes at a time on both: SQLite's write lock, an advisory lock in PostgreSQL. So whatever a writing transaction
has read still holds when it commits, and rows are numbered in the order in which they are committed.

Tables are declared next to the code that reads them (one module of this package each) on the shared `metadata`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from core.errors import InputError, UnavailableError
from core.store import schema
from core.store.prepared import Execute, execute_on

metadata = MetaData()
schema.version_table(metadata)


class Store:
    """Opens the database at `url`, makes the tables that are missing and takes the steps from an older version.

    Raises InputError for a URL that means nothing and UnavailableError for a database that cannot be used, each with a
    sentence.
    """

    def __init__(self, url: str) -> None:
        parsed = _parsed(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {}
        if self.is_sqlite:
            if parsed.database:
                _made(Path(parsed.database).parent)
            options["connect_args"] = {"timeout": 30.0, "check_same_thread": False}
        else:
            options |= {"connect_args": {"options": _SESSION}, "pool_pre_ping": True, "pool_size": 20}
        self.engine = create_engine(parsed, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _durable)
            event.listen(self.engine, "begin", _begin_as_asked)
        else:
            event.listen(self.engine, "before_cursor_execute", _without_nul, retval=True)
        self._quick: Any = None
        self._quick_lock = threading.Lock()  # owns _quick, a connection for short writes alone
        try:
            with self.read() as connection:
                current = schema.is_current(connection, metadata)
            if not current:
                with self.begin() as connection:
                    schema.bring_up_to_date(connection, metadata)
            with self.read() as connection:
                schema.require_whole(connection, metadata)
        except DBAPIError as error:
            self.close()
            raise _unusable(parsed, error) from error
        except BaseException:
            self.close()
            raise

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed, durably, when the block ends; rolled back when it raises.

        The write lock is taken at once, so a transaction never fails half-way for want of it.
        """
        with self.engine.connect().execution_options(write=True) as connection, connection.begin():
            if not self.is_sqlite:
                connection.exec_driver_sql(_ONE_WRITER)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction: one consistent view."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def quickly(self) -> Iterator[Execute]:
        """A writing transaction like `begin`, straight to the driver, one at a time: for what must be fast."""
        with self._quick_lock:
            cursor = self._begun()
            try:
                yield execute_on(cursor)
                self._quick.commit()
            except BaseException:
                self._give_up()
                raise
            finally:
                cursor.close()

    def _begun(self) -> Any:
        """A cursor with the write lock. A connection that died since it was used last is replaced once."""
        kept = self._quick is not None
        if self._quick is None:
            self._quick = self.engine.raw_connection()
        cursor = self._quick.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE" if self.is_sqlite else _ONE_WRITER)
        except Exception:
            self._give_up()
            if self._quick is not None or not kept:
                raise
            return self._begun()
        return cursor

    def _give_up(self) -> None:
        """Undo what was begun; a connection on which even that fails is closed."""
        try:
            self._quick.rollback()
        except Exception:
            self._quick.invalidate()
            self._quick = None

    def close(self) -> None:
        """Close every connection."""
        with self._quick_lock:
            if self._quick is not None:
                self._quick.close()
                self._quick = None
        self.engine.dispose()


_ONE_WRITER = "SELECT pg_advisory_xact_lock(1882468640)"
_SESSION = "-c synchronous_commit=on -c lock_timeout=30000 -c idle_in_transaction_session_timeout=120000"
"""Durable whatever the server's default is; nobody waits for ever, as with SQLite's busy timeout."""


def _without_nul(
    _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """PostgreSQL keeps no NUL in a text: U+FFFD stands in its place."""
    return statement, _cleaned(parameters)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd") if "\0" in value else value
    if isinstance(value, dict):
        return {name: _cleaned(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_cleaned, value))
    return value


def _parsed(url: str) -> URL:
    """Raises InputError unless it names SQLite or PostgreSQL, whose driver is installed."""
    fix = "Leave DATABASE_URL empty for SQLite, or write postgresql://user:password@host/database."
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(f'DATABASE_URL begins with "{parsed.drivername}".', fix=fix)
        parsed.get_dialect().import_dbapi()
    except ArgumentError:  # also of a driver that nobody knows
        raise InputError("DATABASE_URL is not the URL of a database.", fix=fix) from None
    except ImportError as error:
        raise InputError(f"DATABASE_URL needs {error.name}, which is not installed.", fix=fix) from None
    return parsed


def _made(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"The folder {folder} cannot be made: {error.strerror}.", fix="Name another with DATA_DIR or DATABASE_URL."
        ) from error


def _unusable(url: URL, error: DBAPIError) -> UnavailableError:
    place = url.database if url.get_backend_name() == "sqlite" else url.render_as_string()
    said = " ".join(str(error.orig).split())[:200].rstrip(".?")
    return UnavailableError(
        f"The database {place} cannot be used: {said}.",
        fix="Look at DATABASE_URL, the disk and the rights of its folder; a damaged one is put back from a backup.",
    )


def _durable(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event issues BEGIN itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_as_asked(connection: Connection) -> None:
    writing = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
