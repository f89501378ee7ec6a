"""What the feed remembers over a crash: its MQTT session, its publishers' counts, and its state for other processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from core.store.database import Store, metadata

UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeoutError)
"""What a database raises when it takes nothing now, whatever it is offered: full, locked or gone."""

MAX_PUBLISHERS = 1_000

session_table = Table(
    "feed_session",
    metadata,
    Column("row", Integer, primary_key=True),
    Column("session", String(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
)
publishers_table = Table(
    "feed_publishers",
    metadata,
    Column("publisher_id", String(64), primary_key=True),
    Column("messages", BigInteger, nullable=False),
    Column("last_seq", BigInteger),
    Column("gaps", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("last_at_ms", BigInteger, nullable=False),
)
report_table = Table(
    "feed_report",
    metadata,
    Column("row", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
_ROW = 1  # the two tables of one row


@dataclass(frozen=True, slots=True)
class Session:
    """The MQTT session that the broker keeps for the feed.

    session: changes when the broker has none any more, so that packet ids start anew.
    sequence: arrivals without an id of their own so far.
    """

    session: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Publisher:
    """What one publisher has sent. last_seq: its own last number; missing: numbers it skipped, in `gaps` places."""

    publisher_id: str
    messages: int = 0
    last_seq: int | None = None
    gaps: int = 0
    missing: int = 0
    last_at_ms: int = 0


class FeedStore:
    """The feed's own rows in `store`; the writing methods add to the caller's transaction (`store.begin()`)."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._dialect: Any = sqlite if store.is_sqlite else postgresql

    def session(self) -> Session:
        """The session as last saved."""
        statement = select(session_table.c.session, session_table.c.sequence)
        with self.store.read() as connection:
            row = connection.execute(statement).one_or_none()
        return Session(*row) if row else Session()

    def save_session(self, connection: Connection, session: Session) -> None:
        """Replace the session."""
        self._upsert(connection, session_table, [{"row": _ROW, **asdict(session)}])

    def publishers(self) -> list[Publisher]:
        """Every publisher, the last heard first."""
        columns = publishers_table.c
        with self.store.read() as connection:
            rows = connection.execute(select(*columns).order_by(columns.last_at_ms.desc())).all()
        return [Publisher(*row) for row in rows]

    def save_publishers(self, connection: Connection, publishers: Sequence[Publisher]) -> None:
        """Replace these publishers."""
        if publishers:
            self._upsert(connection, publishers_table, [asdict(publisher) for publisher in publishers])

    def forget_publishers(self, connection: Connection, publisher_ids: Sequence[str]) -> None:
        """Remove these publishers."""
        if publisher_ids:
            connection.execute(
                publishers_table.delete().where(publishers_table.c.publisher_id.in_(list(publisher_ids)))
            )

    def report(self) -> tuple[str, int] | None:
        """What the feed's process last said about itself, and when (ms since 1970 UTC)."""
        with self.store.read() as connection:
            row = connection.execute(select(report_table.c.body, report_table.c.at_ms)).one_or_none()
        return (row[0], row[1]) if row else None

    def save_report(self, connection: Connection, body: str, at_ms: int) -> None:
        """Replace what the feed's process says about itself."""
        self._upsert(connection, report_table, [{"row": _ROW, "body": body, "at_ms": at_ms}])

    def _upsert(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        statement = self._dialect.insert(table)
        keys = [column.name for column in table.primary_key]
        others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), rows)
