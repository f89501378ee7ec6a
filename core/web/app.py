"""The life of the server: the exchange is built before the first request and taken down after the last."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from core.errors import ConflictError, UnavailableError
from core.exchange import Exchange, current, install
from core.settings import Settings, load
from core.web import api
from core.web.exposure import require_safe
from core.web.gate import Gate
from core.web.middleware import Hosts, SecurityHeaders
from core.web.ownership import watch_downloads

log = logging.getLogger(__name__)

SCRIPT = Path(__file__).resolve().parent / "ui.py"
SLOW_TO_IMPORT = ("pandas", "plotly.graph_objects", "plotly.io")


def open_exchange() -> Exchange:
    """Build the lab and make it the one everybody sees. Raises LabError, in one sentence, if it must not start."""
    os.umask(0o077)  # what the lab writes is for its own user alone
    settings = load()
    exchange = Exchange(settings)
    try:
        require_safe(settings, first_password=exchange.accounts.has_first_password())
    except Exception:
        exchange.stop()
        raise
    install(exchange)
    return exchange


def require_free(host: str, port: int) -> None:
    """Raise ConflictError if another program listens there, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConflictError(
                f"The lab cannot listen on {host}:{port}: {error.strerror}.",
                fix=f"Stop the program that uses it, or start with another port, such as PORT={port + 1} make run.",
            ) from error


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[dict[str, Any]]:
    """Start the lab, warm up, serve, stop. Uses the exchange that is open already if there is one."""
    exchange = _opened()
    if exchange is None:
        exchange = await to_thread.run_sync(open_exchange)
    try:
        await to_thread.run_sync(exchange.start)
        await to_thread.run_sync(_warm_up)
        watch_downloads()
        yield {}
    finally:
        await to_thread.run_sync(exchange.stop)
        install(None)


def _opened() -> Exchange | None:
    try:
        return current()
    except UnavailableError:
        return None


def _warm_up() -> None:
    """What the first visitor would wait for; then everything alive is old, and the collector need not look at it."""
    for name in SLOW_TO_IMPORT:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def settings_now() -> Settings:
    """The settings of the running lab."""
    return current().settings


def routes() -> Sequence[BaseRoute]:
    """Where the pages' server hands over to the REST application."""
    rest = api.build()
    return [Route(path, endpoint=rest) for path in api.PATHS]


def middleware() -> Sequence[Middleware]:
    """Outermost first."""
    return [
        Middleware(SecurityHeaders, settings=settings_now),
        Middleware(Hosts, settings=settings_now),
        Middleware(Gate),
    ]
