"""What was acknowledged and is not in a block yet, durable on commit, and each transaction only once.

A transaction moves from `pending` to `seen` in the same database transaction that moves the stored tip; its dedupe
key stays in one of the two for ever. Concurrent submitters share commits: whoever gets the lock commits for all who
wait, so one `fsync` serves them together.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Table,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from core.errors import UnavailableError
from core.ledger.transaction import Transaction, key_of, keys_of, terms_digest
from core.store.database import Store, metadata
from core.store.prepared import Execute, Prepared, PreparedForKeys

State = Literal["new", "pending", "mined", "reused"]
WINDOW = 10_000
"""How many of the latest arrivals without a message id are remembered to recognise their redelivery.

More than a broker keeps unacknowledged; fewer than the 65,535 packet ids it uses before it takes one again.
"""
_counted = BigInteger().with_variant(Integer, "sqlite")
pending_table = Table(
    "pending",
    metadata,
    Column("seq", _counted, primary_key=True),
    Column("dedupe", LargeBinary, nullable=False, unique=True),
    Column("tx_hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("submitted_at_ms", BigInteger, nullable=False),
)
seen_table = Table(
    "seen",
    metadata,
    Column("dedupe", LargeBinary, primary_key=True),
    Column("height", BigInteger, nullable=False),
    Column("terms", LargeBinary),
    sqlite_with_rowid=False,
)
without_terms = Index(
    "seen_without_terms",
    seen_table.c.dedupe,
    sqlite_where=seen_table.c.terms.is_(None),
    postgresql_where=seen_table.c.terms.is_(None),
)
"""Rows of before the terms were kept: a start finds them at once, and reads the terms in the ledger."""
arrivals_table = Table(
    "arrivals",
    metadata,
    Column("seq", _counted, primary_key=True),
    Column("arrival", LargeBinary, nullable=False, unique=True),
    Column("dedupe", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

_PRUNE = delete(arrivals_table).where(
    arrivals_table.c.seq <= select(func.max(arrivals_table.c.seq) - literal_column(str(WINDOW))).scalar_subquery()
)
_NO_TERMS = seen_table.c.terms.is_(None)
_LEARN = seen_table.update().where(seen_table.c.dedupe == bindparam("key"), _NO_TERMS).values(terms=bindparam("found"))
_NEWEST_KEYS = select(pending_table.c.dedupe).where(
    pending_table.c.seq > select(func.max(pending_table.c.seq) - bindparam("rows")).scalar_subquery()
)
_COLUMNS = (pending_table.c.seq, pending_table.c.tx_hash, pending_table.c.body, pending_table.c.submitted_at_ms)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A transaction from an MQTT message that had no id of its own.

    packet_id and payload identify the message to the broker; redelivered is its DUP flag. A redelivered message
    whose packet id and payload were committed in the recent window is the same trade; any other is a new one.
    """

    transaction: Transaction
    packet_id: int
    payload: bytes
    redelivered: bool

    @property
    def digest(self) -> bytes:
        """SHA-256 of packet id and payload."""
        return hashlib.sha256(self.packet_id.to_bytes(2, "big") + self.payload).digest()


@dataclass(frozen=True, slots=True)
class PendingRow:
    """One acknowledged transaction that waits for a block."""

    seq: int
    tx_hash: str
    body: bytes
    submitted_at_ms: int


