"""Differences with what chance alone could make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.runs.statistics import Interval
from core.web.charts import GRID, MUTED, colour_of
from core.web.compare.charts.chart import Chart, frame
from core.web.escape import plotly as name
from core.web.format import Numbers


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one algorithm is from the baseline."""

    algorithm_id: str
    label: str
    interval: Interval

    @property
    def words(self) -> str:
        """What may be said of it."""
        if not self.interval.told:
            return "too few days to tell"
        if self.interval.low == self.interval.high == 0:
            return "no difference"
        return "clear" if self.interval.clear else "could be chance"


def intervals(found: Sequence[Difference], *, baseline: str, what: str, unit: str, numbers: Numbers) -> Chart:
    """One dot and whisker an algorithm; hollow where the interval holds 0."""
    drawn = frame(
        [_dot(each, unit, numbers) for each in found],
        numbers=numbers,
        x_title=f"Difference to {name(baseline)} ({unit})",
        height=90 + 36 * max(1, len(found)),
        legend=False,
    )
    drawn.update_layout(hovermode="closest")
    drawn.update_yaxes(autorange="reversed", type="category")
    drawn.update_xaxes(zeroline=True, zerolinecolor=MUTED, zerolinewidth=1, gridcolor=GRID)
    words = [
        f"{each.label} {numbers.number(each.interval.difference, sign=True)} {unit}"
        f" ({numbers.number(each.interval.low)} to {numbers.number(each.interval.high)}, {each.words})"
        for each in found
    ]
    return Chart(drawn, f"{what}, difference to {baseline} with 95 % intervals: " + "; ".join(words) + ".")


def _dot(each: Difference, unit: str, numbers: Numbers) -> go.Scatter:
    interval, colour = each.interval, colour_of(each.algorithm_id)
    known = interval.told
    return go.Scatter(
        x=[interval.difference],
        y=[name(each.label)],
        mode="markers",
        marker={
            "size": 10,
            "color": colour,
            "symbol": "circle" if interval.clear else "circle-open",
            "line": {"width": 2, "color": colour},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [interval.high - interval.difference if known else 0.0],
            "arrayminus": [interval.difference - interval.low if known else 0.0],
            "color": colour,
            "thickness": 2,
            "width": 6,
        },
        hovertemplate=(
            f"%{{x:,.2f}} {unit}<br>95 %: {numbers.number(interval.low)} to {numbers.number(interval.high)} {unit}"
            "<extra></extra>"
        ),
    )
