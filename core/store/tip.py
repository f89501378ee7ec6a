"""How far the ledger file is settled, and whether it was found damaged: one row each.

The settled end moves in the same transaction as the pool.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, Table, Text, delete, insert, select

from core.ledger import block, genesis
from core.ledger.recovery import Mark
from core.ledger.walk import START, Tip
from core.store.database import metadata

tip_table = Table(
    "tip",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("genesis", LargeBinary, nullable=False),
    Column("hash", Text, nullable=False),
    Column("before_height", BigInteger, nullable=False),
    Column("before_hash", Text, nullable=False),
    Column("before_offset", BigInteger, nullable=False),
    Column("before_end", BigInteger, nullable=False),
    Column("before_time_ms", BigInteger, nullable=False),
    Column("before_transactions", BigInteger, nullable=False),
    Column("before_peaks", LargeBinary, nullable=False),
    Column("checkpoint", Text, nullable=False),
)

damage_table = Table(
    "ledger_damage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sentence", Text, nullable=False),
)


def read(connection: Connection) -> tuple[Mark, str] | None:
    """The mark and its signed checkpoint ("" if there is none); None if no ledger was ever begun."""
    row = connection.execute(select(tip_table)).one_or_none()
    if row is None:
        return None
    if row.before_height < 0:
        return Mark(START, row.hash, row.genesis), row.checkpoint
    before = Tip(
        height=row.before_height,
        hash=row.before_hash,
        offset=row.before_offset,
        end=row.before_end,
        time_ms=row.before_time_ms,
        transactions=row.before_transactions,
        peaks=tuple(row.before_peaks[n : n + 32] for n in range(0, len(row.before_peaks), 32)),
        genesis=_rules(row.genesis),
    )
    return Mark(before, row.hash, row.genesis), row.checkpoint


def write(connection: Connection, mark: Mark, *, checkpoint: str) -> None:
    """Move it, inside the caller's writing transaction."""
    before = mark.before
    row: dict[str, Any] = {
        "id": 1,
        "genesis": mark.genesis,
        "hash": mark.hash,
        "before_height": before.height,
        "before_hash": before.hash,
        "before_offset": before.offset,
        "before_end": before.end,
        "before_time_ms": before.time_ms,
        "before_transactions": before.transactions,
        "before_peaks": b"".join(before.peaks),
        "checkpoint": checkpoint,
    }
    connection.execute(delete(tip_table))
    connection.execute(insert(tip_table), row)


def damage(connection: Connection) -> str:
    """What a verification found wrong with the file; "" if nothing was."""
    return connection.execute(select(damage_table.c.sentence)).scalar_one_or_none() or ""


def write_damage(connection: Connection, sentence: str) -> None:
    """Remember it over a restart; "" forgets it."""
    connection.execute(delete(damage_table))
    if sentence:
        connection.execute(insert(damage_table), {"id": 1, "sentence": sentence})


def _rules(record: bytes) -> genesis.Genesis:
    head = block.parse_head(record)
    assert head is not None, "the stored genesis block has the form of a block: this program wrote it"
    return genesis.from_line(record[head.body_offset : -len(block.END)])
