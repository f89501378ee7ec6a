"""A lab with datasets and runs in a temporary folder, whose workers misbehave on demand and are all gone afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Connection

from core.readings.sample import sample_community
from core.runs.datasets import Dataset, Datasets
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.runs import Runs
from core.settings import Settings
from core.store import Store
from core.store.pool import Pool

STUB = Path(__file__).parent / "stub_worker.py"
START_MS = 1_780_000_000_000


class Lab:
    """Store, datasets and runs on one folder; `restart` is what a new process would find."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder / "data", uploads_dir=folder / "uploads", workers=2)
        self.now_ms = START_MS
        self.command = (sys.executable, str(STUB))
        self.limit_s = 60.0
        self.open()

    def open(self) -> None:
        self.store = Store(self.settings.resolved_database_url)
        self.pool = Pool(self.store, clock=self.clock)
        self.audited: list[tuple[str, str, str]] = []
        self.datasets = Datasets(self.store, self.settings, audit=self.audit, clock=self.clock)
        self.runs = Runs(
            self.store,
            self.settings,
            datasets=self.datasets,
            pool=self.pool,
            audit=self.audit,
            clock=self.clock,
            command=self.command,
            algorithm_limit_s=self.limit_s,
        )

    def clock(self) -> int:
        return self.now_ms

    def audit(self, connection: Connection, *, action: str, actor: str, subject: str) -> None:
        assert connection.in_transaction()
        self.audited.append((action, actor, subject))

    def restart(self, **changes: object) -> None:
        self.close()
        self.settings = replace(self.settings, **changes)
        self.open()

    def close(self) -> None:
        self.runs.stop_workers()
        self.store.close()

    def dataset(self, user_id: str = "ann", *, seed: int = 1, households: int = 3) -> Dataset:
        files = sample_community(seed, households, days=1).csv_files()
        added = self.datasets.add(user_id, files, name=f"Street {seed}")
        assert added.dataset is not None
        return added.dataset

    def start(self, user_id: str, dataset: Dataset, behaviour: str = "as it should", *, name: str = "") -> str:
        """Start a run whose worker does what `behaviour` says; see stub_worker.py."""
        plan = RunPlan((Selection("grid_only"), Selection("mid_market_rate")), (Scenario(behaviour),))
        return self.runs.start(user_id, dataset.dataset_id, plan=plan, name=name)

    @staticmethod
    def workers() -> list[psutil.Process]:
        """Every worker process of this test process that still lives, and what they started."""
        found = []
        for child in psutil.Process().children(recursive=True):
            try:
                if child.status() != psutil.STATUS_ZOMBIE:
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    @staticmethod
    def until(condition: Callable[[], object], *, timeout_s: float = 30.0) -> object:
        """Wait for a condition, not for a time."""
        end = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.005)
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.close()
    assert lab.workers() == []
