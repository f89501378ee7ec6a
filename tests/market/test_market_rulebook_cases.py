"""Every worked case of the rulebooks through `settle`, as a program would ask; and the sentence for what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.commands.rules import run_settle
from core.errors import InputError
from core.market.rulebooks import preset, presets
from core.market.rulebooks.case import settle_case

SHARED = Path(__file__).resolve().parents[3] / "shared" / "golden" / "rules.json"
BOOK = json.loads(SHARED.read_text(encoding="utf-8")) if SHARED.is_file() else {"cases": [], "rulebooks": {}}
needs_cases = pytest.mark.skipif(not BOOK["cases"], reason="the worked cases in ../shared/golden are not here")


def differs(got, want, tol, where="answer"):
    """The first place where `want` is not in `got` within `tol`; "" where it all is."""
    if isinstance(want, dict):
        for key, value in want.items():
            found = got.get(key) if isinstance(got, dict) else None
            if said := differs(found, value, tol, f"{where}.{key}"):
                return said
        return ""
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return f"{where}: {got}, expected {want}"
        return next((s for k, v in enumerate(want) if (s := differs(got[k], v, tol, f"{where}[{k}]"))), "")
    if isinstance(want, float | int) and not isinstance(want, bool):
        near = isinstance(got, float | int) and abs(got - want) <= tol * max(1.0, abs(want))
        return "" if near else f"{where}: {got}, expected {want}"
    return "" if got == want else f"{where}: {got}, expected {want}"


@needs_cases
@pytest.mark.parametrize("case", BOOK["cases"], ids=lambda case: case["id"])
def test_a_worked_case_is_settled_as_written(case, tmp_path, capsys):
    asked = {key: value for key, value in case.items() if key not in ("expected", "tol", "why", "about")}
    if isinstance(asked["rulebook"], str):
        asked["rulebook"] = BOOK["rulebooks"].get(asked["rulebook"], asked["rulebook"])
    path = tmp_path / "case.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    assert run_settle(type("Arguments", (), {"case": str(path)})()) == 0
    assert differs(json.loads(capsys.readouterr().out), case["expected"], case.get("tol", 1e-9)) == ""


@needs_cases
@pytest.mark.parametrize("name", sorted(BOOK["rulebooks"]))
def test_a_shipped_rulebook_settles_the_same_as_its_worked_form(name):
    case = next((c for c in BOOK["cases"] if c["rulebook"] == name), None)
    if case is None:
        assert name in presets()
        return
    asked = {key: case[key] for key in ("mechanism", "input")}
    shipped = settle_case({**asked, "rulebook": name})
    written = settle_case({**asked, "rulebook": BOOK["rulebooks"][name]})
    assert shipped["households"] == written["households"]


def test_a_difference_is_seen():
    assert differs({"a": [1.0, 2.0]}, {"a": [1.0, 2.1]}, 1e-9) == "answer.a[1]: 2.0, expected 2.1"
    assert differs({}, {"a": 0}, 1e-9)


HOMES = [
    {"id": "A", "load_kwh": [10.0, 2.0], "solar_kwh": [0.0, 0.0]},
    {"id": "B", "load_kwh": [0.0, 1.0], "solar_kwh": [4.0, 0.0]},
]


def settled(rulebook, *, name="mid_market_rate", homes=HOMES):
    given = {"start_at": "2026-05-10T06:30:00Z", "slot_h": 1, "households": homes}
    return settle_case({"rulebook": rulebook, "mechanism": {"name": name}, "input": given})


def test_charges_are_split_and_told_by_name():
    # mid = (7-0.21 + 3+0.21)/2 = 5; B sells 4 kWh: A pays 4*5 + 6*7 + 2*7 + 4*0.21, B gets 4*5 - 4*0.21, pays 7
    found = settled(
        {
            "peer": {"charges": [{"name": "transaction", "buyer": 0.21, "seller": 0.21, "to": "discom"}]},
            "classes": {"default": {"energy": {"price": 7.0}, "export": {"price": 3.0}}},
        }
    )
    assert found["households"]["A"]["bill"] == pytest.approx(20 + 42 + 14 + 0.84)
    assert found["households"]["B"]["bill"] == pytest.approx(-20 + 0.84 + 7)
    assert found["community"]["charges"] == {"transaction": pytest.approx(1.68)}
    assert found["community"]["budget_imbalance"] == pytest.approx(0.0, abs=1e-9)


def test_slabs_and_percentages_on_a_month_by_hand():
    # not prorated: 12 kWh = 10*3 + 2*4 = 38, fixed 5, tax 10 % on both
    rules = {
        "classes": {
            "default": {
                "energy": {"slabs": [[10, 3.0], [None, 4.0]]},
                "export": {"price": 1.0},
                "fixed": {"per_month": 5.0},
                "percent": [{"name": "tax", "rate": 0.1, "on": ["energy", "fixed"]}],
            }
        }
    }
    found = settled(rules, name="grid_only")["households"]["A"]
    assert found["energy"] == pytest.approx(10 * 3 + 2 * 4)
    assert found["fixed"] == pytest.approx(5)
    assert found["percent"] == pytest.approx(0.1 * (found["energy"] + found["fixed"]))
    assert found["bill"] == pytest.approx(found["grid"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clases": {}}, 'Did you mean "classes"?'),
        ({"classes": {"default": {"energy": {"price": "dear"}}}}, "dear"),
        ({"peer": {"loss": 1.5}}, "loss"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
    ],
)
def test_what_a_rulebook_may_not_say_is_refused_in_a_sentence(change, said):
    with pytest.raises(InputError) as refused:
        settled(change)
    assert said in str(refused.value)


def test_every_shipped_rulebook_states_its_sources():
    for name in presets():
        rulebook = preset(name)
        assert rulebook.sources or name == "plain"
