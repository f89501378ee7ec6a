"""The tab of intervals looks at whole local days and says what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from core.web.compare.tabs.certainty import days_in_words, differences, totals_of, whole_days_of
from core.web.compare.view import View

MakeView = Callable[..., View]


def test_days_of_the_site_are_counted_and_broken_ones_named(make_scene: MakeView) -> None:
    assert days_in_words(whole_days_of(make_scene(slots=96))) == "2 whole days, 2024-06-10 to 2024-06-11"
    assert days_in_words(whole_days_of(make_scene(slots=100))) == (
        "2 whole days, 2024-06-10 to 2024-06-11 (the broken last day is left out)"
    )
    assert days_in_words(whole_days_of(make_scene(slots=40))) == "no whole day"
    later = make_scene(slots=48 * 5, period=(date(2024, 6, 11), date(2024, 6, 13)))
    assert days_in_words(whole_days_of(later)) == "3 whole days, 2024-06-11 to 2024-06-13"


def test_a_figure_per_day_is_the_mean_of_the_whole_days(make_scene: MakeView) -> None:
    # A rest of 23 hours after seven days changes no day before it.
    whole, longer = make_scene(slots=48 * 7), make_scene(slots=48 * 8 - 2)
    for name, totals in totals_of(whole, "community_cost").items():
        assert totals.size == 7
        assert totals_of(longer, "community_cost")[name].size == 7
        assert totals.sum() == pytest.approx(whole.series(whole.result.row("Base", name), "community_cost")[0].sum())


def test_a_week_tells_nothing_and_two_do(make_scene: MakeView) -> None:
    week, fortnight = make_scene(slots=48 * 7), make_scene(slots=48 * 14)
    assert {each.words for each in differences(week, week.rows[0], "community_cost")} == {"too few days to tell"}
    assert {each.words for each in differences(fortnight, fortnight.rows[0], "community_cost")} == {"clear"}


def test_algorithms_that_trade_the_same_do_not_differ(make_scene: MakeView) -> None:
    view = make_scene(slots=48 * 14)
    found = {each.algorithm_id: each.words for each in differences(view, view.rows[2], "community_cost")}
    assert found["bill_sharing"] == "no difference"
