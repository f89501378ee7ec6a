"""What every request passes before any page or route sees it, as plain ASGI: host, headers, and the gate.

Starlette's BaseHTTPMiddleware would buffer streams and break WebSockets.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import InputError
from core.settings import Settings
from core.web.api.answers import refusal
from core.web.exposure import knows_host
from core.web.sign_in import SCRIPT_HASH, streamlit_script_hashes

POLICY = "; ".join(
    (
        "default-src 'self'",
        " ".join(
            ["script-src 'self'", *(f"'sha256-{digest}'" for digest in (SCRIPT_HASH, *streamlit_script_hashes()))]
        ),
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
COMMON_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
}
SettingsNow = Callable[[], Settings]


class Hosts:
    """Answers only to the names this lab is known by, so that a name pointed here by others reads nothing."""

    def __init__(self, app: ASGIApp, settings: SettingsNow) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or connection."""
        if scope["type"] == "lifespan" or knows_host(self.settings(), Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            unknown = InputError(
                "This lab is not known by that host name.", fix="Set PUBLIC_URL to the address people use.", code="host"
            )
            await refusal(unknown)(scope, receive, send)


class SecurityHeaders:
    """Adds the policy to every answer."""

    def __init__(self, app: ASGIApp, settings: SettingsNow) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(COMMON_HEADERS)
                if self.settings().behind_tls:
                    headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
            await send(message)

        await self.app(scope, receive, send_with_headers)
