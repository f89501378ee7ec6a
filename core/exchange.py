"""The one place that builds every service, starts them in order and stops them in reverse."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import types
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection

from core import system
from core.accounts import Accounts, Sessions, Tokens, User
from core.accounts.recovery import Recovery
from core.chain import Chain
from core.chain.records import MinedBlock, Search
from core.chain.search import with_runs
from core.errors import ConflictError, LabError, LedgerReadOnlyError, UnavailableError
from core.ledger.file import LedgerFile
from core.ledger.transaction import audit
from core.live.announcer import Announcer, retained_checkpoint
from core.live.broker import Broker
from core.live.feed import Feed
from core.live.price import TICK_S, PriceSeries
from core.live.report import Follower
from core.live.simulator import Simulator
from core.runs import Datasets, Runs
from core.settings import Settings
from core.store import Store
from core.store.datasets import DatasetRows
from core.store.pool import Pool
from core.store.quarantine import Quarantine
from core.store.runs import RunRows

log = logging.getLogger(__name__)
NAMED_RUNS = 20
"""Runs of a name that a search lists."""
LOCK_FILE = "lab.lock"
"""In the data folder; whoever holds it is the lab that starts services there."""


@dataclass(frozen=True, slots=True)
class Mined:
    """What came of asking for a block: the block, or None and why, as a sentence."""

    block: MinedBlock | None
    sentence: str


class Exchange:
    """Every service of one lab, built once.

    Order of life: `Exchange(settings)` builds, `start()` starts threads and jobs, `stop()` ends every one of them.
    Raises LabError, in a sentence, if a folder, the database or the ledger cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        for folder in (settings.data_dir, settings.uploads_dir, settings.ledger_path.parent):
            _usable(folder)
        _require_no_other_writer(settings.ledger_path)
        self._started = ExitStack()
        self._started.callback(os.close, hold(settings.data_dir))
        try:
            self._build(settings)
        except BaseException:
            self._started.close()
            raise

    def _build(self, settings: Settings) -> None:
        self.store = Store(settings.resolved_database_url)
        self._started.callback(self.store.close)
        self.pool = Pool(self.store)
        self.quarantine = Quarantine(self.store)
        self.accounts = Accounts(self.store, settings, audit=self._audit)
        self.sessions = Sessions(self.store, audit=self._audit)
        self.tokens = Tokens(self.store, audit=self._audit)
        self.recovery = Recovery(self.store, audit=self._audit, passwords=self.accounts.passwords)
        self.announcer = Announcer(settings)
        self.chain = Chain(
            settings,
            self.store,
            pool=self.pool,
            on_block=self._announce,
            retained=retained_checkpoint(settings),
            announcing=lambda: self.announcer.problem,
        )
        self._started.callback(self.chain.close)
        self.datasets = Datasets(self.store, settings, audit=self._audit)
        self.runs = Runs(self.store, settings, datasets=self.datasets, pool=self.pool, audit=self._audit)
        self.broker = None if settings.mqtt_host else Broker(settings)
        self.feed: Feed | Follower = (
            Follower(settings, self.quarantine)
            if settings.feed == "process"
            else Feed(settings, self.pool, self.quarantine)
        )
        self.simulator = Simulator(settings) if settings.simulator else None
        self.price = PriceSeries(settings, self.feed.cache.snapshot)
        self.scheduler = BackgroundScheduler(timezone=UTC)
        self._stopping = threading.Event()
        self._problem = ""

    def start(self) -> None:
        """Start broker, feed, workers, simulator, miner and price; on an error stop what was started."""
        try:
            if self.broker is not None:
                self._run(self.broker.start, self.broker.stop)
            if self.settings.feed != "off":
                self._run(self.feed.start, self.feed.stop)
            self._run(self.announcer.start, self.announcer.stop)
            self._run(self.runs.start_workers, self.runs.stop_workers)
            if self.simulator is not None:
                self._run(self.simulator.start, self.simulator.stop)
            self._job("mine", self._mine_on_time, every_s=self.settings.block_interval_s)
            self._job("price", self.price.tick, every_s=TICK_S)
            self._run(self.scheduler.start, lambda: self.scheduler.shutdown(wait=True))
            self.chain.start_verification()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what was started, last first; afterwards no thread, process or lock of ours is left."""
        self._stopping.set()
        self._started.close()

    # ---- people

    def delete_account(self, admin: User, user_id: str, *, heir_id: str = "") -> None:
        """Delete an account; its datasets and runs go to the heir, or go with it.

        It is disabled first, so nothing of it is added meanwhile, and whatever ends this half-way it can be done again.
        Raises NotAllowedError, NotFoundError, ConflictError.
        """
        if heir_id == user_id:
            raise ConflictError("Nobody inherits from themselves.", fix="Choose somebody else.")
        if heir_id:
            self.accounts.get(heir_id)
        self.accounts.set_state(admin, user_id, state="disabled")
        runs, datasets = RunRows(self.store), DatasetRows(self.store)
        if heir_id:
            with self.store.begin() as connection:
                runs.hand_over(connection, user_id, to=heir_id)
                datasets.hand_over(connection, user_id, to=heir_id)
                self._audit(connection, action="account.handed-over", actor=admin.user_id, subject=heir_id)
        for run in runs.owned(user_id):
            if run.status in ("queued", "running"):
                with suppress(ConflictError):  # it ended a moment ago
                    self.runs.cancel(run.run_id, user_id=user_id)
            self.runs.delete(run.run_id, user_id=user_id)
        for dataset in datasets.list(user_id):
            if dataset.owner_id == user_id:
                self.datasets.delete(dataset.dataset_id, user_id=user_id)
        self.accounts.delete(admin, user_id)

    # ---- mining

    def _announce(self, block: MinedBlock) -> None:
        if block.checkpoint:
            self.announcer.announce(block.checkpoint)

    def mine(self) -> Mined:
        """Make a block of what is pending now."""
        try:
            block = self.chain.mine()
        except (LabError, OSError) as error:
            self._problem = str(error)
            log.error("mining failed: %s", error)
            return Mined(None, self.mining_problem())
        self._problem = ""
        if block is None:
            return Mined(None, "Nothing is pending, so there is nothing to mine.")
        log.info("mined block %d with %d transactions", block.height, block.transactions)
        return Mined(block, f"Block {block.height} mined with {block.transactions} transactions.")

    def _mine_on_time(self) -> None:
        """Block after block until less than a full one waits."""
        while self.mine().block is not None and self.chain.full_block_waits() and not self._stopping.is_set():
            pass

    def mining_problem(self) -> str:
        """Why the last attempt to mine failed; empty if it did not."""
        return self.settings.without_paths(self._problem)

    def next_block_at(self) -> datetime | None:
        """When the miner looks at the pool next."""
        job = self.scheduler.get_job("mine") if self.scheduler.running else None
        found: datetime | None = job.next_run_time if job else None
        return found

    # ---- searching

    def find(self, text: str, *, user_id: str) -> Search:
        """What a text stands for on the chain, and the runs of that name which this user may see."""
        return find(self.chain, self.runs, text, user_id=user_id)

    # ---- what the badges say

    def broker_sentence(self) -> str:
        """Which broker, where, and how it is."""
        if self.broker is not None:
            return self.broker.sentence
        return f"An external broker at {self.settings.mqtt_host}:{self.settings.mqtt_port}."

    def simulator_sentence(self) -> str:
        """What the simulated community does."""
        return self.simulator.sentence if self.simulator is not None else "The simulated community is switched off."

    # ---- building blocks

    def _audit(self, connection: Connection, *, action: str, actor: str, subject: str) -> None:
        at_ms = time.time_ns() // 1_000_000
        self.pool.insert(connection, [audit(action=action, actor=actor, subject=subject, at_ms=at_ms)])

    def _run(self, start: Callable[[], object], stop: Callable[[], object]) -> None:
        self._started.callback(stop)
        start()

    def _job(self, name: str, work: Callable[[], object], *, every_s: float) -> None:
        self.scheduler.add_job(
            work,
            "interval",
            seconds=every_s,
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )


def find(chain: Chain, runs: Runs, text: str, *, user_id: str) -> Search:
    """What a text stands for on the chain, and the runs of that name which this user may see."""
    found, wanted = chain.find(text), text.strip().casefold()
    on_chain = {entry.document.get("run_id") for entry in found.mined}
    shown = runs.history(user_id, text=text, limit=NAMED_RUNS) if wanted else ()
    named = [(run.run_id, run.name) for run in shown if wanted in run.name.casefold() and run.run_id not in on_chain]
    return with_runs(found, named)


def _require_no_other_writer(ledger_path: Path) -> None:
    """Raise ConflictError before anything is touched if another lab writes this ledger: it would share its database."""
    with suppress(LedgerReadOnlyError):  # a missing file is made, one that cannot be written is shown read-only
        LedgerFile(ledger_path).close()


def hold(folder: Path) -> int:
    """The data folder's lock, held until it is closed. Raises ConflictError if another lab has it."""
    file = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | system.OPEN, 0o600)
    try:
        system.lock(file)
    except OSError:
        os.close(file)
        raise ConflictError(
            f"Another lab uses the data folder {folder}.", fix="Stop it first, or use another DATA_DIR."
        ) from None
    return file


