"""Take away: tables as shown, a report in one file, a link for others, the run's names and tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from core.errors import LabError
from core.exchange import current
from core.runs.runs import RunState
from core.web.compare import charts, sharing
from core.web.compare.export import Export, accounts_export, figures_export, series_export
from core.web.compare.history import who_of
from core.web.compare.report import INK, Contents, report
from core.web.compare.scene import Scene
from core.web.compare.table import table_of
from core.web.compare.tabs.show import PICTURES, baseline_id, download

KINDS: Mapping[str, tuple[str, Callable[[Export], bytes], str]] = {
    "CSV": ("csv", Export.csv, "text/csv"),
    "Parquet": ("parquet", Export.parquet, "application/vnd.apache.parquet"),
    "JSON": ("json", Export.json, "application/json"),
}


def draw(scene: Scene, state: RunState) -> None:
    """The tab."""
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(border=True):
            _tables(scene, state)
        with st.container(border=True):
            _report(scene, state)
    with right:
        with st.container(border=True):
            sharing.links(state)
        with st.container(border=True):
            sharing.names(state)


def context_of(scene: Scene, state: RunState) -> dict[str, object]:
    """Where an exported table comes from."""
    return {
        "run_id": state.run_id,
        "name": state.name,
        "scenario": scene.scenario,
        "dataset_digest": scene.result.dataset_digest,
        "result_digest": scene.result.result_digest,
        "transaction": state.tx_hash,
        "time_zone": scene.result.time_zone,
    }


def offer(make: Callable[[], Export], *, name: str, key: str) -> None:
    """Buttons that make a table and hand it over in each kind."""
    for label, (ending, write, mime) in KINDS.items():
        download(label, partial(_written, make, write), file_name=f"{name}.{ending}", mime=mime, key=f"{key}_{ending}")


def _written(make: Callable[[], Export], write: Callable[[Export], bytes]) -> bytes:
    return write(make())


def _tables(scene: Scene, state: RunState) -> None:
    st.markdown(
        "**Tables**",
        help="Every digit, in the scenario and period that are shown. Not defined is empty in CSV, null in JSON.",
    )
    context = context_of(scene, state)
    offers: dict[str, Callable[[], Export]] = {
        "figures": partial(figures_export, table_of(scene.rows, baseline_id=baseline_id()), scene.numbers, context),
        "households": partial(accounts_export, scene, context),
        "series": partial(series_export, scene, context),
    }
    for name, make in offers.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(WORDS[name])
            offer(make, name=f"{state.run_id}-{name}", key=f"compare_take_{name}")
    st.segmented_control(
        "Pictures as",
        ["PNG", "SVG"],
        default="PNG",
        required=True,
        key=PICTURES,
        persist_state="session",
        help="The camera in the bar of every chart saves it in this format.",
    )


WORDS = {
    "figures": "All figures",
    "households": "Accounts of all households",
    "series": "Series, slot by slot",
}


def _report(scene: Scene, state: RunState) -> None:
    st.markdown(
        "**Report**", help="Figures, charts, parameters, digests and the receipt in one file that needs no network."
    )
    download(
        "HTML report",
        partial(_made, scene, state, baseline_id()),
        file_name=f"{state.run_id}.html",
        mime="text/html",
        key="compare_html",
        icon=":material/description:",
    )


def _made(scene: Scene, state: RunState, baseline: str) -> bytes:
    return report(contents_of(scene, state, baseline))


def contents_of(scene: Scene, state: RunState, baseline: str) -> Contents:
    """What the report of this scene says."""
    drawn: dict[str, charts.Chart] = {}
    if scene.drawable:
        row = next((row for row in reversed(scene.drawable) if scene.trades(row)), scene.drawable[0])
        drawn = {
            "Price and traded energy": charts.price_and_volume(scene),
            "Savings as they grow": charts.cumulative_savings(scene),
            "Duration curve of import": charts.duration(scene),
            **{
                f"Savings per household, {each.name}": charts.household_bars(scene, each)
                for each in scene.drawable
                if scene.trades(each)
            },
            "Lorenz curve of savings": charts.lorenz_curves(scene),
            f"Where the energy went, {row.name}": charts.sankey(scene, row, ink=INK),
            f"Traded energy by day and time of day, {row.name}": charts.heat_map(scene, row, "traded_kwh"),
        }
    table = table_of(scene.rows, baseline_id=baseline)
    return Contents(state, scene, who_of(state.owner_id), table, drawn, _receipt(state))


def _receipt(state: RunState) -> Mapping[str, object] | None:
    try:
        return None if state.tx_hash is None else current().chain.receipt(state.tx_hash)
    except LabError:
        return None
