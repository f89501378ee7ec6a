"""Proof of work in a process of its own, so that no page feels it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

from core import system
from core.ledger import work
from core.settings import ROOT

log = logging.getLogger(__name__)
SMALL = 4_096
"""Expected hashes (a few milliseconds) that are not worth asking another process for."""


class Miner:
    """Searches nonces. The process starts with the first job, ends with `close` or when this process dies."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "core.ledger.work")) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()  # owns _process

    def search(self, digest: bytes, expected_hashes: int) -> bytes:
        """A nonce that suffices. Falls back to this process, with a line in the log, if the other cannot work."""
        if expected_hashes > SMALL:
            with self._lock:
                try:
                    nonce = self._asked(digest, expected_hashes)
                    if work.suffices(work.proof(digest, nonce), expected_hashes):
                        return nonce
                    log.warning(
                        "the mining process answered with a nonce that does not suffice; mining in this process"
                    )
                except (OSError, ValueError) as error:
                    log.warning("the mining process cannot work (%s); mining in this process", error)
                self._end()
        return work.search(digest, expected_hashes)

    def _asked(self, digest: bytes, expected_hashes: int) -> bytes:
        process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{digest.hex()} {expected_hashes}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise OSError("it ended")
        return bytes.fromhex(answer.strip())

    def _started(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **system.apart(),  # Ctrl-C in a terminal is for this process; the other ends with its input
        )
        return self._process

    def close(self) -> None:
        """End the process. A later search starts it again."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=5)  # closes its input, and with it the process
        except (subprocess.TimeoutExpired, OSError, ValueError):
            process.kill()
            process.communicate()
