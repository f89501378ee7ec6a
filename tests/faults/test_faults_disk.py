"""A real disk that is full or cannot be written: said in a sentence, nothing lost, and it goes on with room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.chain import Chain
from core.errors import LedgerReadOnlyError, UnavailableError
from core.ledger.transaction import Transaction, note
from core.ledger.verify import verify
from core.settings import Settings
from core.store import Store


def mounted(place: Path, options: str) -> None:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    mounted(place, "size=1m")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def big(number: int) -> Transaction:
    return note(text=f"{number} " + "x" * 4_000, author="ann", at_ms=number)


def chain_on(ledger: Path, data_dir: Path) -> tuple[Chain, Store]:
    settings = Settings(data_dir=data_dir, ledger_path=ledger, uploads_dir=data_dir, proof_of_work=1)
    store = Store(settings.resolved_database_url)
    return Chain(settings, store), store


def test_a_full_disk_under_the_ledger_undoes_the_block_and_the_next_try_succeeds(
    small_disk: Path, tmp_path: Path
) -> None:
    ledger = small_disk / "ledger.json"
    chain, store = chain_on(ledger, tmp_path / "data")
    chain.submit([big(n) for n in range(50)])
    chain.mine()
    before = ledger.read_bytes()
    filler = small_disk / "filler"
    filler.write_bytes(bytes(1_048_576 - len(before) - 150_000))
    chain.submit([big(n) for n in range(50, 110)])  # 240 KB where 150 KB are left
    for _ in range(2):
        with pytest.raises(LedgerReadOnlyError, match=r"No space left on device\. Nothing is lost"):
            chain.mine()
        assert ledger.read_bytes() == before
        assert (chain.status().writable, chain.status().pending) == (True, 60)
        assert "could not be written" in str(chain.status().notice)
    filler.unlink()
    mined = chain.mine()
    assert mined is not None
    assert mined.transactions == 60
    assert chain.status().notice is None
    chain.close()
    store.close()
    assert verify(ledger, 3).ok


def test_a_full_disk_under_the_database_acknowledges_nothing_and_goes_on_later(
    small_disk: Path, tmp_path: Path
) -> None:
    chain, store = chain_on(tmp_path / "ledger.json", small_disk / "data")
    filler = small_disk / "filler"
    usage = os.statvfs(small_disk)
    filler.write_bytes(bytes(max(0, usage.f_bavail * usage.f_frsize - 100_000)))
    accepted, refusals = [], []
    for n in range(200):
        try:
            chain.submit([big(n)])
            accepted.append(big(n).tx_hash)
        except UnavailableError as error:
            refusals.append(str(error))
    assert refusals
    assert all("Nothing of this was accepted" in sentence for sentence in refusals)
    filler.unlink()
    assert chain.submit([big(1_000)]) == ["new"]
    accepted.append(big(1_000).tx_hash)
    on_chain: list[str] = []
    while mined := chain.mine():
        on_chain += mined.tx_hashes
    assert on_chain == accepted
    chain.close()
    store.close()
    assert verify(tmp_path / "ledger.json", 3).ok


def test_a_ledger_that_cannot_be_written_is_read_and_the_reason_said(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    ledger = place / "ledger.json"
    mounted(place, "size=1m")
    try:
        chain, store = chain_on(ledger, tmp_path / "data")
        chain.submit([big(1)])
        chain.mine()
        chain.close()
        store.close()
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        chain, store = chain_on(ledger, tmp_path / "data")
        status = chain.status()
        assert (status.height, status.writable, status.damage) == (1, False, None)
        assert "cannot be opened for writing: Read-only file system" in str(status.notice)
        assert chain.block(1).lines[0].tx_hash == big(1).tx_hash
        assert chain.submit([big(2)]) == ["new"]
        with pytest.raises(LedgerReadOnlyError, match="Read-only file system"):
            chain.mine()
        chain.close()
        store.close()
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        chain, store = chain_on(ledger, tmp_path / "data")
        mined = chain.mine()
        assert mined is not None
        assert mined.tx_hashes == (big(2).tx_hash,)
        chain.close()
        store.close()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write any file; see the read-only file system above")
def test_a_ledger_without_the_right_to_write_is_read_and_the_reason_said(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    chain, store = chain_on(ledger, tmp_path / "data")
    chain.close()
    store.close()
    ledger.chmod(0o444)
    chain, store = chain_on(ledger, tmp_path / "data")
    assert "Permission denied" in str(chain.status().notice)
    chain.close()
    store.close()
