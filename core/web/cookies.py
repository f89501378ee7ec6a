"""The one cookie: an opaque session token no script can read, sent to this site only."""

from __future__ import annotations

from starlette.responses import Response

from core.accounts.sessions import ABSOLUTE
from core.settings import Settings


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
