"""Foreign text (MQTT fields, file names, ids, names of people) passes one of these before anybody sees it.

`foreign` for everything that Streamlit reads as Markdown: write, markdown, caption, labels, messages, column names.
`plain` where no markup is read: cells of a table, logs. `plotly` inside a figure. `csv_cell` in exports.
"""

from __future__ import annotations

import html
import re
import unicodedata

LIMIT = 80
"""Characters shown; the rest is cut."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_RECOGNISED = re.compile(
    r"(?<=@)(?=\w)"  # an address for mail
    r"|(?<=://)|(?<=www)(?=\.)"  # a link
    r"|(?<=:)(?=[\w+\-/]+:)"  # an emoji or icon
    r"|(?<=-)(?=[->])|(?<=<)(?=[-=])|(?<=[>~])(?==)",  # an arrow, a dash, a sign of comparison
    re.IGNORECASE,
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NOTHING = "\u2060"  # a word joiner: Streamlit looks for these after escapes are undone, so they are parted


def foreign(text: object, *, limit: int = LIMIT) -> str:
    """The text as Markdown that shows just its characters: no link, image, icon, colour, formula or markup."""
    shown = _RECOGNISED.sub(_NOTHING, plain(text, limit=limit))
    return _PUNCTUATION.sub(r"\\\1", shown)


def plain(text: object, *, limit: int = LIMIT) -> str:
    """The text on one line, at most `limit` characters; what cannot be seen or turns writing round is spelled out."""
    raw = str(text)
    cut = raw[:limit] + "…" if len(raw) > limit else raw
    return "".join(_visible(character) for character in cut)


def plotly(text: object, *, limit: int = LIMIT) -> str:
    """The text for a label or hover inside a figure, which reads a little HTML."""
    return html.escape(plain(text, limit=limit))


def csv_cell(text: str) -> str:
    """A text cell of an export: a spreadsheet must not take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _visible(character: str) -> str:
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