def _usable(folder: Path) -> None:
    """Make the folder, for this user alone, if it is missing, and see that files can be made in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UnavailableError(
            f"The folder {folder} cannot be written: {error.strerror}.",
            fix="Make it writable, or name another with DATA_DIR, UPLOADS_DIR or LEDGER_PATH.",
        ) from error


# Streamlit's watcher and cache resets evict modules; a name in sys.modules that no file backs survives both.
_holder: Any = sys.modules.setdefault("_p2p_lab_exchange", types.ModuleType("_p2p_lab_exchange"))
_lock: threading.Lock = _holder.__dict__.setdefault("lock", threading.Lock())


def install(exchange: Exchange | None) -> None:
    """Make `exchange` the one that pages and routes see; None takes it away."""
    with _lock:
        _holder.exchange = exchange


def without_paths(text: str) -> str:
    """A sentence as people who are not at the server may read it: without the places of files there."""
    exchange: Exchange | None = getattr(_holder, "exchange", None)
    return text if exchange is None else exchange.settings.without_paths(text)


def current() -> Exchange:
    """The running exchange. Raises UnavailableError before it is built and after it is stopped."""
    with _lock:
        exchange: Exchange | None = getattr(_holder, "exchange", None)
    if exchange is None:
        raise UnavailableError("The lab is not running.", fix="Start it with `make run`.")
    return exchange
