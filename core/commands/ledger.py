"""Commands of the ledger family."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    verify = commands.add_parser("verify", help="check every byte of a ledger file")
    verify.add_argument("path", nargs="?", type=Path, metavar="PATH", help="the ledger; LEDGER_PATH unless given")
    verify.add_argument("--level", type=int, choices=(1, 2, 3, 4), default=2, help="how much is checked (default 2)")
    verify.add_argument("--checkpoint", type=Path, metavar="FILE", help="signed checkpoints the ledger must extend")
    verify.add_argument("--json", action="store_true", help="print the verdict as JSON")
    verify.set_defaults(run=run_verify)


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify a file; exit 1 with one line naming height and byte offset if it is damaged."""
    from core.ledger import verify

    path = arguments.path or _settings().ledger_path
    roots = _roots(path, arguments.checkpoint) if arguments.checkpoint else None
    started = time.perf_counter()
    verdict = verify.verify(path, arguments.level, roots=roots)
    verdict = dataclasses.replace(verdict, seconds=round(time.perf_counter() - started, 3))
    if arguments.json:
        print(json.dumps({"path": str(path), **dataclasses.asdict(verdict)}, ensure_ascii=False))
    elif verdict.ok:
        print(verdict.sentence)
    if not verdict.ok:
        print(f"{path}: {verdict.sentence}", file=sys.stderr)
    return 0 if verdict.ok else 1


def _roots(path: Path, checkpoints: Path) -> dict[int, tuple[bytes, ...]]:
    """The log roots in a file of checkpoints, their signatures checked with the key in the ledger's genesis block."""
    from core.errors import LedgerError
    from core.ledger import checkpoint, verify
    from core.ledger.walk import Walker

    with verify.reading(path) as (read, size):
        walker = Walker(read, size)
        walker.step()
    rules = walker.tip.genesis
    if rules is None:
        raise LedgerError(f"{path} has no block yet, so no checkpoint can be of it.")
    try:
        text = checkpoints.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise LedgerError(f"{checkpoints} cannot be read: {reason}.") from None
    roots = checkpoint.roots_of(text, origin=rules.origin, public=bytes.fromhex(rules.log_key))
    if not roots:
        raise LedgerError(f"{checkpoints} has no checkpoint.", fix="Give a file such as checkpoints.txt.")
    return roots


def _settings() -> Any:
    from core import settings

    return settings.load()