class Pool:
    """The pending transactions of `store`. Safe to call from any thread and any process."""

    def __init__(self, store: Store, *, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """clock: milliseconds since 1970 UTC."""
        self._store = store
        self._clock = clock
        upsert: Any = sqlite if store.is_sqlite else postgresql
        dialect = store.engine.dialect
        self._insert_pending = Prepared(_pending_unless_seen(upsert).on_conflict_do_nothing(), dialect)
        self._insert_returning = None if store.is_sqlite else Prepared(_all_pending_unless_seen(), dialect)
        self._newest_keys = Prepared(_NEWEST_KEYS, dialect)
        self._insert_seen = Prepared(_row_of(upsert, seen_table).on_conflict_do_nothing(), dialect)
        self._insert_arrival = Prepared(_row_of(upsert, arrivals_table), dialect)
        self._prune = Prepared(_PRUNE, dialect)
        self._is_known = PreparedForKeys(_known_among, dialect)
        self._has_arrived = PreparedForKeys(_arrived_among, dialect)
        self._forget = PreparedForKeys(partial(_among, delete, arrivals_table.c.arrival), dialect)
        self._unpend = PreparedForKeys(partial(_among, delete, pending_table.c.dedupe), dialect)
        self._waiting: list[_Ticket] = []
        self._waiting_lock = threading.Lock()  # owns _waiting
        self._commit_lock = threading.Lock()  # one committer at a time

    def submit(self, items: Sequence[Transaction | Arrival]) -> list[State]:
        """Commit durably; when this returns, every item may be acknowledged.

        "new": now pending. "pending", "mined": the same transaction is already there; nothing was added. "reused": a
        trade with the same id and other terms is there; nothing was added.
        Raises UnavailableError if the database refuses; then nothing of these items was added.
        """
        ticket = _Ticket(items)
        with self._waiting_lock:
            self._waiting.append(ticket)
        with self._commit_lock:
            if not ticket.done:
                with self._waiting_lock:
                    batch, self._waiting = self._waiting, []
                self._commit(batch)
        if ticket.error is not None:
            raise UnavailableError(
                f"The pool of pending transactions cannot be written: {type(ticket.error).__name__}.",
                fix="Nothing of this was accepted; look at the disk and the database, then send it again.",
            ) from ticket.error
        return ticket.states

    def _commit(self, batch: list[_Ticket]) -> None:
        try:
            with self._store.quickly() as execute:
                states = iter(self._insert(execute, [item for ticket in batch for item in ticket.items]))
            for ticket in batch:
                ticket.states = [next(states) for _ in ticket.items]
        except Exception as error:
            for ticket in batch:
                ticket.error = error
        for ticket in batch:
            ticket.done = True

    def insert(self, connection: Connection, items: Sequence[Transaction | Arrival]) -> list[State]:
        """The same inside the caller's writing transaction (`store.begin()`): durable when that commits."""
        return self._insert(connection.exec_driver_sql, items)

    def _insert(self, execute: Execute, items: Sequence[Transaction | Arrival]) -> list[State]:
        if not items:
            return []
        keyed = self._keyed(execute, items)
        now = self._clock()
        rows = [_row(transaction, key, now) for key, transaction in keyed]
        if self._insert_returning is not None:
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            return self._states(execute, keyed, {key for (key,) in self._insert_returning.run(execute, columns)})
        inserted = self._insert_pending.run_many(execute, rows).rowcount
        if inserted == len(rows):
            return ["new"] * inserted
        newest = {key for (key,) in self._newest_keys.run(execute, {"rows": inserted})}
        return self._states(execute, keyed, newest)

    def _states(self, execute: Execute, keyed: Sequence[tuple[bytes, Transaction]], fresh: set[bytes]) -> list[State]:
        """Which of these are `fresh`, the rows inserted just now, and where the others are."""
        known = self._known(execute, [key for key, _ in keyed]) if len(fresh) < len(keyed) else {}
        states: list[State] = []
        for key, transaction in keyed:
            state: State = "new"
            if key not in fresh:
                state, terms = known[key]
                if terms is not None and terms != terms_digest(transaction.document):
                    state = "reused"
            states.append(state)
            fresh.discard(key)
        return states

    def _keyed(self, execute: Execute, items: Sequence[Transaction | Arrival]) -> list[tuple[bytes, Transaction]]:
        """The dedupe key of each item; that of the first delivery for one that is recognised as redelivered."""
        digests = [item.digest for item in items if isinstance(item, Arrival)]
        remembered: dict[bytes, bytes] = dict(map(tuple, self._has_arrived.rows(execute, digests)))
        first: dict[bytes, bytes] = {}
        keyed = []
        for item in items:
            if isinstance(item, Transaction):
                keyed.append((item.dedupe_digest, item))
                continue
            key = remembered.get(item.digest) if item.redelivered else None
            if key is None:
                key = first[item.digest] = remembered[item.digest] = item.transaction.dedupe_digest
            keyed.append((key, item.transaction))
        if first:
            self._forget.run(execute, list(first))
            rows = [{"arrival": digest, "dedupe": key} for digest, key in first.items()]
            self._insert_arrival.run_many(execute, rows)
            self._prune.run(execute, {})
        return keyed

    def _known(self, execute: Execute, keys: Sequence[bytes]) -> dict[bytes, tuple[State, bytes | None]]:
        """Where these keys are, and the terms they stand for (None: not known)."""
        return {
            key: ("mined", found) if mined else ("pending", keys_of(found)[1])
            for key, mined, found in self._is_known.rows(execute, keys)
        }

    # ---- reading

    def pending(self, limit: int, after_seq: int = 0) -> list[PendingRow]:
        """The oldest first."""
        rows = pending_table.c
        return self._rows(select(*_COLUMNS).where(rows.seq > after_seq).order_by(rows.seq).limit(limit))

    def newest(self, limit: int) -> list[PendingRow]:
        """The newest first: what a page shows."""
        return self._rows(select(*_COLUMNS).order_by(pending_table.c.seq.desc()).limit(limit))

    def find(self, prefix: str, limit: int = 10) -> list[PendingRow]:
        """Pending transactions whose hash begins with `prefix` (hex)."""
        low, high = prefix_range(prefix)
        rows = pending_table.c
        return self._rows(select(*_COLUMNS).where(rows.tx_hash.between(low, high)).order_by(rows.seq).limit(limit))

    def _rows(self, statement: Any) -> list[PendingRow]:
        with self._store.read() as connection:
            return [PendingRow(seq, tx.hex(), body, at) for seq, tx, body, at in connection.execute(statement)]

    def pending_count(self) -> int:
        """How many wait for a block."""
        with self._store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(pending_table)).scalar_one())

    def oldest_at_ms(self) -> int | None:
        """When the one that waits longest was submitted; None if nothing waits."""
        rows = self.pending(1)
        return rows[0].submitted_at_ms if rows else None

    def state(self, dedupe: str) -> Literal["pending", "mined"] | None:
        """Where the transaction with this dedupe text is; None if it was never submitted."""
        key = key_of(dedupe)
        with self._store.read() as connection:
            state, _ = self._known(connection.exec_driver_sql, [key]).get(key, (None, None))
        return state if state in ("pending", "mined") else None

    # ---- moving on to the chain

    def mined(self, connection: Connection, lines: Sequence[bytes], height: int) -> None:
        """Inside the caller's writing transaction: these transaction lines are in the block of this height."""
        in_order = sorted(map(keys_of, lines))  # neighbours in the table's tree are written together
        self._unpend.run(connection.exec_driver_sql, [key for key, _ in in_order])
        if in_order:
            rows = [{"dedupe": key, "height": height, "terms": terms} for key, terms in in_order]
            self._insert_seen.run_many(connection.exec_driver_sql, rows)

    def lacks_terms(self) -> bool:
        """Whether the terms of some mined trades are not known: they were mined before terms were kept."""
        with self._store.read() as connection:
            return connection.execute(select(seen_table.c.dedupe).where(_NO_TERMS).limit(1)).first() is not None

    def learn_terms(self, connection: Connection, lines: Sequence[bytes]) -> None:
        """Inside the caller's writing transaction: keep the terms of these mined transaction lines."""
        rows = [{"key": key, "found": terms} for key, terms in map(keys_of, lines)]
        if rows:
            connection.execute(_LEARN, rows)


