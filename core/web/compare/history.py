"""What was compared before: found by name, tag or dataset, opened, tagged, started again."""

from __future__ import annotations

import streamlit as st

from core.accounts import User, may
from core.errors import LabError
from core.exchange import current
from core.runs.runs import RunState
from core.web.compare.address import go
from core.web.escape import markdown
from core.web.format import count

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
    for state in found[:shown]:
        _line(state, user)
    if len(found) > shown and st.button("Show more", key="compare_more"):
        st.session_state["compare_history"] = shown + PAGE
        st.rerun()


def _line(state: RunState, user: User) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        status(state)
        tags = "".join(f" :gray-badge[{markdown(tag)}]" for tag in state.tags)
        facts = [
            markdown(state.dataset_name),
            count(len(state.plan.selections), "algorithm"),
            count(len(state.plan.scenarios), "scenario"),
            markdown(who_of(state.owner_id)),
            f"{state.queued_at:%d %b %Y %H:%M} UTC",
            *([f"result {state.result_digest[:8]}"] if state.result_digest else []),
            *(["shared"] if state.shared and state.owner_id != user.user_id else []),
        ]
        st.markdown(f"**{markdown(state.name)}**{tags}  \n:small[{' · '.join(facts)}]")
        st.space("stretch")
        if st.button("Open", key=f"compare_open_{state.run_id}"):
            go(run=state.run_id)
        if (
            state.ended
            and may(user, "analyst")
            and st.button("Repeat", key=f"compare_repeat_{state.run_id}", help=REPEAT)
        ):
            again(state, user)


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
