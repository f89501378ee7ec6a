"""The one place that builds every service, starts them in order and stops them in reverse."""

from __future__ import annotations

import logging
import sys
import threading
import types
from typing import Any

from core.errors import UnavailableError
from core.settings import Settings
from core.store import Store

log = logging.getLogger(__name__)


class Exchange:
    """Every service of one lab, built once.

    Order of life: `Exchange(settings)` builds, `start()` starts threads and jobs, `stop()` ends every one of them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.resolved_database_url)

    def start(self) -> None:
        """Start broker, feed, miner, price and workers."""

    def stop(self) -> None:
        """Stop what was started, last first; afterwards no thread, process or lock of ours is left."""
        self.store.close()


# Streamlit's watcher and cache resets evict modules; a name in sys.modules that no file backs survives both.
_holder: Any = sys.modules.setdefault("_p2p_lab_exchange", types.ModuleType("_p2p_lab_exchange"))
_lock: threading.Lock = _holder.__dict__.setdefault("lock", threading.Lock())


def install(exchange: Exchange | None) -> None:
    """Make `exchange` the one that pages and routes see; None takes it away."""
    with _lock:
        _holder.exchange = exchange


def current() -> Exchange:
    """The running exchange. Raises UnavailableError before it is built and after it is stopped."""
    with _lock:
        exchange: Exchange | None = getattr(_holder, "exchange", None)
    if exchange is None:
        raise UnavailableError("The lab is not running.", fix="Start it with `make run`.")
    return exchange
