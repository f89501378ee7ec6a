"""Energy: where it came from and went, and what the days of a period add up to."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.market.quantities import SLOT_ARRAYS
from core.runs.runs import RunState
from core.web.compare import charts
from core.web.compare.tabs.show import chart, kept, pick_algorithm, row_head
from core.web.compare.view import View, days_of
from core.web.css import INK
from core.web.format import span
from core.web.table import Column, Row, html_table

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
    """Where one algorithm's energy went, and the sums of the period under each of them."""
    if not view.drawable:
        st.info("These algorithms report figures only. Compare one that settles slot by slot to see where energy went.")
        return
    row = pick_algorithm(view, key="algorithm")
    ink = INK["dark" if st.context.theme.type == "dark" else "light"]
    drawn = kept(view, ("sankey", row.algorithm_id, ink), lambda: charts.sankey(view, row, ink=ink))
    chart("Where the energy went", drawn, key="compare_sankey")
    _sums(view)


def _sums(view: View) -> None:
    arrays = [SLOT_ARRAYS[name] for name in SUMS]
    st.markdown(f"**Sums of {span(*days_of(view.starts))}**")
    columns = [Column(f"{of.label} ({view.numbers.unit(of.unit)})", "number", of.help) for of in arrays]
    rows: list[Row] = [
        [row_head(row), *(view.numbers.number(float(np.nansum(values))) for values in view.series(row, *SUMS))]
        for row in view.drawable
    ]
    st.html(html_table([Column("Algorithm", "name"), *columns], rows, name="Sums of the period"))
