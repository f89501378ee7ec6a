"""Energy: where it came from and went, and what the days of a period add up to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.market.quantities import SLOT_ARRAYS
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.compare import charts, look
from core.web.compare.tabs.show import chart, kept, named, pick_algorithm
from core.web.compare.view import View, days_of
from core.web.css import INK

SUMS = (
    "community_cost",
    "baseline_cost",
    "traded_kwh",
    "demand_kwh",
    "supply_kwh",
    "import_kwh",
    "export_kwh",
)


def draw(view: View, state: RunState) -> None:
    """The tab."""
    if not view.drawable:
        st.info("These algorithms report figures only. Compare one that settles slot by slot to see where energy went.")
        return
    row = pick_algorithm(view, key="algorithm")
    ink = INK["dark" if st.context.theme.type == "dark" else "light"]
    drawn = kept(view, ("sankey", row.algorithm_id, ink), lambda: charts.sankey(view, row, ink=ink))
    chart("Where the energy went", drawn, key="compare_sankey")
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
        f"{of.label} ({view.numbers.unit(of.unit)}) :help[{of.help}]": view.numbers.number(float(np.nansum(values)))
        for of, values in zip((SLOT_ARRAYS[name] for name in SUMS), series, strict=True)
    }
