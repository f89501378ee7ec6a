"""docs/add-an-algorithm.md does what it says: its files, dropped in, run beside the others."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from core.errors import MarketError
from core.market import algorithms
from core.market.community import Tariff
from core.market.compare import compare_all
from core.market.invariants import MAY_BE_EXEMPT
from core.market.quantities import FIGURES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "add-an-algorithm.md"
BLOCKS = dict(re.findall(r"```python file=(\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))
COMMANDS = re.findall(r"```sh\n(python -m core .*?)\n```", PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A second folder of the algorithms package, so that nobody else's tests see what is dropped in."""
    place = tmp_path / "algorithms"
    place.mkdir()
    monkeypatch.setattr(algorithms, "__path__", [*algorithms.__path__, str(place)])
    algorithms._load.cache_clear()
    yield place
    algorithms._load.cache_clear()
    for path in place.glob("*.py"):
        sys.modules.pop(f"core.market.algorithms.{path.stem}", None)
        vars(algorithms).pop(path.stem, None)


@pytest.fixture
def tutorial(folder):
    for name, text in BLOCKS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def readings(tmp_path):
    rng = np.random.default_rng(5)
    place = tmp_path / "readings"
    place.mkdir()
    for home in (1, 2, 3):
        rows = ["timestamp,household_id,load_kW,solar_kW"]
        for hour in range(24):
            solar = max(0.0, 3.0 - abs(hour - 12)) if home != 3 else 0.0
            rows.append(f"2024-06-01 {hour:02d}:00:00,HH00{home},{rng.uniform(0.2, 1.5):.3f},{solar:.3f}")
        (place / f"HH00{home}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return sorted(map(str, place.glob("*.csv")))


def test_the_page_has_both_kinds_and_a_command_for_each():
    assert len(BLOCKS) == len(COMMANDS) == 2


def test_a_strangers_files_show_beside_the_others(tutorial, readings, capsys):
    for command in COMMANDS:
        words = command.removeprefix("python -m core ").split()
        at = words.index("readings/HH*.csv")
        assert main([*words[:at], *readings, *words[at + 1 :], "--json"]) == 0
        found = json.loads(capsys.readouterr().out)["algorithms"]
        reference = found["mid_market_rate"]
        mine = next(entry for algorithm_id, entry in found.items() if algorithm_id != "mid_market_rate")
        assert mine["summary"]["total_kwh_traded"] == pytest.approx(reference["summary"]["total_kwh_traded"])
        assert mine["summary"]["files_processed"] == 3
        assert mine["figures"]["traded_kwh"] == mine["summary"]["total_kwh_traded"]
        if mine["name"] == "Half price":
            assert mine["summary"]["avg_p2p_price"] == 3.5
            assert mine["invariants"] == {}
            assert mine["households"] == {}
        else:
            assert mine["figures"]["avg_p2p_price"] == pytest.approx(3.0 + 0.25 * 4.0)
            assert all(mine["invariants"].values())
        assert main([*words[:at], *readings, *words[at + 1 :]]) == 0
        assert mine["name"] in capsys.readouterr().out


def test_the_pages_tables_name_what_there_is():
    text = PAGE.read_text(encoding="utf-8")
    for name in (*MAY_BE_EXEMPT, "at_peer_price", "at_unit_prices", "of_fills", "traded_kwh", "savings"):
        assert f"`{name}" in text or f".{name}(" in text, name
    assert {"traded_kwh", "savings"} <= set(FIGURES)


def test_a_file_that_cannot_be_used_is_left_out_and_says_why(folder):
    (folder / "broken.py").write_text("def settle(:\n", encoding="utf-8")
    (folder / "neither.py").write_text('"""Nothing."""\n', encoding="utf-8")
    text = BLOCKS["generous_seller.py"]
    (folder / "undeclared.py").write_text(text.replace('"kept", 0.1', '"held", 0.1'), encoding="utf-8")
    (folder / "lawless.py").write_text(text.replace("NAME =", 'EXEMPT = ("energy_balance",)\nNAME ='), encoding="utf-8")
    found = algorithms.find()
    assert "mid_market_rate" in found
    for name, why in (
        ("broken", "SyntaxError"),
        ("neither", "either settle"),
        ("undeclared", r"\['held'\], but its functions take \['kept'\]"),
        ("lawless", "energy_balance"),
    ):
        assert name not in found
        with pytest.raises(MarketError, match=why):
            algorithms.get(name)


def test_an_algorithm_that_breaks_a_promise_fails_its_run(folder, community_of):
    text = BLOCKS["generous_seller.py"].replace("kept * (", "(2.0 + kept) * (")
    (folder / "greedy_seller.py").write_text(text, encoding="utf-8")
    community = community_of([[1.0, -1.0]])
    with pytest.raises(MarketError, match=r"Generous seller breaks price_bounds: .* in slot 0 it is off by 4\.4"):
        compare_all(["grid_only", "greedy_seller"], community, Tariff.flat(1))


def test_what_run_returns_is_checked(folder, community_of, tmp_path):
    community = community_of([[1.0, -1.0]])
    for name, body, why in (
        ("a_list", "return [1]", "gave list, expected dict"),
        ("a_word", 'return {"savings": "much"}', 'figure "savings" is "much", expected a number'),
    ):
        (folder / f"{name}.py").write_text(f'"""Bad."""\n\n\ndef run(path):\n    {body}\n', encoding="utf-8")
        with pytest.raises(MarketError, match=why):
            compare_all([name], community, Tariff.flat(1), folder=tmp_path)
    with pytest.raises(MarketError, match="there is no folder"):
        compare_all(["a_list"], community, Tariff.flat(1))


def test_figures_of_a_run_file_have_no_settlement(tutorial, community_of, tmp_path):
    outcome = compare_all(["half_price"], community_of([[1.0, -1.0]]), Tariff.flat(1), folder=tmp_path)["half_price"]
    assert outcome.summary()["avg_p2p_price"] is None
    with pytest.raises(MarketError, match="figures only"):
        _ = outcome.settlement
