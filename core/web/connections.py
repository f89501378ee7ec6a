"""What uvicorn lacks for a server that strangers reach: requests that never come end, and connections are bounded.

uvicorn waits for ever for the rest of a request's headers and knows no bound on connections; its own idea of a proxy
believes whoever connects from this machine. It is the same however the lab is started, so its classes are changed in
place, once. Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from core.system import raise_descriptor_limit

log = logging.getLogger(__name__)

HEADERS_S = 20.0
"""How long a connection may take to send the headers of a request, the TLS handshake aside."""
KEPT_DESCRIPTORS = 512
"""For files, the database, workers and the broker."""
MOST = 8_192
"""Connections at once, where the system allows as many descriptors."""


class _Waiting:
    """The connections that have not sent the headers of a request yet, the one that waits longest first."""

    def __init__(self) -> None:
        self.timers: OrderedDict[Any, asyncio.TimerHandle] = OrderedDict()
        self.most = MOST

    def begin(self, connection: Any) -> None:
        if connection not in self.timers:
            loop = asyncio.get_running_loop()
            self.timers[connection] = loop.call_later(HEADERS_S, self.end, connection, connection.cycle)

    def end(self, connection: Any, before: object) -> None:
        """Time is up: close it unless a request has begun since, or it became a WebSocket."""
        self.forget(connection)
        transport = connection.transport
        if connection.cycle is before and transport.get_protocol() is connection and not transport.is_closing():
            log.info("closed a connection that sent no whole request in %.0f s", HEADERS_S)
            transport.abort()

    def forget(self, connection: Any) -> None:
        timer = self.timers.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def make_room(self, newcomer: Any) -> None:
        """Beyond the bound the one that waits longest goes; if none waits, the newcomer."""
        if len(newcomer.connections) <= self.most:
            return
        oldest = next(iter(self.timers), newcomer)
        log.warning("closed a connection: more than %d are open", self.most)
        self.forget(oldest)
        oldest.transport.abort()


waiting = _Waiting()


def harden() -> None:
    """Change uvicorn's classes and raise the limit of descriptors; doing it again changes nothing."""
    waiting.most = min(MOST, max(64, raise_descriptor_limit() - KEPT_DESCRIPTORS))
    if getattr(AutoHTTPProtocol, "_hardened", False):
        return
    kind: Any = AutoHTTPProtocol
    made, received, lost = kind.connection_made, kind.data_received, kind.connection_lost

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        made(self, transport)
        waiting.begin(self)
        waiting.make_room(self)

    def data_received(self: Any, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            waiting.begin(self)
        before = self.cycle
        received(self, data)
        if self.cycle is not before:
            waiting.forget(self)

    def connection_lost(self: Any, exc: Exception | None) -> None:
        waiting.forget(self)
        lost(self, exc)

    async def straight_through(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    kind.connection_made, kind.data_received, kind.connection_lost = connection_made, data_received, connection_lost
    kind._hardened = True
    proxies: Any = ProxyHeadersMiddleware
    proxies.__call__ = straight_through  # whose word counts is TRUSTED_PROXIES: core/web/middleware.py
