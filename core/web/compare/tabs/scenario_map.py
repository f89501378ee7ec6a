"""The map of scenarios: which algorithm is best at each place of two things that are varied."""

from __future__ import annotations

import math

import streamlit as st

from core.market.quantities import Quantity
from core.runs.runs import RunState
from core.runs.scenarios import Cell as Place
from core.runs.scenarios import Dimension, dimensions_of, winner_map
from core.web.charts import colour_of
from core.web.compare.view import View
from core.web.format import Numbers
from core.web.table import Cell, Column, html_table

NAMED = 2


def draw(view: View, state: RunState, figure: Quantity) -> None:
    """The map, where at least one thing is varied and the figure has a better direction."""
    dimensions = dimensions_of(state.plan)
    if not dimensions or not figure.better:
        return
    across, down = _axes(dimensions)
    cells = winner_map(
        view.result,
        state.plan,
        across,
        down,
        figure=figure.key,
        higher_is_better=figure.better == "higher",
    )
    columns = [Column(f"{down.name} ↓ · {across.name} →", "name"), *(Column(value) for value in across.values)]
    lines = [
        [value, *(_cell(place, figure, view.numbers) for place in line)]
        for value, line in zip(down.values, cells, strict=True)
    ]
    st.markdown(f"**Best by {figure.label.lower()}**")
    st.html(html_table(columns, lines, name=f"The best algorithm by {figure.label.lower()} at each place"))
    st.caption("In small: how far ahead of the next. Bounds do not compete.")
    if len(dimensions) > len({across.name, down.name}):
        st.caption("More is varied than the map shows: each place is the first of its scenarios; the table has all.")


def _axes(dimensions: tuple[Dimension, ...]) -> tuple[Dimension, Dimension]:
    """Two of what is varied; with one alone the map is a line."""
    if len(dimensions) == 1:
        return dimensions[0], Dimension("", ("",), (0,) * len(dimensions[0].of_scenario))
    by_name = {each.name: each for each in dimensions}
    with st.container(horizontal=True):
        across = st.selectbox("Across", list(by_name), key="map_across", width=240) or dimensions[0].name
        others = [name for name in by_name if name != across]
        down = st.selectbox("Down", others, key="map_down", width=240) or others[0]
    return by_name[across], by_name[down]


def _cell(place: Place | None, figure: Quantity, numbers: Numbers) -> Cell | str:
    if place is None:
        return ""
    if not place.best:
        return "–"
    names = ", ".join(row.name for row in place.best[:NAMED])
    more = f" and {len(place.best) - NAMED} more" if len(place.best) > NAMED else ""
    ahead = place.margin * figure.scale
    note = f"by {numbers.number(ahead, figure.decimals)}" if math.isfinite(ahead) else "all alike"
    value = numbers.number(place.value * figure.scale, figure.decimals)
    return Cell(
        f"{names}{more}", colour=colour_of(place.best[0].algorithm_id), note=f"{value}, {note}", title=place.scenario
    )
