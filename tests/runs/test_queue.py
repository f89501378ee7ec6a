"""Nobody waits for all the runs of somebody else."""

from __future__ import annotations

from core.runs.queue import fair_order


def order(queued: str, **running: int) -> str:
    """Runs named by their owner: 'aab' are two of a's and one of b's, in this order."""
    return "".join(owner for run in fair_order([(f"{place}", owner) for place, owner in enumerate(queued)], running)
                   for owner in queued[int(run)])  # fmt: skip


def test_ones_own_runs_begin_in_the_order_they_came() -> None:
    assert fair_order([("1", "a"), ("2", "a"), ("3", "a")], {}) == ("1", "2", "3")


def test_owners_take_turns_however_many_runs_one_of_them_has() -> None:
    assert order("aaaab") == "abaaa"
    assert order("aaabbc") == "abcaba"


def test_who_has_runs_under_way_comes_after_who_has_none() -> None:
    assert order("aab", a=1) == "baa"
    assert order("ab", a=1, b=1) == "ab"


def test_nobody_waits_when_nothing_is_queued() -> None:
    assert fair_order([], {"a": 2}) == ()
