"""What every view of the explorer looks through: the chain, the site's clock, the chain's currency."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.chain import Chain
from core.exchange import Exchange
from core.store.quarantine import Quarantine
from core.web.explorer.times import Clock
from core.web.frame import PAGES
from core.web.text import foreign


@dataclass(frozen=True, slots=True)
class Lens:
    """currency: what money on this chain is counted in, by its genesis block."""

    chain: Chain
    quarantine: Quarantine
    clock: Clock
    currency: str
    block_interval_s: float

    @classmethod
    def of(cls, exchange: Exchange) -> Lens:
        """The lens of a running lab."""
        settings = exchange.settings
        return cls(
            chain=exchange.chain,
            quarantine=exchange.quarantine,
            clock=Clock(settings.time_zone),
            currency=exchange.chain.status().currency or settings.currency,
            block_interval_s=settings.block_interval_s,
        )

    @property
    def zone(self) -> str:
        """The site's zone, for heads of columns and axes."""
        return self.clock.zone_name


def go(label: str, *, page: str = "explorer", icon: str | None = None, **parameters: object) -> None:
    """A link that stays in this session: to a view of the explorer, or to another page. `label` is plain text."""
    query = {name.rstrip("_"): str(value) for name, value in parameters.items() if value not in (None, "")}
    st.page_link(PAGES / f"{page}.py", label=foreign(label), icon=icon, query_params=query or None)


def nothing_yet() -> None:
    """The empty state of the whole explorer: how the first transaction comes about."""
    st.info(
        "No transactions yet: publish a trade over MQTT, let the simulated community trade, or run a comparison. "
        "What is accepted is in a block within one block interval.",
        icon=":material/hourglass_empty:",
    )
    with st.container(horizontal=True):
        go("Watch the live market", page="live", icon=":material/monitoring:")
        go("Run a comparison", page="compare", icon=":material/balance:")
