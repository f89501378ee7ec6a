"""Who makes a request: a browser with its session, or a program with a token; and what they may do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from core.accounts import User, may
from core.errors import NotAllowedError, NotSignedInError
from core.exchange import current
from core.web.exposure import is_own_origin
from core.web.session import cookie_name

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """A user and the scopes of what they came with; a session has them all."""

    user: User
    scopes: tuple[str, ...]


def identify(connection: HTTPConnection) -> Caller:
    """The caller of a request. Raises NotSignedInError; NotAllowedError for another site's page or a first password."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme:
        known = current().tokens.user_of(secret.strip()) if scheme.lower() == "bearer" else None
        if known is None:
            raise NotSignedInError(
                "The token is unknown, expired or revoked.", fix="Make a new one on the Account page."
            )
        return Caller(known[0], known[1])
    user = current().sessions.user_of(session_token(connection))
    if user is None:
        raise NotSignedInError("Sign in first.", fix="Open the lab in a browser, or send `Authorization: Bearer …`.")
    if connection.scope.get("method", "GET") not in SAFE_METHODS:
        require_own_page(connection)
    if user.must_change_password and connection.url.path != "/logout":
        raise NotAllowedError(
            "Choose a password first.", fix="Open the lab in a browser.", code="password_change_required"
        )
    return Caller(user, ("read", "write"))


def session_token(connection: HTTPConnection) -> str | None:
    """The token in the request's cookie."""
    return connection.cookies.get(cookie_name(current().settings))


def require_own_page(connection: HTTPConnection) -> None:
    """Raise NotAllowedError if a page of another site sent this."""
    if not is_own_page(connection):
        raise NotAllowedError("Another site's page sent this request.", code="cross_origin")


def is_own_page(connection: HTTPConnection) -> bool:
    """Whether a page of ours, or no page at all, sent this; another port of this machine is another site.

    Browsers name the origin of everything that can change state; what names none is no page and needs the cookie, which
    SameSite=Strict keeps from other sites anyway.
    """
    origin = connection.headers.get("origin")
    site = connection.headers.get("sec-fetch-site", "none")
    if origin is None:
        return site in ("same-origin", "none")
    return is_own_origin(current().settings, origin, host=connection.headers.get("host", ""))


def _known(request: Request) -> Caller:
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:  # the gate lets nobody in without one
        raise NotSignedInError("Sign in first.")
    return caller


def _reader(request: Request) -> User:
    caller = _known(request)
    if "read" not in caller.scopes:
        raise NotAllowedError("This token may not read.", fix="Make one with the scope read.", code="scope")
    return caller.user


def _analyst(request: Request) -> User:
    caller = _known(request)
    if "write" not in caller.scopes:
        raise NotAllowedError("This token may only read.", fix="Make one with the scope write.", code="scope")
    if not may(caller.user, "analyst"):
        raise NotAllowedError("This needs the role analyst.", fix="Ask an admin.", code="role")
    return caller.user


Reader = Annotated[User, Depends(_reader)]
Analyst = Annotated[User, Depends(_analyst)]
