"""The tasks a worker knows, and what it does before the first so that no click waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

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
from core.runs.worker import Send, limit

_GRACE_S = 5.0  # the lab ends an overdue worker itself; the alarm is for when it cannot


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
    cells = pq.read_metadata(readings).num_rows  # the file has one row a slot and household
    listener = _Telling(send, cells=cells, limit_s=float(task["limit_s"]))
    key = carry_out(
        RunPlan.from_json(task["plan"]),
        lambda: from_parquet(readings.read_bytes()),
        Results(Path(task["results"])),
        dataset_digest=str(task["dataset_digest"]),
        time_zone=str(task["time_zone"]),
        listener=listener,
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


class _Telling:
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
