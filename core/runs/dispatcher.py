"""Gives queued runs to worker processes, two a user at once, and contains whatever happens in there.

One thread owns every worker and every job; the rest of the lab talks to it through its queue. A worker does one run and
ends; a spare one, imports done, waits for the next, so that a click does not wait for an interpreter to start.
"""

from __future__ import annotations

import logging
import queue
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core import system
from core.errors import LabError
from core.runs.progress import Progress, RunProgress, Speeds
from core.runs.worker_process import Worker
from core.store.runs import RunRow

log = logging.getLogger(__name__)

RUNS_A_USER = 2
WARM_UP_LIMIT_S = 180.0
STOP_LIMIT_S = 10.0


class Recorder(Protocol):
    """What the dispatcher needs done to the records of runs."""

    def next(self, *, most_an_owner: int) -> RunRow | None:
        """The queued run that is next, of an owner with fewer than so many under way."""

    def begin(self, row: RunRow) -> bool:
        """Mark a queued run running; False when it is no longer queued."""

    def task(self, row: RunRow) -> Mapping[str, object]:
        """What to tell the worker."""

    def finish(self, row: RunRow, result_key: str) -> None:
        """The result is on disk: mark the run done and add its transaction."""

    def fail(self, row: RunRow, message: str) -> None:
        """Mark a running run failed."""

    def interrupt(self, row: RunRow) -> None:
        """Mark a running run interrupted."""


@dataclass
class Job:
    """A run in a worker."""

    row: RunRow
    task: Mapping[str, object]
    worker: Worker
    deadline_s: float
    limit_s: float
    progress: RunProgress | None = None
    algorithm_ids: Sequence[str] = ()
    cells: int = 0
    at_work_on: str = ""
    given_again: bool = False
    began_s: float = field(default_factory=time.monotonic)


