"""Stability of a finished run, worked out in the background with progress and cancel, and kept for the next one."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from cachetools import LRUCache

from core.errors import LabError, MarketError
from core.market.community import Community, Tariff
from core.market.local_time import local_starts, minute_of_day
from core.market.stability.study import Bills, Options, Study, study
from core.market.stability.words import not_defined_under
from core.runs.results import RunResult
from core.runs.rules import RulesPlan

log = logging.getLogger(__name__)

KEPT = 32


@dataclass(slots=True)
class Asked:
    """One question under way or answered. done, of: steps; doing: what comes next; problem: why there is no answer."""

    done: int = 0
    of: int = 1
    doing: str = ""
    answer: Study | None = None
    problem: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def ended(self) -> bool:
        """Whether there is an answer, a problem or a cancellation."""
        return self.answer is not None or bool(self.problem) or self.cancelled.is_set()


class StabilityStudies:
    """Answers by result and scenario; one is worked out at a time, so that pages stay quick."""

    def __init__(self) -> None:
        self._kept: LRUCache[tuple[str, str, bool], Asked] = LRUCache(KEPT)
        self._lock = threading.Lock()  # owns _kept
        self._turn = threading.Lock()  # held by the one that computes

    def known(self, result: RunResult, scenario: str, *, bidding: bool) -> Asked | None:
        """What was asked before; None if nobody did, or it was cancelled."""
        with self._lock:
            asked = self._kept.get((result.result_digest, scenario, bidding))
        return None if asked is None or (asked.cancelled.is_set() and asked.answer is None) else asked

    def ask(
        self,
        result: RunResult,
        scenario: str,
        community: Community,
        *,
        currency: str,
        bidding: bool = False,
        rules: RulesPlan | None = None,
    ) -> Asked:
        """Begin, or join who asked before. rules: the scenario's rulebook, under which no group's cost can be said."""
        if rules is not None:
            return Asked(answer=Study(result.household_ids, not_defined_under(rules.rulebook.name)))
        before = self.known(result, scenario, bidding=bidding)
        if before is not None and not before.problem:
            return before
        asked = Asked()
        with self._lock:
            self._kept[(result.result_digest, scenario, bidding)] = asked
        threading.Thread(
            target=self._work,
            args=(asked, result, scenario, community, currency, bidding),
            name="stability",
            daemon=True,
        ).start()
        return asked

    def _work(
        self, asked: Asked, result: RunResult, scenario: str, community: Community, currency: str, bidding: bool
    ) -> None:
        def progress(done: int, of: int, doing: str) -> None:
            asked.done, asked.of, asked.doing = done, of, doing

        try:
            with self._turn:
                rows = [row for row in result.of(scenario) if row.has_arrays]
                prices = result.series(rows[0], ("retail_price", "feed_in_price"))
                tariff = Tariff(prices["retail_price"], prices["feed_in_price"])
                if community.slots != result.slots:
                    raise MarketError(f"The readings have {community.slots} slots, the run has {result.slots}.")
                bills = [
                    Bills(row.algorithm_id, row.name, row.parameters, result.households(row)["bill"]) for row in rows
                ]
                hour = minute_of_day(local_starts(community.slot_starts(), result.time_zone)) // 60
                options = Options(currency=currency, bidding=bidding, hour=hour)
                found = study(community, tariff, bills, options, progress=progress, cancelled=asked.cancelled.is_set)
            if not asked.cancelled.is_set():
                asked.answer = found
        except LabError as refusal:
            asked.problem = str(refusal)
        except Exception:
            log.exception("the stability of %s could not be worked out", result.result_digest)
            asked.problem = "It could not be worked out; the log says why."


STUDIES = StabilityStudies()
"""The process's answers: pages and REST look at the same."""
