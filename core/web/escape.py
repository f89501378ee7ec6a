"""Foreign text (MQTT fields, file names, ids, names of people) passes one of these before anybody sees it.

`markdown` for everything that Streamlit reads as Markdown: write, markdown, caption, labels, messages, column names.
`visible` where no markup is read: cells of a table, logs. `plotly` inside a figure.
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
_WORDS = re.compile(r"[^\W\d_][^\W_]*(?:[ -][^\W_]+)*(?: \((?:[^\W_]|[₹€£/% ])+\))*")
"""Words and numbers with a blank or a hyphen between them, perhaps a unit in brackets: no markup is made of these."""
_NOTHING = "\u2060"  # a word joiner: Streamlit looks for these after escapes are undone, so they are parted


def markdown(text: object, *, limit: int = LIMIT) -> str:
    """The text as Markdown that shows just its characters: no link, image, icon, colour, formula or markup."""
    shown = _RECOGNISED.sub(_NOTHING, visible(text, limit=limit))
    return _PUNCTUATION.sub(r"\\\1", shown)


def label(text: object, *, limit: int = LIMIT) -> str:
    """The text as Markdown for a label, which screen readers read as it is written: escaped only where it must be."""
    shown = visible(text, limit=limit)
    return shown if _WORDS.fullmatch(shown) else markdown(text, limit=limit)


def visible(text: object, *, limit: int = LIMIT) -> str:
    """The text on one line, at most `limit` characters; what cannot be seen or turns writing round is spelled out."""
    raw = str(text)
    cut = raw[:limit] + "…" if len(raw) > limit else raw
    return "".join(_spelled(character) for character in cut)


def plotly(text: object, *, limit: int = LIMIT) -> str:
    """The text for a label or hover inside a figure, which reads a little HTML."""
    return html.escape(visible(text, limit=limit))


def _spelled(character: str) -> str:
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
