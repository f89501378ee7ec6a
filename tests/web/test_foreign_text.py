"""Foreign text shows its characters and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.chain.export import csv_cell
from core.web.escape import label, markdown, plotly, visible

PUNCTUATION = set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@given(some.text(max_size=80))
def test_every_ascii_punctuation_mark_is_escaped(text: str) -> None:
    shown = markdown(text, limit=1000)
    position = 0
    while position < len(shown):
        if shown[position] == "\\":
            position += 2
        else:
            assert shown[position] not in PUNCTUATION
            position += 1


@given(some.text(max_size=200))
def test_what_is_shown_is_one_line_without_anything_invisible(text: str) -> None:
    shown = visible(text, limit=1000)
    assert shown.isprintable()
    assert visible(shown, limit=10_000) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("HH001", "HH001"),
        ("a\nb\tc", "a\\u000ab\\u0009c"),
        ("HH3.csv\u202egpj", "HH3.csv\\u202egpj"),
        ("x" * 81, "x" * 80 + "…"),
        ("Zürich ₹ 電", "Zürich ₹ 電"),
        (None, "None"),
    ],
)
def test_plain_text_is_cut_and_spelled_out(text: object, shown: str) -> None:
    assert visible(text) == shown


def test_a_hundred_thousand_characters_are_cut_before_they_are_looked_at() -> None:
    assert len(markdown("[" * 100_000)) == 161


def test_what_streamlit_recognises_after_escapes_is_parted() -> None:
    for text in ("a@b.org", "http://x", "www.x.org", ":tada:", ":material/home:", "a->b", "--", "<=", "~="):
        assert "\u2060" in markdown(text), text
    for text in ("12:30", "HH-001", "a/b", "x = 3"):
        assert "\u2060" not in markdown(text), text


def test_text_in_a_figure_is_no_markup() -> None:
    assert plotly('<a href="javascript:alert(1)">') == "&lt;a href=&quot;javascript:alert(1)&quot;&gt;"


@pytest.mark.parametrize("text", ["=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str) -> None:
    assert csv_cell(text) == "'" + text


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert csv_cell("HH001") == "HH001"


@pytest.mark.parametrize(
    "words", ["Uniform-price auction", "McAfee auction", "Ask level of sunny roofs (α) (₹/kWh)", "P2P with battery"]
)
def test_a_label_of_words_is_read_as_it_is_written(words: str) -> None:
    assert label(words) == words


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:1)",
        "![x](http://h/x.png)",
        "*bold*",
        ":red[x]",
        "a_b_c",
        "a -> b",
        "1. one",
        "www.x.org",
        "$x$",
        "- a",
        "a -- b",
    ],
)
def test_a_label_that_may_be_markup_is_escaped(text: str) -> None:
    assert label(text) == markdown(text)
