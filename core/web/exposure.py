"""Before the first request: who can reach this lab, by which names, and whether it may be reached like that at all."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from core import system
from core.errors import InputError
from core.settings import ROOT, Settings, is_local

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def sign_in_files(settings: Settings) -> list[Path]:
    """Where an outside sign-in may be configured: beside the program, or with the lab's own files."""
    return [ROOT / ".streamlit" / "secrets.toml", settings.data_dir / "secrets.toml"]


def require_safe(settings: Settings, *, first_password: bool, secret_files: Sequence[Path] | None = None) -> None:
    """Raise InputError if the lab would be open to others with the first password or without TLS, unless told so."""
    _require_whole_url(settings.public_url)
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise InputError("TLS_CERTIFICATE and TLS_KEY belong together; only one is set.", fix="Set both or neither.")
    for path in [ROOT / ".env", *sign_in_files(settings)] if secret_files is None else secret_files:
        _require_private(path)
    if settings.allow_insecure or not settings.reached_by_others:
        return
    if first_password:
        raise InputError(
            f"{_place(settings)} can be reached by others while admin still has the first password.",
            fix="Set ADMIN_PASSWORD and start again, or start on 127.0.0.1 and choose a password there.",
        )
    if not settings.behind_tls:
        raise InputError(
            f"{_place(settings)} can be reached by others without TLS.",
            fix="Set TLS_CERTIFICATE and TLS_KEY, or PUBLIC_URL=https://… of the proxy in front, or ALLOW_INSECURE=on.",
        )


def knows_host(settings: Settings, header: str) -> bool:
    """Whether a request with this Host header is meant for this lab.

    Addresses are always meant: only names can be made to point here by others (DNS rebinding).
    """
    try:
        parsed = urlsplit(f"//{header}")
        name = (parsed.hostname or "").rstrip(".")
        whole = parsed.port is None or parsed.port > 0
    except ValueError:
        return False
    if not whole or "@" in header:
        return False
    known = LOCAL_NAMES | {settings.host, urlsplit(settings.public_url).hostname or "localhost"}
    return name in known or (_is_address(name) and not is_local(settings.host))


def is_own_origin(settings: Settings, origin: str, *, host: str) -> bool:
    """Whether a page of this lab, served under this Host, made the request."""
    parsed = urlsplit(origin)
    if parsed.scheme not in ("http", "https"):
        return False
    return parsed.netloc == host or origin == settings.public_url


def _require_whole_url(url: str) -> None:
    parsed = urlsplit(url)
    if url and (parsed.scheme not in ("http", "https") or not parsed.hostname or parsed.path or parsed.query):
        raise InputError(
            f'PUBLIC_URL is "{url[:80]}", expected scheme and host alone, such as https://lab.example.org.'
        )


def _require_private(path: Path) -> None:
    if not system.HAS_MODES or not path.is_file() or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return
    words = path.read_text(encoding="utf-8", errors="replace").upper()
    if any(word in words for word in ("PASSWORD=", "SECRET", "PASSWORD =")):
        raise InputError(f"{path.name} holds secrets and can be read by others.", fix=f"Run `chmod 600 {path.name}`.")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _place(settings: Settings) -> str:
    return settings.public_url or f"{settings.host}:{settings.port}"
