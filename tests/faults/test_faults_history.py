"""What can happen to the files of a ledger between two starts, and what the next start makes of it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.chain import Chain
from core.errors import LedgerReadOnlyError, TransactionError
from core.ledger import block, checkpoint, merkle
from core.ledger.file import Files
from core.ledger.transaction import from_line
from core.ledger.verify import verify
from core.settings import Settings
from tests.faults import victim
from tests.faults.victim import made
from tests.restarts import Restarts


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return victim.settings(tmp_path)


@pytest.fixture
def open_chain(settings: Settings) -> Iterator[Restarts]:
    """Opens the chain; called again it is a restart."""
    restarts = Restarts(settings)
    yield restarts
    restarts.close()


def grown(open_chain: Restarts, blocks: int = 4, each: int = 3) -> Chain:
    chain = open_chain()
    for number in range(blocks):
        chain.submit([made(n) for n in range(number * each, (number + 1) * each)])
        assert chain.mine() is not None
    return chain


def block_starts(content: bytes) -> list[int]:
    starts, at = [], content.find(b'{"hash":"')
    while at >= 0:
        starts.append(at)
        at = content.find(b'\n{"hash":"', at)
        at = at + 1 if at >= 0 else -1
    return starts


def test_rot_in_the_last_block_is_refused_not_repaired(settings: Settings, open_chain: Restarts) -> None:
    grown(open_chain)
    open_chain.close()
    content = bytearray(settings.ledger_path.read_bytes())
    content[-40] ^= 1
    settings.ledger_path.write_bytes(bytes(content))
    chain = open_chain()
    status = chain.status()
    assert not status.writable
    assert "block 4" in str(status.damage)
    assert "byte" in str(status.damage)
    assert settings.ledger_path.read_bytes() == bytes(content)
    chain.submit([made(99)])  # still accepted and kept
    with pytest.raises(LedgerReadOnlyError):
        chain.mine()
    assert chain.status().pending == 1


@pytest.mark.parametrize("dropped", [1, 2, 4])
def test_dropped_blocks_at_the_end_are_refused(settings: Settings, open_chain: Restarts, dropped: int) -> None:
    grown(open_chain)
    open_chain.close()
    content = settings.ledger_path.read_bytes()
    cut = block_starts(content)[-dropped]
    settings.ledger_path.write_bytes(content[: cut - 2] + b"\n]\n")
    assert verify(settings.ledger_path).ok  # nothing in the file itself can show it
    status = open_chain().status()
    assert not status.writable
    assert f"ends after block {4 - dropped}" in str(status.damage)


def test_a_missing_file_is_refused_while_its_end_is_known(settings: Settings, open_chain: Restarts) -> None:
    grown(open_chain)
    open_chain.close()
    settings.ledger_path.unlink()
    status = open_chain().status()
    assert not status.writable
    assert status.damage or status.notice
    assert not settings.ledger_path.exists() or settings.ledger_path.stat().st_size <= 4


def test_an_older_copy_put_back_is_refused(settings: Settings, open_chain: Restarts) -> None:
    grown(open_chain, blocks=2)
    open_chain.close()
    older = settings.ledger_path.read_bytes()
    chain = open_chain()
    chain.submit([made(50)])
    chain.mine()
    open_chain.close()
    settings.ledger_path.write_bytes(older)
    assert not open_chain().status().writable


def test_history_rewritten_with_every_hash_recomputed_is_found_by_a_checkpoint_alone(
    settings: Settings, open_chain: Restarts
) -> None:
    grown(open_chain)
    open_chain.close()
    blocks = json.loads(settings.ledger_path.read_bytes())
    blocks[2]["txs"][0]["energy_wh"] += 1000
    blocks[2]["txs"][0]["amount_micro"] = blocks[2]["txs"][0]["energy_wh"] * 5_000
    records, prev, frontier = [], "0" * 64, merkle.Frontier()
    for one in blocks:
        lines = [json.dumps(t, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode() for t in one["txs"]]
        header, body = block.draft(
            lines,
            height=one["header"]["height"],
            prev=prev,
            log_root=frontier.root(),
            time_ms=one["header"]["time"],
            work=1,
        )
        record, prev = block.record(header, body, nonce=bytes(8))
        frontier.push(merkle.leaf(header.encode()))
        records.append(record)
    settings.ledger_path.write_bytes(b"[\n" + b",\n".join(records) + b"\n]\n")
    assert verify(settings.ledger_path, 3).ok
    rules = json.loads(records[0])["txs"][0]
    notes = (settings.data_dir / "checkpoints.txt").read_text()
    origin = notes.splitlines()[0]
    roots = checkpoint.roots_of(notes, origin=origin, public=bytes.fromhex(rules["log_key"]))
    verdict = verify(settings.ledger_path, 1, roots=roots)
    assert not verdict.ok
    assert verdict.height == 2
    assert not open_chain().status().writable  # the stored tip is a checkpoint too


def test_a_lost_pool_adopts_the_file_and_mines_nothing_twice(settings: Settings, open_chain: Restarts) -> None:
    grown(open_chain)
    open_chain.close()
    for path in settings.data_dir.glob("lab.db*"):
        path.unlink()
    chain = open_chain()
    assert chain.status().height == 4
    assert chain.submit([made(0), made(11), made(12)]) == ["mined", "mined", "new"]


def test_a_missing_signing_key_is_said_and_stops_no_mining(settings: Settings, open_chain: Restarts) -> None:
    grown(open_chain)
    open_chain.close()
    (settings.data_dir / "ledger.key").unlink()
    chain = open_chain()
    assert "key" in str(chain.status().notice)
    chain.submit([made(77)])
    assert chain.mine() is not None
    assert verify(settings.ledger_path, 2).ok


@pytest.mark.parametrize("harm", ["deleted", "emptied", "stale", "edited"])
def test_a_harmed_index_never_changes_what_is_shown(settings: Settings, open_chain: Restarts, harm: str) -> None:
    chain = grown(open_chain)
    assert chain.indexer.wait_for(4, timeout_s=10)
    open_chain.close()
    folder = settings.data_dir / "index"
    kept = settings.data_dir / "kept"
    if harm == "deleted":
        shutil.rmtree(folder)
    elif harm == "emptied":
        for path in folder.rglob("*"):
            if path.is_file():
                path.write_bytes(b"")
    elif harm == "stale":
        shutil.copytree(folder, kept)
        chain = open_chain()
        chain.submit([made(60)])
        chain.mine()
        assert chain.indexer.wait_for(5, timeout_s=10)
        open_chain.close()
        shutil.rmtree(folder)
        kept.rename(folder)
    else:
        found = folder / "transactions.db"
        content = bytearray(found.read_bytes())
        for at in range(4096, len(content), 97):
            content[at] ^= 0xFF
        found.write_bytes(bytes(content))
    chain = open_chain()
    for number in (0, 5, 11):
        page = chain.transaction(made(number).tx_hash)
        assert page.line.body == made(number).body
        assert all(page.checks.values())
    assert chain.indexer.wait_for(chain.status().height, timeout_s=20)
    entries = chain.by_household("HH001", limit=100)
    assert {entry.tx_hash for entry in entries} >= {made(number).tx_hash for number in range(12)}


def test_a_reader_during_appends_always_sees_whole_blocks(settings: Settings, open_chain: Restarts) -> None:
    chain = grown(open_chain, blocks=1)
    stop, problems = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            verdict = chain.verify(2)
            if not verdict.ok:
                problems.append(verdict.sentence)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100, 140):
        chain.submit([made(number)])
        chain.mine()
    stop.set()
    reader.join()
    assert problems == []


def test_a_full_disk_undoes_the_block_says_so_and_goes_on_later(
    settings: Settings, open_chain: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = grown(open_chain, blocks=1)
    before = settings.ledger_path.read_bytes()
    real, full = Files.pwrite, [True]

    def pwrite(self: Files, file: int, content: bytes, offset: int) -> None:
        if full[0] and len(content) > 100:
            real(self, file, content[:50], offset)
            raise OSError(28, "No space left on device")
        real(self, file, content, offset)

    monkeypatch.setattr(Files, "pwrite", pwrite)
    chain.submit([made(40)])
    with pytest.raises(LedgerReadOnlyError, match="No space left"):
        chain.mine()
    assert settings.ledger_path.read_bytes() == before
    assert chain.status().pending == 1
    full[0] = False
    assert chain.mine() is not None
    assert verify(settings.ledger_path, 3).ok


def test_a_disk_that_does_not_confirm_ends_all_writing(
    settings: Settings, open_chain: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = grown(open_chain, blocks=1)
    calls = []

    def fsync(self: Files, file: int) -> None:
        calls.append(file)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Files, "fsync", fsync)
        chain.submit([made(40)])
        with pytest.raises(LedgerReadOnlyError, match="Input/output error"):
            chain.mine()
        assert len(calls) == 1  # never retried
    with pytest.raises(LedgerReadOnlyError):
        chain.mine()
    again = open_chain()
    while again.mine():
        pass
    assert again.transaction(made(40).tx_hash).checks["hash"]
    assert json.loads(settings.ledger_path.read_bytes())[-1]["txs"][-1]["message_id"] == "40"


def test_everything_delivered_again_after_a_crash_is_on_the_chain_once(
    settings: Settings, open_chain: Restarts
) -> None:
    grown(open_chain)
    chain = open_chain()
    assert set(chain.submit([made(n) for n in range(12)])) == {"mined"}
    assert chain.mine() is None
    assert chain.status().transactions == 12


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1,"a":2}',
        b'{"amount_micro":NaN}',
        b'{"kind":"trade"}',
        b'{"kind":"trade","energy_wh":1.5}',
        b"[" * 100_000,
        b'{"kind":"note","text":"' + b"x" * 70_000 + b'"}',
    ],
    ids=["duplicate key", "NaN", "fields missing", "float", "deeply nested", "oversized"],
)
def test_what_does_not_fit_the_format_never_reaches_the_pool(line: bytes) -> None:
    with pytest.raises(TransactionError if len(line) < 65_000 else Exception, match=r"."):
        from_line(line)
