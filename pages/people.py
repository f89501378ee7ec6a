"""People, for admins: who is here, in which role, and who may come in."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.accounts import ROLES, User, hashes_from
from core.errors import LabError
from core.exchange import current
from core.web.escape import markdown, visible
from core.web.format import count
from core.web.session import guard

admin = guard("admin")
lab = current()

REGISTRATION = {
    "open": "Anybody may register and becomes an analyst.",
    "approval": "Anybody may register; an admin approves.",
    "closed": "Nobody may register.",
}


def change(user: User, *, role: str = "", state: str = "") -> None:
    """Give somebody a role or a state; what is refused is said."""
    try:
        if role:
            lab.accounts.set_role(admin, user.user_id, role=role)
        else:
            lab.accounts.set_state(admin, user.user_id, state=state)
    except LabError as refusal:
        st.toast(str(refusal), icon=":material/error:")


def change_role(user: User) -> None:
    """Take over what was picked in the role's list."""
    change(user, role=st.session_state[f"role-{user.user_id}"])


def end_sessions(user: User) -> None:
    """Sign somebody out everywhere."""
    ended = lab.sessions.end_all(admin, user_id=user.user_id)
    st.toast(f"{ended} sessions of {markdown(user.username)} ended.")


def take_over(content: bytes) -> None:
    """Make accounts from a credentials file and say how many."""
    try:
        made = lab.accounts.import_hashes(admin, hashes_from(content))
        st.success(f"{len(made)} accounts imported.")
    except LabError as refusal:
        st.error(markdown(refusal, limit=300))


def waiting(user: User) -> None:
    """Somebody who registered and waits."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{markdown(user.username)}** waits for approval.")
        st.button("Approve", key=f"approve-{user.user_id}", type="primary", on_click=change, args=[user], kwargs=ACTIVE)
        st.button("Refuse", key=f"refuse-{user.user_id}", on_click=change, args=[user], kwargs=DISABLED)


ACTIVE, DISABLED = {"state": "active"}, {"state": "disabled"}
people = lab.accounts.everybody()
counts = lab.sessions.counts()

st.title("People", anchor=False)
st.caption(f"{count(len(people), 'account')}. {REGISTRATION[lab.accounts.registration]}")

for user in people:
    if user.state == "pending":
        waiting(user)

table = pd.DataFrame(
    {
        "Name": [visible(user.username) for user in people],
        "Role": [user.role for user in people],
        "State": [user.state for user in people],
        "Sessions": [counts.get(user.user_id, 0) for user in people],
        "Signs in by": ["outside" if user.has_identity and not user.has_password else "password" for user in people],
        "Last sign-in": [user.last_sign_in_at for user in people],
        "Since": [user.created_at for user in people],
    }
)
TIME = st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm", timezone=lab.settings.time_zone)
chosen = st.dataframe(
    table,
    hide_index=True,
    on_select="rerun",
    selection_mode="single-row",
    column_config={"Last sign-in": TIME, "Since": TIME},
    key="people",
)

with st.expander("Import accounts", icon=":material/upload_file:"):
    st.caption(
        "The credentials file of a streamlit-authenticator app. Everybody keeps their password; names taken stay."
    )
    file = st.file_uploader("Credentials file", type=["yaml", "yml"], key="credentials")
    if file and st.button("Import", type="primary"):
        take_over(file.getvalue())

rows = chosen["selection"]["rows"]
if not rows or rows[0] >= len(people):
    st.caption("Choose a row to change somebody's role, end their sessions or disable the account.")
    st.stop()

user = people[rows[0]]
st.subheader(markdown(user.username), anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.selectbox(
        "Role",
        ROLES,
        index=ROLES.index(user.role),
        key=f"role-{user.user_id}",
        on_change=change_role,
        args=[user],
        width=200,
        help="viewer looks; analyst uploads, compares and mines; admin also looks after people.",
    )
    st.button("End all sessions", on_click=end_sessions, args=[user])
    if user.state == "disabled":
        st.button("Enable", on_click=change, args=[user], kwargs=ACTIVE)
    else:
        st.button("Disable", on_click=change, args=[user], kwargs=DISABLED)
