"""Differences with what chance alone could make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.web.charts import GRID, MUTED, colour_of
from core.web.compare.charts.chart import Chart, frame
from core.web.compare.numbers import Numbers
from core.web.text import plotly as name


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference to the baseline and its 95 % interval."""

    algorithm_id: str
    label: str
    value: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def intervals(found: Sequence[Interval], *, baseline: str, what: str, unit: str, numbers: Numbers) -> Chart:
    """One dot and whisker an algorithm; hollow where the interval holds 0."""
    traces = [
        go.Scatter(
            x=[each.value],
            y=[name(each.label)],
            mode="markers",
            marker={
                "size": 10,
                "color": colour_of(each.algorithm_id),
                "symbol": "circle" if each.clear else "circle-open",
                "line": {"width": 2},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [each.high - each.value],
                "arrayminus": [each.value - each.low],
                "color": colour_of(each.algorithm_id),
                "thickness": 2,
                "width": 6,
            },
            hovertemplate=(
                f"%{{x:,.2f}} {unit}<br>95 %: {numbers.number(each.low)} to {numbers.number(each.high)} {unit}"
                "<extra></extra>"
            ),
        )
        for each in found
    ]
    drawn = frame(
        traces,
        numbers=numbers,
        x_title=f"{what}: difference to {baseline} ({unit})",
        height=90 + 36 * max(1, len(found)),
        legend=False,
    )
    drawn.update_layout(hovermode="closest")
    drawn.update_yaxes(autorange="reversed", type="category")
    drawn.update_xaxes(zeroline=True, zerolinecolor=MUTED, zerolinewidth=1, gridcolor=GRID)
    words = [
        f"{each.label} {numbers.number(each.value, sign=True)} {unit}"
        f" ({numbers.number(each.low)} to {numbers.number(each.high)}{'' if each.clear else ', could be chance'})"
        for each in found
    ]
    return Chart(drawn, f"{what}, difference to {baseline} with 95 % intervals: " + "; ".join(words) + ".")
