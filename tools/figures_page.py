"""Writes docs/figures.md from the market's own table of figures and arrays; a test holds the two together."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.market.quantities import FIGURES, HOUSEHOLD_ARRAYS, RULE_FIGURES, RULES, SLOT_ARRAYS, Quantity

PAGE = Path(__file__).resolve().parents[1] / "docs" / "figures.md"
HEAD = """# Figures

Made by `python tools/figures_page.py` from `core/market/quantities.py`, which engine, command line, pages, exports and
reports read too: to add a figure, add a function there.

q is the energy traded in a slot, r the retail and f the feed-in price, C(q) what the grid charges for the rest, C* the
least of it, h the slot's length, s a household's savings. Shares go from 0 to 1; a screen shows some in percent. A zero
denominator is "not defined", never 0 or 1, and what only rounding makes of zero is zero.
"""


def page() -> str:
    """The page's text."""
    parts = [HEAD]
    for group, figures in groupby(FIGURES.values(), lambda each: each.group):
        parts += [f"\n## {group}\n", _table(figures)]
    parts += [f"\n## {RULES}\n", _table(RULE_FIGURES.values())]
    parts += ["\n## By household\n", _table(HOUSEHOLD_ARRAYS.values())]
    parts += ["\n## By slot\n", _table(SLOT_ARRAYS.values())]
    return "\n".join(parts) + "\n"


def _table(rows: Iterable[Quantity]) -> str:
    lines = ["| | key | unit | how it is computed | better | not defined where |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {each.label} | `{each.key}` | {each.unit} | {_cell(each.formula)} | {each.better} | {each.undefined} |"
        for each in rows
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
