"""Scenarios: one figure of every algorithm in every scenario, the best of each scenario marked."""

from __future__ import annotations

import streamlit as st

from core.market.quantities import Quantity, quantity_of
from core.runs.runs import RunState
from core.web.compare.table import FigureTable, table_of
from core.web.compare.tabs import scenario_map
from core.web.compare.tabs.show import row_head
from core.web.compare.view import View
from core.web.escape import visible
from core.web.format import Numbers
from core.web.table import Cell, Column, Row, html_table


def draw(view: View, state: RunState) -> None:
    """The figure that is asked for, as a map where parameters vary, and as a table."""
    tables = {scenario: table_of(view.result.of(scenario)) for scenario in view.result.scenarios}
    keys = list(dict.fromkeys(figure.key for table in tables.values() for figure in table.figures))
    key = st.selectbox(
        "Figure",
        keys,
        index=keys.index("savings") if "savings" in keys else 0,
        format_func=lambda each: (
            f"{quantity_of(each).label} ({view.numbers.unit(quantity_of(each).shown_unit) or 'index'})"
        ),
        key="figure",
        bind="query-params",
        width=320,
    )
    figure = quantity_of(key or keys[0])
    st.caption(view.numbers.unit(figure.help))
    scenario_map.draw(view, state, figure)
    lines = {line.row.algorithm_id: line.row for table in tables.values() for line in table.lines}
    cells = {scenario: _cells(table, figure, view.numbers) for scenario, table in tables.items()}
    rows: list[Row] = [
        [row_head(row), *(cells[scenario].get(algorithm_id, "–") for scenario in tables)]
        for algorithm_id, row in lines.items()
    ]
    columns = [Column("Algorithm", "name"), *(Column(visible(scenario), "number") for scenario in tables)]
    st.html(html_table(columns, rows, name=f"{figure.label} by scenario"))
    st.caption("★ best of a scenario. A difference between columns is the scenario's, between lines the algorithm's.")


def _cells(table: FigureTable, figure: Quantity, numbers: Numbers) -> dict[str, Cell]:
    """The figure of every algorithm in one scenario."""
    place = next((at for at, each in enumerate(table.figures) if each.key == figure.key), None)
    if place is None:
        return {}
    return {
        line.row.algorithm_id: Cell(
            numbers.number(line.cells[place].value, figure.decimals), mark="best" if line.cells[place].best else ""
        )
        for line in table.lines
    }
