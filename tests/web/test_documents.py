"""docs/security.md and docs/api.md say what is there."""

from __future__ import annotations

import ast
import re

from core.settings import ROOT
from tests.web.test_gate import NEEDS

SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
UNLISTED = {"GET /api/docs", "GET /api/docs/{name}", "GET /api/openapi.json"}
"""The description itself."""


def test_every_test_named_in_the_security_table_exists() -> None:
    named = re.findall(r"`(tests/[\w/.]+)::(\w+)`", SECURITY)
    assert len(named) > 50
    missing = []
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8")) if (ROOT / path).is_file() else ast.parse("")
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{path}::{name}")
    assert missing == []


def test_every_row_has_an_asvs_number_of_the_form_chapter_section_requirement() -> None:
    rows = [line for line in SECURITY.splitlines() if "::test_" in line]
    assert [row for row in rows if not re.match(r"\| \d+\.\d+\.\d+(( – |, )\d+\.\d+\.\d+)* \|", row)] == []


def test_the_routes_in_the_api_page_are_those_that_exist_with_what_they_need() -> None:
    rows = re.findall(r"^\| `(\w+ /\S+)` \| (read|write) \|", API, flags=re.MULTILINE)
    assert dict(rows) == {what: scope for what, scope in NEEDS.items() if what not in UNLISTED}
    assert len(rows) == len(dict(rows))
