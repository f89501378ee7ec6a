"""Verification of a whole ledger file, reporting the first byte that is not what it must be.

level 1   every byte, header, proof of work, links and body hash
level 2   also the Merkle roots of the transactions
level 3   also every transaction parsed, checked against its schema and encoded again
level 4   also the recorded runs replayed, where their dataset is at hand
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from core import system
from core.errors import LedgerDamagedError, LedgerError
from core.ledger.canonical import Json
from core.ledger.commitment import is_sealed
from core.ledger.walk import CLOSING, Block, Read, Tip, Walker

LEVELS = (1, 2, 3, 4)
Progress = Callable[[int, int], None]
"""progress(bytes done, bytes in all)"""


class Replay(Protocol):
    """Computes recorded runs anew."""

    def __call__(self, document: dict[str, Json], entry: dict[str, Json], /) -> str | None:
        """The digest of one result of a run document, computed anew; None if the dataset is not at hand."""

    def opened(self, document: dict[str, Json], /) -> dict[str, Json] | None:
        """The whole run behind a private one; None if what opens it is not at hand."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found. ok: height is that of the tip and offset the size of the file; else of the damage.

    blocks, transactions: walked over. replayed, not_replayed: results of runs at level 4.
    checkpoints: how many signed checkpoints the file was held against, all of which it extends.
    """

    ok: bool
    level: int
    height: int
    offset: int
    sentence: str
    blocks: int
    transactions: int
    tip_hash: str
    log_root: str
    replayed: int = 0
    not_replayed: int = 0
    checkpoints: int = 0
    seconds: float = 0.0


def verify(
    path: Path,
    level: int = 1,
    *,
    roots: Mapping[int, tuple[bytes, ...]] | None = None,
    replay: Replay | None = None,
    progress: Progress | None = None,
    until: int | None = None,
) -> Verdict:
    """Walk over the file at `path`.

    roots: log roots by number of blocks that the file must agree with (from checkpoints whose signature was checked).
    until: treat this many bytes of the array, and its closing, as the whole file (while somebody appends).
    """
    with reading(path) as (read, size):
        if until is not None and until <= size:
            read, size = _closed_at(read, until)
        run = _Verification(Walker(read, size, level=min(level, 3)), level, dict(roots or {}), replay)
        try:
            run.walk(progress)
        except LedgerDamagedError as error:
            return run.verdict(ok=False, height=error.height, offset=error.offset, sentence=error.message)
    tip = run.walker.tip
    return run.verdict(ok=True, height=tip.height, offset=size, sentence=run.praise())


@contextmanager
def reading(path: Path) -> Iterator[tuple[Read, int]]:
    """A file opened for `Walker`, and its size, both as they are now even if somebody appends meanwhile.

    Raises LedgerError if it cannot be opened.
    """
    try:
        file = os.open(path, os.O_RDONLY | system.OPEN)
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}.", fix="Give the path of a ledger file.") from None
    try:
        yield _as_of_now(file)
    except IsADirectoryError:
        raise LedgerError(f"{path} is a folder.", fix="Give the path of a ledger file.") from None
    finally:
        os.close(file)


def _as_of_now(file: int) -> tuple[Read, int]:
    """Appending overwrites only the closing bytes, so what is before them now stays; a torn end is shown as it is."""

    def read(offset: int, length: int) -> bytes:
        return pread(file, offset, length)

    size = os.fstat(file).st_size
    end = size - len(CLOSING)
    return _closed_at(read, end) if end > 0 and read(end, len(CLOSING)) == CLOSING else (read, size)


def pread(file: int, offset: int, length: int) -> bytes:
    """Exactly these bytes; fewer only at the end of the file."""
    found = system.pread(file, length, offset)
    while 0 < len(found) < length:
        more = system.pread(file, length - len(found), offset + len(found))
        if not more:
            break
        found += more
    return found


def _closed_at(read: Read, end: int) -> tuple[Read, int]:
    """The file as it was when its array ended at `end`: appending overwrites the closing bytes."""

    def closed(offset: int, length: int) -> bytes:
        committed = read(offset, max(0, min(length, end - offset)))
        return committed + CLOSING[max(0, offset - end) : max(0, offset + length - end)]

    return closed, end + len(CLOSING)


class _Verification:
    def __init__(self, walker: Walker, level: int, roots: dict[int, tuple[bytes, ...]], replay: Replay | None) -> None:
        self.walker = walker
        self.level = level
        self.roots = roots
        self.replay = replay
        self.replayed = self.not_replayed = 0

    def walk(self, progress: Progress | None) -> None:
        while (block := self.walker.step()) is not None:
            self._check_root()
            if self.level >= 4:
                self._replay_runs(block)
            if progress is not None:
                progress(self.walker.tip.end, self.walker.size)
        missing = [size for size in self.roots if size > self.walker.tip.height + 1]
        if missing:
            raise self._differs(
                f"it ends after {self.walker.tip.height + 1} blocks, a checkpoint was signed over {max(missing)}"
            )

    def _check_root(self) -> None:
        tip = self.walker.tip
        wanted = self.roots.get(tip.height + 1)
        if wanted is not None and any(root != tip.log_root for root in wanted):
            raise self._differs(f"its first {tip.height + 1} blocks are not those a checkpoint was signed over")

    def _differs(self, sentence: str) -> LedgerDamagedError:
        tip: Tip = self.walker.tip
        return LedgerDamagedError(
            f"The ledger does not extend the checkpoint: at block {tip.height}, byte {tip.offset}, {sentence}.",
            height=max(tip.height, 0),
            offset=tip.offset,
        )

    def _replay_runs(self, block: Block) -> None:
        offset = block.body_offset
        for number, line in enumerate(block.lines()):
            if b'"kind":"run"' in line:
                self._replay_run(orjson.loads(line), block, number, offset)
            offset += len(line) + 2

    def _replay_run(self, document: dict[str, Json], block: Block, number: int, offset: int) -> None:
        if is_sealed(document):
            whole = self.replay.opened(document) if self.replay else None
            if whole is None:
                self.not_replayed += 1
                return
            document = whole
        for entry in document.get("results", []):
            digest = self.replay(document, entry) if self.replay else None
            if digest is None:
                self.not_replayed += 1
                continue
            self.replayed += 1
            if digest != entry["result_digest"]:
                raise LedgerDamagedError(
                    f"Run {document['run_id']} (block {block.head.header.height}, transaction {number}, byte {offset}) "
                    f"does not replay: {entry['algorithm_id']} gives {digest[:16]}…, recorded was "
                    f"{entry['result_digest'][:16]}….",
                    height=block.head.header.height,
                    offset=offset,
                )

    def praise(self) -> str:
        tip = self.walker.tip
        if tip.height < 0:
            return "The ledger is empty and sound."
        held = sum(len(roots) for roots in self.roots.values())
        extends = f" It extends {held} signed checkpoint{'s' if held != 1 else ''}." if held else ""
        replays = f" {self.replayed} results replayed, {self.not_replayed} without their dataset." * (self.level >= 4)
        return (
            f"All {tip.height + 1} blocks with {tip.transactions} transactions are sound at level {self.level}."
            f"{extends}{replays}"
        )

    def verdict(self, *, ok: bool, height: int, offset: int, sentence: str) -> Verdict:
        tip = self.walker.tip
        return Verdict(
            ok=ok,
            level=self.level,
            height=height,
            offset=offset,
            sentence=sentence,
            blocks=tip.height + 1,
            transactions=tip.transactions,
            tip_hash=tip.hash,
            log_root=tip.log_root.hex(),
            replayed=self.replayed,
            not_replayed=self.not_replayed,
            checkpoints=sum(len(roots) for roots in self.roots.values()) if ok else 0,
        )
