"""The list of transactions: filtered, paged by their number on the chain, and taken away as a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from core.chain import export
from core.chain.records import Entry, Filter, Line
from core.store.index import KINDS
from core.web.explorer import prose
from core.web.explorer.view import View, go, link, nothing_yet
from core.web.format import short
from core.web.table import Cell, Column, Row, html_table

TAB = "Transactions"
PAGE = 50
HELP = f"The newest {export.MOST:,} that fit, read from the ledger file and hashed again."


def draw(view: View) -> None:
    """Filters, then the page of the list that the address names."""
    with st.expander("Filter", icon=":material/filter_alt:", expanded=bool(chosen_filters())):
        wanted = draw_filters(view)
    draw_list(view, wanted, name="transactions", tab=TAB, **chosen_filters())


def draw_list(view: View, wanted: Filter, *, name: str, **address: str) -> None:
    """One page of the transactions that `wanted` lets through. address: what a link back to this view says."""
    cursor = st.query_params.get(CURSOR, "")
    before = int(cursor) if cursor.isdecimal() and len(cursor) < 16 else None
    entries = view.chain.transactions(wanted, before_seq=before, limit=PAGE)
    if not entries:
        if view.chain.status().transactions == 0:
            nothing_yet(view)
        else:
            st.info("No transaction fits. Widen the filter.", icon=":material/filter_alt_off:")
        return
    st.html(entries_table(entries, view))
    with st.container(horizontal=True, vertical_alignment="center"):
        if before is not None:
            go("Newest", **address)
        if len(entries) == PAGE:
            go("Older →", **address, before=entries[-1].seq)
        for form in export.FORMATS:
            st.download_button(
                form.name,
                partial(_written, view, wanted, form),
                file_name=f"{name}.{form.suffix}",
                mime=form.mime,
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                key=f"export_{form.suffix}",
                help=HELP,
            )


def _written(view: View, wanted: Filter, form: export.Format) -> bytes:
    return form.write(export.gather(view.chain, wanted))


KEYS = ("kind", "who", "with", "from", "to", "least_kwh", "most_kwh", "least_price", "most_price")
"""Parameters of the address that a filter consists of."""
CURSOR = "before"


def draw_filters(view: View) -> Filter:
    """The controls in one row that wraps; returns what they say."""
    with st.grid("auto", min_column_width=140, gap="small", key="filters"):
        kind = st.selectbox(
            "Kind", KINDS, index=None, placeholder="all", key="kind", bind="query-params", on_change=_from_the_newest
        )
        household = _text("Household", "who", "Buyer or seller of a trade, such as HH001.")
        counterparty = _text("Trading with", "with", "The other side of the trade.")
        span = period(view, on_change=_from_the_newest)
        least_kwh = _number("kWh from", "least_kwh")
        most_kwh = _number("kWh to", "most_kwh")
        least_price = _number(f"{view.currency}/kWh from", "least_price")
        most_price = _number(f"{view.currency}/kWh to", "most_price")
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


def period(view: View, *, on_change: Any = None, width: Any = "stretch") -> tuple[int | None, int | None]:
    """Two days of the site, both optional and both included; as (from_ms, until_ms)."""
    words = {"format": "YYYY-MM-DD", "bind": "query-params", "on_change": on_change, "width": width}
    first: date | None = st.date_input("From", None, key="from", help=f"First day, in {view.zone}.", **words)
    last: date | None = st.date_input("To", None, key="to", help=f"Last day, included, in {view.zone}.", **words)
    return (
        view.clock.days(first, first).start_ms if first else None,
        view.clock.days(last, last).end_ms if last else None,
    )


def chosen_filters() -> dict[str, str]:
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


def lines_table(lines: Iterable[Line], view: View) -> str:
    """Transactions of one block, by their place in it."""
    place = Column("#", "number", "Place in the block")
    rows: list[Row] = [[view.amounts.whole(line.index), *_cells(line.tx_hash, line.document, view)] for line in lines]
    return html_table([place, *_columns(view)], rows, name="Transactions of the block")


def entries_table(entries: Sequence[Entry], view: View) -> str:
    """Transactions of the chain, by their block."""
    place = Column("Block", "number")
    rows: list[Row] = [
        [block_cell(entry.height, view), *_cells(entry.tx_hash, entry.document, view)] for entry in entries
    ]
    return html_table([place, *_columns(view)], rows, name="Transactions, newest first")


def block_cell(height: int, view: View) -> Cell:
    """A block's height, leading to its page."""
    return Cell(view.amounts.whole(height), href=link(block=height))


def hash_cell(tx_hash: str) -> Cell:
    """A transaction's hash, shortened, leading to its page."""
    return Cell(short(tx_hash), href=link(tx=tx_hash), title=tx_hash)


def _columns(view: View) -> list[Column]:
    return [
        Column("Transaction", "code", "SHA-256 of (0x00, the line): also its Merkle leaf"),
        Column(f"Received ({view.zone})"),
        Column("Kind"),
        Column("Seller"),
        Column("Buyer"),
        Column("kWh", "number", "Energy of a trade"),
        Column(f"{view.currency}/kWh", "number", "Price of a trade"),
        Column(view.currency, "number", "Energy times price, rounded half to even to millionths"),
        Column("What"),
    ]


def _cells(tx_hash: str, document: Mapping[str, Any], view: View) -> Row:
    at_ms = prose.happened_at_ms(document)
    received = view.clock.column(at_ms) if at_ms is not None else ""
    common: list[Cell | str] = [hash_cell(tx_hash), received, str(document.get("kind"))]
    if document.get("kind") == "trade":
        return [
            *common,
            prose.household(document["seller"]),
            prose.household(document["buyer"]),
            view.amounts.kwh_column(document["energy_wh"]),
            view.amounts.money_column(document["price_micro_per_kwh"]),
            view.amounts.money_column(document["amount_micro"]),
            "simulated" if document.get("simulated") else "",
        ]
    return [*common, "", "", "", "", "", prose.sentence(document, view.amounts)]
