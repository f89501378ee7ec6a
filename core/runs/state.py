"""A run as others see it, and the words that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.errors import InputError
from core.readings import Issue
from core.runs.datasets import plain_name
from core.runs.plan import RunPlan
from core.store.runs import Status

MAX_NAME = 120
MAX_TAGS = 10
MAX_TAG = 40


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as a page shows it.

    progress: 0 to 1. left_s: None while there is nothing to judge it by. queue_position: 1 is next, None if not
    queued. figures_on_ledger: else the ledger has a salted commitment, see `Runs.opening`. findings: what a person
    should doubt about the readings; assumptions: how they were read. cursor: hand it to `history` as `before` for what
    is older.
    """

    run_id: str
    owner_id: str
    name: str
    tags: tuple[str, ...]
    dataset_id: str
    dataset_name: str
    dataset_digest: str
    plan: RunPlan
    status: Status
    message: str
    progress: float
    left_s: float | None
    rows_done: int
    queue_position: int | None
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    result_digest: str | None
    tx_hash: str | None
    shared: bool
    cursor: int
    figures_on_ledger: bool = True
    findings: tuple[Issue, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.status not in ("queued", "running")


def proposed_name(dataset_name: str, plan: RunPlan) -> str:
    """A name for a run that was given none."""
    algorithms = len(plan.selections)
    what = plan.selections[0].algorithm_id if algorithms == 1 else f"{algorithms} algorithms"
    scenarios = f" in {len(plan.scenarios)} scenarios" if len(plan.scenarios) > 1 else ""
    return plain_name(f"{dataset_name}: {what}{scenarios}"[:MAX_NAME])


def plain_tags(tags: Sequence[str]) -> list[str]:
    """Tags with single spaces, each once. Raises InputError for too many or too long ones."""
    plain = list(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in tags))))
    if len(plain) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in plain):
        raise InputError(f"Expected at most {MAX_TAGS} tags of at most {MAX_TAG} characters each.")
    return plain
