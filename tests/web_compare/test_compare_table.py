"""The table of figures: best values, differences with their direction, and what cannot differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.market.quantities import FIGURES, quantity_of
from core.runs.results import ResultRow
from core.web.compare.table import KEY, groups_of, table_of
from core.web.format import Numbers

NAN = float("nan")


def row(algorithm_id: str, **figures: float) -> ResultRow:
    return ResultRow("Base", "key", algorithm_id, algorithm_id, {}, figures, {}, (), "a", "b", 0.1)


ROWS = [
    row("grid_only", community_cost=100.0, savings=0.0, traded_kwh=0.0, self_sufficiency_share=0.5, avg_p2p_price=NAN),
    row("auction", community_cost=90.0, savings=10.0, traded_kwh=4.0, self_sufficiency_share=0.5, avg_p2p_price=5.0),
    row("middle", community_cost=80.0, savings=20.0, traded_kwh=8.0, self_sufficiency_share=0.5, avg_p2p_price=5.5),
]


def cells(table, key: str) -> list:
    place = [figure.key for figure in table.figures].index(key)
    return [line.cells[place] for line in table.lines]


def test_every_figure_says_its_formula_and_direction() -> None:
    assert all(len(figure.help) > 5 for figure in FIGURES.values())
    assert FIGURES["community_cost"].help == "Σ bills. Lower is better."
    assert "cannot differ" in FIGURES["peak_import_kw"].help
    assert "depends on what else is compared" in FIGURES["power_flatness"].help


def test_the_best_of_a_figure_is_the_lowest_where_lower_is_better() -> None:
    table = table_of(ROWS)
    assert [cell.best for cell in cells(table, "community_cost")] == [False, False, True]
    assert [cell.best for cell in cells(table, "savings")] == [False, False, True]


def test_nothing_is_best_where_nothing_differs_or_neither_way_is_better() -> None:
    table = table_of(ROWS)
    assert not any(cell.best for cell in cells(table, "self_sufficiency_share"))
    assert not any(cell.best for cell in cells(table, "avg_p2p_price"))


def test_the_baseline_is_pinned_to_the_top_and_differences_count_from_it() -> None:
    table = table_of(ROWS, baseline_id="auction", mode="Difference")
    assert [line.row.algorithm_id for line in table.lines] == ["auction", "grid_only", "middle"]
    assert [cell.shown for cell in cells(table, "community_cost")] == [0.0, 10.0, -10.0]
    assert [cell.better for cell in cells(table, "community_cost")] == [None, False, True]


def test_percent_is_of_the_baselines_size_and_not_defined_from_zero() -> None:
    assert [cell.shown for cell in cells(table_of(ROWS, mode="Percent"), "community_cost")] == [0.0, -10.0, -20.0]
    savings = cells(table_of(ROWS, mode="Percent"), "savings")
    assert savings[0].shown == 0.0
    assert savings[1].shown != savings[1].shown


def test_a_negative_baseline_keeps_the_sign_of_the_difference() -> None:
    rows = [row("first", community_cost=-50.0), row("second", community_cost=-60.0)]
    assert cells(table_of(rows, mode="Percent"), "community_cost")[1].shown == pytest.approx(-20.0)


def test_differences_only_leaves_out_what_is_equal() -> None:
    keys = [figure.key for figure in table_of(ROWS, differences_only=True).figures]
    assert "self_sufficiency_share" not in keys
    assert "community_cost" in keys


def test_rounding_is_no_difference() -> None:
    rows = [row("first", savings=0.1 + 0.2), row("second", savings=0.3)]
    table = table_of(rows, mode="Difference")
    assert [cell.shown for cell in cells(table, "savings")] == [0.0, 0.0]
    assert not any(cell.best for cell in cells(table, "savings"))


def test_an_unknown_baseline_is_the_first_row() -> None:
    assert table_of(ROWS, baseline_id="nobody").baseline.algorithm_id == "grid_only"


def test_a_strangers_figure_is_shown_after_the_known_ones() -> None:
    rows = [replace(each, figures={**each.figures, "smiles_per_kwh": 3.0}) for each in ROWS]
    assert [figure.label for figure in table_of(rows).figures][-1] == "Smiles per kwh"
    assert quantity_of("smiles_per_kwh").better == ""
    assert groups_of(rows) == [KEY, "Money", "Energy", "Grid and use", "Other"]


def test_a_figure_that_nobody_defines_is_left_out() -> None:
    assert "gini" not in [figure.key for figure in table_of([row("a", gini=NAN), row("b", gini=NAN)]).figures]


@pytest.mark.parametrize(
    ("style", "written"), [("1,234.5", "−1,234.50"), ("1.234,5", "−1.234,50"), ("1 234,5", "−1\u202f234,50")]
)
def test_numbers_follow_the_labs_style(style: str, written: str) -> None:
    assert Numbers(style=style).number(-1234.5) == written


def test_money_keeps_its_sign_before_the_currency() -> None:
    numbers = Numbers("€")
    assert numbers.money(-3) == "−€3.00"
    assert numbers.money(3, sign=True) == "+€3.00"
    assert numbers.money(NAN) == "–"
    assert numbers.unit("₹/kWh") == "€/kWh"


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert Numbers().number(-0.001, sign=True) == "0.00"


def test_much_energy_is_told_in_megawatt_hours() -> None:
    numbers = Numbers()
    assert numbers.energy(9_999.94) == "9,999.9 kWh"
    assert numbers.energy(10_000.0) == "10.0 MWh"
    assert numbers.energy(-17_309.3) == "−17.3 MWh"
    assert numbers.energy(float("nan")) == "–"
