"""One database, durable on commit: SQLite in WAL with synchronous=FULL, or whatever the URL names.

Tables are declared next to the code that reads them (one module of this package each) on the shared `metadata`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from core.errors import UnavailableError
from core.store.prepared import Execute, execute_on

metadata = MetaData()


class Store:
    """Opens the database at `url` and creates the tables that are missing."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {}
        if self.is_sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            options["connect_args"] = {"timeout": 30.0, "check_same_thread": False}
        self.engine = create_engine(parsed, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _durable)
            event.listen(self.engine, "begin", _begin_as_asked)
        self._quick: Any = None
        self._quick_lock = threading.Lock()  # owns _quick, a connection for short writes alone
        try:
            metadata.create_all(self.engine)
        except OperationalError as error:
            raise UnavailableError(
                f"The database {parsed.render_as_string()} cannot be used: {str(error.orig)[:200]}.",
                fix="Look at DATABASE_URL, the disk and the rights of its folder.",
            ) from error

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed, durably, when the block ends; rolled back when it raises.

        SQLite takes the write lock at once, so a transaction never fails half-way for want of it.
        """
        with self.engine.connect().execution_options(write=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction: one consistent view."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def quickly(self) -> Iterator[Execute]:
        """A writing transaction like `begin`, straight to the driver, one at a time: for what must be fast."""
        with self._quick_lock:
            if self._quick is None:
                self._quick = self.engine.raw_connection()
            cursor = self._quick.cursor()
            try:
                if self.is_sqlite:
                    cursor.execute("BEGIN IMMEDIATE")
                yield execute_on(cursor)
                self._quick.commit()
            except BaseException:
                self._quick.rollback()
                raise
            finally:
                cursor.close()

    def close(self) -> None:
        """Close every connection."""
        with self._quick_lock:
            if self._quick is not None:
                self._quick.close()
                self._quick = None
        self.engine.dispose()


def _durable(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event issues BEGIN itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_as_asked(connection: Connection) -> None:
    writing = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
