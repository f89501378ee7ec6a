"""The answer and the preferences: ties, losers, bounds apart, favourites and regret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.runs.answer import alike, answer
from core.runs.preferences import Preferences, preferences
from core.web.compare.tabs.households import savings_map
from core.web.compare.view import View

Made = Callable[..., View]


def made(savings: list[list[float]], rules: list[bool], view: View) -> Preferences:
    """Preferences of made-up savings `[household][algorithm]`."""
    homes = len(savings)
    return Preferences(
        household_ids=tuple(f"HH{place:03d}" for place in range(1, homes + 1)),
        rows=view.rows[: len(rules)],
        savings=np.array(savings),
        reference_bill=np.full(homes, 200.0),
        own_share=np.linspace(0.0, 1.0, homes),
        rules=np.array(rules),
    )


def test_a_home_prefers_the_rule_that_saves_it_most_and_never_a_bound(make_scene: Made) -> None:
    found = made([[5.0, 9.0, 30.0], [8.0, 8.0, 40.0], [-2.0, -5.0, 0.0]], [True, True, False], make_scene())
    assert found.best.tolist() == [[False, True, False], [True, True, False], [True, False, False]]
    assert found.regret[:, :2].tolist() == [[4.0, 0.0], [0.0, 0.0], [0.0, 3.0]]
    assert found.lose.tolist() == [1, 1, 0]
    assert found.rank.tolist() == [[3.0, 2.0, 1.0], [2.0, 2.0, 1.0], [2.0, 3.0, 1.0]]
    assert found.percent[0].tolist() == [2.5, 4.5, 15.0]


def test_the_map_has_a_line_a_home_and_bands_of_many(make_scene: Made) -> None:
    view = make_scene()
    few = savings_map(made([[1.0, 2.0]] * 40, [True, True], view), "Savings", view)
    many = savings_map(made([[1.0, -2.0]] * 500, [True, True], view), "Savings", view)
    assert few.count('scope="row"') == 40 + 4  # and four lines for all homes
    assert many.count('scope="row"') == 20 + 4
    assert "25 homes, from HH500" in many  # the most own sun first
    assert "rgba(217,119,6,0.55)" in many  # the largest loss is the deepest orange


def test_savings_are_against_the_baseline_that_is_chosen(make_scene: Made) -> None:
    view = make_scene()
    ids = [row.algorithm_id for row in view.drawable]
    grid = preferences(view.result, view.scenario)
    other = preferences(view.result, view.scenario, baseline_id=ids[1])
    place = [row.algorithm_id for row in grid.rows].index(ids[2])
    moved = grid.savings[:, place] - grid.savings[:, [row.algorithm_id for row in grid.rows].index(ids[1])]
    found = other.savings[:, [row.algorithm_id for row in other.rows].index(ids[2])]
    assert found == pytest.approx(moved)


def test_rules_of_the_same_cost_tie_and_bounds_are_no_rules(make_scene: Made) -> None:
    view = make_scene()
    found = answer(view.result, view.scenario)
    assert found.floor is not None
    assert found.floor.algorithm_id == "grid_only"
    assert all(row.algorithm_id != "grid_only" for row in found.best)
    costs = [row.figures["community_cost"] for row in view.rows]
    assert found.best[0].figures["community_cost"] == min(costs)
    assert sum(len(group) for group in alike(view.rows)) == len(view.rows)


def test_the_share_of_the_possible_is_of_what_the_ceiling_saves(make_scene: Made) -> None:
    view = make_scene()
    best = answer(view.result, view.scenario).best[0]
    ceiling = replace(
        view.rows[0],
        algorithm_id="community_optimum",
        figures={"savings": 2 * best.figures["savings"], "community_cost": 0.0},
    )
    result = replace(view.result, rows=(*view.result.rows, ceiling))
    assert answer(result, view.scenario).possible_share == pytest.approx(0.5)
