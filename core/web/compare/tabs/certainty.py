"""Certainty: mean daily differences with 95 % intervals, so that nobody reads noise as benefit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from threading import Lock

import streamlit as st
from cachetools import LRUCache, cached

from core.market.community import FloatArray
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.runs.statistics import FEWEST_DAYS, Interval, WholeDays, daily_totals, every_pair, paired_interval, whole_days
from core.web.compare.charts.intervals import Difference, intervals
from core.web.compare.tabs.show import baseline_id, chart, named, row_head
from core.web.compare.view import View
from core.web.format import Numbers, count
from core.web.table import Column, Row, html_table

MEASURES = {
    "community_cost": ("Community cost per day", "₹", "lower"),
    "traded_kwh": ("Traded energy per day", "kWh", "higher"),
    "import_kwh": ("Import per day", "kWh", "lower"),
    "export_kwh": ("Export per day", "kWh", ""),
}
"""What is compared day by day: the name of its series, how it is called, its unit and the better direction."""


def draw(view: View, state: RunState) -> None:
    """The measure, how sure each difference to the baseline is, and every pair."""
    rows = {row.algorithm_id: row for row in view.drawable}
    baseline = rows.get(baseline_id(), view.drawable[0])
    measure = st.selectbox(
        "Measure",
        list(MEASURES),
        format_func=lambda each: MEASURES[each][0],
        key="measure",
        bind="query-params",
        width=280,
    )
    chosen = measure or "community_cost"
    found = differences(view, baseline, chosen)
    what, unit, _ = MEASURES[chosen]
    unit = view.numbers.unit(unit)
    days = whole_days_of(view)
    st.caption(f"Mean daily difference to {named(baseline)} over {days_in_words(days)}. {HOW}")
    if days.day.size < FEWEST_DAYS:
        st.info(
            f"Too few days to tell: an interval needs at least {FEWEST_DAYS} whole days, this period has"
            f" {days.day.size}. Choose a longer one or add readings."
        )
    chart(
        what,
        intervals(found, baseline=baseline.name, what=what, unit=unit, numbers=view.numbers),
        key="compare_intervals",
    )
    _table(found, view, unit)
    if len(rows) > 2:
        _pairs(view, chosen, unit)


HOW = (
    "Intervals hold the truth for days like these in about 95 of 100 cases; days that resemble their neighbours count"
    " for fewer. They say nothing about seasons that are not among them: a week tells nothing about a year."
)


def whole_days_of(view: View) -> WholeDays:
    """The whole local days of the period."""
    result = view.result
    return whole_days(
        result.start_at + timedelta(hours=result.slot_h) * view.slots.start,
        slot_h=result.slot_h,
        slots=len(view.starts),
        time_zone=result.time_zone,
    )


def days_in_words(days: WholeDays) -> str:
    """ "7 whole days, 2024-06-01 to 2024-06-07 (the broken first and last day are left out)"."""
    if not days.day.size:
        return "no whole day"
    broken = " and ".join(
        word for word, is_broken in (("first", days.broken_first), ("last", days.broken_last)) if is_broken
    )
    left_out = f" (the broken {broken} day {'is' if ' ' not in broken else 'are'} left out)" if broken else ""
    return f"{count(days.day.size, 'whole day')}, {days.day[0]} to {days.day[-1]}{left_out}"


@cached(LRUCache(64), key=lambda view, row, measure: (view.key, row.algorithm_id, measure), lock=Lock())
def differences(view: View, baseline: ResultRow, measure: str) -> list[Difference]:
    """The mean daily difference of every other algorithm to `baseline`, with its interval."""
    totals = totals_of(view, measure)
    return [
        Difference(row.algorithm_id, row.name, paired_interval(totals[row.algorithm_id], totals[baseline.algorithm_id]))
        for row in view.drawable
        if row.algorithm_id != baseline.algorithm_id
    ]


def totals_of(view: View, measure: str) -> dict[str, FloatArray]:
    """Totals of the whole days, `[day]`, by algorithm."""
    days = whole_days_of(view)
    return {
        row.algorithm_id: daily_totals(view.series(row, measure)[0], slot_h=view.result.slot_h, days=days)
        for row in view.drawable
    }


def _pairs(view: View, measure: str, unit: str) -> None:
    """Line minus column, for every two algorithms."""
    with st.expander("Every pair"):
        st.caption(f"The line's mean day minus the column's, in {unit}; ≈ where it could be chance.")
        pairs = every_pair(totals_of(view, measure))
        ids = [row.algorithm_id for row in view.drawable]
        rows: list[Row] = [
            [row_head(row), *(_cell(row.algorithm_id, column, pairs, view.numbers) for column in ids)]
            for row in view.drawable
        ]
        columns = [Column("Algorithm", "name"), *(Column(row.name, "number") for row in view.drawable)]
        st.html(html_table(columns, rows, name="Differences of every pair of algorithms"))


def _cell(line: str, column: str, pairs: Mapping[tuple[str, str], Interval], numbers: Numbers) -> str:
    if line == column:
        return "–"
    found = Difference(line, line, pairs[line, column])
    sign = {"clear": "", "no difference": ""}.get(found.words, "≈ ")
    half = "" if not found.interval.told else f" ± {numbers.number((found.interval.high - found.interval.low) / 2)}"
    return f"{sign}{numbers.number(found.interval.difference, sign=True)}{half}"


def _table(found: list[Difference], view: View, unit: str) -> None:
    numbers = view.numbers
    by_id = {row.algorithm_id: row for row in view.drawable}
    columns = [
        Column("Algorithm", "name"),
        Column(f"Difference ({unit})", "number"),
        Column("95 % from", "number"),
        Column("to", "number"),
        Column("Reading"),
    ]
    rows: list[Row] = [
        [
            row_head(by_id[each.algorithm_id]),
            numbers.number(each.interval.difference, sign=True),
            numbers.number(each.interval.low, sign=True),
            numbers.number(each.interval.high, sign=True),
            each.words,
        ]
        for each in found
    ]
    st.html(html_table(columns, rows, name="Differences with intervals"))
