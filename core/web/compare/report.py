"""One HTML file that needs nothing else and prints on A4: the answer, figures, charts, methods, readings, the receipt.

Plotly's script lies inside it, compressed, so that it opens in ten years and offline; charts are drawn as wide as they
are printed. All text in it is escaped here, times are those of the site.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from core.market.algorithms import find
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.compare.charts import Chart
from core.web.compare.findings import SEVERITIES, summary
from core.web.compare.lineage import pairs, rows_of, scenarios_of
from core.web.compare.table import FigureTable, table_of
from core.web.compare.view import View
from core.web.escape import visible
from core.web.format import Clock, Numbers, count

INK, PAPER = "#1b2230", "#ffffff"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2230; background: #fff; }
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; border-bottom: 1px solid #dfe4ee; }
h2 { margin-top: 2.2rem; break-after: avoid; } .answer { font-size: 1.1rem; max-width: 44rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #dfe4ee; text-align: right; vertical-align: top; }
td { white-space: nowrap; } .left td { white-space: normal; overflow-wrap: anywhere; }
th:first-child, td:first-child, .left td, .left th { text-align: left; } .best { color: #15803d; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; } dt { color: #5b6575; }
dd { margin: 0; overflow-wrap: anywhere; } pre { background: #f4f6fa; padding: 0.8rem; white-space: pre-wrap; }
pre { overflow-wrap: anywhere; } .note { color: #5b6575; } figure { margin: 1rem 0; max-width: 680px; }
.doubt { border-left: 4px solid #b45309; background: #fef3c7; padding: 0.5rem 0.8rem; }
@page { size: A4; margin: 14mm; }
@media print {
  body { font-size: 10pt; margin: 0; padding: 0; max-width: none; } .wide { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: 0.15rem 0.3rem; } tr, figure, .doubt { break-inside: avoid; }
  thead { display: table-header-group; } h1, h2, .answer { break-after: avoid; }
}
"""
LOADER = """
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  for (const draw of drawn) await draw();
  document.body.dataset.drawn = "yes";
})().catch(() => { document.body.dataset.drawn = "no"; });
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
"""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What a report says. receipt: None while the run's transaction is pending. answer: sentences, plain text."""

    state: RunState
    view: View
    who: str
    table: FigureTable
    charts: Mapping[str, Chart]
    receipt: Mapping[str, object] | None
    answer: Sequence[str] = ()


def report(contents: Contents) -> bytes:
    """The file."""
    state, view = contents.state, contents.view
    title = escape(visible(state.name, limit=120))
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="note">{escape(_subtitle(contents))}</p>',
        f'<p class="answer">{escape(" ".join(contents.answer))}</p>' if contents.answer else "",
        _doubt(state),
        f"<h2>Figures, {escape(visible(view.scenario))}</h2>",
        _figures(contents.table, view.numbers),
        *(_chart(heading, chart, place) for place, (heading, chart) in enumerate(contents.charts.items())),
        "<h2>All figures</h2>",
        _all_figures(view, contents.table.baseline.algorithm_id),
        "<h2>Methods</h2>",
        _methods(view),
        "<h2>Tariffs and scenarios</h2>",
        _table_of(scenarios_of(state.plan.scenarios, view.numbers)),
        "<h2>Readings</h2>",
        _readings(state),
        "<h2>Checks</h2>",
        f"<details><summary>{_held(view.rows)}</summary>{_verdicts(view.rows)}</details>",
        "<h2>Provenance and receipt</h2>",
        _facts(contents),
        _table_of(rows_of(view.result)),
        _receipt(contents),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<script>const drawn = [];</script></head><body>{''.join(parts)}"
        f'<script id="plotly" type="text/plain">{_packed_plotly()}</script><script>{LOADER}</script></body></html>'
    ).encode()


@cache
def _packed_plotly() -> str:
    """Plotly's script, a third of its size."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _subtitle(contents: Contents) -> str:
    """Homes, period and slots, who compared them and when; the zone of all times of the report."""
    state, result = contents.state, contents.view.result
    clock = Clock(result.time_zone)
    return (
        f"{visible(state.dataset_name, limit=120)} · {count(len(result.household_ids), 'home')} ·"
        f" {clock.minute(result.start_at)} to {clock.minute(result.end_at)} in slots of {result.slot_h:g} h ·"
        f" compared by {visible(contents.who)}, {clock.minute(state.ended_at or state.queued_at)}"
        f" · times of {result.time_zone}"
    )


def _doubt(state: RunState) -> str:
    if not state.findings:
        return ""
    return f'<p class="doubt">{_text(summary(state.findings), 400)}. See Readings.</p>'


def _methods(view: View) -> str:
    """What each algorithm does, by which parameters, and where that is described."""
    known = find()
    lines = []
    for row in view.rows:
        algorithm = known.get(row.algorithm_id)
        promise, source = (algorithm.promise, algorithm.source) if algorithm else ("No longer in the folder.", "")
        lines.append((row.name, promise, pairs(row.parameters), source))
    return _table(("Algorithm", "What it does", "Parameters", "Source"), lines)


def _readings(state: RunState) -> str:
    """How the files were understood, and what there is to doubt."""
    assumed = "".join(f"<li>{_text(each, 600)}</li>" for each in state.assumptions or ())
    found = [
        (SEVERITIES[issue.severity], issue.file, issue.message, issue.fix) for issue in (state.findings or ())[:MOST]
    ]
    more = len(state.findings or ()) - len(found)
    return (
        (f"<ul>{assumed}</ul>" if assumed else "")
        + (_table(("Kind", "File", "Finding", "What to do"), found) if found else "<p>Nothing was found to doubt.</p>")
        + (f'<p class="note">And {more:,} more.</p>' if more > 0 else "")
    )


MOST = 200
"""Findings that are spelled out."""


def _facts(contents: Contents) -> str:
    state, result = contents.state, contents.view.result
    facts = {
        "Run": state.run_id,
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


def _all_figures(view: View, baseline_id: str) -> str:
    """A line a figure, a column an algorithm: as many figures as there are fit a page."""
    table = table_of(view.rows, baseline_id=baseline_id)
    head = "".join(f"<th>{_text(line.row.name)}</th>" for line in table.lines)
    body = ""
    for place, figure in enumerate(table.figures):
        unit = view.numbers.unit(figure.shown_unit)
        cells = "".join(
            f"<td>{escape(view.numbers.number(line.cells[place].value, figure.decimals))}</td>" for line in table.lines
        )
        body += f"<tr><th>{escape(figure.label)}{f' ({escape(unit)})' if unit else ''}</th>{cells}</tr>"
    return f'<div class="wide"><table><thead><tr><th>Figure</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _chart(heading: str, chart: Chart, place: int) -> str:
    """A chart as wide as it is printed; it is drawn once Plotly is unpacked."""
    drawn = go.Figure(chart.figure)
    drawn.update_layout(
        template="none",
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        font={"color": INK, "family": "system-ui, sans-serif"},
        width=CHART_WIDTH,
    )
    data = str(plotly.io.to_json(drawn)).replace("</", "<\\/")
    script = f'drawn.push(() => Plotly.newPlot("chart-{place}", {{...{data}, config: {{displaylogo: false}}}}));'
    caption = f"{escape(chart.alt)} {escape(chart.note)}"
    return (
        f'<h2>{escape(heading)}</h2><figure><div id="chart-{place}" role="img" aria-label="{escape(chart.alt)}"></div>'
        f'<script>{script}</script><figcaption class="note">{caption}</figcaption></figure>'
    )


CHART_WIDTH = 680
"""Pixels of the width of an A4 page between its margins."""


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
