"""Over time: price and volume, days against hours, and how often the connection works how hard."""

from __future__ import annotations

from datetime import date

import numpy as np
import streamlit as st

from core.runs.runs import RunState
from core.web.compare import charts
from core.web.compare.tabs.show import baseline_id, chart, config, kept, pick_algorithm, tab_link
from core.web.compare.view import View
from core.web.escape import markdown

SHAPES = ("Period", "Typical day")


def draw(view: View, state: RunState) -> None:
    """Prices of the period or of a typical day, savings, days against hours, and how hard the connection works."""
    if not view.drawable:
        st.info("These algorithms report figures only. Compare one that settles slot by slot to see it over time.")
        return
    shape = st.segmented_control(
        "Shown as",
        SHAPES,
        default=SHAPES[0],
        required=True,
        key="shape",
        bind="query-params",
        label_visibility="collapsed",
    )
    if shape == SHAPES[0]:
        _price(view)
    else:
        drawn = kept(view, "typical", lambda: charts.typical_day(view))
        chart("Price on a typical day", drawn, key="compare_typical_day")
    if (profile := charts.profile(view)) is not None:
        chart(
            f"Load and solar of {view.result.household_ids[view.household or 0]}", profile, key="compare_profile_time"
        )
    baseline = next((row for row in view.rows if row.algorithm_id == baseline_id()), None)
    savings = kept(view, ("savings", baseline_id()), lambda: charts.cumulative_savings(view, baseline))
    title = f"Savings against {baseline.name if baseline else 'the grid only'} as they grow"
    chart(markdown(title), savings, key="compare_savings_time")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        row = pick_algorithm(view, key="algorithm")
        quantity = st.selectbox(
            "Quantity",
            list(charts.QUANTITIES),
            format_func=lambda each: charts.QUANTITIES[each].label,
            key="quantity",
            bind="query-params",
            width=240,
        )
    chosen = quantity or "traded_kwh"
    chart(
        "Day by time of day",
        kept(view, ("heat", row.algorithm_id, chosen), lambda: charts.heat_map(view, row, chosen)),
        key="compare_heat",
    )
    chart("Duration curve of import", kept(view, "duration", lambda: charts.duration(view)), key="compare_duration")


def _price(view: View) -> None:
    drawn = kept(view, "price", lambda: charts.price_and_volume(view))
    st.markdown("**Price and traded energy**", help="Drag across the chart to look at those days alone, everywhere.")
    st.plotly_chart(
        drawn.figure,
        config=config("Price and traded energy"),
        alt=drawn.alt,
        key="compare_price_time",
        on_select=_take_period,
        selection_mode="box",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{drawn.note} Drag across the chart to look at those days alone.")
        st.html(tab_link("One slot of these days", "One slot"), width="content")
        if not view.whole:
            st.button(
                "All days",
                icon=":material/zoom_out_map:",
                type="tertiary",
                on_click=_all_days,
                args=(view,),
                key="compare_all_days",
            )


def _take_period() -> None:
    """The days of a dragged box become the period of every chart."""
    boxes = st.session_state["compare_price_time"]["selection"]["box"]
    if boxes:
        first, last = (np.datetime64(moment, "D").item() for moment in boxes[0]["x"])
        st.session_state["period"] = tuple(sorted((first, last)))


def _all_days(view: View) -> None:
    starts = view.result.local_starts()
    first, last = (starts[place].astype("datetime64[D]").item() for place in (0, -1))
    assert isinstance(first, date)
    st.session_state["period"] = (first, last)
