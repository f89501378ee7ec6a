"""Nobody unknown uploads, downloads, calls the API or holds much memory; who is known reaches only what is theirs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from anyio import to_thread
from cachetools import LRUCache
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.accounts.throttle import network
from core.errors import LabError, NotFoundError, TooManyRequestsError
from core.exchange import current
from core.web.api.answers import refusal
from core.web.api.caller import SAFE_METHODS, Caller, identify, is_own_page, session_token
from core.web.audit import record
from core.web.escape import visible
from core.web.ownership import export_name, may_download, owns_page

log = logging.getLogger(__name__)

API = ("/api/", "/block/")
API_PATHS = frozenset({"/mine", "/upload", "/logout"})
UPLOADS = "/_stcore/upload_file/"
STAGED = "/api/staged/"
MEDIA = "/media/"
MEMBERS_ONLY = ("/_stcore/metrics", "/_stcore/agent/")

BODY_BYTES = 1024 * 1024
UPLOAD_BYTES = 256 * 1024 * 1024
"""Of many files in one request; a single one is limited further by the route, or by Streamlit."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_s` requests a second for good, `burst` at once."""

    per_s: float
    burst: int


READS = Rate(per_s=50, burst=3_000)
WRITES = Rate(per_s=2, burst=120)
FILES = Rate(per_s=50, burst=2_000)
"""Streamlit's uploader sends each file by itself; a file refused among hundreds would be missing without a word."""
REFUSALS = Rate(per_s=10, burst=600)
"""Of one address, whoever it says it is."""
CALLERS = 10_000
"""Buckets remembered; the one used longest ago is forgotten, which fills it."""

STRANGERS_OF_ONE_ADDRESS, STRANGERS = 60, 400
"""Pages without a session that may be open, counting those closed less than LINGER_S ago."""
LINGER_S = 120.0
"""Streamlit keeps the state of a closed page this long (`disconnectedSessionTTL`)."""
BUSY = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="30"><title>P2P Energy Trading Lab</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem;color-scheme:light dark}
</style></head>
<body><h1>One moment</h1>
<p>Too many pages without a sign-in are open from your network. Close those you do not need. This page tries again by
itself every half minute; a closed page counts for two minutes. Whoever is signed in goes on undisturbed.</p></body>
</html>
"""
"""What a new visitor sees instead of a page that would stay empty."""
STRANGER_BYTES = 64 * 1024
"""What a page without a session may send at once: a name and a password."""


open_pages: Counter[str] = Counter(members=0, strangers=0)
"""Pages whose WebSocket is open now."""


class Buckets:
    """One bucket for every caller. Used on one thread."""

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left: LRUCache[str, tuple[float, float]] = LRUCache(CALLERS)

    def take(self, caller: str) -> None:
        """Take one request out of the caller's bucket. Raises TooManyRequestsError when it is empty."""
        now = self._clock()
        left, at = self._left.get(caller, (float(self._rate.burst), now))
        left = min(float(self._rate.burst), left + (now - at) * self._rate.per_s)
        self._left[caller] = (max(0.0, left - 1), now) if left >= 1 else (left, now)
        if left < 1:
            wait_s = (1 - left) / self._rate.per_s
            raise TooManyRequestsError("Too many requests.", retry_after_s=wait_s, fix="Wait as Retry-After says.")


