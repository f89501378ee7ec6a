"""Every chart says its message in words, keeps one colour an algorithm and sends at most 5,000 points."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from core.runs.statistics import MAX_POINTS
from core.web.charts import colour_of
from core.web.compare.charts import (
    QUANTITIES,
    Chart,
    bill_steps,
    cumulative_savings,
    duration,
    heat_map,
    lorenz_curves,
    points,
    price_and_volume,
    profile,
    sankey,
    typical_day,
)
from core.web.compare.charts.chart import alike, joined, width_words
from core.web.compare.view import View, days_of, same_flows

MakeScene = Callable[..., View]


def every_chart(view: View) -> dict[str, Chart]:
    row = view.rows[2]
    found = {
        "price and volume": price_and_volume(view),
        "savings": cumulative_savings(view),
        "typical day": typical_day(view),
        "duration": duration(view),
        "Lorenz": lorenz_curves(view),
        "profile": profile(view),
        "Sankey": sankey(view, row, ink="#000000"),
    }
    return found | {key: heat_map(view, row, key) for key in QUANTITIES}


def test_a_year_of_500_households_stays_within_5000_points_a_chart(make_scene: MakeScene) -> None:
    view = make_scene(500, 35_040, 0.25, household_id="HH003")
    sizes = {label: points(chart.figure) for label, chart in every_chart(view).items()}
    assert all(0 < size <= MAX_POINTS for size in sizes.values()), sizes


def test_every_chart_says_its_message_and_has_units_on_its_axes(make_scene: MakeScene) -> None:
    for label, chart in every_chart(make_scene(household_id="HH003")).items():
        assert len(chart.alt) > 30, label
        assert chart.alt.endswith("."), label
        titles = [axis.title.text for axis in chart.figure.select_yaxes() if axis.title.text]
        assert label == "Sankey" or any("(" in title or title == "Time of day" for title in titles), label


def test_an_algorithm_has_one_colour_in_every_chart(make_scene: MakeScene) -> None:
    view = make_scene()
    ids = {row.name: row.algorithm_id for row in view.rows}
    for chart in (price_and_volume(view), cumulative_savings(view), lorenz_curves(view)):
        drawn = {re.split(" · | = ", trace.name)[0]: trace.line.color for trace in chart.figure.data if trace.name}
        found = {name: tint for name, tint in drawn.items() if name in ids}
        assert found == {name: colour_of(ids[name]) for name in found}
        assert found


def test_totals_survive_condensing(make_scene: MakeScene) -> None:
    view = make_scene(6, 48 * 400, 0.5)
    chart = cumulative_savings(view)
    line = next(trace for trace in chart.figure.data if "Mid-market rate" in trace.name)
    assert line.y[-1] == pytest.approx(view.rows[2].figures["savings"])
    volume = [trace for trace in price_and_volume(view).figure.data if "Mid-market rate" in trace.name][1]
    assert np.nansum(volume.y) == pytest.approx(view.rows[2].figures["traded_kwh"])


def test_a_chosen_period_leaves_out_the_other_days(make_scene: MakeScene) -> None:
    view = make_scene(period=(date(2024, 6, 11), date(2024, 6, 11)))
    assert days_of(view.starts) == (date(2024, 6, 11), date(2024, 6, 11))
    assert len(view.starts) == 48
    assert len(view.series(view.rows[1], "traded_kwh")[0]) == 48


def test_a_period_outside_the_run_shows_all_of_it(make_scene: MakeScene) -> None:
    assert make_scene(period=(date(1999, 1, 1), date(1999, 2, 1))).slots == slice(0, 144)


def test_settlements_of_one_dispatch_share_a_duration_curve(make_scene: MakeScene) -> None:
    view = make_scene()
    assert [len(group) for group in same_flows(view)] == [4]
    chart = duration(view)
    assert [trace.name for trace in chart.figure.data] == ["Grid only and 3 more, alike"]
    assert "the same dispatch has the same flows" in chart.note


def test_the_steps_of_a_bill_add_up_to_it(make_scene: MakeScene) -> None:
    view = make_scene(household_id="HH002")
    row = view.rows[2]
    chart = bill_steps(view, row)
    assert chart is not None
    all_from_grid, own_sun, neighbours, bill = chart.figure.data[0].y
    account = view.result.households(row)
    assert bill == pytest.approx(account["bill"][1])
    assert all_from_grid + own_sun == pytest.approx(account["baseline_bill"][1])
    assert all_from_grid + own_sun + neighbours == pytest.approx(bill)
    assert own_sun <= 0.0
    assert bill_steps(make_scene(), row) is None


def test_energy_in_equals_energy_out_at_every_place_of_the_sankey(make_scene: MakeScene) -> None:
    view = make_scene()
    link = sankey(view, view.rows[1], ink="#000000").figure.data[0].link
    places = sankey(view, view.rows[1], ink="#000000").figure.data[0].node.label
    flow = dict.fromkeys(places, 0.0)
    for source, target, value in zip(link.source, link.target, link.value, strict=True):
        flow[places[source]] -= value
        flow[places[target]] += value
    hours = view.result.slot_h
    assert flow["Neighbours"] == pytest.approx(0)
    assert flow["Own roof"] == pytest.approx(0)
    assert flow["Solar"] == pytest.approx(-view.readings().solar_kw.sum() * hours)
    assert flow["Use"] == pytest.approx(view.readings().load_kw.sum() * hours)


def test_an_algorithm_that_gives_figures_only_is_left_out_of_charts(make_scene: MakeScene) -> None:
    view = make_scene()
    rows = (*view.result.rows, replace(view.result.rows[2], name="Figures only", verdicts=()))
    with_stranger = replace(view, result=replace(view.result, rows=rows))
    for chart in (price_and_volume(with_stranger), cumulative_savings(with_stranger), lorenz_curves(with_stranger)):
        assert not any("Figures only" in str(trace.name) for trace in chart.figure.data)


def test_a_price_without_neighbours_is_a_dot(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    view = make_scene()
    read = type(view.result).series

    def rare(self: object, row: object, names: object = None) -> dict[str, np.ndarray]:
        found = read(self, row, names)
        if "price" in found:
            found["price"] = np.where(np.arange(len(found["price"])) % 24 == 20, found["price"], np.nan)
        return found

    monkeypatch.setattr(type(view.result), "series", rare)
    dots = [trace for trace in price_and_volume(view).figure.data if trace.mode == "markers"]
    assert dots
    assert all(np.isfinite(trace.y).all() for trace in dots)


def test_lines_that_coincide_are_one_with_their_names() -> None:
    one, other = np.array([1.0, np.nan]), np.array([2.0, 3.0])
    assert alike([one, other, one.copy(), one.copy()]) == [[0, 2, 3], [1]]
    assert joined(["A", "B"]) == "A = B"
    assert joined(["A", "B", "C", "D"]) == "A and 3 more, alike"


def test_widths_of_time_are_written_as_people_say_them() -> None:
    assert [width_words(minutes) for minutes in (15, 60, 120, 1440, 10_080)] == [
        "15 min",
        "hour",
        "2 h",
        "day",
        "7 days",
    ]


def test_markup_in_an_algorithms_name_is_shown_as_it_is(make_scene: MakeScene) -> None:
    view = make_scene()
    rows = tuple(replace(row, name='<a href="//x">MMR</a>') for row in view.result.rows)
    marked = replace(view, result=replace(view.result, rows=rows))
    names = [trace.name for trace in cumulative_savings(marked).figure.data]
    assert "&lt;a href=&quot;//x&quot;&gt;MMR&lt;/a&gt;" in names
