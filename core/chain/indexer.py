"""Keeps the index up with the chain in a thread of its own, and builds it anew whenever it is not what it should be."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from core import system
from core.errors import ConflictError, LabError, LedgerDamagedError, UnavailableError
from core.ledger import block
from core.ledger.heads import Heads
from core.ledger.walk import Read
from core.store.columns import ColumnStore
from core.store.index import FILE, NOWHERE, Index, IndexedBlock, Position

log = logging.getLogger(__name__)
FOLDER = "index"
BATCH = 20_000
"""Transactions a database transaction."""
FAR_BEHIND = 100_000
"""From here on it is quicker to build the index anew, its keys sorted once."""
CLOSE_BEHIND = 100
"""Blocks the index makes up in no time, so that it is worth waiting for."""
Found = TypeVar("Found")


class Indexer:
    """The index of one ledger, in `data_dir/index`. One process writes it; others read what is there."""

    def __init__(self, data_dir: Path, *, heads: Callable[[], Heads], read: Read) -> None:
        self._folder = data_dir / FOLDER
        self._heads = heads
        self._read = read
        self._lock_path = data_dir / f"{FOLDER}.lock"
        self._lock_file = -1
        self._swap = threading.RLock()  # owns which files are open
        self._index: Index | None = None
        self._columns: ColumnStore | None = None
        self._wake = threading.Event()
        self._closing = False
        self._distrusted = False
        self._problem = ""
        self._inode = 0
        self._moved = threading.Condition()
        self._thread: threading.Thread | None = None
        self.position = NOWHERE

    # ---- life

    def start(self) -> None:
        """Open what is there; follow the chain in the background if no other process does."""
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_file = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | system.OPEN, 0o644)
            system.lock(self._lock_file)
        except OSError as error:
            log.info("the index %s is only read: %s", self._folder, error.strerror)
            return
        self._thread = threading.Thread(target=self._follow, name="index", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following and release the files."""
        self._closing = True
        self.wake()
        if self._thread is not None:
            self._thread.join()
        self._release()
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1

    def wake(self) -> None:
        """The chain has grown."""
        self._wake.set()

    def wait_for(self, height: int, *, timeout_s: float) -> bool:
        """Whether the index reaches this height within the time; at once False if it is far from it."""
        if height - self.position.height > CLOSE_BEHIND:
            return False
        with self._moved:
            return self._moved.wait_for(lambda: self.position.height >= height or self._closing, timeout_s)

    def _follow(self) -> None:
        while not self._closing:
            self._wake.clear()
            try:
                if self._distrusted:
                    self.rebuild()
                self._catch_up_or_rebuild()
                self._problem = ""
            except LedgerDamagedError as error:
                self._problem = f"The index ends before a damaged block: {error.message}"
                log.error("%s", self._problem)
            except _ClosingError:
                return
            except Exception as error:
                self._problem = f"The index cannot be kept up: {error}"
                log.exception("the index cannot be kept up; it is tried again with the next block")
                self._release()
            with self._moved:
                self._moved.notify_all()
            self._wake.wait()

    # ---- asking

    def ask(self, question: Callable[[Index, ColumnStore], Found]) -> Found:
        """The answer to `question`. Raises UnavailableError while there is no index; a broken one is built anew."""
        with self._swap:
            if self._thread is None:
                self._open_as_reader()
            if self._index is None or self._columns is None:
                raise UnavailableError("The index is being built.", fix="Try again in a moment.")
            try:
                return question(self._index, self._columns)
            except LabError:
                raise
            except Exception as error:  # an edited file can answer anything
                self.distrust(f"{type(error).__name__}: {error}")
        raise UnavailableError("The index was damaged and is being built anew.", fix="Try again in a moment.")

    def distrust(self, reason: str) -> None:
        """Something the index said did not hold: nobody asks it any more, and it is built anew in the background."""
        log.warning("the index is wrong (%s)", reason)
        if self._thread is not None:
            self._discard()

    def _discard(self) -> None:
        self._distrusted = True
        self._release()
        self.wake()

    def anew(self) -> Position:
        """Build the index anew now, and wait for it.

        Raises ConflictError while another process keeps it, UnavailableError if it cannot be built.
        """
        if self._thread is None:
            raise ConflictError("Another process keeps the index.", fix="Stop the lab first.")
        self._problem = ""
        self._discard()
        with self._moved:
            self._moved.wait_for(lambda: not self._distrusted or self._problem or self._closing)
        if self._problem:
            raise UnavailableError(self._problem)
        return self.position

    def _open_as_reader(self) -> None:
        """Have open what the process that keeps the index has written by now."""
        try:
            there = (self._folder / FILE).stat().st_ino
            if self._index is not None and (self._inode, self._index.position()) == (there, self.position):
                return
            self._release()
            index, columns = Index(self._folder, read_only=True), ColumnStore(self._folder)
            position = index.position()
            columns.add(index.rows_from(columns.part_rows))
            self._index, self._columns, self._inode = index, columns, there
            self._move(position)
        except (sqlite3.Error, OSError):
            self._release()

    # ---- building

    def _catch_up_or_rebuild(self) -> None:
        try:
            self._catch_up()
        except sqlite3.Error as error:
            log.warning("the index cannot be written (%s)", error)
            self._release()
            self.rebuild()

    def _catch_up(self) -> None:
        if self._index is None and not self._reopened():
            self.rebuild()
        heads = self._heads()
        if sum(heads.counts[self.position.height + 1 :]) > FAR_BEHIND:
            self.rebuild()
        for batch in self._batches(self.position.height + 1):
            with self._swap:
                if self._index is None or self._columns is None:
                    return
                self._columns.add(self._index.add(batch, after=self.position))
                self._move(self._index.position())
        with self._swap:
            if self._columns is not None:
                self._columns.load()

    def _reopened(self) -> bool:
        try:
            return self._opened()
        except LedgerDamagedError:
            raise
        except Exception as error:  # an edited file can answer anything
            log.warning("the index cannot be used (%s: %s)", type(error).__name__, error)
            return False

    def _opened(self) -> bool:
        """Open the index that is there; False if it is not one of this chain."""
        if not (self._folder / FILE).exists():
            return False
        index = Index(self._folder)
        position = index.position()
        columns = ColumnStore(self._folder)
        heads = self._heads()
        known = 0 <= position.height < len(heads)
        same = known and heads.placed(self._read, position.height).head.hash == position.hash
        rows = index.rows_from(columns.part_rows)
        if not same or columns.part_rows + len(rows) != position.rows:
            index.close()
            return False
        columns.add(rows)
        with self._swap:
            self._index, self._columns = index, columns
        self._move(position)
        return True

    def rebuild(self) -> Position:
        """Build the index from the file beside the old one, and take its place when it is complete."""
        fresh = self._folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        index, columns, position = Index(fresh, bulk=True), ColumnStore(fresh), NOWHERE
        damage = None
        try:
            for batch in self._batches(0):
                columns.add(index.add(batch, after=position))
                position = index.position()
        except LedgerDamagedError as error:
            damage = error
        index.finish()
        columns.close()
        self._release()
        with self._swap:
            shutil.rmtree(self._folder, ignore_errors=True)
            fresh.rename(self._folder)
            self._index, self._columns = Index(self._folder), ColumnStore(self._folder)
            self._columns.add(self._index.rows_from(self._columns.part_rows))
        self._distrusted = False
        self._move(position)
        log.info("index built: %d blocks, %d transactions", position.height + 1, position.rows)
        if damage is not None:
            raise damage
        return position

    def _batches(self, height: int) -> Iterator[list[IndexedBlock]]:
        """The blocks from `height` on, their bodies checked against their headers."""
        batch: list[IndexedBlock] = []
        waiting = 0
        try:
            while height < len(self._heads()):
                if self._closing:
                    raise _ClosingError
                batch.append(self._block(height))
                waiting += len(batch[-1].lines)
                height += 1
                if waiting >= BATCH:
                    yield batch
                    batch, waiting = [], 0
        except LedgerDamagedError:
            if batch:
                yield batch
            raise
        if batch:
            yield batch

    def _block(self, height: int) -> IndexedBlock:
        placed = self._heads().placed(self._read, height)
        header = placed.head.header
        first_offset = placed.offset + placed.head.body_offset
        body = self._read(first_offset, header.body_len)
        if hashlib.sha256(body).hexdigest() != header.body:
            raise LedgerDamagedError(
                f"The ledger is damaged in block {height} at byte {first_offset}: "
                "its transactions are not the recorded ones.",
                height=height,
                offset=first_offset,
            )
        lines = block.split_body(body) if height else []
        return IndexedBlock(height, placed.head.hash, header.time_ms, first_offset, lines)

    def _move(self, position: Position) -> None:
        with self._moved:
            self.position = position
            self._moved.notify_all()

    def _release(self) -> None:
        with self._swap:
            if self._index is not None:
                self._index.close()
            if self._columns is not None:
                self._columns.close()
            self._index = self._columns = None
        self._move(NOWHERE)


class _ClosingError(Exception):
    """The lab stops while the index is being built."""
