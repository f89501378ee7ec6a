"""Where each transaction is: point lookups in an SQLite file of its own, derived from the ledger file.

Never trusted: it says where to look, and whoever looks hashes what is there. It can be deleted at any time and is
built again. SQL is written out here: the index is a file format of this module, not part of the store's database.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.ledger.block import SEPARATOR
from core.ledger.merkle import leaf

FORMAT = "1"
KINDS = ("trade", "run", "audit", "note")
FILE = "transactions.db"

_TABLES = """
create table if not exists meta(name text primary key, value text not null) without rowid;
create table if not exists name(id integer primary key, text text not null unique);
create table if not exists run(run_id text primary key, seq integer not null) without rowid;
create table if not exists block(height integer primary key, prefix integer not null, first_seq integer not null);
create table if not exists tx(
  seq integer primary key, prefix integer not null, height integer not null, offset integer not null,
  length integer not null, kind integer not null, at_ms integer not null, buyer integer not null,
  seller integer not null, energy_wh integer not null, price_micro integer not null, amount_micro integer not null,
  block_ms integer not null);
"""
_INDEXES = """
create index if not exists tx_prefix on tx(prefix);
create index if not exists tx_buyer on tx(buyer, seq) where buyer > 0;
create index if not exists tx_seller on tx(seller, seq) where seller > 0;
create index if not exists tx_kind on tx(kind, seq) where kind > 0;
create index if not exists tx_at on tx(at_ms);
create index if not exists block_prefix on block(prefix);
"""
_PLACE = "select seq, height, offset, length, prefix from tx"

Row = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
"""One row of `tx`, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the index goes: the last block, its hash, and the number of transactions. height -1: nowhere."""

    height: int
    hash: str
    rows: int


NOWHERE = Position(-1, "", 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction's line is in the ledger file; prefix: the first 8 bytes of its hash, hex."""

    seq: int
    height: int
    offset: int
    length: int
    prefix: str


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """What the index is told of one block. lines: its transactions; first_offset: where the first begins."""

    height: int
    hash: str
    time_ms: int
    first_offset: int
    lines: Sequence[bytes]


