"""Charts keep what matters when they are made small, and a difference comes with its doubt."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.runs.statistics import (
    MAX_POINTS,
    cumulative,
    daily_totals,
    day_matrix,
    duration_curve,
    effective_days,
    every_pair,
    lorenz,
    paired_interval,
    resample,
    whole_days,
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


def test_a_day_is_24_hours_and_what_makes_no_whole_day_is_left_out() -> None:
    # 191 hours are seven days and 23 hours; the mean day of one a slot is 24, whatever the span and the slot.
    assert daily_totals(np.ones(191), slot_h=1.0).tolist() == [24.0] * 7
    assert daily_totals(np.ones(5), slot_h=1.0).tolist() == []
    assert daily_totals(np.ones((2, 96)), slot_h=0.25).tolist() == [[96.0]] * 2
    # Seven-hour slots: midnight falls within one, which is divided: 24 / 7 slots a day.
    assert daily_totals(np.ones(20), slot_h=7.0) == pytest.approx([24 / 7] * 5)


@pytest.mark.parametrize("slot_h", [1 / 60, 0.25, 0.5, 1.0, 3.0, 5.0, 24.0, 36.0])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana"])
def test_local_days_hold_what_was_lived_in_them_at_any_span_and_slot(zone: str, slot_h: float) -> None:
    start_at, span_h = datetime(2024, 10, 1, 7, 30, tzinfo=UTC), 1_003.0
    slots = int(span_h / slot_h)
    days = whole_days(start_at, slot_h=slot_h, slots=slots, time_zone=zone)
    hours = daily_totals(np.full(slots, slot_h), slot_h=slot_h, days=days)
    begins = [datetime.combine(each.item(), time(), ZoneInfo(zone)).astimezone(UTC) for each in days.day]
    ends = [*begins[1:], datetime.combine(days.day[-1].item() + timedelta(days=1), time(), ZoneInfo(zone))]
    lived = [(end - begin).total_seconds() / 3_600 for begin, end in zip(begins, ends, strict=True)]
    assert hours == pytest.approx(lived)  # 24, and 23 to 25 where the clock changes
    assert days.broken_first
    assert days.broken_last
    assert begins[0] >= start_at > begins[0] - timedelta(days=1)


def test_days_that_begin_and_end_at_midnight_are_all_whole() -> None:
    days = whole_days(datetime(2024, 5, 31, 18, 30, tzinfo=UTC), slot_h=0.5, slots=96, time_zone="Asia/Kolkata")
    assert [str(each) for each in days.day] == ["2024-06-01", "2024-06-02"]
    assert (days.broken_first, days.broken_last) == (False, False)


def test_a_zone_that_skips_a_day_has_no_such_day() -> None:
    days = whole_days(datetime(2011, 12, 29, 10, tzinfo=UTC), slot_h=1.0, slots=72, time_zone="Pacific/Apia")
    assert [str(each) for each in days.day] == ["2011-12-29", "2011-12-31", "2012-01-01"]


def test_a_span_without_a_whole_day_has_no_days() -> None:
    days = whole_days(datetime(2024, 6, 1, 3, tzinfo=UTC), slot_h=1.0, slots=30, time_zone="UTC")
    assert daily_totals(np.ones(30), slot_h=1.0, days=days).size == 0
    assert (days.broken_first, days.broken_last) == (True, True)


def days_alike(days: int, persistence: float, samples: int, *, seed: int) -> np.ndarray:
    """Samples `[sample, day]` of true mean 0 whose neighbours resemble each other."""
    noise = np.random.default_rng(seed).standard_normal((samples, days + 100))
    found = np.zeros_like(noise)
    for day in range(1, days + 100):
        found[:, day] = persistence * found[:, day - 1] + noise[:, day]
    return found[:, 100:]


@pytest.mark.parametrize("days", [14, 28, 60, 365])
@pytest.mark.parametrize("persistence", [0.0, 0.4, 0.6, 0.8])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(days: int, persistence: float) -> None:
    samples = days_alike(days, persistence, 1_500, seed=days)
    held = [not paired_interval(sample, np.zeros(days)).clear for sample in samples]
    assert 0.89 <= np.mean(held) <= 0.98  # 0.90 to 0.97, and what 1,500 samples leave to chance


def test_a_difference_that_is_there_every_day_is_clear_and_noise_is_not() -> None:
    generator = np.random.default_rng(4)
    weather = generator.normal(100.0, 30.0, 60)  # both have the same days, which is why pairs are looked at
    cheaper = weather - generator.normal(1.0, 0.2, 60)
    noisy = weather + generator.normal(0.0, 5.0, 60)
    clear = paired_interval(cheaper, weather)
    assert clear.clear
    assert clear.low < clear.difference < clear.high < 0.0
    assert not paired_interval(noisy, weather).clear


def test_independent_days_give_students_interval() -> None:
    # 20 days in turn above and below: neighbours do not resemble, so t with 19 degrees of freedom, 2.0930, over the
    # spread 1 / √19.
    days = np.tile([1.0, -1.0], 10)
    found = paired_interval(days + 3.0, np.zeros(20))
    assert found.difference == 3.0
    assert found.effective_days == 20.0
    assert found.high - found.difference == pytest.approx(2.0930 / np.sqrt(19), rel=1e-4)


def test_days_that_resemble_their_neighbours_count_for_fewer() -> None:
    assert effective_days(days_alike(365, 0.8, 1, seed=3)[0]) < 90  # about 365 · 0.2 / 1.8 = 41


def test_what_changes_over_months_widens_the_interval() -> None:
    # A slow swing under noise: neighbouring days alone would call it almost independent.
    noise = np.random.default_rng(8).standard_normal(365)
    slow = np.cos(np.linspace(0.0, 2 * np.pi, 365)) + noise
    assert width(slow) > 1.5 * width(noise)


def width(days: np.ndarray) -> float:
    found = paired_interval(days, np.zeros(days.size))
    return found.high - found.low


def test_under_two_weeks_it_cannot_be_told() -> None:
    found = paired_interval(np.arange(13.0), np.zeros(13))
    assert found.difference == 6.0
    assert not found.told
    assert not found.clear
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(paired_interval(np.zeros(0), np.zeros(0)).difference)


def test_what_differs_by_rounding_alone_does_not_differ() -> None:
    days = np.random.default_rng(6).random(30) * 1e4
    found = paired_interval(days + 1e-10, days)
    assert (found.difference, found.low, found.high, found.clear) == (0.0, 0.0, 0.0, False)


def test_every_pair_is_there_in_both_directions() -> None:
    days = {name: np.random.default_rng(place).random(20) for place, name in enumerate("abc")}
    pairs = every_pair(days)
    assert len(pairs) == 6
    assert pairs["a", "c"].difference == pytest.approx(-pairs["c", "a"].difference)
    assert pairs["a", "c"].low == pytest.approx(-pairs["c", "a"].high)
