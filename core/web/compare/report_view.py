"""What was read: a line of metrics, every file with how it was read, every finding with its place, and the gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow.parquet as pq
import streamlit as st

from core.market.local_time import local_starts
from core.readings import FileReport, Issue
from core.runs.reports import Report
from core.runs.statistics import MAX_POINTS
from core.web.charts import CONFIG, LOSS
from core.web.compare import findings as findings_list
from core.web.compare.charts.chart import Chart, faint, frame
from core.web.escape import markdown, visible
from core.web.format import Numbers, count, span

MOMENT = timedelta(microseconds=1)
KINDS_SHOWN = 4


def metrics(report: Report, numbers: Numbers) -> None:
    """Households, span, interval and energy in one line."""
    length = max(1.0, report.slots * report.slot_h / 24)
    shown = (
        ("Households", f"{len(report.household_ids):,}", count(len(report.files), "file"), "Distinct household ids."),
        ("Span", count(round(length), "day"), days(report), f"First to last day, {report.time_zone}."),
        ("Interval", interval(report.slot_h), count(report.slots, "slot"), "Length of a slot."),
        ("Load", *_energy(report.load_kwh, length, numbers), "Σ mean power × length of the slot."),
        ("Solar", *_energy(report.solar_kwh, length, numbers), "Σ mean power × length of the slot."),
    )
    with st.grid(len(shown), min_column_width=150):
        for label, value, below, explained in shown:
            st.metric(label, value, below, delta_color="off", delta_arrow="off", help=explained, border=True)


def _energy(kwh: float, days: float, numbers: Numbers) -> tuple[str, str]:
    return numbers.energy(kwh), f"{numbers.energy(kwh / days)} a day"


def days(report: Report) -> str:
    """First and last local day: "1–7 Apr 2025"."""
    assert report.start_at is not None
    assert report.end_at is not None
    zone = ZoneInfo(report.time_zone)
    return span(report.start_at.astimezone(zone).date(), (report.end_at.astimezone(zone) - MOMENT).date())


def interval(slot_h: float) -> str:
    """A slot's length in words."""
    minutes = slot_h * 60
    return f"{minutes:g} min" if minutes < 60 else f"{slot_h:g} h"


def warnings(report: Report) -> None:
    """The first warning of each kind, in the open; the others are counted."""
    kinds: dict[str, list[Issue]] = {}
    for issue in report.issues:
        if issue.severity == "warning":
            kinds.setdefault(issue.code, []).append(issue)
    for alike in list(kinds.values())[:KINDS_SHOWN]:
        more = f" And {len(alike) - 1:,} more alike." if len(alike) > 1 else ""
        st.markdown(f":orange-badge[Warning] {markdown(alike[0].message, limit=400)}{more}")


def findings(report: Report, numbers: Numbers, *, parquet: Callable[[str], Path]) -> None:
    """Everything else the report says, in tabs; the reasons of a refusal come first."""
    labels = [f"Findings ({len(report.issues)})", f"Files ({len(report.files)})", f"Gaps ({len(report.gaps)})"]
    shown = st.tabs([*labels, "How it was read"])
    with shown[0]:
        if report.issues:
            findings_list.table(report.issues, key="compare_issues")
        else:
            st.caption("Nothing to report: every file was read as it is.")
    with shown[1]:
        _files(report.files, report.time_zone)
    with shown[2]:
        _gaps(report, numbers, parquet=parquet)
    with shown[3]:
        for assumption in report.assumptions or ("Nothing had to be assumed.",):
            st.markdown(f"- {markdown(assumption, limit=400)}")
    st.download_button(
        "Download this report",
        report.to_json,
        file_name="report.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key="compare_report_json",
    )


def _files(files: Sequence[FileReport], time_zone: str) -> None:
    zone = ZoneInfo(time_zone)
    table = pd.DataFrame(
        {
            "File": [visible(file.name) for file in files],
            "State": ["Read" if file.accepted else "Refused" for file in files],
            "Households": [visible(", ".join(file.households)) for file in files],
            "Rows": [file.rows for file in files],
            "Interval": ["" if np.isnan(file.slot_h) else interval(file.slot_h) for file in files],
            "From": [_moment(file.start_at, zone) for file in files],
            "To": [_moment(file.end_at, zone) for file in files],
            "How it was read": [visible(file.how_read, limit=300) for file in files],
        }
    )
    st.dataframe(table, hide_index=True, alt="The files and how each was read", key="compare_files")


