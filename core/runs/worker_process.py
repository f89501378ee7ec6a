"""The lab's end of one worker process: start it, give it one task, hear it line by line, end it for certain.

A worker is a plain subprocess (`python -m core.runs.worker`) in a session and process group of its own: Ctrl-C in the
terminal does not reach it, killing the group ends it and whatever it started, and it ends by itself when its standard
input does.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core import system
from core.settings import ROOT

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "core.runs.worker")
KEPT_ERROR_LINES = 40
LONGEST_LINE = 100_000
EXIT_LIMIT_S = 0.5
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_PASSED_ON_PREFIXES = ("LC_", "PYTHON", "NUMBA_")


class Worker:
    """One worker process; `hear` gets every message, then None once when the process has ended.

    `hear` is called on a thread of the worker's own and must not block.
    """

    def __init__(self, command: Sequence[str], hear: Callable[[Worker, Mapping[str, Any] | None], None]) -> None:
        self._hear = hear
        self._error_lines: deque[str] = deque(maxlen=KEPT_ERROR_LINES)
        self._popen = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **system.apart(),
            cwd=ROOT,
            env=_environment(os.environ),
        )
        self._ended = False
        self._ending = threading.Lock()
        self.pid = self._popen.pid
        self._errors = threading.Thread(target=self._keep_errors, name=f"worker-{self.pid}-errors", daemon=True)
        self._messages = threading.Thread(target=self._listen, name=f"worker-{self.pid}", daemon=True)
        self._errors.start()
        self._messages.start()

    def give(self, task: Mapping[str, object]) -> None:
        """Hand over the task. A worker that has died is heard of through `hear`, not here."""
        assert self._popen.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._popen.stdin.write(json.dumps(task).encode() + b"\n")
            self._popen.stdin.flush()

    def kill(self) -> None:
        """End the process and everything it started, now."""
        with self._ending:
            if not self._ended:  # afterwards the number may be somebody else's
                system.kill_tree(self.pid)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the process has ended and its threads with it."""
        if threading.current_thread() is not self._messages:
            self._messages.join(timeout_s)

    @property
    def exit_status(self) -> int | None:
        """What the process ended with; a negative number is the signal that ended it."""
        return self._popen.returncode

    def last_errors(self) -> str:
        """The last lines the worker wrote to standard error."""
        return "".join(self._error_lines)

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        assert self._popen.stdin is not None
        while line := self._popen.stdout.readline(LONGEST_LINE):
            message = _parsed(line)
            if message is None:
                log.error("worker %d wrote a line that is no message; it is ended", self.pid)
                self.kill()
                break
            self._hear(self, message)
        self._reap()
        self._errors.join()
        for stream in (self._popen.stdin, self._popen.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        self._hear(self, None)

    def _reap(self) -> None:
        """The worker says no more: let it end by itself, so that its status tells why, then end its whole group."""
        with self._ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(EXIT_LIMIT_S)
            system.kill_tree(self.pid)
            self._popen.wait()
            self._ended = True

    def _keep_errors(self) -> None:
        assert self._popen.stderr is not None
        with self._popen.stderr as lines:
            while line := lines.readline(LONGEST_LINE):
                self._error_lines.append(line.decode("utf-8", "replace"))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and isinstance(message.get("event"), str) else None


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What a worker needs to start; the lab's passwords and keys are no business of an algorithm."""
    passed = {name: ours[name] for name in ours if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)}
    return {**passed, **dict.fromkeys(_ONE_THREAD, "1")}
