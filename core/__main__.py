"""`python -m core`: everything a page can do, from a shell.

Exit status: 0 done, 1 refused input or failed verification (one line on standard error), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from core.errors import LabError

FAMILIES = ("market", "study", "rules", "stability", "readings", "ledger", "feed", "account", "recovery")


def parser() -> argparse.ArgumentParser:
    """The whole command line; each family registers its own commands."""
    top = argparse.ArgumentParser(prog="python -m core", description=__doc__.splitlines()[0] if __doc__ else "")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for family in FAMILIES:
        importlib.import_module(f"core.commands.{family}").register(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except LabError as error:
        print(str(error), file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
