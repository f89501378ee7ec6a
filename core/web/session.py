"""The guard: first line of every page, and of every part of a page that refreshes itself."""

from __future__ import annotations

import streamlit as st
from starlette.responses import Response

from core.accounts import User, may
from core.accounts.sessions import ABSOLUTE
from core.exchange import current
from core.settings import Settings

LOCALHOST = "127.0.0.1"


def browser_token() -> str | None:
    """The session token in the browser's cookie, as it was when the page was loaded."""
    token = st.context.cookies.get(cookie_name(current().settings))
    return token if isinstance(token, str) else None


def browser_address() -> str:
    """The address the page is shown at."""
    address = st.context.ip_address
    return address if isinstance(address, str) else LOCALHOST


def signed_in() -> User | None:
    """Who looks at this page, whatever they may see of it; counts as use of the session."""
    return current().sessions.user_of(browser_token())


def guard(role: str = "viewer") -> User:
    """The user, who has this role or a higher one. Anybody else sees the page end here."""
    user = signed_in()
    if user is None or user.must_change_password:
        st.error("Sign in to see this page.")
        st.stop()
    if not may(user, role):
        st.error("This page is for admins." if role == "admin" else f"This page needs the role {role}.")
        st.stop()
    return user


def still_signed_in() -> User:
    """First line of a fragment that refreshes itself: when the session has ended, the whole page becomes the sign-in.

    Refreshing is not use: a page left alone ends with its session.
    """
    user = current().sessions.user_of(browser_token(), touch=False)
    if user is None or user.must_change_password:
        st.rerun(scope="app")
    return user


def cookie_name(settings: Settings) -> str:
    """Behind TLS the name itself tells the browser to take it from this host over TLS only."""
    return "__Host-lab_session" if settings.behind_tls else "lab_session"


def set_cookie(response: Response, settings: Settings, *, token: str) -> None:
    """Hand the browser its session."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.behind_tls,
    )


def drop_cookie(response: Response, settings: Settings) -> None:
    """Take it away again."""
    response.delete_cookie(
        cookie_name(settings), path="/", httponly=True, samesite="strict", secure=settings.behind_tls
    )
