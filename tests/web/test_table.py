from __future__ import annotations

from html.parser import HTMLParser

import pytest

from core.web.explorer import view
from core.web.table import Cell, Column, html_facts, html_table

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "[x](javascript:alert(1))",
    "![x](http://127.0.0.1:9/leak.png)",
    "' onmouseover='alert(1)",
]


class Seen(HTMLParser):
    """Tags, attributes and text as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def seen(markup: str) -> Seen:
    parser = Seen()
    parser.feed(markup)
    return parser


@pytest.mark.parametrize("payload", PAYLOADS)
def test_foreign_text_stays_text_in_every_place_of_a_table(payload: str) -> None:
    href = view.link(household=payload)
    row = [Cell(payload, href=href, title=payload), payload]
    markup = html_table([Column(payload, explains=payload), Column("b", "code")], [row], name=payload)
    page = seen(markup)
    assert {tag for tag, _ in page.tags} == {"style", "div", "table", "thead", "tbody", "tr", "th", "td", "a"}
    assert {name for _, attributes in page.tags for name in attributes} <= {
        "class", "title", "href", "tabindex", "role", "aria-label", "scope",
    }  # fmt: skip
    assert page.text.count(payload) == 3  # head and both cells, unchanged
    assert next(attributes["href"] for tag, attributes in page.tags if tag == "a") == href


def test_invisible_and_turning_characters_are_spelled_out() -> None:
    assert "\\u202e" in html_facts([("seller", "HH\u202e100")], name="x")


def test_long_text_is_cut() -> None:
    assert len(html_facts([("note", "x" * 100_000)], name="x")) < 5_000


def test_numbers_are_right_aligned_and_heads_have_a_scope() -> None:
    page = seen(html_table([Column("kWh", "number")], [["1.000"]], name="energy"))
    assert ("td", {"class": "n"}) in page.tags
    assert ("th", {"scope": "col", "class": "n"}) in page.tags


def test_a_row_with_too_few_cells_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        html_table([Column("a"), Column("b")], [["1"]], name="x")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ("overview", "")),
        ({"block": "3"}, ("block", "3")),
        ({"tx": " ab12 "}, ("tx", "ab12")),
        ({"household": "HH001", "from": "2026-01-01"}, ("household", "HH001")),
        ({"q": "x", "block": "3"}, ("block", "3")),
        ({"block": "  "}, ("overview", "")),
    ],
)
def test_an_address_asks_for_one_view(parameters: dict[str, str], expected: tuple[str, str]) -> None:
    asked = view.read(parameters)
    assert (asked.view, asked.subject) == expected


def test_a_link_and_its_reading_are_inverse_even_for_foreign_ids() -> None:
    for payload in [*PAYLOADS, "HH 001&block=9", "ハウス"]:
        from urllib.parse import parse_qsl

        parameters = dict(parse_qsl(view.link(household=payload, from_="2026-01-01").removeprefix("?")))
        assert view.read(parameters) == view.Address("household", payload)
        assert parameters["from"] == "2026-01-01"
