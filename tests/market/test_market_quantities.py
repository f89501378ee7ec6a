"""One table of figures and arrays: adding a figure is one function in it, and everything shows it."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from core.market import quantities
from core.market.community import Tariff
from core.market.compare import compare_all
from core.market.quantities import FIGURES, HOUSEHOLD_ARRAYS, RULE_FIGURES, SLOT_ARRAYS, figure
from tools.figures_page import PAGE, page

GROUPS = (quantities.MONEY, quantities.ENERGY, quantities.GRID, quantities.HOUSEHOLDS, quantities.INDICES)
READINGS = "timestamp,household_id,load_kW,solar_kW\n2024-06-01 10:00:00,{0},{1},{2}\n2024-06-01 11:00:00,{0},1.0,0.0\n"


@pytest.fixture
def median_bill(monkeypatch):
    """A new figure, in the table for the length of a test: its row and its function are all there is of it."""
    monkeypatch.setattr(quantities, "_COMPUTE", {**quantities._COMPUTE})

    @figure("Median bill", "₹", quantities.HOUSEHOLDS, "lower", 3)
    def median_bill(t: quantities.Totals) -> float:
        """The bill in the middle."""
        return float(np.median(t.bill))

    yield
    FIGURES.pop("median_bill")


def test_a_new_figure_is_computed_printed_shown_exported_and_documented(median_bill, community_of, tmp_path, capsys):
    from core.runs.results import ResultRow
    from core.web.compare.table import table_of

    outcome = compare_all(["grid_only"], community_of([[1.0, -2.0, 4.0]]), Tariff.flat(1))["grid_only"]
    assert outcome.figures["median_bill"] == 7.0
    for home, load, solar in (("A", 2.0, 0.0), ("B", 0.0, 1.0)):
        (tmp_path / f"{home}.csv").write_text(READINGS.format(home, load, solar), encoding="utf-8")
    files = sorted(map(str, tmp_path.glob("*.csv")))
    assert main(["compare", *files, "--algorithm", "grid_only"]) == 0
    assert "median_bill" in capsys.readouterr().out
    assert main(["compare", *files, "--algorithm", "grid_only", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # A pays 2·7 + 7, B is paid 3 and pays 7.
    assert found["algorithms"]["grid_only"]["figures"]["median_bill"] == (21.0 + 4.0) / 2
    row = ResultRow("", "", "grid_only", "Grid only", {}, outcome.figures, {}, (), "", "", 0.0)
    shown = {each.key: each for each in table_of([row], group=quantities.HOUSEHOLDS).figures}
    assert shown["median_bill"].help == "The bill in the middle. Lower is better."
    assert "| Median bill | `median_bill` | ₹ | The bill in the middle |" in page()


def test_every_figure_says_what_it_is():
    for key, known in FIGURES.items():
        assert known.key == key
        assert known.label, key
        assert len(known.formula) > 2, key
        assert known.group in GROUPS
        assert known.unit, key


def test_every_array_of_a_result_is_in_the_table_and_the_other_way_round(community_of):
    community = community_of([[-4.0, 1.0], [3.0, 1.0]], pv_kw=[5.0, 0.0])
    outcome = compare_all(["p2p_battery"], community, Tariff.flat(2))["p2p_battery"]
    under_a_rulebook = {*RULE_FIGURES, "credited_kwh"}  # what the rulebooks alone add
    assert set(outcome.households) == set(HOUSEHOLD_ARRAYS) - under_a_rulebook
    assert set(outcome.slots) == set(SLOT_ARRAYS)
    assert {each.over for each in HOUSEHOLD_ARRAYS.values()} == {"household"}
    assert {each.over for each in SLOT_ARRAYS.values()} == {"slot"}


def test_the_page_of_figures_is_the_table():
    """`python tools/figures_page.py` writes it anew."""
    assert Path(PAGE).read_text(encoding="utf-8") == page()