class Gate:
    """The last of our middleware: identifies the caller of everything but pages' own static files."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._reads, self._writes, self._refusals = Buckets(READS), Buckets(WRITES), Buckets(REFUSALS)
        self._files = Buckets(FILES)
        self._strangers: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] == "websocket":
            await self._open_page(scope, receive, send)
        elif scope["type"] == "http" and _is_guarded(scope["path"]):
            await self._call(scope, receive, send)
        elif scope["type"] == "http" and await self._is_crowded_out(HTTPConnection(scope)):
            busy = HTMLResponse(BUSY, status_code=503, headers={"retry-after": "30", "cache-control": "no-store"})
            await busy(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        try:
            caller = await to_thread.run_sync(_admit, connection)
            self._bucket(scope).take(caller.user.user_id)
        except LabError as error:
            told = self._counted(error, connection)
            log.info("refused %s %s: %s", scope["method"], visible(scope["path"]), told.code)
            await refusal(told)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, _body_at_most(receive, _body_limit(scope["path"])), _uncached(send))

    def _bucket(self, scope: Scope) -> Buckets:
        if scope["method"] in SAFE_METHODS:
            return self._reads
        return self._files if scope["path"].startswith(UPLOADS) else self._writes

    def _counted(self, error: LabError, connection: HTTPConnection) -> LabError:
        """Whoever is refused too often is told to slow down instead of why."""
        if error.status != 401:
            return error
        try:
            self._refusals.take(_address(connection))
        except LabError as slower:
            return slower
        return error

    async def _open_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        if not is_own_page(connection):
            await send({"type": "websocket.close", "code": 1008})
            return
        known = await to_thread.run_sync(current().sessions.user_of, session_token(connection))
        if known:
            with _open_page("members"):
                await self.app(scope, receive, send)
            return
        address = _address(connection)
        if self._is_full(address):
            await send({"type": "websocket.close", "code": 1013})
            return
        self._strangers[address] += 1
        try:
            with _open_page("strangers"):
                await self.app(scope, _at_most(receive, STRANGER_BYTES), send)
        finally:
            asyncio.get_running_loop().call_later(LINGER_S, self._forget, address)

    def _is_full(self, address: str) -> bool:
        """Whether a page without a session may not be opened from there now."""
        return self._strangers[address] >= STRANGERS_OF_ONE_ADDRESS or self._strangers.total() >= STRANGERS

    async def _is_crowded_out(self, connection: HTTPConnection) -> bool:
        """Whether somebody asks for a page that could not come alive."""
        wants_page = "text/html" in connection.headers.get("accept", "") and connection.scope["method"] == "GET"
        if not wants_page or not self._is_full(_address(connection)):
            return False
        return not await to_thread.run_sync(_has_session, connection)

    def _forget(self, address: str) -> None:
        self._strangers[address] -= 1
        if self._strangers[address] <= 0:
            del self._strangers[address]


@contextmanager
def _open_page(who: str) -> Iterator[None]:
    open_pages[who] += 1
    try:
        yield
    finally:
        open_pages[who] -= 1


def _has_session(connection: HTTPConnection) -> bool:
    return current().sessions.user_of(session_token(connection), touch=False) is not None


def _is_guarded(path: str) -> bool:
    return path in API_PATHS or path.startswith((*API, UPLOADS, MEDIA, *MEMBERS_ONLY))


def _admit(connection: HTTPConnection) -> Caller:
    """The caller, if the path is one they may reach."""
    path = connection.scope["path"]
    caller = identify(connection)
    if not path.isprintable():
        raise NotFoundError("Nothing has an address with such characters.")  # no route's pattern matches a line break
    if path.startswith(UPLOADS) and not owns_page(caller.user, path.removeprefix(UPLOADS).split("/")[0]):
        raise NotFoundError("No such page.")
    if path.startswith(MEDIA):
        if not may_download(caller.user, path):
            raise NotFoundError("No such file.")
        if name := export_name(path):
            record(caller.user, "export", subject=name)
    return caller


def _body_limit(path: str) -> int:
    return UPLOAD_BYTES if path == "/upload" or path.startswith((UPLOADS, STAGED)) else BODY_BYTES


def _body_at_most(receive: Receive, limit: int) -> Receive:
    """The same body; a route that reads more of it than allowed answers 413."""
    left = limit

    async def receive_some() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, f"More than {limit // 2**20} MB were sent at once.")
        return message

    return receive_some


def _uncached(send: Send) -> Send:
    """What is for one caller is kept by no cache, unless the route says so."""

    async def send_uncached(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("cache-control", "no-store")
        await send(message)

    return send_uncached


def _at_most(receive: Receive, limit: int) -> Receive:
    """The same messages; one that is too large reads as the page having closed."""

    async def receive_small() -> Message:
        message = await receive()
        if len(message.get("bytes") or b"") > limit or len(message.get("text") or "") > limit:
            return {"type": "websocket.disconnect", "code": 1009}
        return message

    return receive_small


def _address(connection: HTTPConnection) -> str:
    return network(connection.client.host if connection.client else "")
