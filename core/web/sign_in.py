"""The sign-in form is streamlit-authenticator's; who is let in is decided by our accounts. Its cookie is never set.

The package is imported when the form is drawn: it must not be imported outside a page.
"""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st

from core.accounts import User
from core.errors import LabError
from core.exchange import current
from core.web.session import browser_address

FIELDS = {"Form name": "Welcome", "Username": "Username", "Password": "Password", "Login": "Sign in"}
LEFT_BEHIND = ("authentication_status", "username", "name", "email", "roles", "logout", "password_hint")


def ask() -> User | None:
    """Draw the form; the user, once somebody has given the right name and password."""
    door = _Door()
    try:
        _form(door).login(fields=FIELDS, key="sign_in")
    except LabError as refusal:
        st.error(str(refusal), icon=":material/error:")
    finally:
        for key in LEFT_BEHIND:
            st.session_state.pop(key, None)
    return door.user


def _form(door: _Door) -> Any:
    """The package's form around our check, without the part that reads and writes its cookie."""
    from streamlit_authenticator import Authenticate
    from streamlit_authenticator.controllers import AuthenticationController

    controller = AuthenticationController({"usernames": {}}, auto_hash=False, secret_key=secrets.token_hex())
    controller.authentication_model.check_credentials = door.check
    door.credentials = controller.authentication_model.credentials["usernames"]

    class Form(Authenticate):  # type: ignore[misc]
        def __init__(self) -> None:
            self.attrs, self.path = {"login_sleep_time": 0}, None
            self.cookie_controller, self.authentication_controller = _NoCookie(), controller

    return Form()


class _Door:
    """Stands in for the package's credential check."""

    user: User | None = None
    credentials: dict[str, dict[str, object]]

    def check(self, username: str, password: str) -> bool:
        user = current().accounts.check(username, password, address=browser_address())
        self.credentials[username] = {"name": user.username, "email": None, "roles": [user.role]}
        self.user = user
        return True


class _NoCookie:
    """Stands in for the package's cookie: readable by scripts, valid after sign-out, and therefore not ours."""

    def get_cookie(self) -> None:
        return None

    def set_cookie(self) -> None:
        return None
