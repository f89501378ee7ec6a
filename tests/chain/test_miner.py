"""Proof of work happens in a process of its own, and goes on in this one if that cannot work."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import time

import psutil
import pytest

from core.chain.miner import Miner
from core.ledger import work
from core.settings import ROOT
from tests.patience import PATIENCE_S

DIGEST = hashlib.sha256(b"header").digest()
WORK = 20_000


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "core.ledger.work" in " ".join(child.cmdline())]


def test_a_nonce_is_searched_in_another_process_and_the_same_for_the_next_block() -> None:
    miner = Miner()
    try:
        assert children() == []
        nonce = miner.search(DIGEST, WORK)
        assert work.suffices(work.proof(DIGEST, nonce), WORK)
        (process,) = children()
        miner.search(hashlib.sha256(DIGEST).digest(), WORK)
        assert children() == [process]
    finally:
        miner.close()
    assert children() == []


def test_little_work_starts_no_process() -> None:
    miner = Miner()
    assert work.suffices(work.proof(DIGEST, miner.search(DIGEST, 100)), 100)
    assert children() == []
    miner.close()


def test_a_process_that_was_killed_is_replaced_and_nothing_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    miner = Miner()
    try:
        miner.search(DIGEST, WORK)
        (process,) = children()
        process.kill()
        process.wait()
        assert work.suffices(work.proof(DIGEST, miner.search(DIGEST, WORK)), WORK)
        assert "mining in this process" in caplog.text
        miner.search(DIGEST, WORK)
        assert len(children()) == 1
    finally:
        miner.close()


@pytest.mark.parametrize(
    "command",
    [
        ("/no/such/program",),
        (sys.executable, "-c", "pass"),
        (sys.executable, "-c", "input(); print('zz')"),
        (sys.executable, "-c", "input(); print('00' * 8)"),
    ],
    ids=["cannot start", "ends at once", "answers nonsense", "answers a wrong nonce"],
)
def test_a_process_that_cannot_work_is_done_without(command: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    miner = Miner(command)
    with caplog.at_level(logging.WARNING):
        assert work.suffices(work.proof(DIGEST, miner.search(DIGEST, WORK)), WORK)
    assert "mining in this process" in caplog.text
    miner.close()


def test_the_process_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time; from core.chain.miner import Miner; m = Miner(); m.search(bytes(32), 20_000);"
            "print(m._process.pid, flush=True); time.sleep(60)",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    miner = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while miner.is_running() and miner.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
