"""The frame around every page: who is here, where they can go, and the way out."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.accounts import User
from core.exchange import current
from core.settings import ROOT
from core.web.css import MARK, PRODUCT, page_style, wordmark
from core.web.escape import markdown
from core.web.session import browser_token, signed_in, still_signed_in
from core.web.trust import trust_bar, warn

PAGES = ROOT / "pages"
WATCH_S = 3.0
"""A page whose session has ended elsewhere turns into the sign-in within this time."""

Place = tuple[str, str, str]
PLACES: tuple[Place, ...] = (
    ("live", "Live", ":material/monitoring:"),
    ("compare", "Compare", ":material/balance:"),
    ("explorer", "Explorer", ":material/deployed_code:"),
    ("learn", "Learn", ":material/school:"),
    ("account", "Account", ":material/person:"),
    ("people", "People", ":material/group:"),
)
"""File and address, title, icon. The first is the default."""


def draw() -> None:
    """Run the page that was asked for, or the sign-in for whoever may not see it yet."""
    user = signed_in()
    if user is None or user.must_change_password:
        _sign_in()
    else:
        _pages(user)


def _sign_in() -> None:
    """Every address leads to the sign-in: no other page is even loaded."""
    page_style(f"Sign in · {PRODUCT}", wide=False)
    st.navigation([_page(place, PAGES / "sign_in.py") for place in PLACES], position="hidden").run()


def _pages(user: User) -> None:
    page_style(PRODUCT, wide=True)
    st.logo(wordmark(), size="large", icon_image=MARK)
    pages = [_page(place, PAGES / f"{place[0]}.py", hidden=_hidden(place, user)) for place in PLACES]
    page = st.navigation(pages, position="sidebar")
    with st.sidebar:
        _who(user)
        trust_bar()
        st.caption(f"Times in {current().settings.time_zone}")
    _watch()
    warn()
    page.run()


def _page(place: Place, path: Path, *, hidden: bool = False) -> st.Page:
    address, title, icon = place
    return st.Page(
        path,
        title=title,
        icon=icon,
        url_path=None if place is PLACES[0] else address,
        default=place is PLACES[0],
        visibility="hidden" if hidden else "visible",
    )


def _hidden(place: Place, user: User) -> bool:
    return place[0] == "people" and not user.is_admin


def _who(user: User) -> None:
    st.caption(f"{markdown(user.username)} · {user.role}")
    st.button("Sign out", icon=":material/logout:", on_click=_sign_out, width="stretch", key="sign_out")


def _sign_out() -> None:
    current().sessions.end(browser_token())
    st.session_state.clear()


@st.fragment(run_every=WATCH_S)
def _watch() -> None:
    still_signed_in()
