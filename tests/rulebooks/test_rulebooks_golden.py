"""Every worked case by name, through `python -m core settle` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "golden" / "rules.json"
BOOK: dict[str, Any] = (
    json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"cases": [], "rulebooks": {}}
)
CASES = {case["id"]: case for case in BOOK["cases"]}

pytestmark = pytest.mark.skipif(not CASES, reason="no worked cases: ../shared/golden/rules.json is not there")


def differences(got: Any, want: Any, tolerance: float, path: str = "") -> list[str]:
    if isinstance(want, dict):
        parts = got if isinstance(got, dict) else {}
        return [d for key in want for d in differences(parts.get(key), want[key], tolerance, f"{path}.{key}")]
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return [f"{path}: {got} for {want}"]
        return [d for i, each in enumerate(want) for d in differences(got[i], each, tolerance, f"{path}[{i}]")]
    if isinstance(want, int | float) and isinstance(got, int | float):
        return [] if abs(got - want) <= tolerance * max(1.0, abs(want)) else [f"{path}: {got} for {want}"]
    return [] if got == want else [f"{path}: {got} for {want}"]


@pytest.mark.parametrize("name", CASES or ["none"])
def test_a_worked_case_comes_out_as_by_hand(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    path = tmp_path / "case.json"
    path.write_text(json.dumps(case), encoding="utf-8")
    assert main(["settle", str(path)]) == 0
    found = differences(json.loads(capsys.readouterr().out), case["expected"], case["tol"])
    assert not found, "\n".join([*found, *case["why"]])


@pytest.mark.parametrize("name", BOOK["rulebooks"] or ["none"])
def test_a_preset_decides_what_the_worked_rulebook_of_its_name_decides(name: str) -> None:
    from core.market.rulebooks import preset, rulebook_of

    def decided(document: Any) -> dict[str, Any]:
        book = rulebook_of({**document, "name": "", "sources": []})
        return {slot: getattr(book, slot) for slot in book.__slots__ if slot != "document"}

    assert decided(preset(name).document) == decided(BOOK["rulebooks"][name])
