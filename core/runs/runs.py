"""Comparisons in the background: started with a click, carried out elsewhere, kept with all it takes to repeat them."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from core.errors import ConflictError, NotFoundError, TooManyRequestsError
from core.runs.access import Access, Audit, Link, NewLink, at, unaudited
from core.runs.comparison import market_digest
from core.runs.datasets import Datasets, now_ms, plain_name
from core.runs.dispatcher import Dispatcher
from core.runs.plan import RunPlan, check_plan
from core.runs.progress import Progress, Speeds
from core.runs.queue import RunQueue
from core.runs.replay import Replayer
from core.runs.reports import Provenance
from core.runs.results import Results, RunResult
from core.runs.state import RunState, plain_tags, proposed_name
from core.runs.transactions import check_size
from core.runs.worker_process import COMMAND
from core.settings import Settings
from core.store import Store
from core.store.pool import Pool
from core.store.runs import RunRow

__all__ = ["RunState", "Runs"]

log = logging.getLogger(__name__)

ALGORITHM_LIMIT_S = 900.0
"""An algorithm that takes longer than this on one scenario is taken for an endless loop; its run fails."""
QUEUED_A_USER = 50
REMEMBERED_RUNS = 20
STARTING = "A worker starts"
UNUSED_RESULTS_S = 30 * 86_400.0


class Runs:
    """Every run of every user. Between `start_workers` and `stop_workers` queued runs are carried out."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        datasets: Datasets,
        pool: Pool,
        audit: Audit = unaudited,
        clock: Callable[[], int] = now_ms,
        command: Sequence[str] = COMMAND,
        algorithm_limit_s: float = ALGORITHM_LIMIT_S,
    ) -> None:
        """clock: milliseconds since 1970 UTC. command: what starts a worker process."""
        self._datasets = datasets
        self._clock = clock
        self._store = store
        self._audit = audit
        self._results = Results(settings.data_dir / "results")
        self._queue = RunQueue(store, self._results, pool=pool, parquet=datasets.parquet, clock=clock)
        self._rows = self._queue.rows
        self._access = Access(store, "run", rows=self._rows, clock=clock, audit=audit)
        self._speeds = Speeds()
        self._dispatcher = Dispatcher(
            self._queue,
            capacity=settings.workers,
            command=command,
            algorithm_limit_s=algorithm_limit_s,
            speeds=self._speeds,
        )
        self.replay = Replayer(
            parquet=datasets.parquet,
            same_code=self._same_code,
            opening=self._opening,
            command=command,
            limit_s=algorithm_limit_s,
        )

    # ---- the workers

    def start_workers(self) -> None:
        """Mark what a dead lab left running as interrupted, then carry out what is queued."""
        self._queue.interrupt_all()
        self._results.prune(self._rows.result_keys(), older_than_s=UNUSED_RESULTS_S)
        self._remember_speeds()
        self._dispatcher.start()

    def stop_workers(self) -> None:
        """End every worker and mark its run interrupted; afterwards no process or thread of ours is left."""
        self._dispatcher.stop()

    def wait_for_spare(self, timeout_s: float) -> bool:
        """Wait until a worker stands ready, so that the next run begins at once."""
        return self._dispatcher.wait_for_spare(timeout_s)

    # ---- one run

    def start(
        self,
        user_id: str,
        dataset_id: str,
        *,
        plan: RunPlan,
        name: str = "",
        tags: Sequence[str] = (),
        figures_on_ledger: bool = True,
    ) -> str:
        """Queue a run on the dataset as it is now; durable when this returns its id.

        figures_on_ledger: whether everybody who reads the ledger can read figures, parameters and tariffs, for ever;
        else it has a salted commitment that the owner can open.
        Raises NotFoundError without the right to read the dataset, MarketError for an unknown algorithm or
        parameter, TooLargeError, TooManyRequestsError when too many of this user's runs wait.
        """
        dataset = self._datasets.get(dataset_id, user_id=user_id)
        return self._enqueue(
            user_id,
            (dataset.dataset_id, dataset.name, dataset.digest, dataset.time_zone),
            plan,
            name=plain_name(name) or proposed_name(dataset.name, plan),
            tags=plain_tags(tags),
            figures_on_ledger=figures_on_ledger,
            provenance=self._datasets.report(dataset_id, user_id=user_id).provenance.to_json(),
        )

    def again(self, run_id: str, *, user_id: str, link: str = "") -> str:
        """Queue the same plan on the very same readings as a new run, whatever became of the first.

        Raises NotFoundError when the readings are no longer kept.
        """
        row = self._access.seen(run_id, user_id=user_id, link=link)
        return self._enqueue(
            user_id,
            (row.dataset_id, row.dataset_name, row.dataset_digest, row.time_zone),
            _plan(row),
            name=row.name,
            tags=tuple(json.loads(row.tags)),
            figures_on_ledger=row.figures_on_ledger,
            provenance=row.provenance,
        )

    def state(self, run_id: str, *, user_id: str, link: str = "") -> RunState:
        """Where a run stands. Raises NotFoundError."""
        return self._state(self._access.seen(run_id, user_id=user_id, link=link), self._queue_positions())

    def wait(self, run_id: str, *, user_id: str, timeout_s: float) -> RunState:
        """The state once the run has ended, or when `timeout_s` is over."""
        until = time.monotonic() + timeout_s
        with self._queue.changed:
            while not (state := self.state(run_id, user_id=user_id)).ended and time.monotonic() < until:
                self._queue.changed.wait(until - time.monotonic())
        return state

    def opening(self, run_id: str, *, user_id: str) -> dict[str, Any] | None:
        """What opens the commitment that the ledger has of one's private run; None when there is nothing to open."""
        self._access.owned(run_id, user_id=user_id)
        return self._opening(run_id)

    def cancel(self, run_id: str, *, user_id: str, is_admin: bool = False) -> None:
        """End a queued or running run. Raises ConflictError when it has ended already."""
        row = self._access.owned(run_id, user_id=user_id, is_admin=is_admin)
        with self._store.begin() as connection:
            if not self._queue.cancel(connection, row):
                raise ConflictError(f'The run "{row.name}" has ended already.')
            self._audit(connection, action="run.cancelled", actor=user_id, subject=run_id)
        self._queue.notify()
        self._dispatcher.drop(run_id)
        log.info("user %s: run %s cancelled", user_id, run_id)

    def result(self, run_id: str, *, user_id: str, link: str = "") -> RunResult:
        """What a finished run found. Raises NotFoundError, ConflictError while it is not done."""
        row = self._access.seen(run_id, user_id=user_id, link=link)
        if row.result_key is None:
            raise ConflictError(
                f'The run "{row.name}" is {row.status} and has no result.', fix="Wait, or start it again."
            )
        return self._results.run(row.result_key)

    # ---- all runs

    def history(
        self, user_id: str, *, text: str = "", dataset_id: str = "", before: int | None = None, limit: int = 50
    ) -> tuple[RunState, ...]:
        """A user's runs and those shared with everybody, newest first; `text` looks in name, tags and dataset."""
        positions = self._queue_positions()
        rows = self._rows.history(user_id, text=text.strip(), dataset_id=dataset_id, before=before, limit=limit)
        return tuple(self._state(row, positions) for row in rows)

    def under_way(self) -> tuple[int, int]:
        """How many runs of all users are running and how many wait."""
        return self._rows.count("running"), self._rows.count("queued")

    def describe(self, run_id: str, *, user_id: str, name: str, tags: Sequence[str]) -> None:
        """Give one's run another name and other tags."""
        row = self._access.owned(run_id, user_id=user_id)
        kept_name, kept_tags = plain_name(name) or row.name, json.dumps(plain_tags(tags), ensure_ascii=False)
        with self._store.begin() as connection:
            self._rows.change(connection, run_id, name=kept_name, tags=kept_tags)

    def delete(self, run_id: str, *, user_id: str) -> None:
        """Take one's ended run out of the history; the ledger keeps its transaction. Raises ConflictError."""
        row = self._access.owned(run_id, user_id=user_id)
        with self._store.begin() as connection:
            if not self._rows.delete(connection, run_id, unless=("queued", "running")):
                raise ConflictError(f'The run "{row.name}" has not ended.', fix="Cancel it first.")
            self._audit(connection, action="run.deleted", actor=user_id, subject=run_id)

    # ---- sharing

    def share(self, run_id: str, *, user_id: str, everybody: bool) -> None:
        """Let everybody who signs in read one's run, or no longer."""
        self._access.share(run_id, user_id=user_id, everybody=everybody)

    def create_link(self, run_id: str, *, user_id: str, days: float = 30.0) -> NewLink:
        """Make a read-only link to one's run."""
        return self._access.create_link(run_id, user_id=user_id, days=days)

    def links(self, run_id: str, *, user_id: str) -> tuple[Link, ...]:
        """The links to one's run."""
        return self._access.links(run_id, user_id=user_id)

    def revoke_link(self, run_id: str, link_id: str, *, user_id: str) -> None:
        """End a link to one's run at once."""
        self._access.revoke(run_id, link_id, user_id=user_id)

    # ---- within

    def _enqueue(
        self,
        user_id: str,
        dataset: tuple[str, str, str, str],
        plan: RunPlan,
        *,
        name: str,
        tags: Sequence[str],
        figures_on_ledger: bool,
        provenance: str,
    ) -> str:
        check_plan(plan)
        check_size(plan)
        self._datasets.parquet(dataset[2])
        waiting = self._rows.count("queued", owner_id=user_id)
        if waiting >= QUEUED_A_USER:
            raise TooManyRequestsError(
                f"{waiting} of your runs are waiting already.", retry_after_s=60.0, fix="Wait for one or cancel it."
            )
        dataset_id, dataset_name, dataset_digest, time_zone = dataset
        row = RunRow(
            run_id=secrets.token_hex(8),
            owner_id=user_id,
            name=name,
            tags=json.dumps(list(tags), ensure_ascii=False),
            dataset_id=dataset_id,
            dataset_name=dataset_name,
            dataset_digest=dataset_digest,
            time_zone=time_zone,
            plan=json.dumps(plan.to_json(), ensure_ascii=False),
            status="queued",
            message="",
            queued_at_ms=self._clock(),
            figures_on_ledger=figures_on_ledger,
            provenance=provenance,
        )
        self._rows.insert(row)
        log.info("user %s: run %s queued, %d rows", user_id, row.run_id, plan.rows)
        self._dispatcher.wake()
        return row.run_id

    def _remember_speeds(self) -> None:
        """Learn from the latest runs how long each algorithm takes, so that time left is known after a restart."""
        for row in reversed(self._rows.latest_done(REMEMBERED_RUNS)):
            with suppress(NotFoundError):
                result = self._results.run(row.result_key or "")
                for each in result.rows:
                    cells = result.slots * len(result.household_ids)
                    self._speeds.learn(each.algorithm_id, cells=cells, seconds=each.seconds)

    def _opening(self, run_id: str) -> dict[str, Any] | None:
        row = self._rows.get(run_id)
        return None if row is None or row.opening is None else json.loads(row.opening)

    def _same_code(self, run_id: str) -> bool:
        """Whether the market's code is what it was for a run of this lab; taken for granted for a run it never had."""
        row = self._rows.get(run_id)
        if row is None or row.result_key is None:
            return True
        try:
            return self._results.run(row.result_key).market_digest == market_digest()
        except NotFoundError:
            return True

    def _queue_positions(self) -> dict[str, int]:
        return {run_id: position for position, run_id in enumerate(self._queue.order(), start=1)}

    def _state(self, row: RunRow, positions: dict[str, int]) -> RunState:
        plan = _plan(row)
        progress, provenance = self._progress(row, plan), Provenance.from_json(row.provenance)
        return RunState(
            run_id=row.run_id,
            owner_id=row.owner_id,
            name=row.name,
            tags=tuple(json.loads(row.tags)),
            dataset_id=row.dataset_id,
            dataset_name=row.dataset_name,
            dataset_digest=row.dataset_digest,
            plan=plan,
            status=row.status,
            message=row.message or progress.message,
            progress=progress.fraction,
            left_s=progress.left_s,
            rows_done=progress.rows_done,
            queue_position=positions.get(row.run_id),
            queued_at=at(row.queued_at_ms),
            started_at=None if row.started_at_ms is None else at(row.started_at_ms),
            ended_at=None if row.ended_at_ms is None else at(row.ended_at_ms),
            result_digest=row.result_digest,
            tx_hash=row.tx_hash,
            shared=row.shared,
            figures_on_ledger=row.figures_on_ledger,
            findings=provenance.findings,
            assumptions=provenance.assumptions,
            cursor=row.seq,
        )

    def _progress(self, row: RunRow, plan: RunPlan) -> Progress:
        if row.status == "done":
            return Progress(plan.rows, plan.rows, 1.0, 0.0, "")
        if row.status == "running":
            return self._dispatcher.progress(row.run_id) or Progress(0, plan.rows, 0.0, None, STARTING)
        return Progress(0, plan.rows, 0.0, None, "")


def _plan(row: RunRow) -> RunPlan:
    return RunPlan.from_json(json.loads(row.plan))
