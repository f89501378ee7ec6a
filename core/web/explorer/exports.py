"""Filtered transactions as CSV, JSON lines or Parquet: the integers of the ledger, with block and hash beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.chain import Chain
from core.chain.records import Entry, Filter
from core.web.text import csv_cell

MOST = 100_000
"""Transactions in one export from a page; `python -m core ledger export` writes all."""
PAGE = 1_000
TIMES = ("received_at_ms", "at_ms", "slot_ms", "traded_at_ms")
NUMBERS = ("energy_wh", "price_micro_per_kwh", "amount_micro", *TIMES, "sequence")
TEXTS = ("buyer", "seller", "publisher", "message_id", "run_id", "actor", "action", "subject", "author", "text")
FIELDS = ("height", "tx_hash", "kind", *NUMBERS, *TEXTS)
"""Columns of CSV and Parquet; JSON lines carry the whole transaction instead."""


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    documents = [entry.document for entry in entries]
    columns = {
        "height": pa.array([entry.height for entry in entries], pa.int64()),
        "tx_hash": pa.array([entry.tx_hash for entry in entries], pa.string()),
        "kind": pa.array([document["kind"] for document in documents], pa.string()),
        **{name: pa.array([document.get(name) for document in documents], pa.int64()) for name in NUMBERS},
        **{name: pa.array([document.get(name) for document in documents], pa.string()) for name in TEXTS},
        "transaction": pa.array([entry.body.decode() for entry in entries], pa.string()),
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


FORMATS = (
    Format("CSV", "csv", "text/csv", to_csv),
    Format("JSON lines", "jsonl", "application/x-ndjson", to_jsonl),
    Format("Parquet", "parquet", "application/vnd.apache.parquet", to_parquet),
)
