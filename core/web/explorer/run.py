"""A recorded run: from which data, by which code and parameters, with what figures; and the way to run it again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.accounts import may
from core.chain.records import Entry
from core.errors import LabError, NotFoundError
from core.ledger import commitment
from core.ledger.canonical import shown
from core.ledger.commitment import is_sealed
from core.market.quantities import FIGURES, Quantity, quantity_of
from core.runs import RunState
from core.web.escape import markdown
from core.web.explorer import prose
from core.web.explorer.transactions import hash_cell
from core.web.explorer.view import View, go, leave, visit
from core.web.format import short
from core.web.table import Cell, Column, Row, html_facts, html_table

LONGEST = 300
MICRO = 1_000_000


def draw(view: View, run_id: str) -> None:
    """The page of a run. Raises NotFoundError if no block holds it."""
    entry = _entry(view, run_id)
    document, state = _opened(view, entry.document), _state(view, run_id)
    name = document.get("name") or (state.name if state else "")
    st.subheader(markdown(name or f"Run {run_id}", limit=LONGEST), anchor=False)
    with st.container(horizontal=True):
        go(f"Block {view.amounts.whole(entry.height)}", block=entry.height)
        go("All runs", tab="Transactions", kind="run")
    facts = prose.facts(document, view.amounts, clock=view.clock)
    st.html(html_facts([*facts, ("Transaction", hash_cell(entry.tx_hash))], name="The run"))
    _draw_again(view, run_id, state)
    if is_sealed(document):
        st.info(
            "Its figures are not on the ledger, only a salted commitment to them. Whoever ran it can open it and prove "
            "what it says.",
            icon=":material/lock:",
        )
        return
    if is_sealed(entry.document):
        st.caption("Private: you see what your lab keeps of it, held against the commitment on the ledger.")
    _draw_figures(view, document["results"])
    _draw_lineage(document)


def _entry(view: View, run_id: str) -> Entry:
    found = [entry for entry in view.chain.find(run_id).mined if entry.document.get("run_id") == run_id]
    if not found:
        raise NotFoundError(
            f"No run {shown(run_id)} is on the chain.",
            fix="A run is recorded when it is done, and in a block within one block interval.",
        )
    return found[0]


def _state(view: View, run_id: str) -> RunState | None:
    """The run as this person may see it; its name is nowhere else."""
    try:
        return view.runs.state(run_id, user_id=view.user.user_id)
    except LabError:
        return None


def _opened(view: View, document: dict[str, Any]) -> dict[str, Any]:
    """A private run as a whole, for its owner; everything else as it is."""
    if not is_sealed(document):
        return document
    try:
        opening = view.runs.opening(str(document["run_id"]), user_id=view.user.user_id)
        return document if opening is None else commitment.opened(document, opening)
    except LabError:
        return document


# ---- again


def _draw_again(view: View, run_id: str, state: RunState | None) -> None:
    if state is None:
        st.caption("Its result is kept by whoever ran it; what is recorded here is enough to check a repetition.")
        return
    with st.container(horizontal=True):
        visit("Open the result", "compare", icon=":material/balance:", run=run_id)
        if state.ended and may(view.user, "analyst"):
            asked = st.button(
                "Run again and compare",
                icon=":material/replay:",
                help="Queues the same algorithms and parameters on the very same readings; the recorded digests say "
                "whether the same comes out.",
            )
            if asked:
                again = view.runs.again(run_id, user_id=view.user.user_id)
                leave("compare", run=again)


# ---- figures


def _draw_figures(view: View, results: list[Mapping[str, Any]]) -> None:
    st.markdown("**Figures**", help="As recorded; – where a figure is not defined. The heads have the formulas.")
    names = sorted({name for entry in results for name in entry["figures"]}, key=_place)
    figures = {name: quantity_of(name.removesuffix("_micro")) for name in names}
    columns = [Column("Algorithm"), Column("Scenario"), *(_head(figure, view) for figure in figures.values())]
    columns.append(Column("Invariants", explains="Checks that every settlement has to pass"))
    rows: list[Row] = [
        [
            str(entry["algorithm_id"]),
            str(entry.get("scenario", "")),
            *(_figure(entry["figures"].get(name), figures[name], view) for name in names),
            _invariants(entry["invariants"]),
        ]
        for entry in results
    ]
    st.html(html_table(columns, rows, name="Figures of the run"))


def _place(name: str) -> tuple[int, str]:
    """Figures in the order of the Compare page, strangers after them."""
    key = name.removesuffix("_micro")
    return ([*FIGURES].index(key) if key in FIGURES else len(FIGURES), key)


def _head(figure: Quantity, view: View) -> Column:
    unit = figure.shown_unit_in(view.currency)
    return Column(f"{figure.label} ({unit})" if unit else figure.label, "number", figure.help)


def _figure(micro: object, figure: Quantity, view: View) -> str:
    value = micro / MICRO * figure.scale if isinstance(micro, int) else math.nan
    return view.amounts.number(value, figure.decimals)


def _invariants(verdicts: Mapping[str, object]) -> str:
    broken = [name.replace("_", " ") for name, holds in verdicts.items() if holds is not True]
    return f"✗ {', '.join(broken)}" if broken else f"✓ all {len(verdicts)} hold"


# ---- lineage


def _draw_lineage(document: Mapping[str, Any]) -> None:
    st.markdown(
        "**Lineage**",
        help="Dataset → code and parameters → result, each by its SHA-256. Level 4 of Verify computes the results "
        "again where the readings are at hand.",
    )
    columns = [
        Column("Algorithm"),
        Column("Dataset", "code", "Digest of the readings alone, whatever files they came in"),
        Column("Code", "code", "Digest of the algorithm's source file"),
        Column("Parameters", "prose"),
        Column("Tariff", "prose"),
        Column("Seed", "number"),
        Column("Result", "code", "Digest of every number of the result"),
    ]
    dataset = str(document["dataset_digest"])
    rows: list[Row] = [
        [
            str(entry["algorithm_id"]),
            _digest(dataset),
            _digest(str(entry["source_digest"])),
            _listed(entry["parameters"]),
            _listed(entry.get("tariff", {})),
            str(entry.get("seed", "")),
            _digest(str(entry["result_digest"])),
        ]
        for entry in document["results"]
    ]
    st.html(html_table(columns, rows, name="Lineage of the run"))
    st.code(dataset, language=None)


def _digest(text: str) -> Cell:
    return Cell(short(text), title=text)


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())
