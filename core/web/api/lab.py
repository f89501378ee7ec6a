"""The routes of the dashboard and the way in and out: what a page of ours or a script next to it needs first."""

from __future__ import annotations

from fastapi import APIRouter, Header, Request
from starlette.responses import RedirectResponse, Response

from core.errors import NotSignedInError
from core.exchange import current
from core.web.api.answers import Answer
from core.web.api.caller import Reader, require_own_page, session_token
from core.web.api.shapes import Dashboard, Me
from core.web.session import drop_cookie, set_cookie

router = APIRouter()

LATEST = 10
"""Blocks in the dashboard's answer."""


@router.get("/api/dashboard-data", tags=["lab"], response_model=Dashboard)
def dashboard_data(_: Reader) -> Answer:
    """Chain tip and latest blocks, what is pending, and the live feed, in one answer of one moment."""
    lab = current()
    status = lab.chain.status()
    return Answer(
        {
            "chain": status,
            "blocks": lab.chain.blocks(limit=LATEST),
            "pending": {"transactions": status.pending, "oldest_at_ms": status.oldest_pending_at_ms},
            "feed": lab.feed.cache.snapshot(),
        }
    )


@router.post("/session", tags=["account"], status_code=204)
def open_session(request: Request, x_ticket: str = Header(default="", max_length=100)) -> Response:
    """Trade the ticket of a sign-in for the session's cookie."""
    require_own_page(request)
    lab = current()
    token = lab.sessions.redeem(x_ticket, browser=browser_name(request.headers.get("user-agent", "")))
    if token is None:
        raise NotSignedInError("The sign-in took too long or was used already.", fix="Sign in again.")
    lab.sessions.end(session_token(request))  # what this browser had before is not left behind
    response = Response(status_code=204)
    set_cookie(response, lab.settings, token=token)
    return response


@router.get("/logout", tags=["account"], status_code=303, response_class=RedirectResponse)
def logout(request: Request) -> Response:
    """Sign this browser out and go to the sign-in.

    It changes state on GET, so a page of another site must not cause it: the cookie is SameSite=Strict, and what the
    browser says of where the request comes from is checked.
    """
    require_own_page(request)
    lab = current()
    lab.sessions.end(session_token(request))
    response = RedirectResponse("/", status_code=303)
    drop_cookie(response, lab.settings)
    return response


@router.get("/api/me", tags=["account"], response_model=Me)
def me(user: Reader) -> Answer:
    """Whose session or token this is."""
    return Answer({"user_id": user.user_id, "username": user.username, "role": user.role})


BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Such as "Firefox on Linux"; "A program" for anything that is no browser."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    if not browser:
        return "A program"
    return f"{browser} on {system}" if system else browser
