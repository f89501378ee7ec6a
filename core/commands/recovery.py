"""Commands for the day something is lost: backup, restore, accept-loss."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    backup = commands.add_parser("backup", help="copy the whole lab into a new folder, while it runs")
    backup.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new or empty")
    backup.set_defaults(run=run_backup)
    restore = commands.add_parser("restore", help="put a backup in the place of this lab, which must not be running")
    restore.add_argument("folder", type=Path, metavar="DIR", help="what `backup` wrote")
    restore.add_argument(
        "--older",
        action="store_true",
        help="take it though it lacks blocks that were signed; the lab is read-only until `accept-loss`",
    )
    restore.set_defaults(run=run_restore)
    loss = commands.add_parser("accept-loss", help="go on after the last sound block and write what is lost into it")
    loss.set_defaults(run=run_accept_loss)


def run_backup(arguments: argparse.Namespace) -> int:
    """Print where it is and what it holds."""
    from core.chain.backup import backup

    saved = backup(_settings(), arguments.folder)
    print(f"{saved.folder}: {saved.blocks} blocks, {saved.files} files, {saved.bytes:,} bytes. Keep it elsewhere.")
    return 0


def run_restore(arguments: argparse.Namespace) -> int:
    """Put it back and say what it is."""
    from core.chain.restoring import restore

    settings = _settings()
    with _alone(settings):
        saved = restore(settings, arguments.folder, older=arguments.older, retained=_retained(settings))
    print(
        f"The lab is as it was at {saved.made_at}, with {saved.blocks} blocks. What was here before is in "
        f"{settings.data_dir / 'replaced'}. Now: python -m core verify"
    )
    return 0


def run_accept_loss(_: argparse.Namespace) -> int:
    """Say what was given up, and where it stands in the chain."""
    from core.chain.loss import accept_loss

    settings = _settings()
    with _alone(settings):
        done = accept_loss(settings, retained=_retained(settings), clock=lambda: time.time_ns() // 1_000_000)
    print(done.sentence)
    if done.kept is not None:
        print(f"The file as it was is {done.kept}.")
    if done.block is not None:
        print(f"Block {done.block.height} says so: {done.block.hash}")
    return 0


@contextmanager
def _alone(settings: Any) -> Iterator[None]:
    """The data folder for this command alone. Raises ConflictError while a lab runs in it."""
    import os

    from core.exchange import hold

    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = hold(settings.data_dir)
    try:
        yield
    finally:
        os.close(lock)


def _retained(settings: Any) -> str:
    from core.live.announcer import retained_checkpoint

    return retained_checkpoint(settings)


def _settings() -> Any:
    import logging

    from core import settings

    logging.getLogger("core").addHandler(logging.NullHandler())
    return settings.load()
