"""Commands of the readings family."""

from __future__ import annotations

from typing import Any


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
