"""The search box's answer: where it leads if it can mean one thing only, else everything it may mean."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.chain.records import Search
from core.errors import LabError
from core.web.escape import markdown
from core.web.explorer import prose
from core.web.explorer.blocks import blocks_table
from core.web.explorer.transactions import entries_table, hash_cell
from core.web.explorer.view import View, go, link
from core.web.format import Span
from core.web.table import Cell, Column, Row, html_table

LONGEST = 300
SHORTEST = 3
"""Characters below which nearly every quarantined message would match."""
MOST = 100
"""Blocks of a day that are listed; the charts show them all."""


@dataclass(frozen=True, slots=True)
class Target:
    """The one view a search leads to: a parameter of the address and its value."""

    parameter: str
    value: str


def address_of(view: View, text: str) -> dict[str, str]:
    """The parameters of the view that a search leads to: its one meaning, or the list of its meanings."""
    try:
        target = only_target(view.find(text)) if view.clock.read(text) is None else None
    except LabError:
        target = None
    return {target.parameter: target.value} if target else {"q": text}


def draw(view: View, text: str) -> None:
    """Go where the text leads, or show what it may mean. Raises InputError for a date that does not exist."""
    span = view.clock.read(text)
    if span is not None:
        _draw_span(view, text, span)
        return
    found = view.find(text)
    target = only_target(found)
    if target is not None:
        st.query_params.from_dict({target.parameter: target.value})
        st.rerun()
    st.subheader("Search", anchor=False)
    st.markdown(markdown(found.sentence, limit=LONGEST))
    _draw_found(view, found)
    if found.nothing:
        _draw_nothing(view, text)


def only_target(found: Search) -> Target | None:
    """Where the search leads if it can mean one thing only: its single hit, or the household of exactly this name."""
    hits = len(found.blocks) + len(found.mined) + len(found.pending) + len(found.runs)
    if found.text in found.households and hits == 0:
        return Target("household", found.text)
    if hits != 1 or found.households:
        return None
    if found.runs:
        return Target("run", found.runs[0][0])
    if found.blocks:
        return Target("block", str(found.blocks[0].height))
    if found.pending:
        return Target("tx", found.pending[0].tx_hash)
    entry = found.mined[0]
    if entry.document.get("run_id") == found.text:
        return Target("run", found.text)
    return Target("tx", entry.tx_hash)


def _draw_found(view: View, found: Search) -> None:
    if found.blocks:
        st.html(blocks_table(found.blocks, view))
    if found.mined:
        st.html(entries_table(found.mined, view))
    if found.pending:
        rows: list[Row] = [[hash_cell(row.tx_hash), view.clock.column(row.submitted_at_ms)] for row in found.pending]
        st.html(html_table([Column("Pending", "code"), Column(f"Accepted ({view.zone})")], rows, name="Pending"))
    if found.households:
        named: list[Row] = [[prose.household(household_id)] for household_id in found.households]
        st.html(html_table([Column("Household")], named, name="Households"))

    if found.runs:
        runs: list[Row] = [[Cell(name, href=link(run=run_id)), run_id] for run_id, name in found.runs]
        st.html(html_table([Column("Run"), Column("Id", "code")], runs, name="Runs"))


def _draw_nothing(view: View, text: str) -> None:
    refused = view.quarantine.mentioning(text) if len(text) >= SHORTEST else []
    if refused:
        many = view.amounts.count(len(refused), "refused message mentions", "refused messages mention")
        st.warning(f"Quarantined: {many} it. What is in quarantine is never on the chain.", icon=":material/report:")
        columns = [Column("Why", "prose"), Column("Times", "number"), Column(f"Last seen ({view.zone})")]
        rows: list[Row] = [
            [row.reason, view.amounts.whole(row.count), view.clock.column(row.last_at_ms), _readable(row.payload)]
            for row in refused
        ]
        st.html(html_table([*columns, Column("Payload", "prose")], rows, name="Quarantined messages"))
        return
    st.info(
        "It is neither mined, nor pending, nor in quarantine. Search for the first four or more digits of a hash, "
        "a block's height, a household such as HH001, a run's id, or a day such as 2026-01-31.",
        icon=":material/search_off:",
    )
    go("All blocks", tab="Blocks")


def _readable(payload: bytes) -> str:
    return payload.decode("utf-8", "replace")


def _draw_span(view: View, text: str, span: Span) -> None:
    st.subheader(markdown(text), anchor=False)
    st.caption(f"{view.clock.moment(span.start_ms)} to {view.clock.moment(span.end_ms)}")
    blocks = view.blocks_between(span, limit=MOST)
    if not blocks:
        st.info("No block was mined in that time.", icon=":material/search_off:")
        go("All blocks", tab="Blocks")
        return
    first, last = view.clock.day(span.start_ms), view.clock.day(span.end_ms - 1)
    go("Transactions of the day", tab="Transactions", from_=first, to=last)
    if len(blocks) == MOST:
        st.caption(f"The newest {view.amounts.whole(MOST)} blocks of that time.")
    st.html(blocks_table(blocks, view))
