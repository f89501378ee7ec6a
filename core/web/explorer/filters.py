"""Which transactions are shown: filters whose values live in the address, so that a filtered list is a link."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st

from core.chain.records import Filter
from core.store.index import KINDS
from core.web.explorer.lens import Lens

KEYS = ("kind", "who", "with", "from", "to", "least_kwh", "most_kwh", "least_price", "most_price")
"""Parameters of the address that a filter consists of."""
CURSOR = "before"


def draw(lens: Lens) -> Filter:
    """The controls in one row that wraps; returns what they say."""
    with st.grid("auto", min_column_width=140, gap="small", key="filters"):
        kind = st.selectbox(
            "Kind", KINDS, index=None, placeholder="all", key="kind", bind="query-params", on_change=_from_the_newest
        )
        household = _text("Household", "who", "Buyer or seller of a trade, such as HH001.")
        counterparty = _text("Trading with", "with", "The other side of the trade.")
        span = period(lens, on_change=_from_the_newest)
        least_kwh = _number("kWh from", "least_kwh")
        most_kwh = _number("kWh to", "most_kwh")
        least_price = _number(f"{lens.currency}/kWh from", "least_price")
        most_price = _number(f"{lens.currency}/kWh to", "most_price")
    return Filter(
        kind=kind or "",
        household=household,
        counterparty=counterparty,
        from_ms=span[0],
        until_ms=span[1],
        least_wh=_scaled(least_kwh, 1_000),
        most_wh=_scaled(most_kwh, 1_000),
        least_micro_per_kwh=_scaled(least_price, 1_000_000),
        most_micro_per_kwh=_scaled(most_price, 1_000_000),
    )


def period(lens: Lens, *, on_change: Any = None, width: Any = "stretch") -> tuple[int | None, int | None]:
    """Two days of the site, both optional and both included; as (from_ms, until_ms)."""
    words = {"format": "YYYY-MM-DD", "bind": "query-params", "on_change": on_change, "width": width}
    first: date | None = st.date_input("From", None, key="from", help=f"First day, in {lens.zone}.", **words)
    last: date | None = st.date_input("To", None, key="to", help=f"Last day, included, in {lens.zone}.", **words)
    return (
        lens.clock.days(first, first).start_ms if first else None,
        lens.clock.days(last, last).end_ms if last else None,
    )


def chosen() -> dict[str, str]:
    """The filter as parameters of a link."""
    return {key: st.query_params[key] for key in KEYS if key in st.query_params}


def _from_the_newest() -> None:
    st.query_params.pop(CURSOR, None)


def _text(label: str, key: str, help_text: str) -> str:
    value = st.text_input(
        label,
        key=key,
        bind="query-params",
        placeholder="all",
        help=help_text,
        max_chars=128,
        on_change=_from_the_newest,
    )
    return (value or "").strip()


def _number(label: str, key: str) -> float | None:
    return st.number_input(
        label,
        min_value=0.0,
        value=None,
        placeholder="any",
        key=key,
        bind="query-params",
        help="Of trades; the bound is included.",
        on_change=_from_the_newest,
    )


def _scaled(value: float | None, factor: int) -> int | None:
    """A number as typed, in the ledger's integers: exact for every decimal that fits them."""
    return None if value is None else int(Decimal(repr(value)) * factor)
