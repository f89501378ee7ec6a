"""Tables of text, and links, as plain HTML: light, readable by a screen reader, every text escaped on its way in.

Streamlit's tables link into a new tab only, and its links within a page leave the browser's address behind. Here
nothing a cell holds can be markup: text passes `escape.visible` and `html.escape`, links are made by
`explorer.view.link`, and Streamlit's sanitizer removes scripts a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from core.web.escape import visible

LONGEST = 120
"""Characters of a cell that are shown."""
WHOLE = 1_000
"""Characters of a title: a full hash, or a longer text than its cell shows."""
STYLE = """<style>
.lab-table{width:100%;overflow-x:auto}
.lab-table table{width:100%;border-collapse:collapse;font-size:.875rem;line-height:1.35}
.lab-table th,.lab-table td{padding:.32rem .7rem;text-align:left;white-space:nowrap;vertical-align:top;
border-bottom:1px solid color-mix(in srgb,currentColor 14%,transparent)}
.lab-table thead th{font-weight:600;font-size:.8rem}
.lab-table tbody th{font-weight:500;opacity:.8}
.lab-table .n{text-align:right;font-variant-numeric:tabular-nums}
.lab-table td.m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.8125rem}
.lab-table .w{white-space:normal;overflow-wrap:anywhere}
.lab-table a{color:light-dark(#1d4ed8,#8fb0ff);text-decoration:none}
.lab-table a:hover,.lab-table a:focus-visible{text-decoration:underline}
.lab-link{display:inline-block;padding:.25rem .7rem;border-radius:6px;font-size:.875rem;font-weight:500;
white-space:nowrap;text-decoration:none;color:inherit;background:color-mix(in srgb,currentColor 8%,transparent)}
.lab-link:hover,.lab-link:focus-visible{background:color-mix(in srgb,currentColor 16%,transparent)}
.lab-table tbody tr:hover{background:color-mix(in srgb,currentColor 5%,transparent)}
</style>"""


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column. kind: "text", "number" (right-aligned), "code" (hashes) or "prose" (wraps)."""

    title: str
    kind: str = "text"
    explains: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """Shown text, with the place it leads to (made by `address.link`) and the full value as its title."""

    text: str
    href: str = ""
    title: str = ""


Row = Sequence[Cell | str]
CLASSES = {"text": "", "number": "n", "code": "m", "prose": "w"}


def html_table(columns: Sequence[Column], rows: Iterable[Row], *, name: str) -> str:
    """Rows under heads. `name` says to a screen reader what the table holds."""
    heads = "".join(
        f'<th scope="col"{_attribute("class", CLASSES[c.kind])}{_attribute("title", c.explains)}>{escape(c.title)}</th>'
        for c in columns
    )
    body = "".join(
        "<tr>" + "".join(_cell(cell, column.kind) for cell, column in zip(row, columns, strict=True)) + "</tr>"
        for row in rows
    )
    return _framed(f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>", name)


def html_facts(facts: Iterable[tuple[str, Cell | str]], *, name: str) -> str:
    """Names beside values, one fact a line; values wrap."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th>{_cell(value, "prose")}</tr>' for name, value in facts)
    return _framed(f"<tbody>{body}</tbody>", name)


def html_link(label: str, href: str) -> str:
    """A link to another view, as a button looks. A plain link: the browser's address, history and new tabs hold."""
    return f'{STYLE}<a class="lab-link"{_attribute("href", href)}>{escape(visible(label))}</a>'


def _framed(inner: str, name: str) -> str:
    """A region that the keyboard can scroll sideways on a narrow screen."""
    label = _attribute("aria-label", visible(name))
    return f'{STYLE}<div class="lab-table" tabindex="0" role="region"{label}><table>{inner}</table></div>'


def _cell(cell: Cell | str, kind: str) -> str:
    shown = cell if isinstance(cell, Cell) else Cell(cell)
    inner = escape(visible(shown.text, limit=LONGEST))
    title = visible(shown.title, limit=WHOLE)
    if shown.href:
        inner = f"<a{_attribute('href', shown.href)}>{inner}</a>"
    return f"<td{_attribute('class', CLASSES[kind])}{_attribute('title', title)}>{inner}</td>"


def _attribute(name: str, value: str) -> str:
    return f' {name}="{escape(value, quote=True)}"' if value else ""
