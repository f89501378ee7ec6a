"""Where the energy went, and how hard the connection works for it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.runs.results import ResultRow
from core.runs.statistics import MAX_POINTS, duration_curve
from core.web.charts import GAIN, MUTED, SUN
from core.web.compare.charts.chart import Chart, faint, frame
from core.web.compare.view import View, colour, same_flows
from core.web.escape import plotly as name


def duration(view: View) -> Chart:
    """Import at the community's connection, largest first; algorithms with the same flows share a line."""
    groups = same_flows(view)
    traces, peaks = [], []
    for members in groups:
        power = view.series(members[0], "import_kwh")[0] / view.result.slot_h
        curve = duration_curve(power, most=MAX_POINTS // len(groups))
        label = members[0].name if len(members) == 1 else f"{members[0].name} and {len(members) - 1} more, alike"
        peaks.append(f"{label} {view.numbers.number(float(curve.y[0]), 2)} kW")
        traces.append(
            go.Scatter(
                x=curve.x * 100,
                y=curve.y,
                name=name(label),
                mode="lines",
                line={"color": colour(members[0]), "width": 1.8},
                hovertemplate="%{y:,.2f} kW",
            )
        )
    drawn = frame(traces, numbers=view.numbers, x_title="Share of the time (%)", y_title="Import (kW)")
    drawn.update_yaxes(rangemode="tozero")
    alike = [", ".join(row.name for row in members) for members in groups if len(members) > 1]
    note = "".join(f"One line for {names}: the same dispatch has the same flows. " for names in alike).strip()
    return Chart(drawn, "Duration curve of import. Largest import: " + "; ".join(peaks) + ".", note)


def sankey(view: View, row: ResultRow, *, ink: str) -> Chart:
    """Energy from sun and grid to use, neighbours and grid, kWh over the period; `ink` is the colour of the words."""
    flows = [flow for flow in _flows(view, row) if flow[2] > 1e-9]
    places = list(dict.fromkeys(place for source, target, _ in flows for place in (source, target)))
    trace = go.Sankey(
        arrangement="snap",
        valueformat=",.1f",
        valuesuffix=" kWh",
        textfont={"color": ink, "size": 13},
        node={
            "label": places,
            "color": [_TINTS.get(place, MUTED) for place in places],
            "pad": 18,
            "thickness": 16,
            "line": {"width": 0},
        },
        link={
            "source": [places.index(source) for source, _, _ in flows],
            "target": [places.index(target) for _, target, _ in flows],
            "value": [value for _, _, value in flows],
            "color": [faint(_TINTS.get(source, MUTED), 0.38) for source, _, _ in flows],
        },
    )
    drawn = frame([trace], numbers=view.numbers, height=360, legend=False)
    drawn.update_layout(margin={"l": 8, "r": 8, "t": 12, "b": 12})
    words = "; ".join(f"{source} to {target} {view.numbers.number(value, 1)} kWh" for source, target, value in flows)
    note = "Energy that could have passed between neighbours and was not traded counts as the grid's: so it is billed."
    return Chart(drawn, f"Where the energy went, {row.name}: {words or 'nothing flowed'}.", note)


SOLAR, OWN, NEIGHBOURS, USE, FROM_GRID, TO_GRID, LOST = (
    "Solar",
    "Own roof",
    "Neighbours",
    "Use",
    "From the grid",
    "To the grid",
    "Lost or left in batteries",
)
_TINTS = {SOLAR: SUN, OWN: "#e3c56e", NEIGHBOURS: GAIN, USE: MUTED, FROM_GRID: "#566072", TO_GRID: "#a3adbd"}


def _flows(view: View, row: ResultRow) -> list[tuple[str, str, float]]:
    """From, to, kWh. What own roofs serve is not known for a part of a run whose readings are gone: NaN."""
    series = view.series(row, "demand_kwh", "supply_kwh", "traded_kwh")
    demand, supply, traded = (float(values.sum()) for values in series)
    trade = [(NEIGHBOURS, USE, traded), (FROM_GRID, USE, demand - traded)]
    load, solar = _used_and_made(view, row)
    return [
        (SOLAR, OWN, solar - supply),
        (SOLAR, NEIGHBOURS, traded),
        (SOLAR, TO_GRID, supply - traded),
        (OWN, USE, load - demand),
        (OWN, LOST, (solar - supply) - (load - demand)),
        *trade,
    ]


def _used_and_made(view: View, row: ResultRow) -> tuple[float, float]:
    """Σ load and Σ solar of the period, kWh; of a part of the run only with its readings, else NaN."""
    if view.whole:
        households = view.result.households(row)
        return float(households["load_kwh"].sum()), float(households["solar_kwh"].sum())
    community = view.readings()
    if community is None:
        return np.nan, np.nan
    power = (community.load_kw[view.slots], community.solar_kw[view.slots])
    load, solar = (float(values.sum()) * view.result.slot_h for values in power)
    return load, solar
