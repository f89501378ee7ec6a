"""Totals over many transactions: a columnar copy in memory, asked with DuckDB, kept in Parquet parts.

Whole parts are files of PART rows; the rows after them come from the index. Derived, never trusted, rebuilt with it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.durable import whole_file
from core.store.index import Row

PART = 131_072
MEMORY = "1GB"
"""What DuckDB may hold (about 10 million transactions); beyond that it uses the disk."""
KEPT = {
    "seq": "int64",
    "height": "int32",
    "kind": "int8",
    "at_ms": "int64",
    "buyer": "int32",
    "seller": "int32",
    "energy_wh": "int64",
    "price_micro": "int64",
    "amount_micro": "int64",
    "block_ms": "int64",
}
_kept = itemgetter(0, 2, 5, 6, 7, 8, 9, 10, 11, 12)
Columns = dict[str, npt.NDArray[Any]]
"""The columns of an answer by name, all of one length."""


class ColumnStore:
    """The copy in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()  # owns everything below
        self._parts = sorted(folder.glob("part-*.parquet"))
        self._tail: list[tuple[int, ...]] = []
        self._connection: Any = None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self._parts) * PART + len(self._tail)

    def close(self) -> None:
        """Release memory."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @property
    def part_rows(self) -> int:
        """How many rows the whole parts have."""
        return len(self._parts) * PART

    def add(self, rows: Sequence[Row]) -> None:
        """Append rows of the index."""
        if not rows:
            return
        kept = list(map(_kept, rows))
        with self._lock:
            if self._connection is not None:
                self._insert(kept)
            self._tail += kept
            while len(self._tail) >= PART:
                self._write_part(self._tail[:PART])
                self._tail = self._tail[PART:]

    def _write_part(self, rows: list[tuple[int, ...]]) -> None:
        import pyarrow.parquet

        path = self._folder / f"part-{len(self._parts):06}.parquet"
        with whole_file(path) as aside:
            pyarrow.parquet.write_table(_table(rows), aside, compression="lz4")
        self._parts.append(path)

    def load(self) -> None:
        """Have the copy in memory; the first question does it too."""
        with self._lock:
            self._loaded()

    def query(self, statement: str, values: Sequence[object] = ()) -> Columns:
        """The answer to SQL over the table `tx`, whose columns are those of KEPT."""
        with self._lock:
            found = self._loaded().execute(statement, list(values)).fetchnumpy()
        return {name: np.asarray(column) for name, column in found.items()}

    def _loaded(self) -> Any:
        if self._connection is None:
            import duckdb

            self._connection = duckdb.connect(
                config={"threads": 2, "memory_limit": MEMORY, "temp_directory": str(self._folder / "spill")}
            )
            self._connection.register("rows", _table([]))
            self._connection.execute("create table tx as select * from rows")
            if self._parts:
                parts = [str(part) for part in self._parts]
                self._connection.execute("insert into tx select * from read_parquet($1)", [parts])
            self._insert(self._tail)
        return self._connection

    def _insert(self, rows: Sequence[tuple[int, ...]]) -> None:
        self._connection.register("rows", _table(rows))
        self._connection.execute("insert into tx select * from rows")
        self._connection.unregister("rows")


def _table(rows: Sequence[tuple[int, ...]]) -> Any:
    import pyarrow

    numbers = np.array(rows, dtype=np.int64).reshape(len(rows), len(KEPT))
    return pyarrow.table({name: numbers[:, place].astype(kind) for place, (name, kind) in enumerate(KEPT.items())})
