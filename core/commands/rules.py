"""Commands of the rulebooks: `settle` one worked case, `rulebooks` to see those that come with the lab."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from core.errors import InputError


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    settle = commands.add_parser("settle", help="settle one case under a rulebook and print every part as JSON")
    settle.add_argument("case", nargs="?", default="-", metavar="CASE.json", help="file, or standard input")
    settle.set_defaults(run=run_settle)
    rulebooks = commands.add_parser("rulebooks", help="list the rulebooks that come with the lab, or print one")
    rulebooks.add_argument("name", nargs="?", metavar="NAME|FILE", help="print this one as JSON")
    rulebooks.set_defaults(run=run_rulebooks)


def run_settle(arguments: argparse.Namespace) -> int:
    """Read, settle, print."""
    from core.market.rulebooks.case import settle_case

    print(json.dumps(settle_case(_document(arguments.case)), ensure_ascii=False, indent=1, allow_nan=False))
    return 0


def run_rulebooks(arguments: argparse.Namespace) -> int:
    """List them, or print one."""
    from core.market.rulebooks import load, preset, presets

    if arguments.name:
        print(json.dumps(load(arguments.name).document, ensure_ascii=False, indent=1))
        return 0
    for name in presets():
        rulebook = preset(name)
        print(f"{name:22}  {rulebook.name} ({rulebook.currency}, {rulebook.time_zone})")
    return 0


def _document(path: str) -> object:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise InputError(f'The case "{path[:200]}" cannot be read: {error.strerror}.') from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"The case is not JSON: {error}.", fix="docs/rulebooks.md shows one.") from None
