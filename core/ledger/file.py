"""The ledger file of a single writer: appends are one write and one fsync, committed bytes are never written again.

Order of an append (see also core/chain):
1. one `pwrite` over the closing bytes: `,` line break, the block, and the closing bytes again
2. `fsync`; when it returned, the block is committed
An append that fails before 2 is undone: the file ends again where it did. A failed fsync says nothing about what is
on the disk, so it ends all writing; the next start finds out.
"""

from __future__ import annotations

import os
from pathlib import Path

from core import system
from core.errors import ConflictError, LedgerReadOnlyError
from core.ledger.verify import pread
from core.ledger.walk import CLOSING, EMPTY, Tip, Walker


class Files:
    """The calls to the file system that decide what survives a crash."""

    def pwrite(self, file: int, content: bytes, offset: int) -> None:
        """Write all of it; the system may take it in pieces."""
        rest = memoryview(content)
        while rest:
            written = system.pwrite(file, rest, offset)
            rest = rest[written:]
            offset += written

    def truncate(self, file: int, size: int) -> None:
        """Cut to `size` bytes."""
        os.ftruncate(file, size)

    def fsync(self, file: int) -> None:
        """Return when contents and size are on the disk."""
        os.fsync(file)

    def fsync_folder(self, path: Path) -> None:
        """Return when the file's name is on the disk."""
        fsync_folder(path)


def fsync_folder(path: Path) -> None:
    """Return when the name of the file at `path` is on the disk."""
    system.sync(path.absolute().parent)


class LedgerFile:
    """The file at `path`, locked for this writer alone until `close`."""

    def __init__(self, path: Path, *, create: bool = False, files: Files | None = None) -> None:
        """Open and lock; with `create` an empty file is made if there is none.

        Raises ConflictError if another writer holds it, LedgerReadOnlyError if it cannot be opened for writing.
        """
        self.path = path
        self.failure = ""
        self._files = files or Files()
        try:
            self._file = os.open(path, os.O_RDWR | system.OPEN | (os.O_CREAT if create else 0), 0o644)
        except OSError as error:
            raise LedgerReadOnlyError(
                f"{path} cannot be opened for writing: {error.strerror}.",
                fix="Give this user the right to write the file and its folder, then start again.",
            ) from None
        try:
            system.lock(self._file)
        except OSError:
            os.close(self._file)
            raise ConflictError(
                f"Another process writes the ledger {path}.", fix="Stop it first, or use another LEDGER_PATH."
            ) from None

    def close(self) -> None:
        """Release the lock."""
        os.close(self._file)

    @property
    def size(self) -> int:
        """Bytes of the file now."""
        return os.fstat(self._file).st_size

    def read(self, offset: int, length: int) -> bytes:
        """These bytes; fewer only at the end of the file."""
        return pread(self._file, offset, length)

    def walker(self, tip: Tip, *, level: int = 1) -> Walker:
        """A walk from `tip` to the end of the file as it is now."""
        return Walker(self.read, self.size, tip=tip, level=level)

    # ---- writing

    def append(self, record: bytes, *, after: Tip) -> None:
        """Commit one block after `after`, the current tip; durable when this returns.

        Raises LedgerReadOnlyError with the reason. If `failure` is empty then, the append was undone and the next one
        may be tried; else nothing can be written any more.
        """
        self.check_unchanged(after)
        try:
            self._files.pwrite(self._file, after.separator + record + CLOSING, after.end)
        except OSError as error:
            self._undo(error, after)
        self.commit()
        if after.height < 0:
            self._commit_name()

    def check_unchanged(self, tip: Tip) -> None:
        """Raises LedgerReadOnlyError unless the file still ends where `tip` says, under its own name."""
        if self.failure:
            raise LedgerReadOnlyError(self.failure)
        try:
            same = os.path.samestat(os.stat(self.path), os.fstat(self._file))
        except OSError:
            same = False
        if not same:
            self._fail(
                f"{self.path} was replaced or removed while the lab was running.", "Put it back and start again."
            )
        if self.size != tip.end + len(CLOSING) or self.read(tip.end, len(CLOSING)) != CLOSING:
            self._fail(
                f"{self.path} was changed by somebody else after block {tip.height}, byte {tip.end}.",
                "Start again: the lab looks at what happened and keeps what is pending.",
            )

    def _undo(self, error: OSError, after: Tip) -> None:
        """After a failed write nothing was committed: end the file where it ended."""
        reason = f"The ledger cannot be written: {error.strerror}."
        try:
            self.cut_back(after)
        except OSError as second:
            self._fail(f"{reason} Undoing it failed as well: {second.strerror}.", "Repair the disk and start again.")
        raise LedgerReadOnlyError(reason, fix="Nothing is lost; it is tried again with the next block.") from None

    @property
    def holds_nothing(self) -> bool:
        """Whether the file is the empty array, or the torn beginning of one."""
        return self.size <= len(EMPTY) and EMPTY.startswith(self.read(0, len(EMPTY)))

    def cut_back(self, tip: Tip) -> None:
        """End the array after `tip` and drop what follows. The caller knows that none of it was committed."""
        self._files.truncate(self._file, tip.end)
        self._files.pwrite(self._file, CLOSING, tip.end)
        self._files.fsync(self._file)

    def begin_empty(self) -> None:
        """Write the empty array over a file that holds nothing yet."""
        self._files.pwrite(self._file, EMPTY, 0)
        self.commit()
        self._commit_name()

    def commit(self) -> None:
        """fsync: what the file holds now is on the disk when this returns."""
        try:
            self._files.fsync(self._file)
        except OSError as error:
            self._fail(
                f"The disk did not confirm a block of {self.path}: {error.strerror}.",
                "Nothing more is written. Check the disk, then start again: what is not on it is still pending.",
            )

    def _commit_name(self) -> None:
        try:
            self._files.fsync_folder(self.path)
        except OSError as error:
            self._fail(f"The disk did not confirm the name of {self.path}: {error.strerror}.", "Check the disk.")

    def _fail(self, sentence: str, fix: str) -> None:
        self.failure = f"{sentence} {fix}"
        raise LedgerReadOnlyError(sentence, fix=fix)
