"""What came over MQTT and is neither trade nor reading: kept with its reason, each different payload once, counted.

Bounded: of more than MAX_ROWS different ones the longest unseen go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    func,
    select,
)

from core.store.database import Store, metadata

MAX_ROWS = 10_000
MAX_PAYLOAD = 4_096
MAX_TOPIC = 200
MAX_REASON = 500
_PRUNE_EVERY = 500

quarantine_table = Table(
    "quarantine",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("code", String(32), nullable=False),
    Column("reason", String(MAX_REASON), nullable=False),
    Column("topic", String(MAX_TOPIC), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("payload_bytes", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_at_ms", BigInteger, nullable=False),
    Column("last_at_ms", BigInteger, nullable=False),
    Index("quarantine_last", "last_at_ms"),
)
_COLUMNS = quarantine_table.c
_PRESENT = select(_COLUMNS.digest).where(_COLUMNS.digest.in_(bindparam("keys", expanding=True)))
_NEWEST = select(*_COLUMNS).order_by(_COLUMNS.last_at_ms.desc(), _COLUMNS.digest)
_AGAIN = (
    quarantine_table.update()
    .where(_COLUMNS.digest == bindparam("key"))
    .values(count=_COLUMNS.count + bindparam("more"), last_at_ms=bindparam("seen_at_ms"))
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that was not accepted: why (code and sentence), where, what, when (ms since 1970 UTC)."""

    code: str
    reason: str
    topic: str
    payload: bytes
    at_ms: int

    @property
    def digest(self) -> bytes:
        """The same for the same reason, topic and payload."""
        return hashlib.sha256(b"\0".join((self.code.encode(), _text(self.topic).encode(), self.payload))).digest()


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One refused payload, cut at MAX_PAYLOAD bytes, and how often it came."""

    digest: str
    code: str
    reason: str
    topic: str
    payload: bytes
    payload_bytes: int
    count: int
    first_at_ms: int
    last_at_ms: int


class Quarantine:
    """The refused messages of `store`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._since_pruned = _PRUNE_EVERY

    def insert(self, connection: Connection, refused: Sequence[Refused]) -> None:
        """Add to the caller's writing transaction (`store.begin()`): durable when that commits."""
        if not refused:
            return
        fresh: dict[bytes, dict[str, object]] = {}
        again: dict[bytes, dict[str, object]] = {}
        present = self._present(connection, {one.digest for one in refused})
        for one in refused:
            key = one.digest
            if key in present:
                entry = again.setdefault(key, {"key": key, "more": 0})
                entry.update(more=_number(entry["more"]) + 1, seen_at_ms=one.at_ms)
            elif key in fresh:
                fresh[key].update(count=_number(fresh[key]["count"]) + 1, last_at_ms=one.at_ms)
            else:
                fresh[key] = _row(key, one)
        if again:
            connection.execute(_AGAIN, list(again.values()))
        if fresh:
            connection.execute(quarantine_table.insert(), list(fresh.values()))
            self._prune(connection, len(fresh))

    def newest(self, limit: int = 50, *, offset: int = 0) -> list[QuarantineRow]:
        """The latest seen first."""
        with self.store.read() as connection:
            return [_as_row(row) for row in connection.execute(_NEWEST.limit(limit).offset(offset))]

    def mentioning(self, text: str, limit: int = 10) -> list[QuarantineRow]:
        """The latest seen whose payload or topic contains `text`; at most `limit`."""
        wanted = text.encode("utf-8", "replace")
        with self.store.read() as connection:
            rows = connection.execute(_NEWEST)
            found = (row for row in rows if wanted in row.payload or text in row.topic)
            return [_as_row(row) for row in islice(found, limit)]

    def totals(self) -> dict[str, int]:
        """Reason code to the number of messages, the most frequent first."""
        total = func.sum(_COLUMNS.count)
        statement = select(_COLUMNS.code, total).group_by(_COLUMNS.code).order_by(total.desc())
        with self.store.read() as connection:
            return {code: int(count) for code, count in connection.execute(statement)}

    def _present(self, connection: Connection, keys: set[bytes]) -> set[bytes]:
        ordered, chunk = sorted(keys), 500
        return {
            digest
            for start in range(0, len(ordered), chunk)
            for (digest,) in connection.execute(_PRESENT, {"keys": ordered[start : start + chunk]})
        }

    def _prune(self, connection: Connection, added: int) -> None:
        self._since_pruned += added
        if self._since_pruned < _PRUNE_EVERY:
            return
        self._since_pruned = 0
        kept = select(_COLUMNS.last_at_ms).order_by(_COLUMNS.last_at_ms.desc()).offset(MAX_ROWS).limit(1)
        connection.execute(quarantine_table.delete().where(_COLUMNS.last_at_ms <= kept.scalar_subquery()))


def _as_row(row: Any) -> QuarantineRow:
    digest, *others = row
    return QuarantineRow(digest.hex(), *others)


def _row(key: bytes, one: Refused) -> dict[str, object]:
    return {
        "digest": key,
        "code": one.code,
        "reason": _text(one.reason)[:MAX_REASON],
        "topic": _text(one.topic)[:MAX_TOPIC],
        "payload": one.payload[:MAX_PAYLOAD],
        "payload_bytes": len(one.payload),
        "count": 1,
        "first_at_ms": one.at_ms,
        "last_at_ms": one.at_ms,
    }


def _text(found: str) -> str:
    """Text that every database can store: no lone surrogate, no NUL."""
    return found.encode("utf-8", "replace").decode().replace("\0", "\\0")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
