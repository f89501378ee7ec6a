"""A chart with what a screen reader says of it and how it was condensed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.market.community import FloatArray
from core.web.charts import figure
from core.web.format import Numbers

DAY_MIN = 1_440
MOST_NAMED = 3
"""Names of lines that coincide that are all told."""
LEGEND_LINE, LEGEND_COLUMNS = 19, 4
"""Height of a line of the legend in pixels, and how many names stand in it on a wide screen."""


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A figure, its message in one or two sentences (`alt`), and how to read it (`note`)."""

    figure: go.Figure
    alt: str
    note: str = ""


def frame(
    traces: Sequence[Any],
    *,
    numbers: Numbers,
    x_title: str = "",
    y_title: str = "",
    height: int = 320,
    legend: bool = True,
) -> go.Figure:
    """The house's frame around `traces`, with the lab's number style; a long legend gets room of its own."""
    named = len({trace.name for trace in traces if trace.showlegend is not False}) if legend else 0
    room = LEGEND_LINE * max(0, -(-named // LEGEND_COLUMNS) - 1)
    drawn = figure(traces, x_title=x_title, y_title=y_title, height=height + room, legend=legend)
    drawn.update_layout(separators=numbers.separators, hoverlabel={"namelength": -1})
    return drawn


def faint(colour: str, share: float) -> str:
    """`colour` (#rrggbb) with an opacity of `share`."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def width_words(minutes: float) -> str:
    """A width of time in words: "15 min", "hour", "2 h", "day", "7 days"."""
    if minutes == DAY_MIN:
        return "day"
    if minutes % DAY_MIN == 0:
        return f"{minutes / DAY_MIN:g} days"
    if minutes == 60:
        return "hour"
    return f"{minutes / 60:g} h" if minutes % 60 == 0 else f"{minutes:g} min"


def one(minutes: float) -> str:
    """The same after "is": "one day", "2 h"."""
    words = width_words(minutes)
    return f"one {words}" if words.isalpha() else words


def alike(lines: Sequence[FloatArray]) -> list[list[int]]:
    """Places of `lines` in groups that coincide, in the order of the first of each: such are drawn as one."""
    groups: list[list[int]] = []
    for place, line in enumerate(lines):
        same = (each for each in groups if np.allclose(line, lines[each[0]], rtol=1e-9, atol=1e-9, equal_nan=True))
        group = next(same, None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return groups


def joined(names: Sequence[str]) -> str:
    """One name for lines drawn as one: "A = B", or "A and 4 more, alike"."""
    return " = ".join(names) if len(names) <= MOST_NAMED else f"{names[0]} and {len(names) - 1} more, alike"


def points(drawn: go.Figure) -> int:
    """How many points `drawn` sends to a browser."""
    return sum(_size(trace) for trace in drawn.data)


def _size(trace: Any) -> int:
    if trace.type == "heatmap":
        return int(np.size(trace.z))
    if trace.type == "sankey":
        return len(trace.link.value)
    return max(0 if values is None else len(values) for values in (trace.x, trace.y))
