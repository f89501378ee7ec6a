"""What every chart shares: one colour an algorithm, units on every axis, quiet lines, both themes.

Figures carry no background or font of their own: Streamlit's theme gives them those, light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import plotly.graph_objects as go

from core.market.algorithms import find

OTHER_COLOURS = ("#c514cd", "#cd0027", "#68a054", "#758687", "#0a735e")
"""Of algorithms whose file states none."""
ACCENT = "#2f7de1"
MUTED = "#7a8599"
GRID_PRICE = "#7a8599"
"""The grid's two prices are no algorithm's: grey, retail solid, feed-in dotted."""
GAIN, LOSS, SUN = "#0f9d8a", "#d6513f", "#d9a21f"
"""Of what is no algorithm: more or less money or energy, and solar."""
GRID = "rgba(127,137,155,0.22)"

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "autoScale2d"], "responsive": True}
"""Plotly's own settings, the same for every chart."""


def algorithm_colours() -> dict[str, str]:
    """The colour that each algorithm's file states, by id."""
    return {algorithm.id: algorithm.colour for algorithm in find().values() if algorithm.colour}


def colour_of(algorithm_id: str) -> str:
    """The algorithm's colour, the same on every page; a stranger's algorithm gets a steady one of the others."""
    known = find().get(algorithm_id)
    if known is not None and known.colour:
        return known.colour
    return _others().get(algorithm_id) or OTHER_COLOURS[sum(algorithm_id.encode()) % len(OTHER_COLOURS)]


@cache
def _others() -> dict[str, str]:
    """Algorithms of the folder without a colour take the others in turn, so that as many as there are differ."""
    others = [algorithm.id for algorithm in find().values() if not algorithm.colour]
    return {algorithm_id: OTHER_COLOURS[place % len(OTHER_COLOURS)] for place, algorithm_id in enumerate(others)}


def figure(
    traces: Sequence[Any] = (), *, x_title: str = "", y_title: str = "", height: int = 320, legend: bool = True
) -> go.Figure:
    """An empty frame of the house's look around `traces`; axis titles carry the unit in brackets."""
    drawn = go.Figure(list(traces))
    drawn.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28 if legend else 8, "b": 8},
        colorway=[*algorithm_colours().values()],
        showlegend=legend,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left", "title": None},
        hovermode="x unified",
        xaxis={"title": x_title or None, "gridcolor": GRID, "zeroline": False, "automargin": True},
        yaxis={"title": y_title or None, "gridcolor": GRID, "zeroline": False, "automargin": True},
        uirevision="keep",
    )
    return drawn
