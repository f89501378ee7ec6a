"""A bucket for every caller: bursts pass, floods are told how long to wait, and nobody pays for others."""

from __future__ import annotations

import pytest

from core.errors import TooManyRequestsError
from core.web import gate
from core.web.gate import Buckets, Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def buckets(rate: Rate) -> tuple[Buckets, Clock]:
    clock = Clock()
    return Buckets(rate, clock=clock), clock


def test_a_burst_passes_and_one_more_waits_as_long_as_it_is_told() -> None:
    made, clock = buckets(Rate(per_s=2, burst=5))
    for _ in range(5):
        made.take("anna")
    with pytest.raises(TooManyRequestsError) as refusal:
        made.take("anna")
    assert refusal.value.retry_after_s == pytest.approx(0.5)
    clock.now += refusal.value.retry_after_s
    made.take("anna")


def test_waiting_longer_fills_no_more_than_the_bucket() -> None:
    made, clock = buckets(Rate(per_s=2, burst=5))
    made.take("anna")
    clock.now += 1_000
    for _ in range(5):
        made.take("anna")
    with pytest.raises(TooManyRequestsError):
        made.take("anna")


def test_a_flood_of_one_caller_does_not_slow_another() -> None:
    made, _ = buckets(Rate(per_s=1, burst=1))
    made.take("anna")
    with pytest.raises(TooManyRequestsError):
        made.take("anna")
    made.take("ben")


def test_the_callers_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "CALLERS", 3)
    made, _ = buckets(Rate(per_s=1, burst=1))
    for caller in "abcd":
        made.take(caller)
    assert sorted(made._left) == ["b", "c", "d"]
