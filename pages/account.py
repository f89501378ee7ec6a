"""Your account: password, sessions, API tokens."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.accounts import SCOPES, Session, Token
from core.errors import LabError
from core.exchange import current
from core.web import sign_in
from core.web.escape import markdown
from core.web.format import Clock
from core.web.session import browser_address, browser_token, guard
from core.web.sign_in import trade

user = guard()
lab = current()


def clock(moment: datetime | None) -> str:
    """A time as the lab's clocks show it."""
    return Clock(lab.settings.time_zone).minute(moment) if moment else "never"


def password() -> None:
    """Change the password; every session ends, and this browser gets a new one."""
    with st.form("change_password", border=False):
        given = st.text_input("Current password", type="password")
        new = st.text_input("New password", type="password", max_chars=128, help="12 to 128 characters of any kind.")
        again = st.text_input("Repeat the new password", type="password", max_chars=128)
        if not st.form_submit_button("Save the new password", type="primary"):
            return
    if new != again:
        st.error("The two new passwords differ.")
        return
    try:
        changed = lab.accounts.change_password(user.user_id, current=given, new=new, address=browser_address())
    except LabError as refusal:
        st.error(str(refusal))
        return
    trade(lab.sessions.ticket(changed))


def session(found: Session, *, is_this: bool) -> None:
    """One browser that is signed in."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        badge = " :green-badge[this one]" if is_this else ""
        used = f"opened {clock(found.opened_at)} · last used {clock(found.seen_at)}"
        st.markdown(f"{markdown(found.browser) or 'A browser'}{badge}  \n:small[{used}]")
        st.button("End", key=f"end-{found.session_id}", on_click=end, args=[found.session_id])


def end(session_id: str) -> None:
    """End one of one's own sessions."""
    try:
        lab.sessions.end_one(user, session_id, user_id=user.user_id)
    except LabError as refusal:
        st.toast(str(refusal))


def token(found: Token) -> None:
    """One token, without its secret."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        used = f"last used {clock(found.used_at)} · expires {clock(found.expires_at)}"
        st.markdown(f"{markdown(found.name)} :gray-badge[{' and '.join(found.scopes)}]  \n:small[{used}]")
        st.button("Revoke", key=f"revoke-{found.token_id}", on_click=revoke, args=[found.token_id])


def revoke(token_id: str) -> None:
    """End one of one's own tokens."""
    try:
        lab.tokens.revoke(user, token_id)
    except LabError as refusal:
        st.toast(str(refusal))


def make_token() -> None:
    """Make a token and show its secret this once."""
    with st.form("make_token", clear_on_submit=True, border=False):
        name = st.text_input("Name", max_chars=64, placeholder="what will use it")
        scopes = st.multiselect(
            "Scopes", SCOPES, default=["read"], help="read looks; write uploads, compares and mines."
        )
        days = st.number_input("Days until it expires", min_value=1, max_value=365, value=90)
        if not st.form_submit_button("Make a token", type="primary"):
            return
    try:
        secret, _ = lab.tokens.create(user, name=name, scopes=scopes, days=int(days))
    except LabError as refusal:
        st.error(str(refusal))
        return
    st.success("Copy the token now: it is not shown again.")
    st.code(secret, language=None)


st.title("Account", anchor=False)
st.caption(f"{markdown(user.username)} · {user.role} · since {clock(user.created_at)}")

left, right = st.columns(2, gap="large")
with left:
    if user.has_password:
        st.subheader("Password", anchor=False)
        password()
    if sign_in.providers() and not user.has_identity:
        st.subheader("Outside sign-in", anchor=False)
        vouched = sign_in.arrived()
        if vouched and st.button(f"Let {markdown(vouched.name)} open this account"):
            try:
                lab.accounts.link_identity(user, vouched)
                st.rerun()
            except LabError as refusal:
                st.error(str(refusal))
        sign_in.offer("Link")
with right:
    st.subheader("Sessions", anchor=False)
    this = lab.sessions.id_of(browser_token())
    for one in lab.sessions.of(user.user_id):
        session(one, is_this=one.session_id == this)
    st.subheader("API tokens", anchor=False)
    st.markdown("For scripts: `Authorization: Bearer …`. The [API describes itself](/api/docs).")
    make_token()
    for kept in lab.tokens.of(user.user_id):
        token(kept)
