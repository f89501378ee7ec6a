"""A ledger that is older than, or differs from, what the lab has signed is never written to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.chain import Chain
from core.chain.examining import examine
from core.errors import LedgerDamagedError, LedgerReadOnlyError
from core.ledger import checkpoint
from core.ledger.transaction import Transaction
from core.settings import ROOT, Settings

Opener = Callable[..., Chain]
Trades = Callable[..., list[Transaction]]
LOSS = "does not extend the checkpoint this lab signed over 6 blocks"


def mine(chain: Chain, trades: Trades, blocks: int, *, first: int = 0) -> None:
    for number in range(first, first + blocks):
        chain.submit(trades(1, first=number))
        chain.mine()


def backup(settings: Settings, folder: Path) -> None:
    shutil.copytree(settings.data_dir, folder / "data")
    shutil.copy(settings.ledger_path, folder / "ledger.json")


def put_back(settings: Settings, folder: Path, *, checkpoints: bool = False) -> None:
    """The backup's ledger and database; the newer checkpoints stay unless they are put back as well."""
    shutil.copy(folder / "ledger.json", settings.ledger_path)
    for path in settings.data_dir.glob("lab.db*"):
        path.unlink()
    for path in (folder / "data").glob("lab.db*"):
        shutil.copy(path, settings.data_dir)
    if checkpoints:
        shutil.copy(folder / "data" / "checkpoints.txt", settings.data_dir)


@pytest.fixture
def restored(settings: Settings, open_chain: Opener, trades: Trades, tmp_path: Path) -> Path:
    """A lab of six blocks whose ledger and database are those of when there were four; the folder of the backup."""
    chain = open_chain()
    mine(chain, trades, 3)
    chain.close()
    folder = tmp_path / "backup"
    backup(settings, folder)
    mine(open_chain(), trades, 2, first=3)
    open_chain().close()
    put_back(settings, folder)
    return folder


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "LEDGER_PATH": str(settings.ledger_path)}
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_restored_backup_is_read_only_and_names_the_missing_blocks_and_when_they_were_signed(
    settings: Settings, open_chain: Opener, trades: Trades, restored: Path
) -> None:
    before = settings.ledger_path.read_bytes(), (settings.data_dir / "checkpoints.txt").read_bytes()
    for _ in range(2):  # it does not become writable by itself
        chain = open_chain()
        status = chain.status()
        assert not status.writable
        assert LOSS in str(status.damage)
        assert "ends after block 3, so blocks 4 to 5 are missing, signed from 20" in str(status.damage)
        chain.submit(trades(1, first=9))
        with pytest.raises(LedgerReadOnlyError, match="blocks 4 to 5 are missing"):
            chain.mine()
    assert (settings.ledger_path.read_bytes(), (settings.data_dir / "checkpoints.txt").read_bytes()) == before


def test_the_same_is_found_when_the_database_is_lost_or_newer(
    settings: Settings, open_chain: Opener, restored: Path
) -> None:
    for path in settings.data_dir.glob("lab.db*"):
        path.unlink()
    assert LOSS in str(open_chain().status().damage)


def test_a_ledger_mined_on_elsewhere_differs_from_what_was_signed(
    settings: Settings, open_chain: Opener, trades: Trades, restored: Path
) -> None:
    newer = (settings.data_dir / "checkpoints.txt").read_bytes()
    shutil.copy(restored / "data" / "checkpoints.txt", settings.data_dir)
    mine(open_chain(), trades, 3, first=20)  # what a second lab with the same key would do
    open_chain().close()
    (settings.data_dir / "checkpoints.txt").write_bytes(newer)
    assert "its first 6 blocks are other ones, signed at 20" in str(open_chain().status().damage)


def test_a_checkpoint_that_somebody_else_kept_is_enough(
    settings: Settings, open_chain: Opener, trades: Trades, restored: Path
) -> None:
    kept = (settings.data_dir / "checkpoints.txt").read_text()
    shutil.copy(restored / "data" / "checkpoints.txt", settings.data_dir)
    newest = list(checkpoint.split_notes(kept))[-1]
    assert LOSS in str(open_chain(retained=newest).status().damage)
    assert open_chain(retained="hello").status().writable
    forged = newest.replace("\n6\n", "\n9\n")
    assert open_chain(retained=forged).status().writable


