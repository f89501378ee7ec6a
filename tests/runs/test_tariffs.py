"""Tariffs with hours of their own, in the local time of the people who pay them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core.errors import MarketError
from core.market.community import Community
from core.market.local_time import local_starts
from core.market.tariff import DayPrices
from core.runs.tariffs import MICRO, Period, TariffPlan, micro

EVENING = Period(18 * 60, 22 * 60, 12 * MICRO, 3 * MICRO)


def community(start: datetime, *, slots: int, slot_h: float = 1.0) -> Community:
    power = np.zeros((slots, 1))
    return Community(("HH001",), start, slot_h, power, power, np.array([np.nan]))


def test_a_flat_plan_has_its_two_prices_in_every_slot() -> None:
    tariff = TariffPlan.flat(7.5, 2.25).of(community(datetime(2024, 6, 1, tzinfo=UTC), slots=3))
    assert tariff.retail_price.tolist() == [7.5, 7.5, 7.5]
    assert tariff.feed_in_price.tolist() == [2.25, 2.25, 2.25]


def test_a_period_holds_in_local_time_from_its_start_until_before_its_end() -> None:
    # Kolkata is UTC+5:30: 18:00 to 22:00 there is 12:30 to 16:30 UTC, so of half-hour slots numbers 25 to 32.
    plan = TariffPlan(periods=(EVENING,), time_zone="Asia/Kolkata")
    tariff = plan.of(community(datetime(2024, 6, 1, tzinfo=UTC), slots=48, slot_h=0.5))
    assert np.flatnonzero(tariff.retail_price == 12.0).tolist() == list(range(25, 33))


def test_a_slot_across_an_edge_pays_the_mean_of_its_minutes_on_the_page_as_on_the_command_line() -> None:
    # Full hours of UTC begin at half past in Kolkata: 17:30 to 18:30 is half in the evening, (7 + 12) / 2 = 9.5.
    homes = community(datetime(2024, 6, 1, tzinfo=UTC), slots=48)
    page = TariffPlan(periods=(EVENING,), time_zone="Asia/Kolkata").of(homes).retail_price
    assert page[12:17].tolist() == [9.5, 12.0, 12.0, 12.0, 9.5]
    line = DayPrices.parse("7, 18-22=12", name="retail").over(homes, "Asia/Kolkata")
    assert page.tolist() == line.tolist()


def test_a_period_may_pass_midnight() -> None:
    plan = TariffPlan(periods=(Period(22 * 60, 6 * 60, 4 * MICRO, 3 * MICRO),))
    tariff = plan.of(community(datetime(2024, 6, 1, tzinfo=UTC), slots=24))
    assert np.flatnonzero(tariff.retail_price == 4.0).tolist() == [0, 1, 2, 3, 4, 5, 22, 23]


def test_a_period_holds_on_its_days_and_months_only() -> None:
    # 2024-05-31 is a Friday; Saturday the 1st and Sunday the 2nd are in June.
    weekend_in_june = Period(0, 1440, 5 * MICRO, 3 * MICRO, days=(5, 6), months=(6,))
    tariff = TariffPlan(periods=(weekend_in_june,)).of(community(datetime(2024, 5, 31, tzinfo=UTC), slots=4 * 24))
    assert np.flatnonzero(tariff.retail_price == 5.0).tolist() == list(range(24, 72))


def test_of_two_periods_that_overlap_the_later_wins() -> None:
    plan = TariffPlan(periods=(EVENING, Period(20 * 60, 21 * 60, 20 * MICRO, 3 * MICRO)))
    prices = plan.of(community(datetime(2024, 6, 1, tzinfo=UTC), slots=24)).retail_price
    assert prices[18:22].tolist() == [12.0, 12.0, 20.0, 12.0]


def test_local_time_follows_the_clock_when_it_is_set_back() -> None:
    # London, 27 October 2024: at 01:00 UTC the clock goes from 02:00 summer time back to 01:00.
    starts = np.datetime64("2024-10-27T00:00", "ms") + np.arange(3) * np.timedelta64(1, "h")
    assert [str(at)[11:16] for at in local_starts(starts, "Europe/London")] == ["01:00", "01:00", "02:00"]


def test_a_plan_read_back_from_json_is_equal() -> None:
    plan = TariffPlan(micro(7.123456), micro(3.0), (EVENING,), "Europe/London")
    assert TariffPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TariffPlan.flat(3.0, 7.0), "The retail price is 3.0 and the feed-in price 7.0"),
        (lambda: TariffPlan(time_zone="Mars/Base"), '"Mars/Base" is not known'),
        (lambda: TariffPlan.flat(float("nan")), "expected a finite number"),
        (lambda: Period(0, 1441, 1, 1), "expected a minute of the day"),
        (lambda: Period(0, 60, 1, 1, days=(7,)), "expected weekdays"),
        (lambda: Period(0, 60, 1, 1, months=()), "expected months"),
        (lambda: TariffPlan.from_json({"periods": []} | {"retail": 1}), "The tariff cannot be read"),
        (lambda: TariffPlan.from_json({"periods": [{"start_minute": 1}]}), "The tariff cannot be read"),
    ],
)
def test_what_no_grid_charges_is_refused_with_its_reason(make, sentence) -> None:
    with pytest.raises(MarketError, match=sentence):
        make()