class Dispatcher:
    """Runs workers until stopped. `algorithm_limit_s` bounds each algorithm of a run."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        capacity: int,
        command: Sequence[str],
        algorithm_limit_s: float,
        speeds: Speeds,
    ) -> None:
        self._recorder = recorder
        self._capacity = capacity
        self._command = command
        self._limit_s = algorithm_limit_s
        self._speeds = speeds
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._jobs: dict[str, Job] = {}
        self._workers: set[Worker] = set()
        self._spare: Worker | None = None
        self._spare_is_ready = threading.Event()

    def start(self) -> None:
        """Start the thread and the spare worker; queued runs begin."""
        self._thread = threading.Thread(target=self._work, name="runs", daemon=True)
        self._thread.start()
        self.wake()

    def stop(self) -> None:
        """End every worker, mark their runs interrupted; afterwards no thread or process of ours is left."""
        if self._thread is not None:
            self._events.put(None)
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """Look at the queue of runs."""
        self._events.put(self._begin_what_can)

    def drop(self, run_id: str) -> None:
        """End the worker of a run, if it has one; its record is the caller's."""
        self._events.put(lambda: self._end(run_id))

    def progress(self, run_id: str) -> Progress | None:
        """Where a run under way stands; None before its worker has looked at it."""
        job = self._jobs.get(run_id)
        return job.progress.at(time.monotonic()) if job is not None and job.progress is not None else None

    def wait_for_spare(self, timeout_s: float) -> bool:
        """Wait until a worker stands ready for the next run."""
        return self._spare_is_ready.wait(timeout_s)

    def _work(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=self._seconds_to_deadline())
            except queue.Empty:
                event = self._end_overdue
            if event is None:
                break
            try:
                event()
            except Exception:
                log.exception("the dispatcher of runs met a fault and goes on")
        self._leave()

    def _leave(self) -> None:
        workers = list(self._workers)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join(STOP_LIMIT_S)
        for job in self._jobs.values():
            try:
                self._recorder.interrupt(job.row)
            except Exception:  # the next start does it
                log.exception("run %s could not be marked interrupted", job.row.run_id)
        self._jobs.clear()
        self._workers.clear()
        self._spare = None

    def _begin_what_can(self) -> None:
        while len(self._jobs) < self._capacity:
            row = self._recorder.next(most_an_owner=RUNS_A_USER)
            if row is None:
                break
            if self._recorder.begin(row):
                self._begin(row)
        self._keep_a_spare()

    def _begin(self, row: RunRow) -> None:
        try:
            task = {**self._recorder.task(row), "limit_s": self._limit_s}
            worker = self._spare or self._start_worker()
        except Exception as error:
            self._recorder.fail(row, str(error))
            if not isinstance(error, LabError):
                log.exception("run %s could not begin", row.run_id)
            return
        self._spare = None
        self._spare_is_ready.clear()
        self._jobs[row.run_id] = Job(row, task, worker, time.monotonic() + WARM_UP_LIMIT_S, WARM_UP_LIMIT_S)
        worker.give(task)
        log.info("run %s began in worker %d", row.run_id, worker.pid)

    def _start_worker(self) -> Worker:
        worker = Worker(self._command, lambda who, message: self._events.put(lambda: self._heard(who, message)))
        self._workers.add(worker)
        return worker

    def _keep_a_spare(self) -> None:
        if self._spare is None:
            self._spare = self._start_worker()

    def _heard(self, worker: Worker, message: Mapping[str, Any] | None) -> None:
        job = next((job for job in self._jobs.values() if job.worker is worker), None)
        if message is None:
            self._left(worker, job)
        elif message["event"] == "ready" and worker is self._spare:
            self._spare_is_ready.set()
        elif job is not None:
            self._advance(job, message)

    def _left(self, worker: Worker, job: Job | None) -> None:
        self._workers.discard(worker)
        if worker is self._spare:
            was_ready, self._spare = self._spare_is_ready.is_set(), None
            self._spare_is_ready.clear()
            log.error("the spare worker ended with %s: %s", worker.exit_status, worker.last_errors()[-2000:])
            if was_ready:  # one that cannot even start is not tried again before there is a run for it
                self._keep_a_spare()
        if job is not None and job.progress is None and not job.given_again:
            self._give_again(job)
        elif job is not None:
            self._fail(job, f"{_how_it_ended(worker.exit_status)} {_where(job)}", trace=worker.last_errors())

    def _give_again(self, job: Job) -> None:
        """The worker died before it had looked at the run: that was not the run's fault."""
        log.error("worker %d ended with %s before it began", job.worker.pid, job.worker.exit_status)
        job.given_again, job.worker = True, self._start_worker()
        job.deadline_s = time.monotonic() + WARM_UP_LIMIT_S
        job.worker.give(job.task)

    def _advance(self, job: Job, message: Mapping[str, Any]) -> None:
        now_s = time.monotonic()
        match message["event"]:
            case "planned":
                job.cells = int(message["cells"])
                job.algorithm_ids = message["algorithm_ids"]
                job.progress = RunProgress(
                    [
                        0.0 if kept else self._speeds.expect(algorithm_id, cells=job.cells)
                        for algorithm_id, kept in zip(job.algorithm_ids, message["kept"], strict=True)
                    ]
                )
            case "begun" if job.progress is not None:
                job.at_work_on = str(message["name"])
                job.progress.begin(f"{message['name']}, {message['scenario']}", now_s=now_s)
                job.limit_s, job.deadline_s = self._limit_s, now_s + self._limit_s
            case "ended" if job.progress is not None:
                job.progress.end(now_s=now_s)
                if message["seconds"] > 0.0:
                    self._speeds.learn(str(message["algorithm_id"]), cells=job.cells, seconds=float(message["seconds"]))
            case "done":
                self._finish(job, str(message["result"]))
            case "failed":
                sentence = f"{message['message']} {message['fix']}".strip()
                where = "" if message["code"] != "crash" else f" {_where(job)}"
                self._fail(job, f"{sentence}{where}", trace=str(message["trace"]))

    def _finish(self, job: Job, result_key: str) -> None:
        try:
            self._recorder.finish(job.row, result_key)
        except Exception as error:
            log.exception("run %s could not be finished", job.row.run_id)
            self._fail(job, f"The result could not be recorded: {error}", trace="")
            return
        log.info("run %s done in %.1f s", job.row.run_id, time.monotonic() - job.began_s)
        self._end(job.row.run_id)

    def _fail(self, job: Job, message: str, *, trace: str) -> None:
        error_id = secrets.token_hex(4)
        log.error("error %s: run %s failed: %s\n%s", error_id, job.row.run_id, message, trace)
        try:
            self._recorder.fail(job.row, f"{message} (error {error_id})")
        finally:
            self._end(job.row.run_id)

    def _end(self, run_id: str) -> None:
        job = self._jobs.pop(run_id, None)
        if job is not None:
            job.worker.kill()
            self._begin_what_can()

    def _seconds_to_deadline(self) -> float | None:
        deadlines = [job.deadline_s for job in self._jobs.values()]
        return max(min(deadlines) - time.monotonic(), 0.0) if deadlines else None

    def _end_overdue(self) -> None:
        now_s = time.monotonic()
        for job in [job for job in self._jobs.values() if job.deadline_s <= now_s]:
            self._fail(
                job, f"The worker was ended after {job.limit_s:g} s without getting further. {_where(job)}", trace=""
            )


def _how_it_ended(status: int | None) -> str:
    if status == system.ALARM_STATUS:
        return "The worker was ended because it took longer than its limit."
    if status is not None and status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
        return f"The worker was ended by signal {name}."
    return f"The worker ended with status {status} before it was done."


def _where(job: Job) -> str:
    doing = f'"{job.at_work_on}" was at work' if job.at_work_on else "It had not begun"
    return f"{doing}; other runs are not affected."
