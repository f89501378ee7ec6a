"""The index and its columnar copy say of every transaction what its line says, and nothing after a failure."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson
import pytest

from core.ledger.transaction import Transaction, leaf_hash, note, trade
from core.store import columns as columns_module
from core.store.columns import ColumnStore
from core.store.index import FILE, NOWHERE, Index, IndexedBlock


def made(number: int) -> Transaction:
    if number % 10 == 9:
        return note(text=f"note {number}", author="ann", at_ms=1_000 + number)
    return trade(
        buyer=f"HH{number % 3}",
        seller=f"PV{number % 4}",
        energy_wh=100 + number,
        price_micro_per_kwh=5_000_000,
        received_at_ms=1_000 + number,
        message_id=str(number),
    )


def block(height: int, each: int = 10) -> IndexedBlock:
    lines = [made(number).body for number in range((height - 1) * each, height * each)] if height else []
    return IndexedBlock(height, f"{height:064x}", 5_000 + height, 1_000_000 * height, lines)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    opened = Index(tmp_path)
    opened.add([block(height) for height in range(4)], after=NOWHERE)
    return opened


def test_it_knows_how_far_it_goes_and_where_every_line_is(index: Index) -> None:
    position = index.position()
    assert (position.height, position.hash, position.rows) == (3, f"{3:064x}", 30)
    places = index.newest(limit=100)
    assert [place.seq for place in places] == list(range(29, -1, -1))
    for place in places:
        line = made(place.seq).body
        start = 1_000_000 * place.height + sum(len(made(n).body) + 2 for n in range((place.height - 1) * 10, place.seq))
        assert (place.offset, place.length, place.height) == (start, len(line), place.seq // 10 + 1)
        assert leaf_hash(line).startswith(place.prefix)
    index.close()


def test_lookups_by_hash_household_kind_and_time(index: Index) -> None:
    for number in range(30):
        tx_hash = made(number).tx_hash
        assert [place.seq for place in index.by_hash(tx_hash)] == [number]
        assert number in [place.seq for place in index.by_hash(tx_hash[:1], limit=30)]
    assert [p.seq for p in index.by_household("HH1")] == [n for n in range(29, -1, -1) if n % 3 == 1 and n % 10 != 9]
    assert [p.seq for p in index.by_household("PV3", before_seq=20, limit=2)] == [15, 11]
    assert index.by_household("nobody") == []
    assert [p.seq for p in index.by_kind("note")] == [29, 19, 9]
    assert [p.seq for p in index.by_time(1_010, 1_013)] == [10, 11, 12]
    assert index.households("PV") == ["PV0", "PV1", "PV2", "PV3"]
    assert index.block_by_hash(f"{2:064x}"[:16]) == [0, 1, 2, 3]
    index.close()


def test_blocks_are_added_all_or_none(index: Index) -> None:
    broken = IndexedBlock(5, "f" * 64, 1, 1, [made(40).body, b'{"kind":"trade"}'])
    with pytest.raises(KeyError):
        index.add([block(4), broken], after=index.position())
    assert index.position().rows == 30
    index.add([block(4)], after=index.position())
    assert index.position().rows == 40
    assert [p.seq for p in index.by_household("HH0", limit=1)] == [36]
    index.close()


def test_an_index_built_in_bulk_answers_the_same(tmp_path: Path, index: Index) -> None:
    bulk = Index(tmp_path / "bulk", bulk=True)
    bulk.add([block(0), block(1)], after=NOWHERE)
    bulk.add([block(2), block(3)], after=bulk.position())
    bulk.finish()
    again = Index(tmp_path / "bulk")
    assert again.rows_from(0) == index.rows_from(0)
    assert again.by_household("HH1") == index.by_household("HH1")
    again.close()
    index.close()


def test_a_reader_cannot_write_and_a_file_that_is_no_database_is_not_opened(tmp_path: Path, index: Index) -> None:
    reader = Index(tmp_path, read_only=True)
    assert reader.position() == index.position()
    with pytest.raises(sqlite3.OperationalError):
        reader.add([block(4)], after=reader.position())
    reader.close()
    index.close()
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        Index(tmp_path)


@pytest.mark.parametrize("part", [7, 10, 30, 1_000])
def test_the_columnar_copy_is_the_same_from_parts_and_tail_after_any_restart(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(columns_module, "PART", part)
    columns = ColumnStore(tmp_path / "columns")
    rows = index.rows_from(0)
    columns.add(rows[:13])
    columns.load()
    columns.add(rows[13:])
    question = "select seq, height, kind, at_ms, energy_wh, amount_micro, block_ms from tx order by seq"
    expected = []
    for number in range(30):
        document = orjson.loads(made(number).body)
        at = document.get("received_at_ms", document.get("at_ms"))
        kind, height = (0 if document["kind"] == "trade" else 3), number // 10 + 1
        values = (document.get("energy_wh", 0), document.get("amount_micro", 0))
        expected.append((number, height, kind, at, *values, 5_000 + height))
    found = columns.query(question)
    assert list(zip(*(found[name].tolist() for name in found), strict=True)) == expected
    columns.close()
    again = ColumnStore(tmp_path / "columns")
    assert again.part_rows == 30 // part * part
    again.add(index.rows_from(again.part_rows))
    found = again.query(question)
    assert list(zip(*(found[name].tolist() for name in found), strict=True)) == expected
    assert again.rows == 30
    again.close()
    index.close()
