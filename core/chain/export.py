"""Filtered transactions as CSV, JSON lines or Parquet: the integers of the ledger, with block and hash beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from core.chain import Chain
from core.chain.records import Entry, Filter
from core.ledger.transaction import leaf_hash

MOST = 100_000
"""Transactions in one export from a page; `python -m core ledger export` writes all."""
PAGE = 1_000
BATCH = 20_000
"""Transactions written at once when the whole ledger is exported."""
TIMES = ("received_at_ms", "at_ms", "slot_ms", "traded_at_ms")
NUMBERS = ("energy_wh", "price_micro_per_kwh", "amount_micro", *TIMES, "sequence")
TEXTS = ("buyer", "seller", "publisher", "message_id", "run_id", "actor", "action", "subject", "author", "text")
FIELDS = ("height", "tx_hash", "kind", *NUMBERS, *TEXTS)
"""Columns of CSV and Parquet; JSON lines carry the whole transaction instead."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file."""

    name: str
    suffix: str
    mime: str
    write: Callable[[Sequence[Entry]], bytes]


def gather(chain: Chain, wanted: Filter) -> list[Entry]:
    """The newest MOST transactions that the filter lets through, read from the file and hashed again."""
    found: list[Entry] = []
    for page in _pages(chain, wanted):
        found += page
    return found[:MOST]


def _pages(chain: Chain, wanted: Filter) -> Iterator[list[Entry]]:
    before: int | None = None
    read = 0
    while read < MOST:
        page = chain.transactions(wanted, before_seq=before, limit=PAGE)
        yield page
        read += len(page)
        if len(page) < PAGE:
            return
        before = page[-1].seq


def csv_cell(text: str) -> str:
    """A text cell of an export: a spreadsheet must not take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def to_csv(entries: Sequence[Entry]) -> bytes:
    """UTF-8, one head line; text a spreadsheet would take for a formula is quoted with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for entry in entries:
        document = entry.document
        numbers = [document.get(name, "") for name in NUMBERS]
        texts = [csv_cell(str(document.get(name, ""))) for name in TEXTS]
        writer.writerow([entry.height, entry.tx_hash, document["kind"], *numbers, *texts])
    return text.getvalue().encode()


def to_jsonl(entries: Sequence[Entry]) -> bytes:
    """One object a line: height, tx_hash and the transaction as it is in the ledger."""
    return b"".join(
        b'{"height":%d,"tx_hash":"%s","transaction":%s}\n' % (entry.height, entry.tx_hash.encode(), entry.body)
        for entry in entries
    )


def to_parquet(entries: Sequence[Entry]) -> bytes:
    """The columns of the CSV with their types, and the whole line as `transaction`."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(to_table(entries), sink, compression="zstd")
    return sink.getvalue()


def to_table(entries: Sequence[Entry]) -> Any:
    """The same as an Arrow table."""
    import pyarrow as pa

    documents = [entry.document for entry in entries]
    columns = {
        "height": pa.array([entry.height for entry in entries], pa.int64()),
        "tx_hash": pa.array([entry.tx_hash for entry in entries], pa.string()),
        "kind": pa.array([document["kind"] for document in documents], pa.string()),
        **{name: pa.array([document.get(name) for document in documents], pa.int64()) for name in NUMBERS},
        **{name: pa.array([document.get(name) for document in documents], pa.string()) for name in TEXTS},
        "transaction": pa.array([entry.body.decode() for entry in entries], pa.string()),
    }
    return pa.table(columns)


FORMATS = (
    Format("CSV", "csv", "text/csv", to_csv),
    Format("JSON lines", "jsonl", "application/x-ndjson", to_jsonl),
    Format("Parquet", "parquet", "application/vnd.apache.parquet", to_parquet),
)


class Sink:
    """Writes a whole ledger to a binary file in one of the formats, a batch of blocks at a time."""

    def __init__(self, file: BinaryIO, suffix: str) -> None:
        self._file = file
        self._suffix = suffix
        self._waiting: list[Entry] = []
        self._parquet: Any = None
        self._written = 0

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush(last=True)
        if self._parquet is not None:
            self._parquet.close()

    def add(self, height: int, lines: Sequence[bytes]) -> None:
        """The transactions of the block at this height, as they are in the file."""
        self._waiting += [Entry(-1, height, leaf_hash(line), 0, line, orjson.loads(line)) for line in lines]
        if len(self._waiting) >= BATCH:
            self._flush()

    def _flush(self, *, last: bool = False) -> None:
        entries, self._waiting = self._waiting, []
        if self._suffix == "parquet":
            self._add_table(entries)
        elif self._suffix == "jsonl":
            self._file.write(to_jsonl(entries))
        elif entries or (last and not self._written):
            text = to_csv(entries)
            self._file.write(text.split(b"\n", 1)[1] if self._written else text)
        self._written += len(entries)

    def _add_table(self, entries: Sequence[Entry]) -> None:
        import pyarrow.parquet as pq

        if entries or self._parquet is None:
            table = to_table(entries)
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._file, table.schema, compression="zstd")
            self._parquet.write_table(table)
