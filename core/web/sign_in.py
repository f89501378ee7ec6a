"""The sign-in form is streamlit-authenticator's; who is let in is decided by our accounts. Its cookie is never set.

The package is imported when the form is drawn: it must not be imported outside a page.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from core.accounts import Identity, User
from core.errors import LabError
from core.exchange import current
from core.web.session import browser_address

FIELDS = {"Form name": "Welcome", "Username": "Username", "Password": "Password", "Login": "Sign in"}
LEFT_BEHIND = ("authentication_status", "username", "name", "email", "roles", "logout", "password_hint")


def ask() -> User | None:
    """Draw the form; the user, once somebody has given the right name and password."""
    asked = _Credentials()
    try:
        _form(asked).login(fields=FIELDS, key="sign_in")
    except LabError as refusal:
        st.error(str(refusal), icon=":material/error:")
    finally:
        for key in LEFT_BEHIND:
            st.session_state.pop(key, None)
    return asked.user


def _form(asked: _Credentials) -> Any:
    """The package's form around our check, without the part that reads and writes its cookie."""
    from streamlit_authenticator import Authenticate
    from streamlit_authenticator.controllers import AuthenticationController

    controller = AuthenticationController({"usernames": {}}, auto_hash=False, secret_key=secrets.token_hex())
    controller.authentication_model.check_credentials = asked.check
    asked.credentials = controller.authentication_model.credentials["usernames"]

    class Form(Authenticate):  # type: ignore[misc]
        def __init__(self) -> None:
            self.attrs, self.path = {"login_sleep_time": 0}, None
            self.cookie_controller, self.authentication_controller = _NoCookie(), controller

    return Form()


class _Credentials:
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


SHARED = ("redirect_uri", "cookie_secret", "expose_tokens", "client_id", "client_secret", "server_metadata_url")


def providers() -> dict[str, str | None]:
    """What to call each provider that is configured, and its name for `st.login`; empty if none is."""
    try:
        section = st.secrets.get("auth", {})
    except FileNotFoundError:
        return {}
    found: dict[str, str | None] = {"single sign-on": None} if "client_id" in section else {}
    named = [key for key, value in section.items() if key not in SHARED and isinstance(value, Mapping)]
    return found | {key.replace("_", " ").title(): key for key in named if "client_id" in section[key]}


def offer(what: str) -> None:
    """A button for every provider."""
    for label, provider in providers().items():
        arguments = [provider] if provider else []
        st.button(f"{what} {label}", icon=":material/key:", on_click=st.login, args=arguments, width="stretch")


def arrived() -> Identity | None:
    """Whom a provider has just vouched for in this browser, if anybody."""
    if not providers() or not st.user.is_logged_in:
        return None
    claims = st.user.to_dict()
    issuer, subject, issued_at = claims.get("iss"), claims.get("sub"), claims.get("iat")
    if not (isinstance(issuer, str) and isinstance(subject, str) and isinstance(issued_at, int | float)):
        return None
    verified = claims.get("email") if claims.get("email_verified") is True else None
    name = verified or claims.get("preferred_username") or claims.get("name") or "person"
    return Identity(issuer, subject, str(name), datetime.fromtimestamp(issued_at, UTC))


# ---- The one script


INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

SCRIPT = """
(async () => {
  const ticket = document.getElementById("lab-ticket");
  if (!ticket || ticket.dataset.sent) return;
  ticket.dataset.sent = "yes";
  const answer = await fetch("/session", {method: "POST", headers: {"X-Ticket": ticket.dataset.ticket}});
  if (answer.ok) location.reload();
})();
"""


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


SCRIPT_HASH = _hash(SCRIPT)


def streamlit_script_hashes() -> list[str]:
    """The hashes of the scripts inside Streamlit's own page, read from the installed package."""
    page = Path(st.__file__).with_name("static") / "index.html"
    return [_hash(script) for script in INLINE.findall(page.read_text(encoding="utf-8"))]


def trade(ticket: str) -> None:
    """Put the ticket and the script into the page; it loads anew with its cookie."""
    page = f'<div id="lab-ticket" data-ticket="{ticket}">Signing in …</div><script>{SCRIPT}</script>'
    st.html(page, unsafe_allow_javascript=True)
