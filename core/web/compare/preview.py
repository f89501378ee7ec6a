"""What the readings look like before *Run*: the mean day, all days in a strip, and the zone where the sun objects."""

from __future__ import annotations

from threading import Lock

import plotly.graph_objects as go
import streamlit as st
from cachetools import LRUCache, cached

from core.accounts import User
from core.errors import LabError
from core.exchange import current
from core.market.community import FloatArray
from core.runs.datasets import Dataset
from core.runs.preview import Preview, preview_of
from core.runs.reports import Report
from core.runs.zone_check import ZoneAdvice, read_in_zone, zone_advice
from core.web.charts import ACCENT, CONFIG, SUN
from core.web.compare.charts.chart import Chart, frame
from core.web.escape import markdown
from core.web.format import Numbers


def show(report: Report, numbers: Numbers) -> None:
    """Two pictures side by side."""
    found = _preview(report.digest, report.time_zone)
    with st.container(horizontal=True, gap="small", key="compare_preview"):
        for chart, key in ((mean_day(found, numbers), "day"), (strip(found, numbers), "strip")):
            with st.container(width=460):
                st.plotly_chart(chart.figure, config=CONFIG, alt=chart.alt, key=f"compare_preview_{key}")


def offer_zone(dataset: Dataset, report: Report, user: User) -> None:
    """One button that reads the files in the zone of the homes' position, where the sun says so."""
    advice = _advice(report)
    if advice is None or dataset.owner_id != user.user_id or dataset.kind != "upload":
        return
    zone = markdown(advice.time_zone)
    st.warning(
        f"The position of these homes is in {zone}, but they were read as {markdown(report.time_zone)}:"
        f" {advice.night_share:.0%} of their solar energy falls into the night. Read as {zone} it would be"
        f" {advice.night_share_then:.0%}.",
        icon=":material/public:",
    )
    if st.button(f"Read them as {zone}", icon=":material/schedule:", type="primary", key="compare_read_in_zone"):
        _read_in(dataset, advice, user)


def _read_in(dataset: Dataset, advice: ZoneAdvice, user: User) -> None:
    datasets = current().datasets
    try:
        options = datasets.options(dataset.dataset_id, user_id=user.user_id)
        added = read_in_zone(datasets, dataset.dataset_id, options=options, zones=advice.zones, user_id=user.user_id)
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    if added.dataset is None:
        reason = added.report.errors[0].message if added.report.errors else "nothing could be read."
        st.error(f"The dataset stays as it was: {markdown(reason, limit=600)}")
        return
    st.rerun()


def mean_day(preview: Preview, numbers: Numbers) -> Chart:
    """Mean load and solar of all homes together by local time of day."""
    clock = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in preview.minute.tolist()]
    traces = [
        go.Scatter(x=clock, y=values, name=name, mode="lines", line={"color": colour, "width": 2})
        for name, values, colour in (("Load", preview.load_kw, ACCENT), ("Solar", preview.solar_kw, SUN))
    ]
    drawn = frame(traces, numbers=numbers, x_title="Time of day", y_title="Mean day (kW)", height=240)
    drawn.update_xaxes(type="category", nticks=9)
    peaks = f"{_peak('load', clock, preview.load_kw)}; {_peak('solar', clock, preview.solar_kw)}"
    return Chart(drawn, f"The mean day of all homes together: {peaks}.")


def strip(preview: Preview, numbers: Numbers) -> Chart:
    """Load and solar of all homes together over all days."""
    traces = [
        go.Scatter(x=line.start, y=line.value, name=name, mode="lines", line={"color": colour, "width": 1})
        for name, line, colour in (("Load", preview.load, ACCENT), ("Solar", preview.solar, SUN))
    ]
    drawn = frame(traces, numbers=numbers, y_title="All homes (kW)", height=240)
    first, last = (str(preview.load.start[place].astype("datetime64[D]")) for place in (0, -1))
    return Chart(drawn, f"Load and solar of all homes together from {first} to {last}.")


def _peak(what: str, clock: list[str], values: FloatArray) -> str:
    known = [(value, at) for value, at in zip(values.tolist(), clock, strict=True) if value == value]
    value, at = max(known)
    return f"{what} is highest at {at} with {value:.1f} kW"


@cached(LRUCache(16), lock=Lock())
def _preview(digest: str, time_zone: str) -> Preview:
    return preview_of(current().datasets.readings_of(digest), time_zone=time_zone)


@cached(LRUCache(64), key=lambda report: (report.digest, report.time_zone), lock=Lock())
def _advice(report: Report) -> ZoneAdvice | None:
    return zone_advice(current().datasets.readings_of(report.digest), report)
