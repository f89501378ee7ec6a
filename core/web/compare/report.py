"""One HTML file that needs nothing else: figures, charts, parameters, digests and the run's receipt.

Plotly's script lies inside it, so that it opens in ten years and offline. All text in it is escaped here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.compare.charts import Chart
from core.web.compare.lineage import rows_of, scenarios_of
from core.web.compare.table import FigureTable
from core.web.compare.view import View
from core.web.escape import visible
from core.web.format import Numbers

INK, PAPER = "#1b2230", "#ffffff"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2230; background: #fff; }
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #dfe4ee; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #dfe4ee; text-align: right; vertical-align: top; }
td { white-space: nowrap; } .left td { white-space: normal; }
th:first-child, td:first-child, .left td, .left th { text-align: left; } .best { color: #15803d; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; } dt { color: #5b6575; }
dd { margin: 0; overflow-wrap: anywhere; } pre { background: #f4f6fa; padding: 0.8rem; overflow-x: auto; }
.note { color: #5b6575; } figure { margin: 1rem 0; }
@media print { pre { white-space: pre-wrap; } figure { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What a report says. receipt: None while the run's transaction is pending."""

    state: RunState
    view: View
    who: str
    table: FigureTable
    charts: Mapping[str, Chart]
    receipt: Mapping[str, object] | None


def report(contents: Contents) -> bytes:
    """The file."""
    state, view = contents.state, contents.view
    title = escape(visible(state.name, limit=120))
    parts = [
        f"<h1>{title}</h1>",
        _facts(contents),
        f"<h2>Figures, {escape(visible(view.scenario))}</h2>",
        _figures(contents.table, view.numbers),
        *(_chart(heading, chart) for heading, chart in contents.charts.items()),
        "<h2>Algorithms and parameters</h2>",
        _table_of(rows_of(view.result)),
        "<h2>Tariffs and scenarios</h2>",
        _table_of(scenarios_of(state.plan.scenarios, view.numbers)),
        "<h2>Checks</h2>",
        f"<details><summary>{_held(view.rows)}</summary>{_verdicts(view.rows)}</details>",
        "<h2>Receipt</h2>",
        _receipt(contents),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<script>{get_plotlyjs()}</script></head><body>{''.join(parts)}</body></html>"
    ).encode()


def _facts(contents: Contents) -> str:
    state, result = contents.state, contents.view.result
    ended = state.ended_at or state.queued_at
    facts = {
        "Run": state.run_id,
        "Readings": state.dataset_name,
        "Compared by": contents.who,
        "Finished": f"{ended:%Y-%m-%d %H:%M:%S} UTC",
        "Households": str(len(result.household_ids)),
        "Slots": f"{result.slots:,} of {result.slot_h:g} h",
        "From": f"{result.start_at:%Y-%m-%d %H:%M} UTC",
        "To": f"{result.end_at:%Y-%m-%d %H:%M} UTC",
        "Time zone": result.time_zone,
        "Tags": ", ".join(state.tags) or "none",
        "Digest of the readings": state.dataset_digest,
        "Digest of the result": result.result_digest,
        "Transaction": state.tx_hash or "none",
    }
    return (
        "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts.items()) + "</dl>"
    )


def _figures(table: FigureTable, numbers: Numbers) -> str:
    head = "".join(
        f'<th title="{escape(numbers.unit(figure.help))}">{escape(figure.label)}'
        f"{f' ({escape(numbers.unit(figure.shown_unit))})' if figure.shown_unit else ''} {figure.arrow}</th>"
        for figure in table.figures
    )
    body = ""
    for line in table.lines:
        cells = "".join(
            f'<td class="{"best" if cell.best else ""}">{"★ " if cell.best else ""}'
            f"{escape(table.text(cell, figure, is_baseline=line.is_baseline, numbers=numbers))}</td>"
            for cell, figure in zip(line.cells, table.figures, strict=True)
        )
        mark = " (baseline)" if line.is_baseline else ""
        body += f"<tr><th>{_text(line.row.name)}{mark}</th>{cells}</tr>"
    formulas = "".join(
        f"<dt>{escape(figure.label)}</dt><dd>{escape(numbers.unit(figure.help))}</dd>" for figure in table.figures
    )
    return (
        f'<div class="wide"><table><thead><tr><th>Algorithm</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        '<p class="note">★ best of a figure; ↑ higher, ↓ lower is better; – not defined.</p>'
        f"<details><summary>Formulas</summary><dl>{formulas}</dl></details>"
    )


def _chart(heading: str, chart: Chart) -> str:
    drawn = go.Figure(chart.figure)
    drawn.update_layout(
        template="none", paper_bgcolor=PAPER, plot_bgcolor=PAPER, font={"color": INK, "family": "system-ui, sans-serif"}
    )
    shown = plotly.io.to_html(
        drawn, full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True}
    )
    caption = f"{escape(chart.alt)} {escape(chart.note)}"
    return f'<h2>{escape(heading)}</h2><figure>{shown}<figcaption class="note">{caption}</figcaption></figure>'


def _table_of(lines: Sequence[Mapping[str, str]]) -> str:
    return _table(tuple(lines[0]), [tuple(line.values()) for line in lines])


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of text, escaped here."""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell, 600)}</td>" for cell in line) + "</tr>" for line in lines)
    return f'<div class="wide"><table class="left"><tr>{titles}</tr>{body}</table></div>'


def _verdicts(rows: Sequence[ResultRow]) -> str:
    lines = [
        (
            row.name,
            verdict.name,
            "holds" if verdict.holds else "not promised" if verdict.exempt else "broken",
            verdict.sentence,
        )
        for row in rows
        for verdict in row.verdicts
    ]
    return _table(("Algorithm", "Check", "Verdict", "In words"), lines)


def _held(rows: Sequence[ResultRow]) -> str:
    verdicts = [verdict for row in rows for verdict in row.verdicts]
    broken = sum(not verdict.holds and not verdict.exempt for verdict in verdicts)
    exempt = sum(not verdict.holds and verdict.exempt for verdict in verdicts)
    return f"{len(verdicts)} checks: {broken} broken, {exempt} not promised by their mechanism, the others hold"


def _receipt(contents: Contents) -> str:
    if contents.receipt is None:
        return "<p>The run's transaction waits for the next block; make the report again for its receipt.</p>"
    text = json.dumps(contents.receipt, ensure_ascii=False, indent=1)
    return (
        "<p>It proves that the run's transaction is in the ledger. Check it with <code>python -m core receipt</code>"
        " or on the Explorer page.</p>"
        f"<details><summary>The receipt</summary><pre>{escape(text)}</pre></details>"
    )


def _text(value: str, limit: int = 200) -> str:
    return escape(visible(value, limit=limit))
