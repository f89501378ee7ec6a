"""Certainty: differences to the baseline with 95 % intervals, so that nobody reads noise as benefit."""

from __future__ import annotations

from threading import Lock

import numpy as np
import pandas as pd
import streamlit as st
from cachetools import LRUCache, cached

from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.runs.statistics import DRAWS, FEWEST_DAYS, Bootstrap, daily_totals
from core.web.compare import look
from core.web.compare.charts.intervals import Difference, intervals
from core.web.compare.tabs.show import baseline_id, chart, named
from core.web.compare.view import View

MEASURES = {
    "community_cost": ("Community cost per day", "₹", "lower"),
    "traded_kwh": ("Traded energy per day", "kWh", "higher"),
    "import_kwh": ("Import per day", "kWh", "lower"),
    "export_kwh": ("Export per day", "kWh", ""),
}
"""What is compared day by day: the name of its series, how it is called, its unit and the better direction."""
SEED = 20_240_601


def draw(view: View, state: RunState) -> None:
    """The tab."""
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
    days = found[0].interval.days if found else 0
    st.caption(
        f"Mean difference to {named(baseline)} over {days} days. The interval is a paired bootstrap: {DRAWS:,} times as"
        " many days are drawn with replacement, the same for all algorithms; the middle 95 % of the results is shown."
    )
    if days < FEWEST_DAYS:
        st.info(
            f"Intervals need at least {FEWEST_DAYS} days; this period has {days}. Choose a longer one or add readings."
        )
    chart(
        what,
        intervals(found, baseline=baseline.name, what=what, unit=unit, numbers=view.numbers),
        key="compare_intervals",
    )
    _table(found, view, unit)


@cached(LRUCache(64), key=lambda view, row, measure: (view.key, row.algorithm_id, measure), lock=Lock())
def differences(view: View, baseline: ResultRow, measure: str) -> list[Difference]:
    """The mean daily difference of every other algorithm to `baseline`, with its interval; repeatable."""
    totals = {
        row.algorithm_id: daily_totals(view.series(row, measure)[0], slot_h=view.result.slot_h) for row in view.drawable
    }
    days = len(totals[baseline.algorithm_id])
    bootstrap = Bootstrap(days, seed=SEED)
    reference = totals[baseline.algorithm_id][None, :]

    def mean(total: np.ndarray) -> np.ndarray:
        return np.asarray(total[0] / days)

    return [
        Difference(
            row.algorithm_id, row.name, bootstrap.difference(totals[row.algorithm_id][None, :], reference, figure=mean)
        )
        for row in view.drawable
        if row.algorithm_id != baseline.algorithm_id
    ]


def _table(found: list[Difference], view: View, unit: str) -> None:
    numbers = view.numbers
    names = {row.algorithm_id: named(row) for row in view.drawable}
    table = pd.DataFrame(
        {
            f"Difference ({unit})": [numbers.number(each.interval.difference, sign=True) for each in found],
            "95 % from": [numbers.number(each.interval.low, sign=True) for each in found],
            "to": [numbers.number(each.interval.high, sign=True) for each in found],
            "Reading": [each.words for each in found],
        },
        index=pd.Index([names[each.algorithm_id] for each in found], name="Algorithm"),
    )
    look.figures(table, alt="Differences with intervals", key="certainty")
