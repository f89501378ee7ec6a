"""A thread that works until it is told to stop: the life of every service here that has one of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background:
    """Runs `work` in a daemon thread. `work` looks at `stopping` and returns soon after it is set."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.stopping = threading.Event()
        self._name = name
        self._work = work
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self.stopping.clear()
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Set `stopping` and wait for the end. Without a start nothing happens."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
