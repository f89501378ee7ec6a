"""The version of the database, and the numbered steps that bring an older one up to it without losing a row.

A new table needs no step: what is missing is made at every start. Whatever else changes about a table that people have
already (a column, an index, a type) is a step, written once and never edited: `STEPS` says how. All steps of a start
and the new version are one transaction, after a copy of what was there.

A runner of our own and not Alembic: the steps run inside the lab's own start, on both databases, under one lock, with
the copy first and a sentence when something fails. Alembic brings an environment, a folder of scripts and a command of
its own for that, and would still leave the lock, the copy and the sentence to us.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    inspect,
    select,
    text,
    true,
)
from sqlalchemy.schema import CreateColumn

from core.durable import whole_file
from core.errors import UnavailableError

FIRST = 1
"""The version of databases that were made before versions were written down."""


@dataclass(frozen=True, slots=True)
class Step:
    """From the version before to `version`. says: what is true afterwards; apply: changes tables and rows."""

    version: int
    says: str
    apply: Callable[[Connection], None]


def add_column(connection: Connection, table: str, column: Column[Any]) -> None:
    """Add a column like the one the table is declared with now. One that may not be empty needs a `server_default`."""
    if column.name in {found["name"] for found in inspect(connection).get_columns(table)}:
        return  # the table itself is younger than the step
    declared = CreateColumn(column).compile(dialect=connection.dialect)
    connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {declared}"))


def _privacy_of_runs(connection: Connection) -> None:
    add_column(connection, "runs", Column("figures_on_ledger", Boolean, nullable=False, server_default=true()))
    add_column(connection, "runs", Column("opening", Text))
    add_column(connection, "runs", Column("provenance", Text, nullable=False, server_default="{}"))


def _terms_of_trades(connection: Connection) -> None:
    add_column(connection, "seen", Column("terms", LargeBinary))
    connection.execute(text("CREATE INDEX IF NOT EXISTS seen_without_terms ON seen (dedupe) WHERE terms IS NULL"))


def _readings_by_arrival(connection: Connection) -> None:
    add_column(connection, "meter_readings", Column("at_arrival", Boolean, nullable=False, server_default=false()))


STEPS: tuple[Step, ...] = (
    Step(2, "runs may keep their figures off the ledger, and carry findings", _privacy_of_runs),
    Step(3, "mined trades keep a digest of their terms beside their id", _terms_of_trades),
    Step(4, "meter readings say whether their time is that of their arrival", _readings_by_arrival),
)
"""In order, one number apart. Append `Step(n, "…", function)`; `add_column` is what most of them need."""


def version() -> int:
    """The version this program works with."""
    return STEPS[-1].version if STEPS else FIRST


def version_table(metadata: MetaData) -> Table:
    """The table of one row that holds the version."""
    columns = (Column("row", Integer, primary_key=True), Column("version", Integer, nullable=False))
    return Table("schema_version", metadata, *columns)


def is_current(connection: Connection, metadata: MetaData) -> bool:
    """Whether nothing is to be done, so that nothing need be written."""
    tables = set(inspect(connection).get_table_names())
    return tables >= set(metadata.tables) and _found(connection, metadata) == version()


def bring_up_to_date(connection: Connection, metadata: MetaData) -> None:
    """Inside a writing transaction: make a new database, or bring an older one to today's version.

    Raises UnavailableError for one that is newer than this program, or is not the lab's.
    """
    found = _found(connection, metadata)
    if found > version():
        raise UnavailableError(
            f"The database has version {found}; this program knows versions up to {version()}.",
            fix=f"Start the newer program that wrote it, or put back the copy made before version {version() + 1}.",
        )
    todo = [step for step in STEPS if step.version > found]
    if todo:
        _copy(connection, found)
    for step in todo:
        step.apply(connection)
    metadata.create_all(connection)
    table = metadata.tables["schema_version"]
    connection.execute(table.delete())
    connection.execute(table.insert().values(row=1, version=version()))


def require_whole(connection: Connection, metadata: MetaData) -> None:
    """Raise UnavailableError if a table lacks a column, whatever version is written down."""
    found = inspect(connection).get_multi_columns()
    for name, table in metadata.tables.items():
        there = {column["name"] for column in found[None, name]}
        lacking = [column.name for column in table.columns if column.name not in there]
        if lacking:
            raise UnavailableError(
                f"The table {name} of the database lacks {', '.join(lacking)}; no version of the lab made it so.",
                fix="Look at DATABASE_URL, or put back a backup.",
            )


def copy_of(engine: Engine, found: int) -> str:
    """Where the copy of a database of version `found` is: a file for SQLite, a schema beside the tables' otherwise."""
    if engine.dialect.name == "sqlite":
        return f"{engine.url.database}.version-{found}"
    return f"lab_version_{found}"


def _found(connection: Connection, metadata: MetaData) -> int:
    """The version that is there; today's for a database without tables of ours."""
    tables = set(inspect(connection).get_table_names())
    if "schema_version" in tables:
        return int(connection.execute(select(metadata.tables["schema_version"].c.version)).scalar_one())
    return FIRST if tables & set(metadata.tables) else version()


def _copy(connection: Connection, found: int) -> None:
    """Keep what is there before the first step; the transaction holds the write lock, so nobody changes it."""
    place = copy_of(connection.engine, found)
    if connection.dialect.name == "sqlite":
        _copy_file(Path(str(connection.engine.url.database)), Path(place))
        return
    connection.execute(text(f"DROP SCHEMA IF EXISTS {place} CASCADE"))
    connection.execute(text(f"CREATE SCHEMA {place}"))
    for name in inspect(connection).get_table_names():
        connection.execute(text(f"CREATE TABLE {place}.{name} AS TABLE {name}"))


def _copy_file(source: Path, target: Path) -> None:
    """A copy that is there is whole."""
    with (
        whole_file(target) as aside,
        closing(sqlite3.connect(source)) as there,
        closing(sqlite3.connect(aside)) as copy,
    ):
        there.backup(copy)
