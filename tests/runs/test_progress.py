"""How far a run is said to be, and how long it still takes."""

from __future__ import annotations

import pytest

from core.runs.progress import RunProgress, Speeds


def test_a_run_never_seen_counts_rows_and_names_no_time_before_the_first_is_done() -> None:
    progress = RunProgress([None, None])
    progress.begin("first", now_s=0.0)
    assert progress.at(0.0).left_s is None
    assert progress.at(0.5).fraction == pytest.approx(0.25)
    progress.end(now_s=4.0)
    progress.begin("second", now_s=4.0)
    # The first took 4 s, so the second should too; one of those 4 s is gone.
    assert progress.at(5.0).left_s == pytest.approx(3.0)
    assert progress.at(5.0).fraction == pytest.approx(5 / 8)
    assert progress.at(5.0).message == "second"


def test_rows_that_take_longer_weigh_more() -> None:
    progress = RunProgress([1.0, 9.0])
    progress.begin("short", now_s=0.0)
    progress.end(now_s=1.0)
    assert progress.at(1.0).fraction == pytest.approx(0.1)
    assert progress.at(1.0).left_s == pytest.approx(9.0)


def test_time_left_follows_a_machine_that_is_slower_than_before() -> None:
    progress = RunProgress([1.0, 1.0])
    progress.begin("one", now_s=0.0)
    progress.end(now_s=3.0)
    assert progress.at(3.0).left_s == pytest.approx(3.0)


def test_a_row_that_takes_longer_than_expected_stands_still_before_its_end() -> None:
    progress = RunProgress([2.0])
    progress.begin("one", now_s=0.0)
    assert progress.at(100.0).fraction == pytest.approx(0.95)


def test_rows_at_hand_take_no_time() -> None:
    progress = RunProgress([0.0, 2.0])
    progress.begin("kept", now_s=0.0)
    progress.end(now_s=0.0)
    assert progress.at(0.0).fraction == 0.0
    assert progress.at(0.0).left_s == pytest.approx(2.0)
    all_kept = RunProgress([0.0])
    all_kept.begin("kept", now_s=0.0)
    assert all_kept.at(0.0).left_s == 0.0


def test_the_pace_of_an_algorithm_grows_with_the_readings() -> None:
    speeds = Speeds()
    assert speeds.expect("a", cells=100) is None
    speeds.learn("a", cells=100, seconds=2.0)
    assert speeds.expect("a", cells=1_000) == pytest.approx(20.0)
    speeds.learn("a", cells=100, seconds=4.0)
    assert speeds.expect("a", cells=100) == pytest.approx(3.0)