@pytest.mark.parametrize("json_too", [False, True])
def test_verify_and_mine_refuse_with_the_same_sentence(
    settings: Settings, open_chain: Opener, restored: Path, json_too: bool
) -> None:
    chain = open_chain()
    sentence = str(chain.status().damage)
    chain.close()
    verified = command(settings, "verify", *["--json"] * json_too)
    assert (verified.returncode, verified.stderr) == (1, f"{settings.ledger_path}: {sentence}\n")
    assert command(settings, "verify", str(settings.ledger_path)).returncode == 0
    mined = command(settings, "mine")
    assert (mined.returncode, sentence in mined.stderr) == (1, True), mined


def test_verify_knows_the_recorded_block(
    settings: Settings, open_chain: Opener, trades: Trades, tmp_path: Path
) -> None:
    mine(open_chain(), trades, 3)
    open_chain().close()
    whole = settings.ledger_path.read_bytes()
    (settings.data_dir / "checkpoints.txt").unlink()
    assert examine(settings).mark == 3
    settings.ledger_path.write_bytes(whole[: whole.rindex(b',\n{"hash"')] + b"\n]\n")
    with pytest.raises(LedgerDamagedError, match="cut short: it ends after block 2"):
        examine(settings)
    settings.ledger_path.write_bytes(b"[\n]\n")
    with pytest.raises(LedgerDamagedError, match="cut short"):
        examine(settings)
    settings.ledger_path.unlink()
    with pytest.raises(LedgerDamagedError, match="is missing; it had 4 blocks"):
        examine(settings)
    other = Settings(data_dir=tmp_path / "other", ledger_path=settings.ledger_path, proof_of_work=16)
    second = type(open_chain)(other)  # type: ignore[call-arg]
    mine(second(), trades, 4)
    second.close()
    with pytest.raises(LedgerDamagedError, match="not the one recorded here"):
        examine(settings)


def test_verify_of_an_emptied_ledger_without_a_database_knows_the_checkpoints(
    settings: Settings, open_chain: Opener
) -> None:
    open_chain().close()
    for path in settings.data_dir.glob("lab.db*"):
        path.unlink()
    settings.ledger_path.write_bytes(b"[\n]\n")
    done = command(settings, "verify")
    assert (done.returncode, "is empty, but" in done.stderr) == (1, True)


def test_verify_takes_nothing_from_a_lab_that_is_mining(settings: Settings, open_chain: Opener, trades: Trades) -> None:
    chain = open_chain()
    for number in range(20):
        chain.submit(trades(1, first=number))
        chain.mine()
        assert examine(settings).mark == number + 1


@pytest.mark.parametrize("damage", ["missing", "empty", "rubbish", "short", "flipped", "backdated", "folder"])
def test_missing_or_damaged_checkpoints_are_a_notice_and_never_silence(
    settings: Settings, open_chain: Opener, trades: Trades, damage: str
) -> None:
    mine(open_chain(), trades, 4)
    open_chain().close()
    path = settings.data_dir / "checkpoints.txt"
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        first = whole.index(b"\n\np2p-lab")
        flipped = whole.replace(b"\n2\n", b"\n7\n", 1)
        backdated = re.sub(b"(\xe2\x80\x94 [^ ]+ [^ ]{6})AAAA", rb"\1AAAB", whole, count=1)
        assert len({whole, flipped, backdated}) == 3
        contents = {"empty": b"", "rubbish": b"hello", "short": whole[:first], "flipped": flipped}
        path.write_bytes({**contents, "backdated": backdated}[damage])
    status = open_chain().status()
    assert status.writable
    assert "checkpoints.txt" in str(status.notice)
    assert examine(settings).signed is not None


def test_whole_checkpoints_are_no_notice(settings: Settings, open_chain: Opener, trades: Trades) -> None:
    mine(open_chain(), trades, 80)  # more than a start looks at
    assert open_chain().status().notice is None
    examined = examine(settings)
    assert examined.signed is not None
    assert len(examined.signed.notes) == 81
    assert examined.signed.problem == ""
    assert all(examined.signed.at_ms(size) for size in range(1, 82))
