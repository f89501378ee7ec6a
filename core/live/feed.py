"""The feed: every message is stored before it is acknowledged, and nothing that arrives can stop it.

Three threads. `mqtt-feed` connects, gathers a batch, has it committed, acknowledges it; a lost connection, a full disk
or an error of any kind ends the connection, drops what was not committed (the broker sends it again) and leads to
another try after a growing pause. `mqtt-feed-watch` starts that thread anew should it ever end. `mqtt-meters` clears
the slots of meter readings.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.errors import LabError
from core.live.endpoint import Endpoint, Where, located, subscribed_topics
from core.live.intake import Arrived, Intake
from core.live.link import Link, LinkError
from core.live.meters import MeterMarket
from core.live.report import REPORT_S, Reporter
from core.live.snapshot import FeedCache, FeedSnapshot, State
from core.settings import Settings
from core.store.feed import FeedStore
from core.store.meters import Meters
from core.store.pool import Pool
from core.store.quarantine import Quarantine

BATCH = 500
LINGER_S = 0.1
"""A batch is committed when it has BATCH messages or is LINGER_S old."""

_POLL_S = 0.25
_WATCH_S = 0.25
_STUCK_S = 30.0
_SUSPECT = 3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Pauses of the feed, in seconds.

    first_s, longest_s: between tries to connect, doubling, shortened by up to half at random so that many feeds do
    not come back at once. steady_s: a connection that lasted so long counts as good. silence_s: without any message
    for so long the feed asks the broker for its subscription again.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    steady_s: float = 10.0
    silence_s: float = 60.0

    def pause_s(self, failures: int, chance: float) -> float:
        """The pause after so many failures in a row (1, 2, …); chance: 0 to 1, drawn by the caller."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + 0.5 * chance)


