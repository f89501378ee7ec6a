"""What was compared before: found by name, tag or dataset, opened, tagged, started again."""

from __future__ import annotations

import math
from urllib.parse import urlencode

import streamlit as st

from core.accounts import User
from core.errors import LabError
from core.exchange import current
from core.runs.answer import cheapest_first
from core.runs.runs import RunState
from core.web.charts import colour_of
from core.web.compare.address import go
from core.web.escape import markdown
from core.web.format import Clock, count, numbers_of
from core.web.table import Cell, Column, Row, html_table

PAGE = 10
BADGES = {
    "queued": ("gray", ":material/schedule:"),
    "running": ("blue", ":material/play_arrow:"),
    "done": ("green", ":material/check:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("gray", ":material/cancel:"),
    "interrupted": ("orange", ":material/warning:"),
}


def show(user: User) -> None:
    """The list, newest first."""
    st.header("Earlier comparisons", anchor=False)
    text = st.text_input(
        "Find",
        placeholder="name, tag or dataset",
        key="compare_find",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    shown = st.session_state.get("compare_history", PAGE)
    found = current().runs.history(user.user_id, text=text or "", limit=shown + 1)
    if not found:
        st.caption("Nothing matches." if text else "None yet. The first one appears here as soon as it is started.")
    if found:
        st.html(html_table(_columns(), [_row(state, user) for state in found[:shown]], name="Earlier comparisons"))
    if len(found) > shown and st.button("Show more", key="compare_more"):
        st.session_state["compare_history"] = shown + PAGE
        st.rerun()


def _columns() -> list[Column]:
    return [
        Column("Comparison", "name"),
        Column("Cheapest rule"),
        Column("Saves", "number", "Against the grid only, in the first scenario"),
        Column("Readings"),
        Column("Compared"),
        Column("By"),
        Column("Started"),
        Column("State"),
    ]


def _row(state: RunState, user: User) -> Row:
    """What tells a comparison from the others: what came of it first."""
    cheapest, saved = _outcome(state, user)
    scenarios = f" × {count(len(state.plan.scenarios), 'scenario')}" if len(state.plan.scenarios) > 1 else ""
    shared = " · shared" if state.shared and state.owner_id != user.user_id else ""
    return [
        Cell(state.name, href="?" + urlencode({"run": state.run_id}), note=", ".join(state.tags)),
        cheapest,
        saved,
        state.dataset_name,
        count(len(state.plan.selections), "algorithm") + scenarios,
        who_of(state.owner_id) + shared,
        Clock(current().settings.time_zone).minute(state.queued_at),
        state.status,
    ]


def _outcome(state: RunState, user: User) -> tuple[Cell | str, str]:
    """The cheapest rule and its savings; nothing while there is no result, or no longer."""
    if state.status != "done":
        return "", ""
    try:
        result = current().runs.result(state.run_id, user_id=user.user_id)
    except LabError:
        return "", ""
    groups = cheapest_first(result.of(result.scenarios[0]))
    if not groups:
        return "", ""
    best = groups[0][0]
    numbers = numbers_of(current().settings)
    saved = numbers.money(best.figures.get("savings", math.nan))
    share = numbers.percent(best.figures.get("savings_percent", math.nan))
    more = f"and {len(groups[0]) - 1} more" if len(groups[0]) > 1 else ""
    return Cell(best.name, colour=colour_of(best.algorithm_id), note=more), f"{saved} · {share}"


REPEAT = "Compute the same again: same readings, algorithms, parameters and tariffs."


def status(state: RunState) -> None:
    """The run's status as a badge."""
    colour, icon = BADGES[state.status]
    st.badge(state.status, color=colour, icon=icon)  # type: ignore[arg-type]


def again(state: RunState, user: User) -> None:
    """Start the same once more and show it."""
    try:
        run_id = current().runs.again(state.run_id, user_id=user.user_id)
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    go(run=run_id)


def who_of(owner_id: str) -> str:
    """The name of a run's owner; of one who has left, the id."""
    try:
        return current().accounts.get(owner_id).username
    except LabError:
        return owner_id
