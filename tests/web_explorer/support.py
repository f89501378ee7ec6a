"""What the explorer's tests share: a clock, trades, and the text of a page."""

from __future__ import annotations

import re
from html import unescape

from streamlit.testing.v1 import AppTest

from core.ledger import transaction
from core.ledger.transaction import Transaction

START_MS = 1_767_225_740_000
"""2026-01-01 00:02:20 UTC, 05:32:20 in Delhi."""


class Ticking:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


def trade(number: int, *, buyer: str = "HH002", seller: str = "HH001", at_ms: int = START_MS) -> Transaction:
    """3.5 kWh at ₹6.80, as the README publishes it."""
    return transaction.trade(
        buyer=buyer,
        seller=seller,
        energy_wh=3500,
        price_micro_per_kwh=6_800_000,
        received_at_ms=at_ms,
        sequence=number,
    )


def text_of(app: AppTest) -> str:
    """Everything the page says, without tags and styles."""
    found = [element.proto.body for element in app.get("html")]
    for kind in ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success", "code"):
        found += [str(element.value) for element in app.get(kind)]
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", "\n".join(found), flags=re.DOTALL)


def links_of(app: AppTest) -> dict[str, str]:
    """Label to address of every link outside of tables; those to other pages have the page's name."""
    found = {element.proto.label: element.proto.page for element in app.get("page_link")}
    for element in app.get("html"):
        for href, label in re.findall(r'<a class="lab-link" href="([^"]*)">([^<]*)</a>', element.proto.body):
            found[unescape(label)] = unescape(href)
    return found
