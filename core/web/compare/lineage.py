"""What was compared, so that anybody can compute the same again: readings, algorithms, parameters, tariffs, digests."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.exchange import current
from core.market.tariff import MICRO
from core.runs.plan import Scenario
from core.runs.results import RunResult
from core.runs.runs import RunState
from core.runs.tariffs import Period
from core.web.escape import visible
from core.web.format import Clock, Numbers

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def tables(state: RunState, result: RunResult, numbers: Numbers) -> None:
    """Digests, scenarios, algorithms with their parameters, and how long it took."""
    facts = {
        "Digest of the readings": state.dataset_digest,
        "Digest of the result": result.result_digest,
        "Run": state.run_id,
    }
    for name, value in facts.items():
        st.markdown(f"{name} `{value}`")
    st.dataframe(
        pd.DataFrame(scenarios_of(state.plan.scenarios, numbers)), hide_index=True, alt="Tariffs and scenarios"
    )
    st.dataframe(pd.DataFrame(rows_of(result)), hide_index=True, alt="Algorithms, their parameters and digests")
    if state.started_at and state.ended_at:
        took = (state.ended_at - state.started_at).total_seconds()
        clock = Clock(current().settings.time_zone)
        st.caption(f"Computed in {took:.1f} s, {clock.minute(state.ended_at)}.")


def rows_of(result: RunResult) -> list[dict[str, str]]:
    """Every row of the result: scenario, algorithm, complete parameters, digests."""
    return [
        {
            "Scenario": visible(row.scenario),
            "Algorithm": visible(row.name),
            "Parameters": visible(pairs(row.parameters), limit=600),
            "Digest of its source": row.source_digest,
            "Digest of its result": row.result_digest,
        }
        for row in result.rows
    ]


def scenarios_of(scenarios: tuple[Scenario, ...], numbers: Numbers) -> list[dict[str, str]]:
    """Every scenario: its prices, when others hold, and what was varied."""
    found = []
    for scenario in scenarios:
        tariff = scenario.tariff
        found.append(
            {
                "Scenario": visible(scenario.name),
                "Retail and feed-in price": _prices(tariff.retail_micro_per_kwh, tariff.feed_in_micro_per_kwh, numbers),
                "Time of use": "; ".join(_period(each, numbers) for each in tariff.periods) or "the same at all times",
                "Rules": visible(scenario.rules.rulebook.name) if scenario.rules else "these prices alone",
                "Varied": visible(pairs(scenario.parameters)),
            }
        )
    return found


def pairs(values: Mapping[str, object]) -> str:
    """Parameters as text: "alpha = 5.0, beta = 0.125"."""
    return ", ".join(f"{name} = {value}" for name, value in values.items()) or "none"


def _period(period: Period, numbers: Numbers) -> str:
    hours = f"{_clock(period.start_minute)}–{_clock(period.end_minute)}"
    days = "" if len(period.days) == len(DAYS) else " on " + ", ".join(DAYS[day] for day in period.days)
    return f"{hours}{days}: {_prices(period.retail_micro_per_kwh, period.feed_in_micro_per_kwh, numbers)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _prices(retail: int, feed_in: int, numbers: Numbers) -> str:
    return f"{numbers.money(retail / MICRO, 3)} and {numbers.money(feed_in / MICRO, 3)} per kWh"
