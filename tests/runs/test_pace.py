"""How far a run is said to be, and how long it still takes."""

from __future__ import annotations

import pytest

from core.runs.pace import Course, Pace


def test_a_run_never_seen_counts_rows_and_names_no_time_before_the_first_is_done() -> None:
    course = Course([None, None])
    course.begin("first", now_s=0.0)
    assert course.at(0.0).left_s is None
    assert course.at(0.5).fraction == pytest.approx(0.25)
    course.end(now_s=4.0)
    course.begin("second", now_s=4.0)
    # The first took 4 s, so the second should too; one of those 4 s is gone.
    assert course.at(5.0).left_s == pytest.approx(3.0)
    assert course.at(5.0).fraction == pytest.approx(5 / 8)
    assert course.at(5.0).message == "second"


def test_rows_that_take_longer_weigh_more() -> None:
    course = Course([1.0, 9.0])
    course.begin("short", now_s=0.0)
    course.end(now_s=1.0)
    assert course.at(1.0).fraction == pytest.approx(0.1)
    assert course.at(1.0).left_s == pytest.approx(9.0)


def test_time_left_follows_a_machine_that_is_slower_than_before() -> None:
    course = Course([1.0, 1.0])
    course.begin("one", now_s=0.0)
    course.end(now_s=3.0)
    assert course.at(3.0).left_s == pytest.approx(3.0)


def test_a_row_that_takes_longer_than_expected_stands_still_before_its_end() -> None:
    course = Course([2.0])
    course.begin("one", now_s=0.0)
    assert course.at(100.0).fraction == pytest.approx(0.95)


def test_rows_at_hand_take_no_time() -> None:
    course = Course([0.0, 2.0])
    course.begin("kept", now_s=0.0)
    course.end(now_s=0.0)
    assert course.at(0.0).fraction == 0.0
    assert course.at(0.0).left_s == pytest.approx(2.0)
    all_kept = Course([0.0])
    all_kept.begin("kept", now_s=0.0)
    assert all_kept.at(0.0).left_s == 0.0


def test_the_pace_of_an_algorithm_grows_with_the_readings() -> None:
    pace = Pace()
    assert pace.expect("a", cells=100) is None
    pace.learn("a", cells=100, seconds=2.0)
    assert pace.expect("a", cells=1_000) == pytest.approx(20.0)
    pace.learn("a", cells=100, seconds=4.0)
    assert pace.expect("a", cells=100) == pytest.approx(3.0)
