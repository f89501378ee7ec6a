"""Killed at any call to the file system, the next start has every acknowledged transaction exactly once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest

from core.chain import Chain
from core.ledger.verify import verify
from core.store import Store
from tests.faults.victim import made, settings

REPO = Path(__file__).resolve().parents[2]
CALLS = ("pwrite64", "fsync", "fdatasync", "ftruncate", "unlink")
COUNT, BLOCKS = 2, 2
MOST = 24
"""Kills a call: every one of the calls that decide what is durable, an even sample of the many plain writes."""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPO), "PYTHONDONTWRITEBYTECODE": "1"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here"),
]


def traced(folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    victim = [sys.executable, str(REPO / "tests/faults/victim.py"), str(folder), str(COUNT), str(BLOCKS)]
    command = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(folder / "trace"), *options, *victim]
    done = subprocess.run(command, env=ENVIRONMENT, cwd=REPO, capture_output=True, check=False)
    if b"ptrace" in done.stderr.lower() and b"permitted" in done.stderr.lower():
        pytest.skip("strace may not trace here")
    return done


def calls_made(folder: Path, call: str) -> int:
    done = traced(folder, "-e", f"trace={call}")
    assert done.stdout.endswith(b"DONE\n"), done.stderr[-500:]
    return (folder / "trace").read_bytes().count(f" {call}(".encode())


def recovered(folder: Path) -> Counter[str]:
    """Start again, deliver everything again, mine; how often each transaction is on the chain then."""
    chosen = settings(folder)
    store = Store(chosen.resolved_database_url)
    chain = Chain(chosen, store)
    try:
        assert chain.status().damage is None, chain.status().damage
        assert chain.status().writable, chain.status().notice
        chain.submit([made(number) for number in range(COUNT * BLOCKS)])
        while chain.mine():
            pass
        assert chain.status().pending == 0
    finally:
        chain.close()
        store.close()
    verdict = verify(chosen.ledger_path, 3)
    assert verdict.ok, verdict.sentence
    blocks = orjson.loads(chosen.ledger_path.read_bytes())
    return Counter(tx["message_id"] for block in blocks[1:] for tx in block["txs"])


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_any_call_loses_and_doubles_nothing(call: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    total = calls_made(whole, call)
    assert total or call in ("ftruncate", "unlink")
    survivors = 0
    step = max(1, -(-total // MOST))
    for number in range(1, total + 1, step):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = traced(folder, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}")
        survivors += done.stdout.endswith(b"DONE\n")
        acknowledged = {line.split()[1].decode() for line in done.stdout.splitlines() if line.startswith(b"ACK")}
        on_chain = recovered(folder)
        assert on_chain == Counter({str(n): 1 for n in range(COUNT * BLOCKS)}), (call, number)
        assert acknowledged <= {made(n).tx_hash for n in range(COUNT * BLOCKS)}
        shutil.rmtree(folder)
    assert survivors < max(-(-total // step), 1) or not total, "no kill took place, so nothing was shown"


def test_what_was_acknowledged_before_a_kill_is_there_without_being_delivered_again(tmp_path: Path) -> None:
    done = traced(tmp_path, "-e", "trace=fsync", "-e", "inject=fsync:signal=SIGKILL:when=6")
    acknowledged = [line.split()[1].decode() for line in done.stdout.splitlines() if line.startswith(b"ACK")]
    chosen = settings(tmp_path)
    store = Store(chosen.resolved_database_url)
    chain = Chain(chosen, store)
    while chain.mine():
        pass
    for tx_hash in acknowledged:
        assert chain.transaction(tx_hash).checks["hash"]
    chain.close()
    store.close()
