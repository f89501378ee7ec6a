"""Computes a recorded run again, in a process of its own, to see whether the same comes out.

A result is replayed only where all it depends on is at hand and unchanged: the readings by their digest, the algorithm
by the digest of its source and, for runs this lab made, the market's own code. Kept results are not looked at.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from core.errors import LabError, LedgerError, NotFoundError
from core.ledger import commitment
from core.market.algorithms import get
from core.market.contract import Algorithm, Value
from core.runs.plan import digest
from core.runs.tariffs import TariffPlan
from core.runs.worker_process import Worker

log = logging.getLogger(__name__)

REMEMBERED = 1_000
Entry = Mapping[str, Any]


class Replayer:
    """Called as the ledger's verification calls it; results of equal runs are computed once."""

    def __init__(
        self,
        *,
        parquet: Callable[[str], Path],
        same_code: Callable[[str], bool],
        opening: Callable[[str], Mapping[str, Any] | None],
        command: Sequence[str],
        limit_s: float,
    ) -> None:
        """parquet: readings of a digest. same_code: whether a run was made by the market's code as it is now.

        opening: what opens a private run, by its id.
        """
        self._parquet = parquet
        self._same_code = same_code
        self._opening = opening
        self._command = command
        self._limit_s = limit_s
        self._known: LRUCache[str, str | None] = LRUCache(REMEMBERED)
        self._lock = threading.Lock()  # owns _known

    def __call__(self, document: Entry, entry: Entry, /) -> str | None:
        """The digest of one result of a run document, computed anew; None where that cannot be done."""
        key = _key(document, entry)
        with self._lock:
            if key not in self._known:
                wanted = [each for each in document["results"] if _key(document, each) not in self._known]
                for each, found in zip(wanted, self._computed(document, wanted), strict=True):
                    self._known[_key(document, each)] = found
            return self._known.get(key)

    def opened(self, document: Entry, /) -> dict[str, Any] | None:
        """The whole run behind a private one; None if this lab does not have what opens it."""
        opening = self._opening(str(document["run_id"]))
        if opening is None:
            return None
        try:
            return commitment.opened(document, opening)
        except LedgerError as error:
            log.error("run %s: %s", document["run_id"], error)
            return None

    def _computed(self, document: Entry, entries: Sequence[Entry]) -> list[str | None]:
        try:
            readings = self._parquet(str(document["dataset_digest"]))
        except NotFoundError:
            return [None] * len(entries)
        tasks = [_task(each) if self._same_code(str(document["run_id"])) else None for each in entries]
        asked = [task for task in tasks if task is not None]
        digests = iter(self._asked(readings, asked) if asked else ())
        return [None if task is None else next(digests) for task in tasks]

    def _asked(self, readings: Path, entries: Sequence[Mapping[str, object]]) -> list[str | None]:
        heard: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        worker = Worker(self._command, lambda _, message: heard.put(message))
        try:
            worker.give(
                {"task": "replay", "readings": str(readings), "entries": list(entries), "limit_s": self._limit_s}
            )
            while (message := heard.get(timeout=self._limit_s)) is not None:
                if message["event"] == "done":
                    return list(message["digests"])
                if message["event"] == "failed":
                    log.error("a recorded run cannot be replayed: %s\n%s", message["message"], message["trace"])
                    break
        except queue.Empty:
            log.error("a recorded run was not replayed within %g s", self._limit_s)
        finally:
            worker.kill()
            worker.join()
        return [None] * len(entries)


def _key(document: Entry, entry: Entry) -> str:
    asked = {name: entry.get(name) for name in ("algorithm_id", "source_digest", "parameters", "tariff")}
    return digest([document["dataset_digest"], asked])


def _task(entry: Entry) -> Mapping[str, object] | None:
    try:
        algorithm = get(str(entry["algorithm_id"]))
        if algorithm.source_digest != entry["source_digest"] or algorithm.needs_folder:
            return None
        tariff = TariffPlan.from_json(entry["tariff"])
        return {
            "algorithm_id": algorithm.id,
            "parameters": _parsed(algorithm, entry["parameters"]),
            "tariff": tariff.to_json(),
        }
    except (LabError, KeyError, TypeError, AttributeError):
        return None


def _parsed(algorithm: Algorithm, written: Entry) -> dict[str, Value]:
    """The ledger writes numbers that are no integers as text: read them as the algorithm declares them."""
    declared = {parameter.name: parameter for parameter in algorithm.parameters}
    return {name: declared[name].parse(str(value)) for name, value in written.items()}
