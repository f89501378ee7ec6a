"""`python -m core feed`: the MQTT feed as a process of its own, for heavy load."""

from __future__ import annotations

import argparse
import signal
import threading
from typing import Any

STATUS_S = 10.0


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    feed = commands.add_parser(
        "feed",
        help="run the MQTT feed as its own process",
        description="Reads trades from the broker into the pool until it is stopped. Start the app with FEED=process.",
    )
    feed.add_argument("--quiet", action="store_true", help="print nothing but errors")
    feed.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Feed until SIGTERM or SIGINT; a line whenever the state changes, and the counts now and then."""
    from core import logs
    from core import settings as core_settings
    from core.live.feed import Feed
    from core.store import Store
    from core.store.pool import Pool
    from core.store.quarantine import Quarantine

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settings = core_settings.load()
    logs.set_up(level=settings.log_level, form=settings.log_format)
    store = Store(settings.resolved_database_url)
    feed = Feed(settings, Pool(store), Quarantine(store), reports=True)
    feed.start()
    try:
        _watch(feed, stopping, quiet=arguments.quiet)
    finally:
        feed.stop()
        store.close()
    return 0


def _watch(feed: Any, stopping: threading.Event, *, quiet: bool) -> None:
    said, waited = "", 0.0
    while not stopping.wait(0.25):
        snapshot = feed.cache.snapshot()
        waited += 0.25
        if not quiet and (snapshot.sentence != said or waited >= STATUS_S):
            counts = snapshot.counts
            print(
                f"{snapshot.sentence} {counts.trades} trades, {counts.duplicates} again,"
                f" {counts.quarantined} in quarantine.",
                flush=True,
            )
            said, waited = snapshot.sentence, 0.0