def prefix_range(prefix: str) -> tuple[bytes, bytes]:
    """The least and the greatest 32-byte hash that begins with these hex digits."""
    return bytes.fromhex(prefix.ljust(64, "0")), bytes.fromhex(prefix.ljust(64, "f"))


class _Ticket:
    """One call of `submit` that waits for its commit; owned by the committer until `done`."""

    def __init__(self, items: Sequence[Transaction | Arrival]) -> None:
        self.items = items
        self.states: list[State] = []
        self.error: Exception | None = None
        self.done = False


def _row(transaction: Transaction, key: bytes, at_ms: int) -> dict[str, Any]:
    tx_hash = bytes.fromhex(transaction.tx_hash)
    return {"dedupe": key, "tx_hash": tx_hash, "body": transaction.body, "submitted_at_ms": at_ms}


def _row_of(upsert: Any, table: Table) -> Any:
    """The insertion of one row; its number is the database's to give."""
    names = [column.name for column in table.c if column.name != "seq"]
    return upsert.insert(table).values({name: bindparam(name) for name in names})


def _pending_unless_seen(upsert: Any) -> Any:
    columns = [column for column in pending_table.c if column.name != "seq"]
    values = select(*(bindparam(column.name, type_=column.type) for column in columns))
    seen = exists().where(seen_table.c.dedupe == bindparam("dedupe", type_=LargeBinary()))
    return upsert.insert(pending_table).from_select(columns, values.where(~seen))


def _all_pending_unless_seen() -> Any:
    """The same of many rows at once, a list for each column, which tells the keys of those it inserted: PostgreSQL.

    Its numbers have gaps where a row was there already, so the newest ones do not tell.
    """
    columns = [column for column in pending_table.c if column.name != "seq"]
    kinds: list[Any] = [postgresql.BYTEA, postgresql.BYTEA, postgresql.BYTEA, BigInteger]
    lists = [bindparam(column.name, type_=postgresql.ARRAY(kind)) for column, kind in zip(columns, kinds, strict=True)]
    unnested = func.unnest(*lists).table_valued(*(column.name for column in columns), with_ordinality="n")
    rows = unnested.render_derived()
    seen = exists().where(seen_table.c.dedupe == rows.c.dedupe)
    chosen = select(*(rows.c[column.name] for column in columns)).where(~seen).order_by(rows.c.n)
    added = postgresql.insert(pending_table).from_select(columns, chosen)
    return added.on_conflict_do_nothing().returning(pending_table.c.dedupe)


def _among(start: Any, column: Column[bytes], names: list[str]) -> Any:
    """A statement about the rows whose column is one of the keys."""
    return start(column.table).where(column.in_([bindparam(name) for name in names]))


def _known_among(names: list[str]) -> Any:
    pending, seen = pending_table.c.dedupe, seen_table.c.dedupe
    return union_all(
        _among(lambda _: select(pending, literal_column("0"), pending_table.c.body), pending, names),
        _among(lambda _: select(seen, literal_column("1"), seen_table.c.terms), seen, names),
    )


def _arrived_among(names: list[str]) -> Any:
    arrival, key = arrivals_table.c.arrival, arrivals_table.c.dedupe
    return _among(lambda _: select(arrival, key), arrival, names)
