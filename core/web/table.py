"""Tables of text, and links, as plain HTML: light, readable by a screen reader, every text escaped on its way in.

Streamlit's tables link into a new tab only, and its links within a page leave the browser's address behind. Here
nothing a cell holds can be markup: text passes `escape.visible` and `html.escape`, links are made by
`explorer.view.link`, and Streamlit's sanitizer removes scripts a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

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
.lab-table tbody th.h{opacity:1}
.lab-table .h{position:sticky;left:0;z-index:1;background:light-dark(#ffffff,#0e1320)}
.lab-table .n{text-align:right;font-variant-numeric:tabular-nums}
.lab-table thead th.n{white-space:normal;vertical-align:bottom;min-width:4.4rem}
.lab-table td.m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.8125rem}
.lab-table .w{white-space:normal;overflow-wrap:anywhere}
.lab-table .best{color:light-dark(#15703b,#5fd38d);font-weight:600}
.lab-table .better{color:light-dark(#15703b,#5fd38d)}
.lab-table .worse{color:light-dark(#b42318,#ff9b8f)}
.lab-table td[style].best{color:inherit;font-weight:700}
.lab-table .quiet{opacity:.72}
.lab-table tr.band td{padding-top:.7rem;font-size:.78rem;opacity:.8;white-space:normal}
.lab-table i{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.45em}
.lab-table small{margin-left:.45em;opacity:.75}
.lab-table a{color:light-dark(#1d4ed8,#8fb0ff);text-decoration:none}
.lab-table a:hover,.lab-table a:focus-visible{text-decoration:underline}
.lab-link{display:inline-block;padding:.25rem .7rem;border-radius:6px;font-size:.875rem;font-weight:500;
white-space:nowrap;text-decoration:none;color:inherit;background:color-mix(in srgb,currentColor 8%,transparent)}
.lab-link:hover,.lab-link:focus-visible{background:color-mix(in srgb,currentColor 16%,transparent)}
.lab-table tbody tr:hover{background:color-mix(in srgb,currentColor 5%,transparent)}
</style>"""

GAIN, LOSS, DEEPEST = "37,99,235", "217,119,6", 0.55
"""Red, green, blue behind gains and losses, which everybody tells apart, and how opaque the largest are."""

Kind = Literal["text", "name", "number", "code", "prose"]
Mark = Literal["", "best", "better", "worse", "quiet"]


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column.

    kind: "text"; "name", what the row is about, which stays while the rest scrolls; "number" (right-aligned); "code"
    (hashes) or "prose" (wraps).
    """

    title: str
    kind: Kind = "text"
    explains: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """Shown text, with the place it leads to (made by `explorer.view.link`) and the full value as its title.

    mark: how good it is among its like. colour: of a square before the text, "#rrggbb". note: small words after it.
    shade: how much of a gain (to 1, blue) or a loss (to -1, orange) lies behind it.
    """

    text: str
    href: str = ""
    title: str = ""
    mark: Mark = ""
    colour: str = ""
    note: str = ""
    shade: float = 0.0


Row = Sequence[Cell | str]
CLASSES: Mapping[Kind, str] = {"text": "", "name": "h", "number": "n", "code": "m", "prose": "w"}
SIGNS: Mapping[Mark, tuple[str, str]] = {"best": ("★\u00a0", ""), "better": ("", "\u00a0✓"), "worse": ("", "\u00a0✗")}
"""What stands before and after a cell of this mark: colour alone says nothing to some."""


def html_table(
    columns: Sequence[Column], rows: Iterable[Row], *, name: str, bands: Mapping[int, str] | None = None
) -> str:
    """Rows under heads. `name` says to a screen reader what the table holds; bands: words above the row at a place."""
    heads = "".join(
        f'<th scope="col"{_attribute("class", CLASSES[c.kind])}{_attribute("title", c.explains)}>{escape(c.title)}</th>'
        for c in columns
    )
    body = ""
    for place, row in enumerate(rows):
        if words := (bands or {}).get(place):
            body += f'<tr class="band"><td colspan="{len(columns)}">{escape(words)}</td></tr>'
        cells = (_cell(cell, column.kind) for cell, column in zip(row, columns, strict=True))
        body += "<tr>" + "".join(cells) + "</tr>"
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


def _cell(cell: Cell | str, kind: Kind) -> str:
    shown = cell if isinstance(cell, Cell) else Cell(cell)
    before, after = SIGNS.get(shown.mark, ("", ""))
    inner = escape(before + visible(shown.text, limit=LONGEST) + after)
    title = visible(shown.title, limit=WHOLE)
    if shown.href:
        inner = f"<a{_attribute('href', shown.href)}>{inner}</a>"
    if shown.colour:
        inner = f'<i style="background:{escape(shown.colour, quote=True)}"></i>{inner}'
    if shown.note:
        inner += f"<small>{escape(visible(shown.note, limit=LONGEST))}</small>"
    classes = f"{CLASSES[kind]} {shown.mark}".strip()
    tag, scope = ("th", ' scope="row"') if kind == "name" else ("td", "")
    style = _attribute(
        "style", f"background:rgba({GAIN if shown.shade > 0 else LOSS},{abs(shown.shade) * DEEPEST:.2f})"
    )
    told = f"{_attribute('class', classes)}{_attribute('title', title)}{style if shown.shade else ''}"
    return f"<{tag}{scope}{told}>{inner}</{tag}>"


def _attribute(name: str, value: str) -> str:
    return f' {name}="{escape(value, quote=True)}"' if value else ""
