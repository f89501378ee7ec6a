"""Charts keep what matters when they are made small, and a difference comes with its doubt."""

from __future__ import annotations

import numpy as np
import pytest

from core.runs.statistics import (
    MAX_POINTS,
    Bootstrap,
    cumulative,
    daily_totals,
    day_matrix,
    duration_curve,
    lorenz,
    resample,
)

YEAR = 35_040


def starts(slots: int, *, slot_min: int = 15, first: str = "2024-01-01T00:00"):
    return np.datetime64(first, "m") + np.arange(slots) * np.timedelta64(slot_min, "m")


def test_a_year_of_quarter_hours_fits_a_chart_and_keeps_its_sum() -> None:
    values = np.random.default_rng(1).random(YEAR)
    line = resample(starts(YEAR), values, slot_h=0.25)
    assert line.value.size <= MAX_POINTS
    assert line.step_min == 120.0
    assert line.value.sum() == pytest.approx(values.sum())


def test_few_slots_are_shown_as_they_are() -> None:
    line = resample(starts(4), np.array([1.0, 2.0, np.nan, 4.0]), slot_h=0.25)
    assert line.step_min == 15.0
    assert line.value.tolist()[:2] == [1.0, 2.0]
    assert np.isnan(line.value[2])


def test_a_mean_price_is_weighted_by_what_was_traded_at_it() -> None:
    # Four quarters shown as one point: (4·1 + 6·3) / (1 + 3) = 5.5; a quarter without a trade has no price.
    prices, traded = np.array([4.0, 6.0, np.nan, np.nan]), np.array([1.0, 3.0, 0.0, 0.0])
    line = resample(starts(4), prices, slot_h=0.25, how="mean", weights=traded, most=2)
    assert line.value.tolist() == [5.5]


def test_the_highest_value_of_a_group_is_kept_when_asked_for() -> None:
    line = resample(starts(8), np.array([1, 9, 2, 3, 1, 1, 1, 7.0]), slot_h=0.25, how="max", most=3)
    assert line.value.tolist() == [9.0, 7.0]


def test_the_running_sum_ends_at_the_sum() -> None:
    values = np.random.default_rng(2).random(YEAR)
    line = cumulative(starts(YEAR), values, slot_h=0.25)
    assert line.value[-1] == pytest.approx(values.sum())
    assert (np.diff(line.value) > 0).all()


def test_the_heat_map_has_a_row_a_day_and_a_column_a_time_of_day() -> None:
    # Two days of hours, starting at 06:00: the first six hours of the first day are not there.
    matrix = day_matrix(starts(42, slot_min=60, first="2024-03-01T06:00"), np.arange(42.0), slot_h=1.0)
    assert [str(day) for day in matrix.day] == ["2024-03-01", "2024-03-02"]
    assert matrix.minute.tolist() == list(range(0, 1440, 60))
    assert np.isnan(matrix.value[0, :6]).all()
    assert matrix.value[0, 6:].tolist() == list(range(18))
    assert matrix.value[1].tolist() == list(range(18, 42))


@pytest.mark.parametrize("days", [1, 7, 365, 1_100, 20_000])
def test_no_heat_map_has_more_cells_than_a_browser_is_sent(days: int) -> None:
    slots = days * 24
    matrix = day_matrix(starts(slots, slot_min=60), np.ones(slots), slot_h=1.0)
    assert matrix.value.size <= MAX_POINTS
    assert np.nansum(matrix.value) == pytest.approx(slots)


def test_the_duration_curve_falls_from_the_highest_to_the_lowest() -> None:
    values = np.random.default_rng(3).random(YEAR)
    curve = duration_curve(values)
    assert curve.x.size <= MAX_POINTS
    assert curve.y[0] == values.max()
    assert curve.y[-1] == values.min()
    assert (np.diff(curve.y) <= 0).all()
    assert curve.x[-1] == 1.0


def test_the_lorenz_curve_of_equal_shares_is_the_diagonal() -> None:
    curve = lorenz(np.full(4, 2.5))
    assert curve.x.tolist() == curve.y.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_the_lorenz_curve_is_not_defined_when_there_is_nothing_to_share() -> None:
    assert np.isnan(lorenz(np.array([1.0, -3.0])).y).all()


def test_days_are_24_hours_from_the_first_slot_and_a_rest_joins_the_last() -> None:
    # 2.5 days of hours: 24, and 24 + 12 that make no day of their own.
    assert daily_totals(np.ones(60), slot_h=1.0).tolist() == [24.0, 36.0]
    assert daily_totals(np.ones(5), slot_h=1.0).tolist() == [5.0]
    assert daily_totals(np.ones((2, 96)), slot_h=0.25).tolist() == [[96.0], [96.0]]


def test_a_difference_that_is_there_every_day_is_clear_and_noise_is_not() -> None:
    generator = np.random.default_rng(4)
    weather = generator.normal(100.0, 30.0, 60)  # both have the same days, which is why pairs are drawn
    cheaper = weather - generator.normal(1.0, 0.2, 60)
    noisy = weather + generator.normal(0.0, 5.0, 60)
    bootstrap = Bootstrap(60, seed=1)
    clear = bootstrap.difference(cheaper[None], weather[None])
    assert clear.clear
    assert clear.low < clear.difference < clear.high < 0.0
    assert not bootstrap.difference(noisy[None], weather[None]).clear


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # 300 samples of 50 days whose true mean difference is 0: about 95 % of the intervals hold it.
    generator, bootstrap = np.random.default_rng(5), Bootstrap(50, seed=2)
    zero = np.zeros((1, 50))
    held = [not bootstrap.difference(generator.normal(0, 1, (1, 50)), zero).clear for _ in range(300)]
    assert 0.90 <= np.mean(held) <= 0.98


def test_the_interval_is_as_wide_as_the_normal_one_for_a_mean_of_many_days() -> None:
    # 1,000 days of spread 3: 95 % of the sums lie within 1.96 · 3 · √1000 ≈ 186 on either side.
    days = np.random.default_rng(7).normal(0.0, 3.0, (1, 1_000))
    found = Bootstrap(1_000, seed=4).difference(days, np.zeros((1, 1_000)))
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * days.std() * np.sqrt(1_000), rel=0.06)


def test_a_share_is_drawn_as_a_share_of_sums_and_not_as_a_mean_of_shares() -> None:
    traded, supply = np.array([[1.0, 0.0, 4.0, 2.0, 3.0]]), np.array([[2.0, 1.0, 4.0, 8.0, 5.0]])
    found = Bootstrap(5, seed=3).difference(
        np.concatenate((traded, supply)), np.concatenate((traded * 0, supply)), figure=lambda sums: sums[0] / sums[1]
    )
    assert found.difference == pytest.approx(10 / 20)
    assert 0.0 <= found.low <= 0.5 <= found.high <= 1.0


def test_the_same_seed_draws_the_same_interval() -> None:
    days = np.random.default_rng(6).random((1, 30))
    first, second = (Bootstrap(30, seed=9).difference(days, days * 0.9) for _ in range(2))
    assert first == second


def test_a_bootstrap_over_a_few_days_is_not_defined() -> None:
    found = Bootstrap(4, seed=1).difference(np.ones((1, 4)), np.zeros((1, 4)))
    assert found.difference == 4.0
    assert np.isnan([found.low, found.high]).all()
    assert not found.clear
