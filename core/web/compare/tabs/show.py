"""Charts on the screen: made once for everybody who looks at the same thing, with their message for screen readers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from threading import Lock
from urllib.parse import urlencode

import streamlit as st
from cachetools import LRUCache, cached

from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.charts import CONFIG
from core.web.compare.algorithms import swatch
from core.web.compare.charts import Chart
from core.web.compare.tables import Export
from core.web.compare.view import View, colour, days_of
from core.web.escape import markdown
from core.web.format import span
from core.web.table import Cell, html_link

PICTURES = "compare_pictures"
CHARTS = 256
"""Charts kept for whoever looks at the same; the one looked at longest ago goes first."""


@cached(LRUCache(CHARTS), key=lambda view, what, make: (view.key, what), lock=Lock())
def kept(view: View, what: Hashable, make: Callable[[], Chart]) -> Chart:
    """The chart of this view, made once."""
    return make()


def config(title: str) -> dict[str, object]:
    """Plotly's settings: the camera saves what the tab Export says, under the chart's title."""
    form = str(st.session_state.get(PICTURES) or "PNG").lower()
    return {**CONFIG, "toImageButtonOptions": {"format": form, "filename": title.lower().replace(" ", "-"), "scale": 2}}


def baseline_id() -> str:
    """The algorithm that was chosen above the tabs; "" before any was."""
    return str(st.session_state.get("baseline") or "")


def chart(title: str, drawn: Chart, *, key: str) -> None:
    """A chart under its title, with its note."""
    st.markdown(f"**{title}**", help="Drag to zoom, double-click to go back; the camera saves a picture.")
    st.plotly_chart(drawn.figure, config=config(title), alt=drawn.alt, key=key)
    if drawn.note:
        st.caption(drawn.note)


def download(
    label: str, make: Callable[[], bytes], *, file_name: str, mime: str, key: str, icon: str = ":material/download:"
) -> None:
    """A button that makes a file when it is clicked, and hands it over."""
    st.download_button(
        label,
        make,
        file_name=file_name,
        mime=mime,
        icon=icon,
        type="tertiary",
        on_click="ignore",
        key=key,
    )


def pick_algorithm(view: View, *, key: str) -> ResultRow:
    """One of the view's algorithms; the first that trades unless another is asked for in the address."""
    rows = {row.algorithm_id: row for row in view.drawable}
    ids = list(rows)
    first = next((place for place, each in enumerate(ids) if view.trades(rows[each])), 0)
    chosen = st.selectbox(
        "Algorithm",
        ids,
        index=first,
        format_func=lambda each: rows[each].name if each in rows else each,
        key=key,
        bind="query-params",
        width=280,
    )
    return rows[chosen or ids[first]]


def named(row: ResultRow) -> str:
    """The algorithm's colour and name, as Markdown."""
    return f"{swatch(row.algorithm_id)} {markdown(row.name)}"


def whole_run(view: View) -> str:
    """What a table covers that cannot follow the period or the home that is chosen."""
    days = span(*days_of(view.result.local_starts()))
    return (
        f"Whole run, {days}, all homes"
        if view.whole and view.household is None
        else f"**Whole run, {days}, all homes**"
    )


KINDS: Mapping[str, tuple[str, Callable[[Export], bytes], str]] = {
    "CSV": ("csv", Export.csv, "text/csv"),
    "Parquet": ("parquet", Export.parquet, "application/vnd.apache.parquet"),
    "JSON": ("json", Export.json, "application/json"),
}


def context_of(view: View, state: RunState) -> dict[str, object]:
    """Where an exported table comes from."""
    return {
        "run_id": state.run_id,
        "name": state.name,
        "scenario": view.scenario,
        "dataset_digest": view.result.dataset_digest,
        "result_digest": view.result.result_digest,
        "transaction": state.tx_hash,
        "time_zone": view.result.time_zone,
        "findings": [issue.message for issue in state.findings],
        "assumptions": list(state.assumptions),
    }


def offer(make: Callable[[], Export], *, name: str, key: str) -> None:
    """Buttons that make a table and hand it over in each kind."""
    for label, (ending, write, mime) in KINDS.items():
        download(label, partial(_written, make, write), file_name=f"{name}.{ending}", mime=mime, key=f"{key}_{ending}")


def _written(make: Callable[[], Export], write: Callable[[Export], bytes]) -> bytes:
    return write(make())


def row_head(row: ResultRow, *, note: str = "") -> Cell:
    """The algorithm as the head of a table's line."""
    return Cell(row.name, colour=colour(row), note=note)


def tab_link(words: str, tab: str) -> str:
    """A link, HTML, to another tab of this very view."""
    kept_choices = {name: st.query_params.get_all(name) for name in st.query_params if name != "view"}
    return html_link(words, "?" + urlencode({**kept_choices, "view": tab}, doseq=True))
