"""Datasets: who brought which files, and the digests their readings had over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    func,
    select,
)

from core.store.database import Store, metadata
from core.store.shares import drop_links

datasets = Table(
    "datasets",
    metadata,
    Column("dataset_id", String(32), primary_key=True),
    Column("owner_id", String(64), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("changed_at_ms", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("households", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("slot_h", Float, nullable=False),
    Column("start_at_ms", BigInteger, nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("options", Text, nullable=False),
)
reports = Table(
    "dataset_reports",
    metadata,
    Column("dataset_id", ForeignKey("datasets.dataset_id", ondelete="CASCADE"), primary_key=True),
    Column("report", Text, nullable=False),
)
versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset_id", ForeignKey("datasets.dataset_id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True, index=True),
    Column("added_at_ms", BigInteger, nullable=False),
)
files = Table(
    "dataset_files",
    metadata,
    Column("file_id", String(32), primary_key=True),
    Column("dataset_id", ForeignKey("datasets.dataset_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("added_at_ms", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as kept."""

    dataset_id: str
    owner_id: str
    name: str
    kind: str
    shared: bool
    created_at_ms: int
    changed_at_ms: int
    digest: str
    households: int
    slots: int
    slot_h: float
    start_at_ms: int
    time_zone: str
    options: str


READ = ("changed_at_ms", "digest", "households", "slots", "slot_h", "start_at_ms", "time_zone", "options")
"""The columns that come from reading files."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One uploaded file: stored under `file_id`, called `name` by whoever brought it."""

    file_id: str
    position: int
    name: str
    size: int
    added_at_ms: int


class DatasetRows:
    """The tables of datasets. What writes does so inside the caller's transaction (`store.begin()`)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def insert(self, connection: Connection, row: DatasetRow, report: str, *, added_files: Sequence[FileRow]) -> None:
        """Add a dataset with its files; its digest is its first version."""
        connection.execute(datasets.insert().values(asdict(row)))
        self._add(connection, row, report, added_files)

    def replace(
        self,
        connection: Connection,
        row: DatasetRow,
        report: str,
        *,
        added_files: Sequence[FileRow],
        expected: DatasetRow,
    ) -> bool:
        """Take over what was read anew and add files; False when the dataset is no longer as `expected`."""
        read_anew = {name: value for name, value in asdict(row).items() if name in READ}
        changed = connection.execute(
            datasets.update()
            .where(
                datasets.c.dataset_id == row.dataset_id,
                datasets.c.digest == expected.digest,
                datasets.c.changed_at_ms == expected.changed_at_ms,
            )
            .values(read_anew)
        )
        if changed.rowcount != 1:
            return False
        connection.execute(reports.delete().where(reports.c.dataset_id == row.dataset_id))
        self._add(connection, row, report, added_files)
        return True

    def get(self, dataset_id: str) -> DatasetRow | None:
        """One dataset."""
        with self._store.read() as connection:
            return self._row(connection, dataset_id)

    def report(self, dataset_id: str) -> str | None:
        """The report of the last reading, as JSON."""
        with self._store.read() as connection:
            found = connection.execute(select(reports.c.report).where(reports.c.dataset_id == dataset_id)).first()
        return None if found is None else str(found.report)

    def list(self, user_id: str) -> tuple[DatasetRow, ...]:
        """What a user owns and what is shared with everybody, last changed first."""
        query = (
            select(*_columns())
            .where((datasets.c.owner_id == user_id) | datasets.c.shared)
            .order_by(datasets.c.changed_at_ms.desc(), datasets.c.dataset_id)
        )
        with self._store.read() as connection:
            return tuple(DatasetRow(*row) for row in connection.execute(query))

    def files(self, dataset_id: str) -> tuple[FileRow, ...]:
        """The files of a dataset in the order they came."""
        columns = [files.c[name] for name in FileRow.__dataclass_fields__]
        query = select(*columns).where(files.c.dataset_id == dataset_id).order_by(files.c.position)
        with self._store.read() as connection:
            return tuple(FileRow(*row) for row in connection.execute(query))

    def stored_bytes(self, owner_id: str) -> int:
        """What the files of a user's datasets take."""
        theirs = select(datasets.c.dataset_id).where(datasets.c.owner_id == owner_id)
        query = select(func.coalesce(func.sum(files.c.size), 0)).where(files.c.dataset_id.in_(theirs))
        with self._store.read() as connection:
            return int(connection.execute(query).scalar_one())

    def hand_over(self, connection: Connection, owner_id: str, *, to: str) -> None:
        """Give every dataset of a user to another, inside the caller's transaction."""
        connection.execute(datasets.update().where(datasets.c.owner_id == owner_id).values(owner_id=to))

    def change(self, connection: Connection, dataset_id: str, /, **values: object) -> None:
        """Set columns of one dataset."""
        connection.execute(datasets.update().where(datasets.c.dataset_id == dataset_id).values(**values))

    def delete(self, connection: Connection, dataset_id: str) -> tuple[str, ...]:
        """Forget a dataset, its files and links. Returns the digests that no dataset has any more."""
        query = select(versions.c.digest).where(versions.c.dataset_id == dataset_id)
        had = {str(row.digest) for row in connection.execute(query)}
        for table in (files, versions, reports, datasets):
            connection.execute(table.delete().where(table.c.dataset_id == dataset_id))
        drop_links(connection, "dataset", dataset_id)
        query = select(versions.c.digest).where(versions.c.digest.in_(had))
        still = {str(row.digest) for row in connection.execute(query)}
        return tuple(sorted(had - still))

    def _add(self, connection: Connection, row: DatasetRow, report: str, added_files: Sequence[FileRow]) -> None:
        connection.execute(reports.insert().values(dataset_id=row.dataset_id, report=report))
        self._remember_version(connection, row)
        if added_files:
            connection.execute(files.insert(), [{**asdict(file), "dataset_id": row.dataset_id} for file in added_files])

    @staticmethod
    def _row(connection: Connection, dataset_id: str) -> DatasetRow | None:
        found = connection.execute(select(*_columns()).where(datasets.c.dataset_id == dataset_id)).first()
        return None if found is None else DatasetRow(*found)

    @staticmethod
    def _remember_version(connection: Connection, row: DatasetRow) -> None:
        which = (versions.c.dataset_id == row.dataset_id) & (versions.c.digest == row.digest)
        if connection.execute(select(versions.c.digest).where(which)).first() is None:
            connection.execute(
                versions.insert().values(dataset_id=row.dataset_id, digest=row.digest, added_at_ms=row.changed_at_ms)
            )


def _columns() -> list[Column[Any]]:
    return [datasets.c[name] for name in DatasetRow.__dataclass_fields__]