class Feed:
    """Reads trades from the broker into the pool.

    endpoint: a broker, or a callable that names it at each try to connect; without one the settings name it.
    random_source: for the jitter. clock: ms since 1970 UTC. reports: write what happens to the database, for the app
    that follows this process. Raises InputError for a table of devices that cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        quarantine: Quarantine,
        *,
        endpoint: Where = None,
        patience: Patience = Patience(),
        random_source: random.Random | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        reports: bool = False,
    ) -> None:
        self._settings = settings
        self._topics = subscribed_topics(settings)
        self._pool = pool
        self._quarantine = quarantine
        self._endpoint = endpoint
        self._patience = patience
        self._random = random_source or random.Random()
        self._clock = clock
        self._reporter = Reporter(FeedStore(quarantine.store), clock) if reports else None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._watcher: threading.Thread | None = None
        self._moved_at = time.monotonic()
        self.cache = FeedCache(FeedSnapshot(topic=settings.mqtt_topic))
        self._meters = Meters(quarantine.store)
        self._market = MeterMarket(settings, pool, meters=self._meters, cache=self.cache, clock=clock)

    def start(self) -> None:
        """Begin to read; returns at once, whether the broker is there or not."""
        self._stopping.clear()
        self.cache.change(state="connecting", sentence="Connecting to the broker.")
        self._start_thread()
        self._watcher = threading.Thread(target=self._watch, name="mqtt-feed-watch", daemon=True)
        self._watcher.start()
        self._market.start()

    def stop(self) -> None:
        """Store what has arrived, say goodbye and end every thread."""
        self._stopping.set()
        self._market.stop()
        for thread in (self._watcher, self._thread):
            if thread is not None:
                thread.join()
        self._watcher = self._thread = None
        self.cache.change(state="off", sentence="The feed is not running.")
        if self._reporter is not None:
            self._reporter.report(self.cache.snapshot())

    # ---- the watching thread

    def _watch(self) -> None:
        while not self._stopping.wait(REPORT_S if self._reporter else _WATCH_S):
            if self._reporter is not None:
                self._reporter.report(self.cache.snapshot())
            if self._thread is not None and not self._thread.is_alive() and not self._stopping.is_set():
                _LOG.error("network thread has ended: starting it again")
                self.cache.change(restarts=self.cache.snapshot().restarts + 1)
                self._start_thread()
            still_s = time.monotonic() - self._moved_at
            if still_s > _STUCK_S and self.cache.snapshot().state == "connected":
                self._say("blocked", f"The feed has waited {still_s:.0f} s for the database; nothing is acknowledged.")

    def _start_thread(self) -> None:
        self._moved_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mqtt-feed", daemon=True)
        self._thread.start()

    # ---- the network thread

    def _run(self) -> None:
        failures = 0
        intake: Intake | None = None
        while not self._stopping.is_set():
            began = self._moved_at = time.monotonic()
            try:
                intake = intake or self._guarded(self._intake)
                self._live(intake)
            except Exception as error:
                if time.monotonic() - began > self._patience.steady_s:
                    failures = 0
                self._pause(failures := failures + 1, error)

    def _intake(self) -> Intake:
        return Intake(self._settings, self._pool, quarantine=self._quarantine, meters=self._meters, clock=self._clock)

    def _live(self, intake: Intake) -> None:
        """One connection, until it is lost (raises) or the feed stops (returns)."""
        endpoint = located(self._settings, self._endpoint)
        link = Link(endpoint, client_id=self._settings.mqtt_client_id, topics=self._topics)
        try:
            link.open(self._stopping.is_set)
            if not link.session_present:
                self._guarded(intake.new_session)
            self._say_connected(endpoint)
            self._read(link, intake)
        finally:
            link.close()

    def _read(self, link: Link, intake: Intake) -> None:
        due = 0.0  # when the batch that is being gathered is committed
        while not self._stopping.is_set():
            now = self._moved_at = time.monotonic()
            if not link.inbox:
                due = now + LINGER_S
            if len(link.inbox) >= BATCH or (link.inbox and now >= due):
                self._store(link, intake)
                due = time.monotonic() + LINGER_S
                continue
            link.poll(due - now if link.inbox else _POLL_S)
            self._ask_when_silent(link, now)
        self._store(link, intake)

    def _store(self, link: Link, intake: Intake) -> None:
        """Commit a batch, show it, acknowledge it. After the commit it must be shown: it comes again as known."""
        messages = link.inbox[:BATCH]
        if not messages:
            return
        batch = [_arrived(message) for message in messages]
        outcome = self._guarded(lambda: intake.store(batch))
        self.cache.add(outcome, heard_at=datetime.fromtimestamp(self._clock() / 1000, UTC))
        if self.cache.snapshot().state != "connected":  # the watcher had said that it takes long
            self._say_connected(link.endpoint)
        link.heard_at = time.monotonic()
        link.acknowledge(len(messages))

    def _guarded(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except Exception as error:
            _LOG.error("nothing can be stored now: %s", type(error).__name__)
            raise _UnstorableError(_storage_sentence(error)) from error

    def _ask_when_silent(self, link: Link, now: float) -> None:
        if link.overdue:
            raise LinkError(f"{link.endpoint.address} no longer answers.")
        if now - max(link.heard_at, link.asked_at) > self._patience.silence_s:
            link.subscribe()

    def _pause(self, failures: int, error: Exception) -> None:
        if self._stopping.is_set():
            return
        if not isinstance(error, LinkError | LabError | _UnstorableError):
            _LOG.error("the feed met an unexpected error", exc_info=error)
        pause_s = self._patience.pause_s(failures, self._random.random())
        sentence = f"{_sentence(error)}{self._suspicion(failures, error)} Next try in {max(1, round(pause_s))} s."
        self._say("blocked" if isinstance(error, _UnstorableError) else "disconnected", sentence)
        _LOG.warning("%s", sentence)
        self._stopping.wait(pause_s)

    def _suspicion(self, failures: int, error: Exception) -> str:
        """Brokers end a client's connection when another one comes with its id, and do not say so."""
        if failures < _SUSPECT or not isinstance(error, LinkError) or self.cache.snapshot().state != "connected":
            return ""
        return f' Another client may be using the client id "{self._settings.mqtt_client_id}".'

    def _say_connected(self, endpoint: Endpoint) -> None:
        self.cache.change(address=endpoint.address)
        self._say("connected", f"Connected to {endpoint.address}, topic {self._settings.mqtt_topic}.")

    def _say(self, state: State, sentence: str) -> None:
        self.cache.change(state=state, sentence=sentence)


class _UnstorableError(Exception):
    """The database takes nothing now; the message is a sentence."""


def _arrived(message: Any) -> Arrived:
    try:
        topic = message.topic
    except UnicodeDecodeError:
        topic = "(not UTF-8)"
    return Arrived(
        topic=topic,
        payload=bytes(message.payload),
        packet_id=message.mid,
        qos=message.qos,
        redelivered=message.dup,
        retained=message.retain,
    )


def _storage_sentence(error: Exception) -> str:
    cause = str(getattr(error, "orig", None) or error or type(error).__name__).splitlines()[0]
    return f"Nothing can be stored ({cause}), so nothing is acknowledged and the broker keeps it."


def _sentence(error: Exception) -> str:
    if isinstance(error, LinkError | LabError | _UnstorableError):
        return str(error)
    return f"The feed met an unexpected error ({type(error).__name__}: {error})."
