"""The page about readings tells the truth: its examples, limits, choices and codes are those of the code."""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

import pytest

from core.commands.readings import add_reading_options
from core.readings import Options, options, read
from core.runs.datasets import MOST_FILES

REPO = Path(__file__).resolve().parents[2]
PAGE = (REPO / "docs" / "readings.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```csv (accepted|refused)\n(.*?)```\n(?:\n((?:> [^\n]*\n)+))?", PAGE, re.DOTALL)


@pytest.mark.parametrize(("verdict", "text", "quoted"), EXAMPLES)
def test_every_example_ends_as_the_page_says(verdict: str, text: str, quoted: str) -> None:
    readings = read([("HH001.csv", text.encode())])
    assert readings.accepted is (verdict == "accepted"), readings.issues
    if verdict == "refused":
        assert readings.errors[0].message == quoted.replace("\n> ", " ").removeprefix("> ").strip()


def test_there_are_examples_of_both() -> None:
    assert [verdict for verdict, _, _ in EXAMPLES].count("accepted") == 2
    assert [verdict for verdict, _, _ in EXAMPLES].count("refused") == 3


def rows_of(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_limits_are_those_of_the_code() -> None:
    assert [int(re.sub(r"\D", "", limit)) for _, limit in rows_of("Limits")] == [
        options.MAX_FILE_BYTES,
        options.MAX_ROWS,
        options.MAX_FILES,
        MOST_FILES,
        options.MAX_COLUMNS,
        options.MAX_CELL_CHARACTERS,
        options.MAX_HOUSEHOLDS,
        options.MAX_READINGS,
    ]


def test_the_choices_are_those_of_the_code_and_the_shell() -> None:
    rows = rows_of("Choices")
    names = [re.findall(r"`([^`]+)`", row[0]) for row in rows]
    assert [name for name, _ in names] == list(Options.__dataclass_fields__)
    parser = argparse.ArgumentParser()
    add_reading_options(parser)
    assert {flag for _, flag in names} == {action.option_strings[-1] for action in parser._actions[1:]}
    for (name, _), row in zip(names, rows, strict=True):
        assert row[1] == f"`{getattr(Options(), name)}`"
        known = options._CHOICES.get(name)
        if known is not None:
            assert re.findall(r"`([^`]+)`", row[2]) == list(known)


def test_the_gap_policies_are_explained() -> None:
    policies = [re.findall(r"`([^`]+)`", row[0])[0] for row in rows_of("Missing intervals")]
    assert sorted(policies) == sorted(options._CHOICES["gap_policy"])


WRITTEN_ELSEWHERE = {
    # in the table of magic bytes, made of two words, or chosen between two
    "archive", "compressed_file", "spreadsheet", "not_text", "negative_load", "negative_solar", "not_a_number",
    "not_finite", "not_a_time", "empty_time",
}  # fmt: skip


def codes_in_the_code() -> set[str]:
    """The code argument of every finding: the first text of these calls."""
    found = set()
    for path in (REPO / "core" / "readings").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in ("error", "warning", "refusal", "note"):
                texts = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str) and re.fullmatch(r"[a-z_0-9]+", text)}
    return found


def test_every_code_is_explained_and_none_is_invented() -> None:
    explained = [code.strip("`") for code, _ in rows_of("Findings")]
    assert explained == sorted(explained)
    assert set(explained) == codes_in_the_code() | WRITTEN_ELSEWHERE