def _gaps(report: Report, numbers: Numbers, *, parquet: Callable[[str], Path]) -> None:
    if not report.gaps:
        st.caption("No reading is missing.")
        return
    zone = ZoneInfo(report.time_zone)
    table = pd.DataFrame(
        {
            "Household": [gap.household_id for gap in report.gaps],
            "Missing slots": [gap.missing for gap in report.gaps],
            "Share (%)": [numbers.number(100 * gap.missing / max(1, report.slots), 2) for gap in report.gaps],
            "Longest in a row": [gap.longest for gap in report.gaps],
            "Longest from": [_moment(datetime.fromtimestamp(gap.longest_s, zone), zone) for gap in report.gaps],
            "Filled": [gap.filled for gap in report.gaps],
        }
    )
    st.dataframe(table, hide_index=True, alt="Missing readings by household", key="compare_gaps")
    if report.accepted:
        chart = gap_calendar(*absent_by_day(parquet(report.digest), report))
        st.plotly_chart(chart.figure, config=CONFIG, alt=chart.alt, key="compare_gap_calendar")
        st.caption(chart.note)


def absent_by_day(path: Path, report: Report) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Local days, the households that have gaps, and the share (%) of each day that is absent, `[household, day]`."""
    with pq.ParquetFile(path) as file:
        column = file.read(columns=["absent"]).column("absent").to_numpy()
    absent = column.reshape(report.slots, len(report.household_ids))
    assert report.start_at is not None
    first = np.datetime64(report.start_at.replace(tzinfo=None), "s")
    starts = local_starts(
        first + np.arange(report.slots) * np.timedelta64(round(report.slot_h * 3600), "s"), report.time_zone
    )
    days, place, counts = np.unique(starts.astype("datetime64[D]"), return_index=True, return_counts=True)
    by_day = np.add.reduceat(absent.astype(np.int64), place, axis=0) * 100.0 / counts[:, None]
    having = np.flatnonzero(absent.any(axis=0))
    return days, [report.household_ids[at] for at in having], by_day[:, having].T


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


MOST_HOUSEHOLDS = 50


def gap_calendar(days: np.ndarray, household_ids: list[str], absent_share: np.ndarray) -> Chart:
    """Share (%) of each day in which a household takes no part, `[household, day]`; the worst households first."""
    worst = np.argsort(-absent_share.sum(axis=1), kind="stable")[:MOST_HOUSEHOLDS]
    width = -(-len(days) * max(1, len(worst)) // MAX_POINTS)
    first = np.arange(0, len(days), width)
    shown = np.maximum.reduceat(absent_share[worst], first, axis=1) if len(worst) else absent_share[:0]
    trace = go.Heatmap(
        x=days[first],
        y=[household_ids[at] for at in worst],
        z=shown,
        zmin=0,
        zmax=100,
        colorscale=[[0.0, faint(LOSS, 0.04)], [1.0, LOSS]],
        colorbar={"title": {"text": "% missing", "side": "right"}, "thickness": 12, "outlinewidth": 0},
        hovertemplate="%{y}<br>%{x|%d %b %Y}: %{z:.0f} % missing<extra></extra>",
        xgap=1,
        ygap=1,
    )
    drawn = frame([trace], numbers=Numbers(), y_title="", height=90 + 22 * max(1, len(worst)), legend=False)
    drawn.update_layout(hovermode="closest")
    drawn.update_yaxes(type="category", autorange="reversed", showgrid=False)
    drawn.update_xaxes(showgrid=False)
    left_out = len(household_ids) - len(worst)
    note = "What the policy filled is not missing any more." + (
        f" {left_out} more households are not shown." if left_out > 0 else ""
    )
    alt = (
        f"Gap calendar: {len(household_ids)} households have slots without a reading, between {days[0]} and {days[-1]}."
    )
    return Chart(drawn, alt, note)
