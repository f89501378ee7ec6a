"""What every view of the explorer looks through: the chain, the site's clock, the chain's currency."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.accounts import User
from core.chain import Chain
from core.chain.records import BlockSummary, Search
from core.exchange import Exchange, find
from core.runs import Runs
from core.store.quarantine import Quarantine
from core.web.charts import CONFIG
from core.web.escape import markdown
from core.web.format import Amounts, Clock, Span, amounts_of
from core.web.frame import PAGES
from core.web.table import html_link


@dataclass(frozen=True, slots=True)
class View:
    """What to ask, and how times and amounts are written."""

    chain: Chain
    quarantine: Quarantine
    runs: Runs
    user: User
    clock: Clock
    amounts: Amounts
    block_interval_s: float

    @classmethod
    def of(cls, exchange: Exchange, user: User) -> View:
        """What this user sees of a running lab."""
        settings = exchange.settings
        return cls(
            chain=exchange.chain,
            quarantine=exchange.quarantine,
            runs=exchange.runs,
            user=user,
            clock=Clock(settings.time_zone),
            amounts=amounts_of(settings, currency=exchange.chain.status().currency),
            block_interval_s=settings.block_interval_s,
        )

    def find(self, text: str) -> Search:
        """What a text stands for, runs of that name included."""
        return find(self.chain, self.runs, text, user_id=self.user.user_id)

    def blocks_between(self, span: Span, *, limit: int) -> list[BlockSummary]:
        """Blocks mined in that time, the newest first."""
        times = self.chain.explorer.heads().times_ms
        first, end = bisect_left(times, span.start_ms), bisect_left(times, span.end_ms)
        return self.chain.blocks(before_height=end, limit=min(limit, end - first)) if end > first else []

    def show(self, drawn: Any, *, key: str, alt: str, on_brush: Callable[[], None] | None = None) -> None:
        """Put a chart on the page. alt: what it shows, for a screen reader; on_brush: after a drag along x."""
        drawn.update_layout(separators=self.amounts.separators)
        if on_brush is None:
            st.plotly_chart(drawn, key=key, config=CONFIG, alt=alt)
        else:
            drawn.update_layout(dragmode="select", selectdirection="h")
            st.plotly_chart(drawn, key=key, config=CONFIG, alt=alt, on_select=on_brush, selection_mode="box")

    @property
    def currency(self) -> str:
        """What money on this chain is counted in."""
        return self.amounts.currency

    @property
    def zone(self) -> str:
        """The site's zone, for heads of columns and axes."""
        return self.clock.zone_name


def go(label: str, **parameters: object) -> None:
    """A link to another view of the explorer; without parameters to the overview. `label` is plain text."""
    st.html(html_link(label, link(**parameters)), width="content")


def visit(label: str, page: str, *, icon: str, **parameters: str) -> None:
    """A link to another page."""
    st.page_link(PAGES / f"{page}.py", label=label, icon=icon, query_params=parameters or None)


def leave(page: str, **parameters: str) -> None:
    """Go to another page now."""
    st.switch_page(PAGES / f"{page}.py", query_params=parameters)


def nothing_yet(view: View) -> None:
    """The empty state of the whole explorer: how the first transaction comes about, or why there is nothing to see."""
    damage = view.chain.status().damage
    if damage:
        st.error(markdown(damage, limit=400), icon=":material/gpp_bad:")
        return
    st.info(
        "No transactions yet: publish a trade over MQTT, let the simulated community trade, or run a comparison. "
        "What is accepted is in a block within one block interval.",
        icon=":material/hourglass_empty:",
    )
    with st.container(horizontal=True):
        visit("Watch the live market", "live", icon=":material/monitoring:")
        visit("Run a comparison", "compare", icon=":material/balance:")


LONGEST_PARAMETER = 200
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
        subject = parameters.get(name, "").strip()[:LONGEST_PARAMETER]
        if subject:
            return Address(name, subject)
    return Address("overview")


def link(**parameters: object) -> str:
    """A relative address within the explorer: link(block=3) → "?block=3"; link() → the overview."""
    kept = {name.rstrip("_"): str(value) for name, value in parameters.items() if value not in (None, "")}
    return "?" + urlencode(kept)
