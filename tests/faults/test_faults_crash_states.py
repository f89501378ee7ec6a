"""Every state a crash can leave an append in (torn, reordered, zero-filled sectors), and a second crash while mending.

Until fsync returned, the disk may hold any of the sectors that were written, in any combination, and either size.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from core.chain import Chain
from core.ledger.file import Files
from core.ledger.verify import verify
from core.store import Store
from tests.faults.victim import made, settings

SECTOR = 512
FIRST, SECOND = range(2), range(2, 10)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Crash(BaseException):
    """The machine stops here."""


def run(folder: Path, *numbers: int) -> None:
    """Submit these and mine all that is pending."""
    chosen = settings(folder)
    store = Store(chosen.resolved_database_url)
    chain = Chain(chosen, store)
    try:
        assert chain.status().writable, chain.status().damage or chain.status().notice
        chain.submit([made(number) for number in numbers])
        while chain.mine():
            pass
    finally:
        chain.close()
        store.close()


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, bytes]:
    """A folder whose pool is pending, its ledger before the append, and the ledger as it was to become."""
    folder = tmp_path_factory.mktemp("before")
    run(folder, *FIRST)
    chosen = settings(folder)
    store = Store(chosen.resolved_database_url)
    chain = Chain(chosen, store)
    chain.submit([made(number) for number in SECOND])
    chain.close()
    store.close()
    before = chosen.ledger_path.read_bytes()
    done = tmp_path_factory.mktemp("after") / "lab"
    shutil.copytree(folder, done)
    run(done)
    after = settings(done).ledger_path.read_bytes()
    assert len(after) - len(before) > 3 * SECTOR
    return folder, before, after


def states(before: bytes, after: bytes) -> Iterator[bytes]:
    """What the disk can hold: each written sector new or old (zeros beyond the old end), at the old or the new size."""
    first, last = (len(before) - 3) // SECTOR, (len(after) - 1) // SECTOR
    touched = list(range(first, last + 1))
    for chosen in itertools.product((False, True), repeat=len(touched)):
        disk = bytearray(before.ljust(len(after), b"\0"))
        for sector, is_new in zip(touched, chosen, strict=True):
            if is_new:
                span = slice(sector * SECTOR, min((sector + 1) * SECTOR, len(after)))
                disk[span] = after[span]
        yield bytes(disk)
        yield bytes(disk[: len(before)])
    for size in range(len(before) - 2, len(after), 61):
        yield after[:size]


def whole(folder: Path) -> None:
    chosen = settings(folder)
    verdict = verify(chosen.ledger_path, 3)
    assert verdict.ok, verdict.sentence
    blocks = orjson.loads(chosen.ledger_path.read_bytes())
    found = Counter(tx["message_id"] for block in blocks[1:] for tx in block["txs"])
    assert found == Counter({str(number): 1 for number in (*FIRST, *SECOND)})


def laid(folder: Path, at: Path, disk: bytes) -> Path:
    shutil.copytree(folder, at)
    settings(at).ledger_path.write_bytes(disk)
    return at


def test_every_state_of_a_torn_append_is_mended_or_finished(torn: tuple[Path, bytes, bytes], tmp_path: Path) -> None:
    folder, before, after = torn
    distinct = set(states(before, after))
    assert len(distinct) > 60
    for number, disk in enumerate(sorted(distinct)):
        place = laid(folder, tmp_path / str(number), disk)
        run(place)
        whole(place)
        shutil.rmtree(place)


def test_a_second_crash_while_mending_is_mended_too(
    torn: tuple[Path, bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, before, after = torn
    cut = len(before) + (len(after) - len(before)) // 2
    crashes = 0
    for stop in range(1, 12):
        place = laid(folder, tmp_path / str(stop), after[:cut])
        with monkeypatch.context() as watched:
            count = itertools.count(1)
            for name in ("pwrite", "truncate", "fsync"):
                watched.setattr(Files, name, stopping(getattr(Files, name), count, stop))
            try:
                run(place)
            except (Crash, OSError):  # closing what the kernel closed already is an OSError
                crashes += 1
        run(place)
        whole(place)
    assert crashes >= 4


def stopping(call: object, count: itertools.count[int], stop: int) -> object:
    """The call, done by half and followed by a crash when it is number `stop`."""

    def stopped(self: Files, file: int, *arguments: object) -> None:
        if next(count) == stop:
            if isinstance(arguments[0] if arguments else None, bytes):
                content, offset = arguments
                call(self, file, content[: len(content) // 2], offset)  # type: ignore[operator,index,arg-type]
            os.close(file)  # as the kernel does for a process that is gone
            raise Crash
        call(self, file, *arguments)  # type: ignore[operator]

    return stopped
