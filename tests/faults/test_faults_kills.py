"""Killed, or failed by the disk, at any call to the file system: the next start has every transaction exactly once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from core.chain import Chain
from core.chain.indexer import Indexer
from core.ledger.verify import verify
from core.store import Store
from core.store.pool import Pool
from tests.faults.victim import made, settings

REPO = Path(__file__).resolve().parents[2]
CALLS = ("pwrite64", "write", "fsync", "fdatasync", "ftruncate", "unlink", "rename", "link", "openat", "mkdir")
COUNT, BLOCKS = 2, 2
ALL = COUNT * BLOCKS
KILLED = -signal.SIGKILL

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here"),
]


class Victims:
    """Starts children of the victim process under strace."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, REPO / "tests/faults/victim.py"],
            env={**os.environ, "PYTHONPATH": str(REPO), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, folder: Path, *options: str, blocks: int = BLOCKS) -> int:
        """The exit code of one child; a negative one is the signal that killed it. Leaves its calls in `trace`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{folder} {COUNT} {blocks}\n")
        stdin.flush()
        child = int(stdout.readline())
        tracer = subprocess.Popen(
            ["strace", "-o", folder / "trace", "-e", f"trace={','.join(CALLS)}", *options, "-p", str(child)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        os.kill(child, signal.SIGCONT if "attached" in said else signal.SIGKILL)
        status = int(stdout.readline())
        tracer.communicate()
        if "attached" not in said:
            pytest.skip(f"strace may not attach here: {said.strip()}")
        return status

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    started = Victims()
    yield started
    started.end()


@pytest.fixture(autouse=True)
def without_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Indexer, "start", lambda self: None)


def said(folder: Path) -> list[str]:
    path = folder / "said"
    return path.read_text().splitlines() if path.exists() else []


def acknowledged(folder: Path) -> set[str]:
    return {line.split()[1] for line in said(folder) if line.startswith("ACK")}


def on_chain(folder: Path) -> list[str]:
    blocks = orjson.loads((folder / "ledger.json").read_bytes())
    return [tx["message_id"] for block in blocks[1:] for tx in block["txs"]]


def check_next_start(folder: Path) -> None:
    """Nothing acknowledged is missing; delivered again and mined, everything is there once."""
    chosen = settings(folder)
    store = Store(chosen.resolved_database_url)
    chain = Chain(chosen, store)
    try:
        status = chain.status()
        assert status.writable, status.damage or status.notice
        there = {made(int(number)).tx_hash for number in on_chain(folder)}
        there |= {row.tx_hash for row in chain.pool.pending(100)}
        assert acknowledged(folder) <= there
        chain.submit([made(number) for number in range(ALL)])
        while chain.mine():
            pass
        assert chain.status().pending == 0
    finally:
        chain.close()
        store.close()
    assert sorted(on_chain(folder)) == [str(number) for number in range(ALL)]
    verdict = verify(chosen.ledger_path, 3)
    assert verdict.ok, verdict.sentence


def at_every_call(victims: Victims, start: Path, tmp_path: Path, call: str, fault: str, *, blocks: int) -> list[int]:
    """Run from the state in `start` with the fault at the first such call, the second, … until a run meets none."""
    statuses = []
    for number in range(1, 500):
        folder = tmp_path / f"{call}-{number}"
        shutil.copytree(start, folder)
        statuses.append(victims.run(folder, "-e", f"inject={call}:{fault}:when={number}", blocks=blocks))
        met = "INJECTED" in (folder / "trace").read_text() or statuses[-1] == KILLED
        check_next_start(folder)
        shutil.rmtree(folder)
        if not met:
            return statuses
    raise AssertionError("the run never ended")


def kills(victims: Victims, start: Path, tmp_path: Path, *, blocks: int) -> int:
    """Kill at every call of every kind; how many kills that were."""
    count = 0
    for call in CALLS:
        statuses = at_every_call(victims, start, tmp_path, call, "signal=SIGKILL", blocks=blocks)
        assert set(statuses[:-1]) <= {KILLED}, (call, statuses)
        assert statuses[-1] == 0, (call, statuses)
        count += len(statuses) - 1
    return count


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder with nothing but a store that has its tables."""
    folder = tmp_path / "empty"
    Store(settings(folder).resolved_database_url).close()
    return folder


def test_a_kill_at_any_call_of_first_start_submit_and_mine_loses_and_doubles_nothing(
    victims: Victims, empty: Path, tmp_path: Path
) -> None:
    assert kills(victims, empty, tmp_path, blocks=BLOCKS) > 80


@pytest.fixture
def unsettled(victims: Victims, tmp_path: Path) -> Path:
    """A folder whose ledger has one block more than its store has settled."""
    folder = tmp_path / "unsettled"
    folder.mkdir()
    assert victims.run(folder, blocks=1) == 0
    store = shutil.copytree(folder / "data", tmp_path / "store-before")
    blocks_before = len(orjson.loads((folder / "ledger.json").read_bytes()))
    assert victims.run(folder, blocks=2) == 0
    assert len(orjson.loads((folder / "ledger.json").read_bytes())) == blocks_before + 1
    shutil.rmtree(folder / "data")
    shutil.copytree(store, folder / "data")
    chosen = settings(folder)
    opened = Store(chosen.resolved_database_url)
    Pool(opened).submit([made(number) for number in range(COUNT, ALL)])
    opened.close()
    (folder / "said").unlink()
    return folder


def test_a_kill_at_any_call_of_settling_a_block_is_recovered_from(
    victims: Victims, unsettled: Path, tmp_path: Path
) -> None:
    assert kills(victims, unsettled, tmp_path, blocks=0) > 15


def test_a_kill_at_any_call_of_cutting_a_torn_append_back_is_recovered_from(
    victims: Victims, unsettled: Path, tmp_path: Path
) -> None:
    ledger = unsettled / "ledger.json"
    ledger.write_bytes(ledger.read_bytes()[:-200])
    assert kills(victims, unsettled, tmp_path, blocks=0) > 10


@pytest.mark.parametrize(
    ("call", "error"), [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fsync", "EIO"), ("fdatasync", "EIO")]
)
def test_an_error_of_the_disk_at_any_call_loses_and_doubles_nothing(
    victims: Victims, empty: Path, tmp_path: Path, call: str, error: str
) -> None:
    statuses = at_every_call(victims, empty, tmp_path, call, f"error={error}", blocks=BLOCKS)
    assert set(statuses) == {0}, statuses
    assert len(statuses) > 5
