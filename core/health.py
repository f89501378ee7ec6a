"""How the lab is: what is checked, what a person should know of, and the numbers a monitor collects."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import psutil
from cachetools import TTLCache, cached
from sqlalchemy.exc import SQLAlchemyError

from core.exchange import Exchange
from core.store.runs import RunRows

DISK_LOW_BYTES = 1_000_000_000
CHECKPOINT_LATE_S = 3_600.0
PENDING_LATE_S = 300.0
"""A transaction that waits longer than this, and than ten block intervals, says that nothing is mined."""
CLOCK_JUMP_S, CLOCK_SAID_S = 30.0, 3_600.0
"""A jump of this many seconds is said for an hour."""
FRESH_S = 1.0
"""Answers are this old at most: strangers may ask whether the lab is well, as often as they like."""


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the lab: whether it works, and a sentence if it does not. alert: for every page to show."""

    name: str
    ok: bool
    said: str = ""
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """All checks, and ages and sizes beside them; None where there is nothing to measure."""

    checks: tuple[Check, ...]
    last_block_age_s: float | None
    checkpoint_age_s: float | None
    disk_free_bytes: int

    @property
    def ok(self) -> bool:
        """Whether everything works."""
        return all(check.ok for check in self.checks)


class ClockWatch:
    """Notices that the machine's clock was set while the lab ran: blocks and sessions carry its times."""

    def __init__(self) -> None:
        self._lock = Lock()  # owns the rest
        self._before = (time.time(), _running_s())
        self._jump_s, self._at_s = 0.0, float("-inf")

    def look(self) -> float:
        """The last jump in seconds, forward positive; 0 when there was none in the last hour."""
        wall_s, running_s = time.time(), _running_s()
        with self._lock:
            jump_s = (wall_s - self._before[0]) - (running_s - self._before[1])
            self._before = (wall_s, running_s)
            if abs(jump_s) >= CLOCK_JUMP_S:
                self._jump_s, self._at_s = jump_s, running_s
            return self._jump_s if running_s - self._at_s < CLOCK_SAID_S else 0.0


def _running_s() -> float:
    """Seconds that no setting of a clock changes; where the system can, those of a sleeping machine, too."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else float(getattr(time, "clock_gettime")(boot))  # noqa: B009  (no Windows)


_clock = ClockWatch()


@cached(TTLCache(maxsize=4, ttl=FRESH_S), key=id, lock=Lock())
def health(exchange: Exchange) -> Health:
    """Look at every part now; at most FRESH_S old."""
    settings = exchange.settings
    free = min(shutil.disk_usage(folder).free for folder in (settings.data_dir, settings.ledger_path.parent))
    now_s = time.time()
    try:
        status = exchange.chain.status()
        with exchange.store.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError as error:
        return Health(
            (Check("database", False, f"The database does not answer: {type(error).__name__}."),), None, None, free
        )
    published = settings.data_dir / "checkpoints.txt"
    checkpoint_s = now_s - published.stat().st_mtime if published.is_file() else None
    block_s = None if status.tip_at_ms is None else now_s - status.tip_at_ms / 1000
    late = status.checkpoint != "" and block_s is not None and (checkpoint_s or now_s) - block_s > CHECKPOINT_LATE_S
    waits_s = 0.0 if status.oldest_pending_at_ms is None else now_s - status.oldest_pending_at_ms / 1000
    stuck = status.writable and waits_s > max(PENDING_LATE_S, 10 * settings.block_interval_s)
    mining = exchange.mining_problem() or (f"A transaction has waited for {waits_s / 60:.0f} minutes." if stuck else "")
    jump_s = _clock.look()
    snapshot = exchange.feed.cache.snapshot()
    checks = (
        Check("database", True),
        Check("ledger", status.writable, status.damage or status.notice or ""),
        Check("miner", not mining and exchange.scheduler.running, mining and f"Mining fails: {mining}", alert=True),
        Check("feed", settings.feed == "off" or snapshot.connected, snapshot.sentence),
        Check("broker", settings.feed == "off" or snapshot.connected, exchange.broker_sentence()),
        Check("checkpoint", not late, "Blocks are mined, but no checkpoint was published for an hour.", alert=True),
        Check("disk", free >= DISK_LOW_BYTES, f"The disk has {free / 1e9:.1f} GB left.", alert=True),
        Check("clock", jump_s == 0.0, f"The machine's clock jumped by {jump_s:+.0f} s.", alert=True),
    )
    return Health(checks, block_s, checkpoint_s, free)


def alerts(exchange: Exchange) -> tuple[str, ...]:
    """What every page should say now, a sentence each."""
    return tuple(check.said for check in health(exchange).checks if check.alert and not check.ok and check.said)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number for a monitor. label: the name of what tells `values` apart, "" for a single one under ""."""

    name: str
    help: str
    label: str
    values: dict[str, float]
    counts: bool = False


def measures(exchange: Exchange) -> Iterator[Measure]:
    """Every number; names are those of Prometheus, with their unit at the end."""
    found, status = health(exchange), exchange.chain.status()
    snapshot, now_s = exchange.feed.cache.snapshot(), time.time()
    oldest = status.oldest_pending_at_ms
    waits_s = 0.0 if oldest is None else now_s - oldest / 1000
    yield Measure("lab_ok", "1 where a part works", "part", {check.name: float(check.ok) for check in found.checks})
    yield _one("lab_pending_transactions", "Transactions that wait for a block", status.pending)
    yield _one("lab_oldest_pending_seconds", "How long the first of them waits", waits_s)
    yield _one("lab_blocks", "Blocks of the ledger", status.height + 1)
    yield _one("lab_transactions", "Transactions in them", status.transactions)
    yield _one("lab_last_block_age_seconds", "Since the newest block", found.last_block_age_s)
    yield _one("lab_checkpoint_age_seconds", "Since a checkpoint was published", found.checkpoint_age_s)
    counts = snapshot.counts
    kinds = ("trades", "duplicates", "readings", "quarantined", "ignored")
    heard = {kind: float(getattr(counts, kind)) for kind in kinds}
    yield Measure("lab_feed_messages_total", "Messages since the feed started", "outcome", heard, counts=True)
    quarantine = {code: float(count) for code, count in exchange.quarantine.totals().items()}
    yield Measure("lab_quarantine_messages", "Refused messages that are kept", "reason", quarantine)
    runs = {status: float(count) for status, count in RunRows(exchange.store).counts().items()}
    yield Measure("lab_runs", "Comparisons", "status", runs)
    refused = exchange.accounts.refused
    yield Measure("lab_sign_in_failures_total", "Refused sign-ins since the start", "", {"": refused}, counts=True)
    yield _one("lab_sessions", "Sessions of people that are signed in", sum(exchange.sessions.counts().values()))
    yield _one("lab_memory_bytes", "Memory of the process", psutil.Process().memory_info().rss)
    yield _one("lab_disk_free_bytes", "Left on the disk", found.disk_free_bytes)


def _one(name: str, said: str, value: float | None) -> Measure:
    return Measure(name, said, "", {} if value is None else {"": float(value)})