class Index:
    """The SQLite file in `folder`. Raises sqlite3.DatabaseError where the file is not one or was edited badly."""

    def __init__(self, folder: Path, *, bulk: bool = False, read_only: bool = False) -> None:
        """bulk: for building from nothing; indexes are made by `finish`, and a crash leaves nothing usable."""
        folder.mkdir(parents=True, exist_ok=True)
        mode = "ro" if read_only else "rwc"
        self._db = sqlite3.connect(
            f"{(folder / FILE).absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        self._lock = threading.Lock()  # one statement at a time; each takes microseconds to milliseconds
        if bulk:
            self._db.executescript(
                "pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-200000;" + _TABLES
            )
        elif not read_only:
            self._db.executescript("pragma journal_mode=wal; pragma synchronous=normal;" + _TABLES + _INDEXES)
        self._names = self._known_names()  # what the writer has given numbers

    def _known_names(self) -> dict[str, int]:
        return {text: number for number, text in self._db.execute("select id, text from name")}

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def finish(self) -> None:
        """Make the indexes after a bulk build, and close."""
        self._db.executescript(_INDEXES + "analyze;")
        self.close()

    # ---- writing

    def position(self) -> Position:
        """How far it goes; NOWHERE if it is empty or of another format."""
        meta = dict(self._all("select name, value from meta"))
        if meta.get("format") != FORMAT:
            return NOWHERE
        return Position(int(meta["height"]), meta["hash"], int(meta["rows"]))

    def add(self, blocks: Iterable[IndexedBlock], *, after: Position) -> list[Row]:
        """Append blocks, all or none; the rows they made."""
        rows: list[Row] = []
        last = after
        with self._lock, self._writing():
            for block in blocks:
                first_seq = after.rows + len(rows)
                rows += self._rows(block, first_seq)
                self._db.execute("insert into block values(?,?,?)", (block.height, _signed(block.hash[:16]), first_seq))
                last = Position(block.height, block.hash, after.rows + len(rows))
            self._db.executemany("insert into tx values(?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
            meta = {"format": FORMAT, "height": str(last.height), "hash": last.hash, "rows": str(last.rows)}
            self._db.executemany("insert or replace into meta values(?,?)", meta.items())
        return rows

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            self._names = self._known_names()
            raise
        self._db.execute("commit")

    def _rows(self, block: IndexedBlock, seq: int) -> list[Row]:
        rows: list[Row] = []
        offset = block.first_offset
        for line in block.lines:
            document = orjson.loads(line)
            prefix = int.from_bytes(leaf(line)[:8], signed=True)
            place = (seq, prefix, block.height, offset, len(line))
            if document["kind"] == "trade":
                parties = (self._name(document["buyer"]), self._name(document["seller"]))
                numbers = (document["energy_wh"], document["price_micro_per_kwh"], document["amount_micro"])
                rows.append((*place, 0, document["received_at_ms"], *parties, *numbers, block.time_ms))
            else:
                kind = KINDS.index(document["kind"])
                rows.append((*place, kind, document["at_ms"], 0, 0, 0, 0, 0, block.time_ms))
                if document["kind"] == "run":
                    self._db.execute("insert or ignore into run values(?,?)", (document["run_id"], seq))
            seq += 1
            offset += len(line) + len(SEPARATOR)
        return rows

    def _name(self, text: str) -> int:
        number = self._names.get(text)
        if number is None:
            number = self._names[text] = len(self._names) + 1
            self._db.execute("insert into name values(?,?)", (number, text))
        return number

    # ---- reading

    def by_hash(self, prefix: str, *, limit: int = 20) -> list[Place]:
        """Transactions whose hash begins with `prefix` (1 to 64 hex digits; the first 16 are compared)."""
        bounds = _signed(prefix[:16].ljust(16, "0")), _signed(prefix[:16].ljust(16, "f"))
        return self._places(f"{_PLACE} where prefix between ? and ? limit ?", (*bounds, limit))

    def block_by_hash(self, prefix: str, *, limit: int = 20) -> list[int]:
        """Heights of blocks whose hash begins with `prefix`."""
        bounds = _signed(prefix[:16].ljust(16, "0")), _signed(prefix[:16].ljust(16, "f"))
        found = self._all("select height from block where prefix between ? and ? limit ?", (*bounds, limit))
        return [height for (height,) in found]

    def by_household(self, household_id: str, *, before_seq: int | None = None, limit: int = 50) -> list[Place]:
        """Its trades, the newest first."""
        number = self.name_id(household_id)
        if number is None:
            return []
        seq = before_seq if before_seq is not None else 1 << 62
        one = f"select * from ({_PLACE} where {{0}} > 0 and {{0}} = ? and seq < ? order by seq desc limit ?)"
        both = f"{one.format('buyer')} union {one.format('seller')} order by seq desc limit ?"
        return self._places(both, (number, seq, limit, number, seq, limit, limit))

    def by_kind(self, kind: str, *, before_seq: int | None = None, limit: int = 50) -> list[Place]:
        """Transactions of one kind, the newest first."""
        seq = before_seq if before_seq is not None else 1 << 62
        rare = "" if kind == "trade" else "kind > 0 and "  # what the partial index asks for
        return self._places(
            f"{_PLACE} where {rare}kind = ? and seq < ? order by seq desc limit ?", (KINDS.index(kind), seq, limit)
        )

    def by_time(self, from_ms: int, until_ms: int, *, limit: int = 50) -> list[Place]:
        """Transactions of a period by their own time, the oldest first."""
        return self._places(
            f"{_PLACE} where at_ms >= ? and at_ms < ? order by at_ms, seq limit ?", (from_ms, until_ms, limit)
        )

    def run(self, run_id: str) -> Place | None:
        """The transaction of a run."""
        found = self._places(f"{_PLACE} where seq = (select seq from run where run_id = ?)", (run_id,))
        return found[0] if found else None

    def newest(self, *, before_seq: int | None = None, limit: int = 50) -> list[Place]:
        """All transactions, the newest first."""
        seq = before_seq if before_seq is not None else 1 << 62
        return self._places(f"{_PLACE} where seq < ? order by seq desc limit ?", (seq, limit))

    def places(self, seqs: Sequence[int]) -> list[Place]:
        """Those of these numbers, in their order."""
        marks = ",".join("?" * len(seqs))
        found = {place.seq: place for place in self._places(f"{_PLACE} where seq in ({marks})", tuple(seqs))}
        return [found[seq] for seq in seqs if seq in found]

    def rows_from(self, seq: int) -> list[Row]:
        """Whole rows, for the columnar copy."""
        return self._all("select * from tx where seq >= ? order by seq", (seq,))

    def households(self, prefix: str = "", *, limit: int = 20) -> list[str]:
        """Household ids seen on the chain that begin with `prefix`."""
        pattern = prefix.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        found = self._all(r"select text from name where text like ? escape '\' order by text limit ?", (pattern, limit))
        return [text for (text,) in found]

    def name_id(self, household_id: str) -> int | None:
        """The number a household has in the columnar copy."""
        found = self._all("select id from name where text = ?", (household_id,))
        return int(found[0][0]) if found else None

    def names(self) -> dict[int, str]:
        """Household ids by their number in the columnar copy."""
        return dict(self._all("select id, text from name"))

    def _places(self, statement: str, values: Sequence[object]) -> list[Place]:
        return [
            Place(seq, height, offset, length, (prefix & 0xFFFFFFFFFFFFFFFF).to_bytes(8).hex())
            for seq, height, offset, length, prefix in self._all(statement, values)
        ]

    def _all(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()


def _signed(prefix: str) -> int:
    """16 hex digits as SQLite's signed 64-bit integer; order is kept within one first digit."""
    return int.from_bytes(bytes.fromhex(prefix), signed=True)
