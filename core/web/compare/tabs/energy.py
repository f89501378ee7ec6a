"""Energy: where it came from and went, and what the days of a period add up to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.compare import charts, look
from core.web.compare.tabs.show import chart, kept, named, pick_algorithm
from core.web.compare.view import View, days_of
from core.web.css import INK

SUMS = {
    "community_cost": ("Cost", "₹", "Σ of all bills."),
    "baseline_cost": ("Cost with the grid only", "₹", "Σ (retail · deficit − feed-in · surplus)."),
    "traded_kwh": ("Traded", "kWh", "Σ of energy that passed between neighbours."),
    "demand_kwh": ("Demand", "kWh", "Σ of all deficits after own roof and battery."),
    "supply_kwh": ("Supply", "kWh", "Σ of all surpluses after own roof and battery."),
    "import_kwh": ("Import", "kWh", "What flowed in at the community's connection."),
    "export_kwh": ("Export", "kWh", "What flowed out at the community's connection."),
}


def draw(view: View, state: RunState) -> None:
    """The tab."""
    if not view.drawable:
        st.info("These algorithms report figures only. Compare one that settles slot by slot to see where energy went.")
        return
    row = pick_algorithm(view, key="algorithm")
    ink = INK["dark" if st.context.theme.type == "dark" else "light"]
    drawn = kept(view, ("sankey", row.algorithm_id, ink), lambda: charts.sankey(view, row, ink=ink))
    chart("Where the energy went", drawn, key="compare_sankey")
    chart(
        "Duration curve of import",
        kept(view, "duration", lambda: charts.duration(view)),
        key="compare_duration_energy",
    )
    _sums(view)


def _sums(view: View) -> None:
    first, last = days_of(view.starts)
    st.markdown(f"**Sums from {first:%d %b %Y} to {last:%d %b %Y}**")
    table = pd.DataFrame({named(row): _sum(view, row) for row in view.drawable}).T
    table.index.name = "Algorithm"
    look.figures(table, alt="Sums of the period", key="energy")


def _sum(view: View, row: ResultRow) -> dict[str, str]:
    series = view.series(row, *SUMS)
    return {
        f"{label} ({view.numbers.unit(unit)}) :help[{explained}]": view.numbers.number(float(np.nansum(values)))
        for (label, unit, explained), values in zip(SUMS.values(), series, strict=True)
    }
