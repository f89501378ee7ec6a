"""Comparing under a rulebook: a plain one changes nothing, others say what they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.__main__ import main
from core.errors import MarketError
from core.market.algorithms import find
from core.market.community import Community, Tariff
from core.market.compare import compare_all
from core.market.rulebooks import preset, rulebook_of
from core.market.rulebooks.compare import compare_under
from core.readings import read

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SETS = {"delhi-week": 9, "uk-day-30min": 9, "fontana-year": 2}
FLAT = {"energy": {"price": 7.0}, "export": {"price": 3.0}}
QUICK = ("grid_only", "simple_auction", "mid_market_rate", "supply_demand_ratio", "bill_sharing",
         "uniform_price_auction", "pay_as_bid_auction", "mcafee_auction")  # fmt: skip


def households(name: str) -> Community:
    files = sorted((DATA / name).glob("HH*.csv"))[: SETS[name]]
    if not files:
        pytest.skip(f"no household files: ../shared/data/{name} is not there")
    return read([(path.name, path) for path in files]).require()


@pytest.mark.parametrize("name", SETS)
def test_plain_gives_the_same_results_to_the_digest(name: str) -> None:
    community = households(name)
    tariff = Tariff.flat(community.slots)
    ids = [each for each in find() if each in (*QUICK, "p2p_battery")]
    before = compare_all(ids, community, tariff)
    after = compare_under(preset("plain"), [(each, {}) for each in ids], community).outcomes
    assert {o.algorithm_id: o.result_digest for o in after} == {k: o.result_digest for k, o in before.items()}
    assert all(o.figures == pytest.approx(before[o.algorithm_id].figures, nan_ok=True, abs=0) for o in after)


@pytest.mark.parametrize("name", SETS)
def test_the_rulebooks_own_engine_gives_the_markets_bills_where_both_know_the_answer(name: str) -> None:
    community = households(name)
    before = compare_all(QUICK, community, Tariff.flat(community.slots))
    nothing = [{"name": "nothing", "rate": 0.0, "on": ["energy"]}]
    book = rulebook_of({"classes": {"default": {**FLAT, "percent": nothing}}})
    for outcome in compare_under(book, [(each, {}) for each in QUICK], community).outcomes:
        market = before[outcome.algorithm_id]
        assert outcome.households["bill"] == pytest.approx(market.households["bill"], abs=1e-8)
        if outcome.algorithm_id != "bill_sharing":  # which spreads the horizon's bill over slots by energy
            assert outcome.slots["community_cost"] == pytest.approx(market.slots["community_cost"], abs=1e-8)
        for figure in ("traded_kwh", "untraded_kwh", "untraded_cost", "value_tapping", "avg_p2p_price"):
            assert outcome.figures[figure] == pytest.approx(market.figures[figure], abs=1e-6, nan_ok=True), figure


def small() -> Community:
    from datetime import UTC, datetime

    load, solar = np.array([[4.0, 0.0, 1.0], [2.0, 0.0, 3.0]]), np.array([[0.0, 3.0, 0.0], [0.0, 0.5, 0.0]])
    return Community(("A", "B", "C"), datetime(2026, 5, 10, 6, tzinfo=UTC), 1.0, load, solar, np.full(3, np.nan))


def test_where_the_least_cost_is_not_known_nothing_is_said_of_it() -> None:
    found = compare_under(preset("net_metering_delhi"), [("mid_market_rate", {})], small()).outcomes[0]
    assert np.isnan(found.figures["value_tapping"])
    assert np.isnan(found.figures["untraded_cost"])
    assert "least possible cost is not known" in found.notes["value_tapping"]
    assert np.isnan(found.slots["community_cost"]).all()


def test_a_truthful_auction_reaches_the_least_cost_of_linear_classes_with_charges_and_losses() -> None:
    peer = {"loss": 0.1, "charges": [{"name": "network", "buyer": 0.3, "seller": 0.1, "to": "network"}]}
    book = rulebook_of({"classes": {"default": FLAT}, "peer": peer})
    found = compare_under(book, [("uniform_price_auction", {"strategy": "truthful"})], small()).outcomes[0]
    assert found.figures["value_tapping"] == pytest.approx(1.0)
    assert found.figures["untraded_cost"] == pytest.approx(0.0, abs=1e-9)
    # 3 and 0.5 kWh are sent, a tenth is lost; what is lost is drawn from the grid.
    assert found.figures["lost_kwh"] == pytest.approx(0.35)
    assert found.figures["charges"] == pytest.approx(3.15 * 0.3 + 3.5 * 0.1)


def test_what_is_not_defined_under_a_rulebook_is_left_out_with_the_reason_unless_it_was_asked_for() -> None:
    book = rulebook_of({"classes": {"default": FLAT}, "peer": {"loss": 0.1}})
    found = compare_under(book, None, small())
    assert "bill_sharing" in found.left_out
    assert "mid_market_rate" in {each.algorithm_id for each in found.outcomes}
    with pytest.raises(MarketError, match="without charges and losses"):
        compare_under(book, [("bill_sharing", {})], small())


def test_the_command_line_compares_under_a_rulebook_with_a_table_of_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, load, solar in (("HH1", 4, 0), ("HH2", 0, 2)):
        rows = [f"2026-05-10 {hour:02}:00,{name},{load},{solar}" for hour in range(4)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["timestamp,household_id,load_kW,solar_kW", *rows]) + "\n")
    rules: dict[str, Any] = {
        "name": "two classes",
        "classes": {
            "default": FLAT,
            "lifeline": {**FLAT, "energy": {"price": 4.0}, "fixed": {"per_kw": [["rest", 10]]}},
        },
    }
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    (tmp_path / "classes.csv").write_text("household,class,sanctioned_kw\nHH1,lifeline,3\n")
    files, rulebook, classes = ("HH1.csv", "HH2.csv"), "rules.json", "classes.csv"
    words = ["compare", *(str(tmp_path / file) for file in files), "--rulebook", str(tmp_path / rulebook)]
    words += ["--classes", str(tmp_path / classes), "--algorithm", "mid_market_rate", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    homes = found["algorithms"]["mid_market_rate"]["households"]
    # The mid of 4 and 3: HH1 buys 2 of its 4 kWh at 3.50, four times, and pays 3 kW at 10.
    assert homes["HH1"]["bill"] == pytest.approx(4 * (2 * 3.5 + 2 * 4) + 30)
    assert homes["HH1"]["fixed"] == pytest.approx(30)
    assert homes["HH2"]["bill"] == pytest.approx(-4 * 2 * 3.5)
    assert found["rulebook"]["digest"] == rulebook_of(rules).digest
    (tmp_path / "classes.csv").write_text("household,class\nHH9,lifeline\n")
    assert main(words) == 1
    assert 'names "HH9", and there is no such household' in capsys.readouterr().err
