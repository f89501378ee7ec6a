"""Scenarios: one figure of every algorithm in every scenario, the best of each scenario marked."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from core.market.quantities import quantity_of
from core.runs.runs import RunState
from core.web.compare import look
from core.web.compare.table import table_of
from core.web.compare.tabs import scenario_map
from core.web.compare.tabs.show import named
from core.web.compare.view import View
from core.web.escape import markdown


def draw(view: View, state: RunState) -> None:
    """The tab."""
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
    columns: dict[str, dict[str, str]] = {}
    for scenario, table in tables.items():
        place = next((at for at, each in enumerate(table.figures) if each.key == figure.key), None)
        cells = columns.setdefault(markdown(scenario), {})
        for line in table.lines:
            value = math.nan if place is None else line.cells[place].value
            text = markdown(view.numbers.number(value, figure.decimals))
            best = place is not None and line.cells[place].best
            cells[named(line.row)] = f":green[**★\u00a0{text}**]" if best else text
    shown = pd.DataFrame(columns)
    shown.index.name = "Algorithm"
    look.figures(shown, alt=f"{figure.label} by scenario", key="scenarios")
    st.caption("★ best of a scenario. A difference between columns is the scenario's, between lines the algorithm's.")
