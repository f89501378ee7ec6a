"""What the page's address asks for, both ways: every view of the explorer has a link that brings it back.

block=3 · tx=<hash or prefix> · household=HH001[&from=2026-01-01&to=2026-01-31] · run=<id> · q=<search>
none of these: the overview (tab=… names its tab, before=… a page of its list, and the filters of filters.KEYS)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

LONGEST = 200
"""Characters of a parameter that are looked at; an id, a hash and a search all fit."""
VIEWS = ("block", "tx", "household", "run", "q")
"""Parameters that choose a view, the first one present wins; the others only refine it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A view and its subject: ("block", "3"), or ("overview", "")."""

    view: str
    subject: str = ""


def read(parameters: Mapping[str, str]) -> Address:
    """The view that the query parameters ask for."""
    for name in VIEWS:
        subject = parameters.get(name, "").strip()[:LONGEST]
        if subject:
            return Address(name, subject)
    return Address("overview")


def link(**parameters: object) -> str:
    """A relative address within the explorer: link(block=3) → "?block=3"; link() → the overview."""
    kept = {name.rstrip("_"): str(value) for name, value in parameters.items() if value not in (None, "")}
    return "?" + urlencode(kept)
