"""The feed of another process, as the app sees it: that process writes its snapshot, the app follows it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from core.live.background import Background
from core.live.snapshot import FeedCache, FeedSnapshot
from core.settings import Settings
from core.store.feed import FeedStore
from core.store.quarantine import Quarantine

REPORT_S = 0.1
"""How soon a change is written, and looked for."""
HEARTBEAT_S = 1.0
SILENT_S = 5.0
"""A process that has not reported for so long is not running."""

_REPORTED_TRADES = 50
_LOG = logging.getLogger(__name__)


class Reporter:
    """Writes snapshots; used by one thread. clock: ms since 1970 UTC."""

    def __init__(self, rows: FeedStore, clock: Callable[[], int]) -> None:
        self._rows = rows
        self._clock = clock
        self._version = -1
        self._due = 0.0

    def report(self, snapshot: FeedSnapshot) -> None:
        """Write it if it changed or a heartbeat is due. A database that takes nothing now gets the next one."""
        if snapshot.version == self._version and time.monotonic() < self._due:
            return
        short = replace(snapshot, recent=snapshot.recent[:_REPORTED_TRADES])
        try:
            with self._rows.store.begin() as connection:
                self._rows.save_report(connection, msgspec.json.encode(short).decode(), self._clock())
        except Exception as error:
            _LOG.warning("report not written: %s", type(error).__name__)
        else:
            self._version = snapshot.version
        self._due = time.monotonic() + HEARTBEAT_S


class Follower:
    """Stands where a Feed would, and shows what `python -m core feed` reports."""

    def __init__(
        self,
        settings: Settings,
        quarantine: Quarantine,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._rows = FeedStore(quarantine.store)
        self._clock = clock
        self._background = Background("mqtt-feed-follower", self._follow)
        self._seen: tuple[str, int] | None = None
        self._reported = FeedSnapshot(topic=settings.mqtt_topic)
        self.cache = FeedCache(self._reported)

    def start(self) -> None:
        """Begin to follow."""
        self._background.start()

    def stop(self) -> None:
        """End the thread."""
        self._background.stop()
        self.cache.change(state="off", sentence="The feed is not running.")

    def _follow(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                _LOG.exception("the feed's report cannot be read")
            if self._background.stopping.wait(REPORT_S):
                return

    def look(self) -> None:
        """Show the latest report, or that there is none."""
        found = self._rows.report()
        if found is not None and found != self._seen:
            self._seen = found
            self._reported = msgspec.json.decode(found[0], type=FeedSnapshot)
            if not self._stale():
                self.cache.show(self._reported)
        if self._stale() and self.cache.snapshot().state != "unreported":
            self.cache.show(replace(self._reported, state="unreported", sentence=self._silence()))

    def _stale(self) -> bool:
        return self._seen is None or self._clock() - self._seen[1] > SILENT_S * 1000

    def _silence(self) -> str:
        start = "Start it with: python -m core feed"
        if self._seen is None:
            return f"The feed's own process has never reported. {start}"
        return f"The feed's own process has not reported for {SILENT_S:.0f} s. {start}"
