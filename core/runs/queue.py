"""The queue of runs: whose is next, and what is written down as a run goes, each step in one database transaction.

queued → running → done | failed | cancelled | interrupted. The last step is taken once, by whoever comes first:
finishing a run that was cancelled a moment ago changes nothing and adds no transaction.
"""

from __future__ import annotations

import heapq
import json
import secrets
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from core.ledger import commitment
from core.ledger.commitment import SALT_BYTES
from core.runs.plan import RunPlan
from core.runs.reports import Provenance
from core.runs.results import Results
from core.runs.transactions import run_transaction
from core.store import Store
from core.store.pool import Pool
from core.store.runs import RunRow, RunRows, Status

INTERRUPTED = (
    "The lab was stopped while this run was under way. Start it again: what it had finished is not computed twice."
)


class RunQueue:
    """Queued and running runs in the database, and word to whoever waits for a change."""

    def __init__(
        self,
        store: Store,
        results: Results,
        *,
        pool: Pool,
        parquet: Callable[[str], Path],
        clock: Callable[[], int],
    ) -> None:
        self.rows = RunRows(store)
        self.changed = threading.Condition()
        self._store = store
        self._pool = pool
        self._results = results
        self._clock = clock
        self._parquet = parquet

    def next(self, *, most_an_owner: int) -> RunRow | None:
        """The queued run that is next, of an owner with fewer than so many under way."""
        queued, running = self._waiting()
        for run_id in fair_order(queued.items(), running):
            if running[queued[run_id]] < most_an_owner:
                return self.rows.get(run_id)
        return None

    def order(self) -> tuple[str, ...]:
        """The ids of queued runs in the order in which they will begin."""
        queued, running = self._waiting()
        return fair_order(queued.items(), running)

    def begin(self, row: RunRow) -> bool:
        """Mark a queued run running; False when it is no longer queued."""
        return self._move(row, "running", expected="queued", message="", started_at_ms=self._clock())

    def task(self, row: RunRow) -> Mapping[str, object]:
        """What to tell the worker. Raises NotFoundError when the readings are gone."""
        return {
            "task": "compare",
            "readings": str(self._parquet(row.dataset_digest)),
            "time_zone": row.time_zone,
            "dataset_digest": row.dataset_digest,
            "plan": json.loads(row.plan),
            "results": str(self._results.folder),
        }

    def finish(self, row: RunRow, result_key: str) -> None:
        """The result is on disk: mark the run done and add its transaction to the pending pool, both or neither."""
        result = self._results.run(result_key)
        now_ms = self._clock()
        transaction = run_transaction(
            row.run_id,
            result,
            plan=RunPlan.from_json(json.loads(row.plan)),
            actor=row.owner_id,
            findings=Provenance.from_json(row.provenance).findings,
            at_ms=now_ms,
        )
        opening = None
        if not row.figures_on_ledger:
            salt = secrets.token_bytes(SALT_BYTES)
            opening = msgspec.json.encode(commitment.opening(transaction, salt=salt)).decode()
            transaction = commitment.seal(transaction, salt=salt)
        with self._store.begin() as connection:
            moved = self.rows.change_status(
                connection,
                row.run_id,
                expected=("running",),
                status="done",
                ended_at_ms=now_ms,
                result_key=result_key,
                result_digest=result.result_digest,
                tx_hash=transaction.tx_hash,
                opening=opening,
            )
            if moved:
                self._pool.insert(connection, [transaction])
        self.notify()

    def fail(self, row: RunRow, message: str) -> None:
        """Mark a running run failed."""
        self._move(row, "failed", expected="running", message=message, ended_at_ms=self._clock())

    def interrupt(self, row: RunRow) -> None:
        """Mark a running run interrupted."""
        self._move(row, "interrupted", expected="running", message=INTERRUPTED, ended_at_ms=self._clock())

    def interrupt_all(self) -> int:
        """Mark every running run interrupted: nobody works on them after a restart. Returns how many."""
        return self.rows.interrupt_all(message=INTERRUPTED, now_ms=self._clock())

    def cancel(self, connection: Connection, row: RunRow) -> bool:
        """Mark a queued or running run cancelled in the caller's transaction; False when it had ended already."""
        return self.rows.change_status(
            connection,
            row.run_id,
            expected=("queued", "running"),
            status="cancelled",
            message="",
            ended_at_ms=self._clock(),
        )

    def notify(self) -> None:
        """Wake whoever waits for a change."""
        with self.changed:
            self.changed.notify_all()

    def _waiting(self) -> tuple[dict[str, str], Counter[str]]:
        """The owner of each queued run, first come first, and how many runs of each owner are under way."""
        under_way = self.rows.under_way()
        queued = {run_id: owner_id for run_id, owner_id, status in under_way if status == "queued"}
        return queued, Counter(owner_id for _, owner_id, status in under_way if status == "running")

    def _move(self, row: RunRow, status: Status, *, expected: Status, **values: object) -> bool:
        moved = self.rows.move(row.run_id, expected=(expected,), status=status, **values)
        self.notify()
        return moved


def fair_order(queued: Iterable[tuple[str, str]], running: Mapping[str, int]) -> tuple[str, ...]:
    """The ids of queued runs in the order in which they will begin: whoever has the fewest runs before them is next.

    queued: (run id, owner id), first come first. running: how many runs of each owner are under way.
    """
    waiting: defaultdict[str, deque[tuple[int, str]]] = defaultdict(deque)
    for place, (run_id, owner_id) in enumerate(queued):
        waiting[owner_id].append((place, run_id))
    before = Counter(running)
    heads = [(before[owner_id], mine[0][0], owner_id) for owner_id, mine in waiting.items()]
    heapq.heapify(heads)
    order = []
    while heads:
        runs_before, _, owner_id = heapq.heappop(heads)
        order.append(waiting[owner_id].popleft()[1])
        if waiting[owner_id]:
            heapq.heappush(heads, (runs_before + 1, waiting[owner_id][0][0], owner_id))
    return tuple(order)
