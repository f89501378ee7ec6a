"""What every request passes before any page or route sees it, as plain ASGI: host, headers, and the gate.

Starlette's BaseHTTPMiddleware would buffer streams and break WebSockets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

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
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """Puts the visitor's address in place of a trusted proxy's: the last hop that no proxy of ours is.

    Anybody can send the header, so it counts only from TRUSTED_PROXIES, and in it only what they added.
    """

    def __init__(self, app: ASGIApp, settings: SettingsNow) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or connection."""
        if scope["type"] != "lifespan" and scope.get("client"):
            hops = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
            scope["client"] = (visitor(scope["client"][0], hops, self.settings().proxies), scope["client"][1])
        await self.app(scope, receive, send)


def visitor(peer: str, hops: Sequence[str], proxies: Sequence[Network]) -> str:
    """Who is behind these hops, the nearest last, as far as they can be believed; `peer` is who connected."""
    believed = peer
    for hop in reversed(hops):
        if not _among(believed, proxies) or _address_in(hop) is None:
            return believed
        believed = str(_address_in(hop))
    return believed


def _among(address: str, proxies: Sequence[Network]) -> bool:
    found = _address_in(address)
    return found is not None and any(found in network for network in proxies)


def _address_in(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as proxies write it: bare, or with a port."""
    bare = text.strip().removeprefix("[").split("]")[0]
    if bare.count(":") == 1:
        bare = bare.split(":")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


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
