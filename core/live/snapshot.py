"""What the pages see of the feed: one immutable snapshot, swapped whole, free to read from any thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from core.store.feed import Publisher

State = Literal["off", "connecting", "connected", "disconnected", "blocked", "unreported"]
"""blocked: what arrives cannot be stored, so it is not acknowledged. unreported: the feed's process says nothing."""

RECENT = 200
SHOWN_GAPS = 50
SHOWN_PUBLISHERS = 100


@dataclass(frozen=True, slots=True)
class LiveTrade:
    """A trade that is in the pool: when it arrived, who, how much (kWh, currency/kWh), and its transaction."""

    at: datetime
    buyer: str
    seller: str
    energy_kwh: float
    price: float
    publisher: str
    message_id: str | None
    tx_hash: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages since the feed started; `received` is the sum of those below it, but for `cleared`.

    duplicates: the same trade again. readings: of meters, the late ones included. ignored: retained messages on
    topics that are not ours. cleared: trades that the market made from readings.
    """

    received: int = 0
    trades: int = 0
    duplicates: int = 0
    readings: int = 0
    quarantined: int = 0
    ignored: int = 0
    cleared: int = 0

    def plus(self, other: Counts) -> Counts:
        """The sum, field by field."""
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that a publisher skipped, first to last."""

    publisher_id: str
    first_seq: int
    last_seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class MeterSlot:
    """Readings of one slot: how many households reported, how many known ones did not, how many came too late."""

    start_at: datetime
    households: int
    missing: int
    late: int
    trades: int
    traded_kwh: float
    sentence: str


@dataclass(frozen=True, slots=True)
class FeedSnapshot:
    """The feed at one moment. `recent` is newest first; energy in kWh, `traded_value` in currency."""

    version: int = 0
    state: State = "off"
    sentence: str = "The feed is not running."
    address: str = ""
    topic: str = ""
    changed_at: datetime | None = None
    last_message_at: datetime | None = None
    recent: tuple[LiveTrade, ...] = ()
    counts: Counts = Counts()
    reasons: tuple[tuple[str, int], ...] = ()
    publishers: tuple[Publisher, ...] = ()
    gaps: tuple[Gap, ...] = ()
    traded_kwh: float = 0.0
    traded_value: float = 0.0
    restarts: int = 0
    late_readings: int = 0
    meters: tuple[MeterSlot, ...] = ()

    @property
    def connected(self) -> bool:
        """Whether messages can arrive."""
        return self.state == "connected"

    @property
    def last_trade(self) -> LiveTrade | None:
        """The newest trade."""
        return self.recent[0] if self.recent else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one committed batch held.

    trades: its last RECENT new ones, in order of arrival. traded_kwh, traded_value: of all new ones. reasons: code to
    the number refused.
    """

    counts: Counts
    trades: tuple[LiveTrade, ...] = ()
    traded_kwh: float = 0.0
    traded_value: float = 0.0
    reasons: Mapping[str, int] | None = None
    publishers: tuple[Publisher, ...] = ()
    gaps: tuple[Gap, ...] = ()
    late_readings: int = 0


class FeedCache:
    """Holds the present snapshot. One thread changes it at a time; readers take the reference without a lock."""

    def __init__(self, first: FeedSnapshot | None = None) -> None:
        self._lock = threading.Lock()  # owns the change from one snapshot to the next
        self._snapshot = first or FeedSnapshot()

    def snapshot(self) -> FeedSnapshot:
        """The present snapshot; it never changes."""
        return self._snapshot

    def show(self, snapshot: FeedSnapshot) -> None:
        """Put another process's snapshot in place, under the next version."""
        with self._lock:
            self._snapshot = replace(snapshot, version=self._snapshot.version + 1)

    def change(self, **changes: Any) -> None:
        """Change fields; `changed_at` moves when the state does."""
        with self._lock:
            self._swap(**changes)

    def add(self, outcome: Outcome, *, heard_at: datetime | None = None) -> None:
        """Count a committed batch; heard_at: when its messages arrived."""
        with self._lock:
            old = self._snapshot
            self._swap(
                last_message_at=heard_at or old.last_message_at,
                recent=(*reversed(outcome.trades), *old.recent)[:RECENT],
                counts=old.counts.plus(outcome.counts),
                reasons=_added(old.reasons, outcome.reasons or {}),
                publishers=_latest(outcome.publishers, old.publishers),
                gaps=(*reversed(outcome.gaps), *old.gaps)[:SHOWN_GAPS],
                traded_kwh=old.traded_kwh + outcome.traded_kwh,
                traded_value=old.traded_value + outcome.traded_value,
                late_readings=old.late_readings + outcome.late_readings,
            )

    def _swap(self, **changes: Any) -> None:
        old = self._snapshot
        if changes.get("state", old.state) != old.state:
            changes["changed_at"] = datetime.now(UTC)
        self._snapshot = replace(old, version=old.version + 1, **changes)


def _added(old: Iterable[tuple[str, int]], more: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((Counter(dict(old)) + Counter(more)).most_common())


def _latest(fresh: Iterable[Publisher], old: Iterable[Publisher]) -> tuple[Publisher, ...]:
    merged = {publisher.publisher_id: publisher for publisher in (*old, *fresh)}
    return tuple(sorted(merged.values(), key=lambda publisher: -publisher.last_at_ms)[:SHOWN_PUBLISHERS])
