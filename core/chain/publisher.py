"""Publishes checkpoints: one signed note after the other in `checkpoints.txt`.

The file can be lost or torn without harm to the ledger: the store keeps the last checkpoint, and what a crash left
out or left half-written is put right with the next one.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from core import system

log = logging.getLogger(__name__)
_SIGNATURE = re.compile("\n\n(?:\u2014 [^ \n]+ [A-Za-z0-9+/=]+\n)+".encode())
_TAIL = 4096


class Publisher:
    """Appends to the file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._failures = 0

    def publish(self, signed: str) -> None:
        """Append a note unless it is the last one already; never fails, since it can be done again."""
        note = signed.encode()
        if not note:
            return
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | system.OPEN, 0o644)
            try:
                end, last = _end_of_notes(file)
                if not last.endswith(note):
                    os.ftruncate(file, end)
                    system.pwrite(file, (b"\n" if end else b"") + note, end)
                    os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            log.warning("checkpoint not published to %s: %s", self.path, error)
            self._failures += 1
            times = f" {self._failures} times" if self._failures > 1 else ""
            self.problem = f"The checkpoint could not be written to {self.path}{times}: {error.strerror}."
        else:
            self._failures, self.problem = 0, ""

    def text(self) -> str:
        """Everything published so far; "" if nothing was."""
        try:
            found = self.path.read_bytes()
        except FileNotFoundError:
            return ""
        signatures = list(_SIGNATURE.finditer(found))
        return found[: signatures[-1].end()].decode(errors="replace") if signatures else ""

    def find(self, text: str) -> str | None:
        """The published note over exactly this text."""
        published = "\n" + self.text()
        start = published.find(f"\n{text}\n")
        if start < 0:
            return None
        end = start + 1 + len(text) + 1
        return published[start + 1 : published.index("\n", end) + 1]


def _end_of_notes(file: int) -> tuple[int, bytes]:
    """Where the last whole note ends, and the bytes before that."""
    size = os.fstat(file).st_size
    start = max(0, size - _TAIL)
    tail = system.pread(file, size - start, start)
    signatures = list(_SIGNATURE.finditer(tail))
    if not signatures:
        return (0, b"") if start == 0 else (size, b"")
    return start + signatures[-1].end(), tail[: signatures[-1].end()]
