"""The life of the server: the exchange is built before the first request and taken down after the last."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from core import logs
from core.errors import ConflictError, LabError, UnavailableError
from core.exchange import Exchange, current, install
from core.settings import Settings, load
from core.web import api, connections, health
from core.web.exposure import require_safe
from core.web.gate import Gate
from core.web.middleware import Hosts, Proxies, SecurityHeaders
from core.web.ownership import watch_downloads

log = logging.getLogger(__name__)

SCRIPT = Path(__file__).resolve().parent / "ui.py"
SLOW_TO_IMPORT = ("pandas", "plotly.graph_objects", "plotly.io")


def open_exchange() -> Exchange:
    """Build the lab and make it the one everybody sees. Raises LabError, in one sentence, if it must not start."""
    os.umask(0o077)  # what the lab writes is for its own user alone
    settings = load()
    logs.set_up(level=settings.log_level, form=settings.log_format)
    require_safe(settings, first_password=False)  # before anything is made
    with sentences():
        exchange = Exchange(settings)
    try:
        require_safe(settings, first_password=exchange.accounts.has_first_password())
    except Exception:
        exchange.stop()
        raise
    install(exchange)
    return exchange


@contextmanager
def sentences() -> Iterator[None]:
    """What the system or the database refuses while the lab starts, as a sentence. Raises UnavailableError."""
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        log.debug("start failed", exc_info=True)
        raise UnavailableError(
            f"The lab cannot start: {place}{error.strerror or error}.",
            fix="Look at the disk, its space and its rights.",
        ) from error
    except SQLAlchemyError as error:
        log.debug("start failed", exc_info=True)
        said = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:200].rstrip(".")
        raise UnavailableError(
            f"The lab cannot start: the database refuses ({said}).",
            fix="Look at the disk and at DATABASE_URL, or put back a backup.",
        ) from error


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
    logs.set_up(level=exchange.settings.log_level, form=exchange.settings.log_format)  # uvicorn's lines, too, now
    try:
        await to_thread.run_sync(_start, exchange)
        await to_thread.run_sync(_warm_up)
        watch_downloads()
        yield {}
    finally:
        await to_thread.run_sync(exchange.stop)
        install(None)


def _start(exchange: Exchange) -> None:
    """Nothing is left running when this fails: the sentence is all that a person need see of it."""
    try:
        with sentences():
            exchange.start()
    except LabError as error:
        print(error, file=sys.stderr, flush=True)
        exchange.stop()
        os._exit(1)  # an error that is raised from here is shown by the server as a traceback


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
    return [*health.routes(), *(Route(path, endpoint=rest) for path in api.PATHS)]


def middleware() -> Sequence[Middleware]:
    """Outermost first."""
    connections.harden()
    return [
        Middleware(Proxies, settings=settings_now),
        Middleware(SecurityHeaders, settings=settings_now),
        Middleware(Hosts, settings=settings_now),
        Middleware(Gate),
    ]
