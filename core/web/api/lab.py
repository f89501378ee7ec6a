"""The routes of the dashboard and the way in and out: what a page of ours or a script next to it needs first."""

from __future__ import annotations

from fastapi import APIRouter, Header, Request
from starlette.responses import RedirectResponse, Response

from core.errors import InputError, NotFoundError, NotSignedInError
from core.exchange import current
from core.web.api.answers import Answer
from core.web.api.caller import Analyst, Reader, require_own_page, session_token
from core.web.browser_name import browser_name
from core.web.cookies import drop_cookie, set_cookie

router = APIRouter()

LATEST = 10
"""Blocks in the dashboard's answer."""


@router.get("/api/dashboard-data", tags=["lab"])
def dashboard_data(_: Reader) -> Answer:
    """Chain tip and latest blocks, what is pending, and the live feed, in one answer of one moment."""
    lab = current()
    return Answer(
        {
            "chain": lab.chain.status(),
            "blocks": lab.chain.blocks(limit=LATEST),
            "pending": {"transactions": lab.chain.status().pending},
            "feed": lab.feed.cache.snapshot(),
        }
    )


@router.post("/mine", tags=["chain"])
def mine(_: Analyst) -> Answer:
    """Make a block of the pending transactions now. `block` is null when nothing was pending."""
    return Answer({"block": current().chain.mine()})


@router.get("/block/{index}", tags=["chain"])
def block(index: str, _: Reader) -> Answer:
    """One block with its transactions and the values recomputed from its bytes."""
    if not (index.isascii() and index.isdigit() and len(index) <= 12):
        raise InputError(f'"{index[:40]}" is not the height of a block.', fix="Give a whole number such as 0.")
    return Answer(current().chain.block(int(index)))


@router.post("/session", include_in_schema=False)
def open_session(request: Request, x_ticket: str = Header(default="", max_length=100)) -> Response:
    """Trade the ticket of a sign-in for the session's cookie."""
    require_own_page(request)
    lab = current()
    token = lab.sessions.redeem(x_ticket, browser=browser_name(request.headers.get("user-agent", "")))
    if token is None:
        raise NotSignedInError("The sign-in took too long or was used already.", fix="Sign in again.")
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


@router.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
def nothing_here(path: str) -> Response:
    """What the API does not have is said in JSON, not with a page."""
    raise NotFoundError("The API has no such path.", fix="See /api/docs.")
