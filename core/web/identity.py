"""Outside sign-in (OpenID Connect) by Streamlit's `st.login`, offered when a `secrets.toml` has an `[auth]`.

Streamlit's own cookie of it lives thirty days and survives sign-out, so what it says is taken once and only when fresh:
our session is what counts from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import streamlit as st

from core.accounts import Identity

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
