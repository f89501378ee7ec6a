"""Sign in, register, or put a real password in place of the first one."""

from __future__ import annotations

import streamlit as st

from core.accounts.recovery import PARAMETER
from core.errors import LabError
from core.exchange import current
from core.web import sign_in
from core.web.css import PRODUCT, wordmark
from core.web.escape import markdown
from core.web.session import browser_address, signed_in
from core.web.sign_in import trade

lab = current()


def choose_password() -> None:
    """The one thing that the first password opens."""
    st.subheader("Choose a password")
    st.caption("The first password opens nothing but this. 12 characters or more, of any kind.")
    with st.form("choose_password", border=False):
        given = st.text_input("Current password", type="password")
        new = st.text_input("New password", type="password", max_chars=128)
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


def set_new_password(token: str) -> None:
    """Somebody came by a link that an admin made."""
    try:
        whose = lab.recovery.whose(token)
    except LabError as refusal:
        st.error(str(refusal))
        return
    st.subheader("Set a new password", anchor=False)
    st.caption(f"For {markdown(whose.username)}. 12 characters or more, of any kind.")
    with st.form("set_password", border=False):
        new = st.text_input("New password", type="password", max_chars=128)
        again = st.text_input("Repeat the new password", type="password", max_chars=128)
        if not st.form_submit_button("Save the new password", type="primary"):
            return
    if new != again:
        st.error("The two new passwords differ.")
        return
    try:
        changed = lab.recovery.redeem(token, new)
    except LabError as refusal:
        st.error(str(refusal))
        return
    st.query_params.clear()
    if changed.state == "active":
        trade(lab.sessions.ticket(changed))
    else:
        st.success("The password is set. An admin has to enable the account before it opens.")


def register() -> None:
    """Make an account of one's own."""
    with st.form("register"):
        st.subheader("Register")
        username = st.text_input("User name", max_chars=64)
        password = st.text_input("Choose a password", type="password", max_chars=128, help="12 to 128 characters.")
        again = st.text_input("Repeat the password", type="password", max_chars=128)
        if not st.form_submit_button("Register", type="primary"):
            return
    if password != again:
        st.error("The two passwords differ.")
        return
    try:
        made = lab.accounts.register(username, password, address=browser_address())
    except LabError as refusal:
        st.error(str(refusal))
        return
    if made.state == "pending":
        st.success(f"{markdown(made.username)} is registered. An admin has to approve the account before it opens.")
    else:
        trade(lab.sessions.ticket(made))


def enter() -> None:
    """Sign in, by password or by an outside provider."""
    arrived = sign_in.ask()
    if arrived:
        trade(lab.sessions.ticket(arrived))
    sign_in.offer("Sign in with")
    if lab.accounts.has_first_password() and not lab.settings.reached_by_others:
        st.caption("First start: sign in as **admin** with the password **admin**; you will choose a new one.")


def enter_from_outside() -> None:
    """Somebody comes back from an outside provider, which is taken at its word once."""
    vouched = sign_in.arrived()
    if vouched is None:
        return
    try:
        trade(lab.sessions.ticket(lab.accounts.check_identity(vouched)))
    except LabError as refusal:
        if refusal.code != "stale":
            st.error(markdown(refusal, limit=200))


user = signed_in()
with st.container(horizontal_alignment="center"), st.container(width=420, key="sign_in_form"):
    st.image(wordmark(), width=310, alt=PRODUCT)
    st.caption("Compare how neighbours share solar power, and keep every result on a chain anybody can verify.")
    if user:
        choose_password()
        st.stop()
    if offered := st.query_params.get(PARAMETER):
        set_new_password(offered)
        st.divider()
    enter_from_outside()
    if lab.accounts.registration == "closed":
        enter()
    else:
        entrance, newcomers = st.tabs(["Sign in", "Register"])
        with entrance:
            enter()
        with newcomers:
            register()
