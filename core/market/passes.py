"""Chooses between a pass in NumPy and its compiled twin; the results are the same to the last bit."""

from __future__ import annotations

import logging
import sys
from functools import cache
from types import ModuleType

WORTH_COMPILING = 200_000
"""Household-slots from which importing the compiled passes (about a second, once) pays for itself."""

log = logging.getLogger(__name__)


def compiled_for(household_slots: int) -> ModuleType | None:
    """The compiled passes where they pay or are loaded already; None where NumPy is to do the work."""
    if household_slots < WORTH_COMPILING and "core.market.compiled" not in sys.modules:
        return None
    return load_compiled()


@cache
def load_compiled() -> ModuleType | None:
    """The compiled passes, imported once: a worker does it before its first task. None where they cannot be used."""
    try:
        from core.market import compiled
    except (ImportError, RuntimeError) as error:  # not installed, or nowhere to keep compiled code
        log.warning("compiled passes cannot be used, NumPy does the work: %s", error)
        return None
    return compiled
