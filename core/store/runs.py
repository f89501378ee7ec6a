"""Runs: what was asked, where it stands and what came of it; a run changes its status in one conditional update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    or_,
    select,
    true,
)

from core.store.database import Store, metadata
from core.store.shares import drop_links

Status = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]

runs = Table(
    "runs",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(32), nullable=False, unique=True),
    Column("owner_id", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("tags", Text, nullable=False),
    Column("dataset_id", String(32), nullable=False, index=True),
    Column("dataset_name", String(200), nullable=False),
    Column("dataset_digest", String(64), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("plan", Text, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("message", Text, nullable=False),
    Column("queued_at_ms", BigInteger, nullable=False),
    Column("started_at_ms", BigInteger),
    Column("ended_at_ms", BigInteger),
    Column("result_key", String(64)),
    Column("result_digest", String(64)),
    Column("tx_hash", String(64)),
    Column("shared", Boolean, nullable=False),
    Column("figures_on_ledger", Boolean, nullable=False, server_default=true()),
    Column("opening", Text),
    Column("provenance", Text, nullable=False, server_default="{}"),
    Index("runs_of_owner", "owner_id", "seq"),
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as kept; `result_key` names the folder of its result.

    figures_on_ledger: whether its transaction says what it found; else `opening` is what opens the commitment there,
    JSON. provenance: what is to be said of the readings, JSON.
    """

    run_id: str
    owner_id: str
    name: str
    tags: str
    dataset_id: str
    dataset_name: str
    dataset_digest: str
    time_zone: str
    plan: str
    status: Status
    message: str
    queued_at_ms: int
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    result_key: str | None = None
    result_digest: str | None = None
    tx_hash: str | None = None
    shared: bool = False
    figures_on_ledger: bool = True
    opening: str | None = None
    provenance: str = "{}"
    seq: int = 0


class RunRows:
    """The table of runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def insert(self, row: RunRow) -> None:
        """Add a run; durable when this returns."""
        values = {key: value for key, value in asdict(row).items() if key != "seq"}
        with self._store.begin() as connection:
            connection.execute(runs.insert().values(values))

    def get(self, run_id: str) -> RunRow | None:
        """One run."""
        with self._store.read() as connection:
            found = connection.execute(select(*_columns()).where(runs.c.run_id == run_id)).first()
        return None if found is None else RunRow(*found)

    def under_way(self) -> tuple[tuple[str, str, Status], ...]:
        """Run id, owner and status of every queued and running run, first queued first."""
        query = (
            select(runs.c.run_id, runs.c.owner_id, runs.c.status)
            .where(runs.c.status.in_(("queued", "running")))
            .order_by(runs.c.seq)
        )
        with self._store.read() as connection:
            return tuple((run_id, owner_id, status) for run_id, owner_id, status in connection.execute(query))

    def count(self, status: Status, *, owner_id: str | None = None) -> int:
        """How many runs have `status`, of one owner or of all."""
        query = select(func.count()).select_from(runs).where(runs.c.status == status)
        if owner_id is not None:
            query = query.where(runs.c.owner_id == owner_id)
        with self._store.read() as connection:
            return int(connection.execute(query).scalar_one())

    def counts(self) -> dict[str, int]:
        """How many runs there are of each status."""
        query = select(runs.c.status, func.count()).group_by(runs.c.status)
        with self._store.read() as connection:
            return {status: int(count) for status, count in connection.execute(query)}

    def latest_done(self, limit: int) -> tuple[RunRow, ...]:
        """The runs done last, newest first."""
        query = select(*_columns()).where(runs.c.status == "done").order_by(runs.c.seq.desc()).limit(limit)
        with self._store.read() as connection:
            return tuple(RunRow(*row) for row in connection.execute(query))

    def history(
        self, user_id: str, *, text: str, dataset_id: str, before: int | None, limit: int
    ) -> tuple[RunRow, ...]:
        """A user's runs and those shared with everybody, newest first, before `seq`.

        text: in name, tags or the dataset's name. dataset_id: of this dataset only, unless empty.
        """
        query = select(*_columns()).where((runs.c.owner_id == user_id) | runs.c.shared)
        if dataset_id:
            query = query.where(runs.c.dataset_id == dataset_id)
        if before is not None:
            query = query.where(runs.c.seq < before)
        if text:
            held = (runs.c.name, runs.c.tags, runs.c.dataset_name)
            query = query.where(or_(*(func.lower(column).contains(text.lower(), autoescape=True) for column in held)))
        with self._store.read() as connection:
            return tuple(RunRow(*row) for row in connection.execute(query.order_by(runs.c.seq.desc()).limit(limit)))

    def change_status(
        self,
        connection: Connection,
        run_id: str,
        *,
        expected: Sequence[Status],
        status: Status,
        **values: object,
    ) -> bool:
        """Move a run to `status` if it is in one of `expected`, inside the caller's transaction; whether it did."""
        which = (runs.c.run_id == run_id) & runs.c.status.in_(expected)
        changed = connection.execute(runs.update().where(which).values(status=status, **values))
        return int(changed.rowcount) == 1

    def move(self, run_id: str, *, expected: Sequence[Status], status: Status, **values: object) -> bool:
        """`change_status` in a transaction of its own."""
        with self._store.begin() as connection:
            return self.change_status(connection, run_id, expected=expected, status=status, **values)

    def interrupt_all(self, *, message: str, now_ms: int) -> int:
        """Mark every running run interrupted. Returns how many."""
        with self._store.begin() as connection:
            changed = connection.execute(
                runs.update()
                .where(runs.c.status == "running")
                .values(status="interrupted", message=message, ended_at_ms=now_ms)
            )
        return int(changed.rowcount)

    def change(self, connection: Connection, run_id: str, /, **values: object) -> None:
        """Set columns of one run, inside the caller's transaction."""
        connection.execute(runs.update().where(runs.c.run_id == run_id).values(**values))

    def delete(self, connection: Connection, run_id: str, *, unless: Sequence[Status]) -> bool:
        """Forget a run and its links unless it is in one of these states, inside the caller's transaction."""
        which = (runs.c.run_id == run_id) & runs.c.status.not_in(unless)
        gone = int(connection.execute(runs.delete().where(which)).rowcount) == 1
        if gone:
            drop_links(connection, "run", run_id)
        return gone

    def owned(self, owner_id: str) -> tuple[RunRow, ...]:
        """Every run of a user."""
        with self._store.read() as connection:
            query = select(*_columns()).where(runs.c.owner_id == owner_id).order_by(runs.c.seq)
            return tuple(RunRow(*row) for row in connection.execute(query))

    def hand_over(self, connection: Connection, owner_id: str, *, to: str) -> None:
        """Give every run of a user to another, inside the caller's transaction."""
        connection.execute(runs.update().where(runs.c.owner_id == owner_id).values(owner_id=to))

    def result_keys(self) -> frozenset[str]:
        """The results that a run still has."""
        with self._store.read() as connection:
            query = select(runs.c.result_key).where(runs.c.result_key.is_not(None)).distinct()
            return frozenset(str(row.result_key) for row in connection.execute(query))


def _columns() -> list[Column[Any]]:
    return [runs.c[name] for name in RunRow.__dataclass_fields__]
