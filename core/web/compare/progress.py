"""A run that has not ended: how far it is, how long it may take, and the button that ends it."""

from __future__ import annotations

import streamlit as st

from core.accounts import User, may
from core.errors import LabError
from core.exchange import current
from core.runs.runs import RunState
from core.web.compare import history
from core.web.compare.address import asked
from core.web.escape import markdown
from core.web.session import still_signed_in

TICK_S = 0.5


@st.fragment(run_every=TICK_S)
def progress(run_id: str) -> None:
    """Refreshes itself until the run has ended, then the whole page shows the result."""
    user = still_signed_in()
    state = current().runs.state(run_id, user_id=user.user_id, link=asked("link"))
    if state.ended:
        st.rerun(scope="app")
    _queue(state)
    st.progress(state.progress, text=_words(state))
    if state.owner_id == user.user_id and st.button("Cancel", icon=":material/cancel:", key="compare_cancel"):
        _cancel(state, user)


def _queue(state: RunState) -> None:
    running, waiting = current().runs.under_way()
    with st.container(horizontal=True, vertical_alignment="center"):
        history.status(state)
        place = f"place {state.queue_position} in the queue · " if state.queue_position else ""
        st.caption(f"{place}{running} running, {waiting} waiting. You can leave this page: the run goes on.")


def _words(state: RunState) -> str:
    if state.status == "queued":
        return "Waiting for a free worker …"
    done = f"{state.rows_done} of {state.plan.rows} rows"
    left = "" if state.left_s is None else f" · about {seconds(state.left_s)} left"
    doing = f" · {markdown(state.message)}" if state.message else ""
    return f"{done}{left}{doing}"


def seconds(left_s: float) -> str:
    """A duration in words: "3 s", "2 min"."""
    if left_s < 90:
        return f"{max(1, round(left_s))} s"
    return f"{round(left_s / 60)} min" if left_s < 5400 else f"{left_s / 3600:.1f} h"


def _cancel(state: RunState, user: User) -> None:
    try:
        current().runs.cancel(state.run_id, user_id=user.user_id)
    except LabError as refusal:
        st.warning(markdown(refusal, limit=300))
    st.rerun(scope="app")


def ended_without(state: RunState, user: User) -> None:
    """A run that failed, was cancelled or interrupted: why, and the way on."""
    say = st.error if state.status == "failed" else st.warning
    say(f"{state.status.capitalize()}. {markdown(state.message, limit=600)}")
    if may(user, "analyst") and st.button("Start it again", icon=":material/replay:", key="compare_start_again"):
        history.again(state, user)
