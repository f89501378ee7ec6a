"""Every line of a worked example is right, and the engine gives the same."""

import ast
import operator

import pytest

from core.market.algorithms import get
from core.market.examples import BOOK, EXAMPLES, HOMES, example_of

OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def worked_out(text):
    def value(node):
        if isinstance(node, ast.BinOp):
            return OPERATIONS[type(node.op)](value(node.left), value(node.right))
        assert isinstance(node, ast.Constant), f"{text}: only numbers and + - * / belong in an example"
        return node.value

    return value(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.algorithm_id)
def test_every_line_gives_what_it_says(example):
    for line in example.lines:
        assert worked_out(line.sum) == pytest.approx(line.gives, abs=1e-12), line.what


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e.book], ids=lambda example: example.algorithm_id)
def test_the_engine_gives_the_bills_of_the_example(example):
    bills = dict(zip(HOMES, example.outcome().households["bill"], strict=True))
    for home in HOMES:
        pays = [line.gives for line in example.lines if line.what.startswith(f"{home} pays")]
        earns = [line.gives for line in example.lines if line.what.startswith(f"{home} earns")]
        assert len(pays) + len(earns) == 1, f"the bill of {home}"
        assert bills[home] == pytest.approx(pays[0] if pays else -earns[0], abs=1e-9)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.book], ids=lambda example: example.algorithm_id)
def test_the_engine_clears_the_book_of_the_example(example):
    cleared = example.cleared()
    pays = next(line.gives for line in example.lines if line.what == "Buyers pay")
    keeps = next((line.gives for line in example.lines if line.what == "The operator keeps"), 0.0)
    assert cleared["volume"] * cleared["buy_price"] == pytest.approx(pays, abs=1e-9)
    assert cleared["operator_surplus"] == pytest.approx(keeps, abs=1e-9)


def test_an_example_is_found_by_its_algorithm():
    assert {get(example.algorithm_id).id for example in EXAMPLES} == {e.algorithm_id for e in EXAMPLES}
    assert example_of("mid_market_rate").lines[0].gives == 5.0
    assert example_of("half_price") is None
    assert len(BOOK["bids"]) == len(BOOK["offers"])
