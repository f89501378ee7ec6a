"""Verification of the whole file, now or in the background, one at a time."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import UnavailableError
from core.ledger import verify
from core.ledger.verify import Progress, Replay, Verdict

log = logging.getLogger(__name__)
BACKGROUND_LEVEL = 2
_WORK_S = 0.004
_REST_S = 0.002


class Verification:
    """Walks over the file at `path` and remembers the last verdict."""

    def __init__(
        self,
        path: Path,
        *,
        end: Callable[[], int | None],
        clock: Callable[[], int],
        on_damage: Callable[[Verdict], None],
    ) -> None:
        """end: where the committed part of the file ends now, None if all of it is to be checked."""
        self._path = path
        self._end = end
        self._clock = clock
        self._on_damage = on_damage
        self._one = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem = ""
        self.share: float | None = None
        self.sound: tuple[Verdict, int] | None = None

    def run(self, level: int, *, progress: Progress | None = None, replay: Replay | None = None) -> Verdict:
        """Verify and return the verdict; damage is reported to `on_damage` as well."""
        with self._one:
            self.share = 0.0
            try:
                verdict = self._measured(level, progress, replay)
            finally:
                self.share = None
        self.problem = ""
        if verdict.ok:
            self.sound = (verdict, self._clock())
        else:
            self._on_damage(verdict)
        log.info("verified at level %d in %.2f s: %s", level, verdict.seconds, verdict.sentence)
        return verdict

    def _measured(self, level: int, progress: Progress | None, replay: Replay | None) -> Verdict:
        def moved(done: int, size: int) -> None:
            self.share = done / size
            if self._closing.is_set():
                raise _StoppedError
            if progress is not None:
                progress(done, size)

        started = time.perf_counter()
        verdict = verify.verify(self._path, level, replay=replay, progress=moved, until=self._end())
        return dataclasses.replace(verdict, seconds=time.perf_counter() - started)

    def start(self) -> None:
        """Verify in the background, with rests so that pages stay quick."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._quietly, name="verification", daemon=True)
            self._thread.start()

    def _quietly(self) -> None:
        rested = time.perf_counter()

        def rest(_done: int, _size: int) -> None:
            nonlocal rested
            if time.perf_counter() - rested > _WORK_S:
                self._closing.wait(_REST_S)
                rested = time.perf_counter()

        try:
            self.run(BACKGROUND_LEVEL, progress=rest)
        except _StoppedError:
            pass
        except Exception as error:
            log.exception("background verification failed")
            self.problem = f"The background verification failed ({type(error).__name__}: {error})."

    def close(self) -> None:
        """Stop a verification that runs in the background, and wait for it."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()


class _StoppedError(UnavailableError):
    """The lab stops, and a verification with it."""

    def __init__(self) -> None:
        super().__init__("The verification was stopped: the lab is stopping.")
