"""Learn shows each worked example whole: what is given, every line of arithmetic, and the engine's own answer."""

from __future__ import annotations

import re

import pytest

from core.market.algorithms import get
from core.market.examples import EXAMPLES, Example
from core.web import learn
from core.web.format import Numbers

RUPEES = Numbers("₹", "1,234.5")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.algorithm_id)
def test_every_line_of_the_example_is_on_the_page(example: Example) -> None:
    shown = learn.worked(example, RUPEES)
    assert shown.count("<tr>") == len(example.lines) + 1
    assert all(f"{line.gives:,.3f}" in shown for line in example.lines)
    assert get(example.algorithm_id).source in learn.reference(get(example.algorithm_id)).replace("\\", "")


def test_the_engines_answer_stands_beside_the_arithmetic() -> None:
    mid, mcafee = (
        next(e for e in EXAMPLES if e.algorithm_id == name) for name in ("mid_market_rate", "mcafee_auction")
    )
    assert "Asha pays ₹11.33, Bano pays ₹5.67, Chand earns ₹7.50, Devi earns ₹2.50" in learn.engine_says(mid, RUPEES)
    assert "1.0 kWh trade, buyers pay ₹6.00 in all, the operator keeps ₹0.50" in learn.engine_says(mcafee, RUPEES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.algorithm_id)
def test_the_picture_has_units_on_its_axes(example: Example) -> None:
    drawn = learn.picture(example, RUPEES)
    assert re.search(r"₹", drawn.layout.yaxis.title.text)
    assert len(drawn.data) >= 1
