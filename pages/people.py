"""People, for admins: who is here, in which role, and who may come in."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.accounts import ROLES, User, hashes_from
from core.accounts.recovery import link
from core.audit import MOST, PAGE, to_csv, trail
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


def offer_reset(user: User) -> None:
    """Make a link; it is shown once, under the row."""
    try:
        st.session_state["reset-link"] = (user.user_id, link(lab.settings, lab.recovery.offer(admin, user.user_id)))
    except LabError as refusal:
        st.toast(str(refusal), icon=":material/error:")


@st.dialog("Delete an account")
def delete(user: User) -> None:
    """Ask what becomes of the person's datasets and runs, and do it."""
    heirs = {other.user_id: other.username for other in people if other.user_id != user.user_id}
    st.markdown(f"**{markdown(user.username)}** is deleted for good; what the ledger says of the account stays.")
    heir = st.selectbox(
        "Datasets and runs",
        ["", *heirs],
        format_func=lambda user_id: f"go to {heirs[user_id]}" if user_id else "are deleted, too",
    )
    if st.button("Delete", type="primary", icon=":material/delete:"):
        try:
            lab.delete_account(admin, user.user_id, heir_id=heir)
        except LabError as refusal:
            st.error(markdown(refusal, limit=300))
            return
        st.rerun()


def audit_trail() -> None:
    """Who did what, filtered, to look at and to take away."""
    zone = ZoneInfo(lab.settings.time_zone)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        person = st.text_input("Person", max_chars=64, placeholder="part of a name or id", key="audit-person")
        action = st.selectbox("Action", ["", *ACTIONS], format_func=lambda word: word or "all", key="audit-action")
        days = st.date_input("Period", value=(), key="audit-days", help=f"Days in {lab.settings.time_zone}.")
    chosen_days = [datetime.combine(day, time(), zone) for day in (days if isinstance(days, tuple) else (days,))]
    period = {}
    if chosen_days:
        period["from_ms"] = round(chosen_days[0].timestamp() * 1000)
        period["until_ms"] = round((chosen_days[-1] + timedelta(days=1)).timestamp() * 1000)
    try:
        found = trail(lab, admin, person=person, action=action, **period)
    except LabError as refusal:
        st.info(markdown(refusal))
        return
    if not found:
        st.caption("Nothing was written down that fits. Leave out a filter.")
        return
    entries = pd.DataFrame(
        {
            "Time": [entry.at for entry in found],
            "Action": [entry.action for entry in found],
            "By": [visible(entry.actor) for entry in found],
            "On": [visible(entry.subject) for entry in found],
            "Block": ["pending" if entry.height is None else str(entry.height) for entry in found],
        }
    )
    st.dataframe(entries, hide_index=True, column_config={"Time": TIME})
    st.download_button(
        "Export as CSV",
        lambda: to_csv(trail(lab, admin, person=person, action=action, limit=MOST, **period)),
        file_name="audit.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    if len(found) >= PAGE:
        st.caption(f"The newest {PAGE}; the export has up to {MOST:,}.")


def waiting(user: User) -> None:
    """Somebody who registered and waits."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{markdown(user.username)}** waits for approval.")
        st.button("Approve", key=f"approve-{user.user_id}", type="primary", on_click=change, args=[user], kwargs=ACTIVE)
        st.button("Refuse", key=f"refuse-{user.user_id}", on_click=change, args=[user], kwargs=DISABLED)


ACTIONS = (
    "account",
    "dataset",
    "export",
    "identity",
    "password",
    "role",
    "run",
    "session",
    "sign-in",
    "sign-out",
    "token",
)
"""What the names of actions begin with."""
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

with st.expander("Audit trail", icon=":material/history:"):
    audit_trail()

rows = chosen["selection"]["rows"]
if not rows or rows[0] >= len(people):
    st.caption("Choose a row to change a role, end sessions, offer a new password, disable or delete the account.")
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
    st.button("Link for a new password", on_click=offer_reset, args=[user], icon=":material/key:")
    if user.user_id != admin.user_id and st.button("Delete …", icon=":material/delete:"):
        delete(user)

whose, address = st.session_state.pop("reset-link", ("", ""))
if whose == user.user_id:
    st.success("Copy the link now and hand it over: it is good once, for 24 hours, and not shown again.")
    st.code(address, language=None)
