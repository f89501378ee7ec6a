"""What a start makes of the key, the checkpoints, the file and the lock it finds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.chain import Chain
from core.chain.publisher import Publisher
from core.errors import ConflictError, LedgerReadOnlyError
from core.ledger import checkpoint
from core.ledger.checkpoint import Checkpoint, SigningKey
from core.ledger.file import LedgerFile
from core.ledger.transaction import Transaction
from core.ledger.verify import verify
from core.settings import ROOT, Settings
from core.store import Store

Opener = Callable[..., Chain]
Trades = Callable[..., list[Transaction]]


def checkpoints(settings: Settings, chain: Chain) -> dict[int, tuple[bytes, ...]]:
    status = chain.status()
    text = (settings.data_dir / "checkpoints.txt").read_text()
    return checkpoint.roots_of(text, origin=status.origin, public=bytes.fromhex(status.log_key))


def test_every_block_publishes_a_checkpoint_that_the_ledger_extends(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    for number in range(4):
        chain.submit(trades(1, first=number))
        mined = chain.mine()
        assert mined is not None
        assert mined.checkpoint == chain.status().checkpoint
    roots = checkpoints(settings, chain)
    assert sorted(roots) == [1, 2, 3, 4, 5]
    verdict = verify(settings.ledger_path, roots=roots)
    assert verdict.ok, verdict.sentence


@pytest.mark.parametrize(
    "torn", [b"", b"p2p-lab/x\n7", b"p2p-lab/x\n7\nAAAA\n\n\xe2\x80\x94 p2p-lab/x AAA", bytes(300)]
)
def test_a_torn_or_lost_checkpoint_is_published_again_at_the_next_start(
    settings: Settings, open_chain: Opener, trades: Trades, torn: bytes
) -> None:
    chain = open_chain()
    chain.submit(trades(1))
    chain.mine()
    path = settings.data_dir / "checkpoints.txt"
    whole = path.read_bytes()
    last = whole.rindex(b"\n\np2p-lab") + 1
    path.write_bytes(whole[:last] + torn)
    assert sorted(checkpoints(settings, open_chain())) == [1, 2]
    assert path.read_bytes() == whole


def test_the_file_of_checkpoints_lost_is_begun_again(settings: Settings, open_chain: Opener) -> None:
    open_chain()
    (settings.data_dir / "checkpoints.txt").unlink()
    assert sorted(checkpoints(settings, open_chain())) == [1]


def test_publishing_the_same_checkpoint_twice_adds_nothing_and_one_is_found_by_its_text(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "checkpoints.txt")
    key = SigningKey(bytes(32))
    notes = [key.sign(Checkpoint("p2p-lab/x", size, bytes([size]) * 32)) for size in range(1, 60)]
    for note in notes:
        publisher.publish(note)
        publisher.publish(note)
    assert list(checkpoint.split_notes(publisher.text())) == notes
    assert publisher.find(Checkpoint("p2p-lab/x", 7, b"\x07" * 32).text) == notes[6]
    assert publisher.find(Checkpoint("p2p-lab/x", 7, b"\x08" * 32).text) is None


def test_an_unwritable_place_for_checkpoints_stops_nothing(
    settings: Settings, open_chain: Opener, trades: Trades, caplog: pytest.LogCaptureFixture
) -> None:
    chain = open_chain()
    path = settings.data_dir / "checkpoints.txt"
    path.unlink()
    path.mkdir()
    chain.submit(trades(1))
    assert chain.mine() is not None
    assert "checkpoint not published" in caplog.text
    (said,) = chain.status().problems
    assert "could not be written" in said
    chain.submit(trades(1, first=1))
    chain.mine()
    assert "2 times" in chain.status().problems[0]
    path.rmdir()
    chain.submit(trades(1, first=2))
    chain.mine()
    assert chain.status().problems == ()


def test_an_empty_ledger_with_checkpoints_of_one_is_not_begun_again(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    chain.submit(trades(1))
    chain.mine()
    chain.close()
    for path in settings.data_dir.glob("lab.db*"):
        path.unlink()
    settings.ledger_path.write_text("[\n]\n")
    status = open_chain().status()
    assert not status.writable
    assert "is empty, but" in str(status.damage)
    assert settings.ledger_path.read_text() == "[\n]\n"


def test_an_older_copy_is_not_adopted_against_its_published_checkpoints(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    older = settings.ledger_path.read_bytes()
    chain.submit(trades(1))
    chain.mine()
    chain.close()
    for path in settings.data_dir.glob("lab.db*"):
        path.unlink()
    settings.ledger_path.write_bytes(older)
    status = open_chain().status()
    assert not status.writable
    assert "does not extend the checkpoint" in str(status.damage)


def test_the_key_of_another_ledger_signs_nothing(settings: Settings, open_chain: Opener, trades: Trades) -> None:
    open_chain().close()
    path = settings.data_dir / "ledger.key"
    path.unlink()
    SigningKey(bytes(32)).save(path, name="p2p-lab/x")
    chain = open_chain()
    assert "is not the one of this ledger" in str(chain.status().notice)
    chain.submit(trades(1))
    mined = chain.mine()
    assert mined is not None
    assert mined.checkpoint == ""
    assert sorted(checkpoints(settings, chain)) == [1]


def test_a_key_is_never_overwritten_and_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.key"
    SigningKey(bytes(32)).save(path, name="p2p-lab/x")
    kept = path.read_bytes()
    with pytest.raises(FileExistsError):
        SigningKey(b"\1" * 32).save(path, name="p2p-lab/x")
    assert path.read_bytes() == kept
    other = tmp_path / "other.key"

    def fsync(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="Input"):
            SigningKey(bytes(32)).save(other, name="p2p-lab/x")
    assert not other.exists()
    SigningKey(bytes(32)).save(other, name="p2p-lab/x")
    assert checkpoint.load_key(other).public == SigningKey(bytes(32)).public


@pytest.mark.parametrize("content", [b"", b"[", b"[\n", b"[\n]", b"[\n]\n"])
def test_the_torn_beginning_of_an_empty_ledger_is_an_empty_ledger(
    settings: Settings, open_chain: Opener, content: bytes
) -> None:
    settings.ledger_path.write_bytes(content)
    assert open_chain().status().height == 0
    assert verify(settings.ledger_path).ok


@pytest.mark.parametrize("content", [b"{}", b"[]", b"[1]\n", b"hello", b'[\n{"hash":"', bytes(100)])
def test_a_file_that_is_no_ledger_is_left_alone(settings: Settings, open_chain: Opener, content: bytes) -> None:
    settings.ledger_path.write_bytes(content)
    chain = open_chain()
    assert not chain.status().writable
    assert chain.status().damage
    assert settings.ledger_path.read_bytes() == content
    with pytest.raises(LedgerReadOnlyError):
        chain.mine()


def test_what_is_sound_of_a_damaged_ledger_can_be_looked_at(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    made = trades(4)
    for each in made:
        chain.submit([each])
        chain.mine()
    chain.close()
    content = bytearray(settings.ledger_path.read_bytes())
    at = content.index(b'"height":3')
    content[at + 9] = ord("4")
    settings.ledger_path.write_bytes(bytes(content))
    assert not open_chain().verify(1).ok
    chain = open_chain()  # which now checks all of it, not only its end
    status = chain.status()
    assert (status.writable, status.height) == (False, 2)
    assert "block 3" in str(status.damage)
    assert chain.block(2).lines[0].tx_hash == made[1].tx_hash
    assert chain.transaction(made[0].tx_hash).checks["hash"]
    assert chain.submit(trades(1, first=9)) == ["new"]
    assert chain.status().pending == 1


def test_a_ledger_found_damaged_is_written_again_once_it_is_restored(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    chain.submit(trades(2))
    chain.mine()
    chain.close()
    sound = settings.ledger_path.read_bytes()
    settings.ledger_path.write_bytes(sound.replace(b'"currency":"', b'"currency":"X', 1))
    assert not open_chain().verify(1).ok
    assert not open_chain().status().writable
    settings.ledger_path.write_bytes(sound)
    for _ in range(2):
        status = open_chain().status()
        assert (status.writable, status.damage) == (True, None)


def test_a_file_replaced_while_the_lab_runs_stops_the_writer(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    copy = settings.ledger_path.with_suffix(".copy")
    copy.write_bytes(settings.ledger_path.read_bytes())
    copy.rename(settings.ledger_path)
    chain.submit(trades(1))
    with pytest.raises(LedgerReadOnlyError, match="was replaced or removed"):
        chain.mine()
    assert not chain.status().writable
    assert chain.status().pending == 1
    assert open_chain().mine() is not None


def test_a_file_written_by_somebody_else_while_the_lab_runs_stops_the_writer(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    with settings.ledger_path.open("ab") as file:
        file.write(b"\n")
    chain.submit(trades(1))
    with pytest.raises(LedgerReadOnlyError, match="was changed by somebody else"):
        chain.mine()
    assert open_chain().mine() is not None
    assert verify(settings.ledger_path).ok


def test_a_second_writer_is_refused_in_a_thread_and_in_a_process(settings: Settings, open_chain: Opener) -> None:
    open_chain()
    with pytest.raises(ConflictError, match="Another process writes the ledger"):
        LedgerFile(settings.ledger_path)
    program = (
        "import sys; from pathlib import Path; from core.errors import ConflictError\n"
        "from core.ledger.file import LedgerFile\n"
        "try: LedgerFile(Path(sys.argv[1]))\n"
        "except ConflictError as error: print(error); sys.exit(7)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, settings.ledger_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr


def test_the_block_that_the_store_could_not_be_told_of_is_settled_before_the_next(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    made = trades(2)
    chain.submit(made[:1])
    with chain._store.begin() as connection:
        connection.exec_driver_sql("alter table tip rename to gone")
    with pytest.raises(Exception, match=r"Block 1 is on the chain, but the database cannot be written"):
        chain.mine()
    assert chain.status().height == 1
    with chain._store.begin() as connection:
        connection.exec_driver_sql("alter table gone rename to tip")
    chain.submit(made[1:])
    mined = chain.mine()
    assert mined is not None
    assert mined.tx_hashes == (made[1].tx_hash,)
    assert chain.status().transactions == 2


def test_many_blocks_the_store_does_not_know_are_settled_at_the_next_start(
    settings: Settings, open_chain: Opener, trades: Trades, tmp_path: Path
) -> None:
    chain = open_chain()
    chain.close()
    kept = {path.name: path.read_bytes() for path in settings.data_dir.glob("lab.db*")}
    chain = open_chain()
    for number in range(5):
        chain.submit(trades(1, first=number))
        chain.mine()
    chain.close()
    for path in settings.data_dir.glob("lab.db*"):
        path.unlink()
    for name, content in kept.items():
        (settings.data_dir / name).write_bytes(content)
    chain = open_chain()
    assert (chain.status().height, chain.status().writable) == (5, True)
    assert chain.submit(trades(6)) == ["mined"] * 5 + ["new"]


def test_a_pending_row_changed_in_the_database_never_gets_on_the_chain(
    open_chain: Opener, trades: Trades, caplog: pytest.LogCaptureFixture
) -> None:
    chain = open_chain()
    chain.submit(trades(2))
    with chain._store.begin() as connection:
        connection.exec_driver_sql("update pending set body = ? where seq = 1", (b'{"a":1}',))
    mined = chain.mine()
    assert mined is not None
    assert mined.tx_hashes == (trades(2)[1].tx_hash,)
    assert "was changed in the database" in caplog.text


def test_whoever_asked_to_be_told_of_blocks_is_told_and_cannot_break_the_miner(
    open_chain: Opener, trades: Trades
) -> None:
    told = []

    def on_block(block: object) -> None:
        told.append(block)
        raise RuntimeError

    chain = open_chain(on_block=on_block)
    chain.submit(trades(1))
    mined = chain.mine()
    assert told == [mined]


def test_a_database_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "lab.db").mkdir()
    with pytest.raises(Exception, match=r"The database .* cannot be used"):
        Store(f"sqlite:///{tmp_path / 'lab.db'}")
