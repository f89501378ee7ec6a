"""What is written down about a run as it goes, each step in one database transaction.

queued → running → done | failed | cancelled | interrupted. The last step is taken once, by whoever comes first:
finishing a run that was cancelled a moment ago changes nothing and adds no transaction.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection

from core.runs.plan import RunPlan
from core.runs.results import Results
from core.runs.transactions import run_transaction
from core.store import Store
from core.store.pool import Pool
from core.store.runs import RunRow, RunRows, Status

INTERRUPTED = (
    "The lab was stopped while this run was under way. Start it again: what it had finished is not computed twice."
)


class Records:
    """The records of runs, and word to whoever waits for a change."""

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

    def queued(self) -> Sequence[RunRow]:
        """Queued runs, first come first."""
        return self.rows.with_status("queued")

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
            name=row.name,
            at_ms=now_ms,
        )
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
            )
            if moved:
                self._pool.insert(connection, [transaction])
        self.tell()

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

    def tell(self) -> None:
        """Wake whoever waits for a change."""
        with self.changed:
            self.changed.notify_all()

    def _move(self, row: RunRow, status: Status, *, expected: Status, **values: object) -> bool:
        moved = self.rows.move(row.run_id, expected=(expected,), status=status, **values)
        self.tell()
        return moved
