"""What the lab writes down of itself: one line an event on standard error, set up once at start."""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime

import orjson

QUIET = ("apscheduler", "amqtt", "transitions", "asyncio", "numba", "matplotlib", "fsevents")
"""Others' loggers that tell more than a person at a server wants to know: warnings of them alone."""


def set_up(*, level: str, form: str) -> None:
    """Send everything from `level` up to standard error, a line of text or a JSON object each; once a process."""
    root = logging.getLogger()
    for handler in [kept for kept in root.handlers if isinstance(kept, _Lines)]:
        root.removeHandler(handler)
    handler = _Lines(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("uvicorn", "streamlit")]:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _Lines(logging.StreamHandler):  # type: ignore[type-arg]
    """Ours, so that setting up again replaces it."""


class _Text(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            event["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(event, option=orjson.OPT_UTC_Z).decode()
