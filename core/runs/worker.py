"""`python -m core.runs.worker`: takes one task on standard input, works on it alone, and ends.

JSON lines. In: one task, a comparison or a replay. Out: `ready` once everything is imported and compiled, so that no
click waits for it, then what happens, then `done` or `failed`. It ends when its standard input does, even in the middle
of an algorithm; one that holds the interpreter itself is ended by an alarm, whose default action needs nobody's help.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow.parquet as pq

from core import system
from core.errors import LabError
from core.market.algorithms import find
from core.market.community import Community, Tariff
from core.market.compare import compare_all, run_algorithm
from core.market.contract import Algorithm
from core.market.passes import load_compiled
from core.readings.native import from_parquet
from core.runs.comparison import carry_out
from core.runs.plan import RunPlan, Scenario
from core.runs.results import Results
from core.runs.tariffs import TariffPlan

NICENESS = 10
_GRACE_S = 5.0  # the lab ends an overdue worker itself; the alarm is for when it cannot
Send = Callable[[str, Mapping[str, object]], None]
Perform = Callable[[Mapping[str, Any], Send], None]


def main(perform: Perform, *, warm: Callable[[], None]) -> int:
    """Warm up, perform the one task that comes, and report how it ended."""
    send = _sender(_take_stdout())
    tasks: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(tasks,), name="stdin", daemon=True).start()
    _be_modest()
    warm()
    send("ready", {})
    task = tasks.get()
    try:
        perform(task, send)
    except LabError as error:
        send("failed", {"message": error.message, "fix": error.fix, "code": error.code, "trace": ""})
    except (Exception, SystemExit) as error:
        message = f"{type(error).__name__}: {error}"
        send("failed", {"message": message, "fix": "", "code": "crash", "trace": traceback.format_exc()})
    return 0


def limit(seconds: float) -> None:
    """End this process unless it gets further within `seconds`; 0 takes the limit away."""
    system.alarm(seconds)


def _listen(tasks: queue.Queue[Mapping[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(json.loads(line))
    os._exit(0)  # the lab has gone; nobody is left to hear a result


def _take_stdout() -> IO[bytes]:
    """Standard output is for messages alone: what an algorithm prints goes to standard error."""
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return messages


def _sender(messages: IO[bytes]) -> Send:
    def send(event: str, fields: Mapping[str, object]) -> None:
        messages.write(json.dumps({"event": event, **fields}).encode() + b"\n")

    return send


def _be_modest() -> None:
    """Pages come first for the processor, and this process goes first when memory runs out."""
    system.step_back(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


def warm() -> None:
    """Import and compile everything by comparing all algorithms on a community of two for a day."""
    hour = np.arange(24.0)
    sun = np.maximum(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0)
    community = Community(
        ("A", "B"),
        datetime(2024, 6, 1, tzinfo=UTC),
        1.0,
        np.stack([0.3 + 0.1 * np.cos(hour), 0.6 + 0.2 * np.sin(hour)], axis=1),
        np.stack([2.0 * sun, 0.0 * sun], axis=1),
        np.full(2, np.nan),
    )
    load_compiled()
    arrays_only = [algorithm.id for algorithm in find().values() if not algorithm.needs_folder]
    compare_all(arrays_only, community, Tariff.flat(community.slots))


def perform(task: Mapping[str, Any], send: Send) -> None:
    """Do what a task asks for and send what came of it."""
    if task["task"] == "replay":
        _replay(task, send)
    else:
        _compare(task, send)


def _compare(task: Mapping[str, Any], send: Send) -> None:
    """Carry out the plan of a task on its readings and send the key of the result."""
    readings = Path(task["readings"])
    about = pq.read_metadata(readings)  # the file has one row a slot and household
    listener = _Reporter(send, cells=about.num_rows, limit_s=float(task["limit_s"]))
    key = carry_out(
        RunPlan.from_json(task["plan"]),
        lambda: from_parquet(readings.read_bytes()),
        Results(Path(task["results"])),
        dataset_digest=str(task["dataset_digest"]),
        time_zone=str(task["time_zone"]),
        listener=listener,
        positions=json.loads(about.metadata[b"readings"]).get("positions"),
    )
    limit(0.0)
    send("done", {"result": key})


def _replay(task: Mapping[str, Any], send: Send) -> None:
    """Compute recorded results anew and send their digests."""
    community = from_parquet(Path(task["readings"]).read_bytes())
    digests = []
    for entry in task["entries"]:
        limit(float(task["limit_s"]))
        tariff = TariffPlan.from_json(entry["tariff"]).of(community)
        outcome = run_algorithm(entry["algorithm_id"], community, tariff, parameters=entry["parameters"])
        digests.append(outcome.result_digest)
    send("done", {"digests": digests})


class _Reporter:
    """Sends what happens, and gives each algorithm its time."""

    def __init__(self, send: Send, *, cells: int, limit_s: float) -> None:
        self._send = send
        self._cells = cells
        self._limit_s = limit_s

    def planned(self, algorithm_ids: Sequence[str], kept: Sequence[bool]) -> None:
        """The rows to come, and for which the result is at hand."""
        self._send("planned", {"algorithm_ids": list(algorithm_ids), "kept": list(kept), "cells": self._cells})

    def begun(self, scenario: Scenario, algorithm: Algorithm) -> None:
        """An algorithm is at work."""
        limit(self._limit_s + _GRACE_S)
        self._send("begun", {"name": algorithm.name, "scenario": scenario.name})

    def ended(self, algorithm: Algorithm, seconds: float) -> None:
        """It is done."""
        self._send("ended", {"algorithm_id": algorithm.id, "seconds": seconds})


if __name__ == "__main__":
    os._exit(main(perform, warm=warm))  # no farewell to the thread that still waits on standard input
