"""The market from a shell: `compare` and `clear`, their JSON, their exit status and their one-line errors."""

import io
import json
from pathlib import Path

import pytest

from core.__main__ import main

WEEK = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "delhi-week"
FIRST = sorted(map(str, WEEK.glob("HH*.csv")))
needs_week = pytest.mark.skipif(not FIRST, reason="the shared readings are not here")


def run(capsys, *arguments):
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@needs_week
def test_compare_prints_what_other_tools_read(capsys):
    pv = [f"--pv-kw=HH{i + 1:03d}={3.0 + 0.1 * i if i < 3 else 1.0 + 0.1 * i}" for i in range(10)]
    status, out, _ = run(capsys, "compare", *FIRST, "--feed-in", "0", *pv, "--json")
    assert status == 0
    found = json.loads(out)
    assert {"digest", "households", "slots", "slot_h", "start", "end"} <= set(found["dataset"])
    assert (found["dataset"]["households"], found["dataset"]["slots"], found["dataset"]["slot_h"]) == (10, 168, 1.0)
    assert {"grid_only", "simple_auction", "p2p_battery", "mid_market_rate"} <= set(found["algorithms"])
    auction = found["algorithms"]["simple_auction"]
    assert auction["name"] == "Simple auction"
    assert auction["figures"]["traded_kwh"] == pytest.approx(4.7713, abs=5e-5)
    assert auction["figures"]["avg_p2p_price"] == pytest.approx(6.5620, abs=5e-5)
    assert set(auction["households"]) == {f"HH{i + 1:03d}" for i in range(10)}
    assert {"bill", "bought_kwh", "sold_kwh"} <= set(auction["households"]["HH001"])
    assert auction["invariants"]
    assert all(holds is True for holds in auction["invariants"].values())
    assert found["algorithms"]["grid_only"]["figures"]["avg_p2p_price"] is None


@needs_week
def test_the_order_of_files_changes_nothing(capsys):
    _, forth, _ = run(capsys, "compare", *FIRST, "--json", "--algorithm", "pay_as_bid_auction")
    _, back, _ = run(capsys, "compare", *reversed(FIRST), "--json", "--algorithm", "pay_as_bid_auction")
    assert json.loads(forth) == json.loads(back)


@needs_week
def test_compare_prints_a_table_with_units(capsys):
    status, out, _ = run(capsys, "compare", *FIRST[:3], "--algorithm", "mid_market_rate", "--retail", "6, 17-22=9")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith("3 households, 168 slots of 1 h from 2024-06-01 00:00+05:30")
    assert lines[2].split() == ["figure", "unit", "Mid-market", "rate"]
    assert len({len(line) for line in [line for line in lines[2:] if line]}) == 1
    assert "₹/kWh" in out


@needs_week
def test_prices_may_come_from_a_file(capsys, tmp_path):
    series = tmp_path / "retail.csv"
    series.write_text("7.0\n" * 168, encoding="utf-8")
    arguments = ("compare", *FIRST[:3], "--algorithm", "mid_market_rate", "--json")
    assert run(capsys, *arguments, "--retail", str(series))[1] == run(capsys, *arguments)[1]
    series.write_text("7.0\n" * 100, encoding="utf-8")
    status, _, err = run(capsys, *arguments, "--retail", str(series))
    assert (status, err.count("\n")) == (1, 1)
    assert "100 prices for 168 slots" in err
    series.write_text("7.0\n" * 167 + "x\n", encoding="utf-8")
    assert 'line 168: "x" is not a price' in run(capsys, *arguments, "--retail", str(series))[2]


@needs_week
@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--algorithm", "simple_aucton"], 'Did you mean "simple_auction"'),
        (["--set", "p2p_battery.powr_kw=3"], 'Did you mean "power_kw"'),
        (["--set", "p2p_batery.power_kw=3"], 'Did you mean "p2p_battery"'),
        (["--set", "p2p_battery.power_kw"], "is not ALGORITHM.PARAMETER=VALUE"),
        (["--set", "p2p_battery.power_kw=-3"], "expected a number >= 0"),
        (["--retail", "2"], "the retail price is 2.0 and the feed-in price 3.0"),
        (["--retail", "x"], '--retail is "x"'),
        (["--pv-kw", "HH001"], "is not HOUSEHOLD=KW"),
        (["--pv-kw", "HH001=-1"], "is not HOUSEHOLD=KW"),
        (["--time-zone", "Nowhere/Land"], "Nowhere/Land"),
    ],
)
def test_a_wrong_word_costs_one_line(capsys, extra, message):
    status, out, err = run(capsys, "compare", FIRST[0], FIRST[1], *extra)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert message in err


def test_files_that_are_not_there_or_not_readings_cost_one_line(capsys, tmp_path):
    status, _, err = run(capsys, "compare", str(tmp_path / "none.csv"))
    assert (status, err.count("\n")) == (1, 1)
    assert "There is no file" in err
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    status, _, err = run(capsys, "compare", str(wrong))
    assert (status, err.count("\n")) == (1, 1)
    assert "wrong.csv" in err


@needs_week
def test_parameters_are_set_by_algorithm(capsys):
    arguments = ("compare", *FIRST, "--json", "--algorithm", "p2p_battery")
    _, out, _ = run(capsys, *arguments, "--set", "p2p_battery.owners=HH001 HH002", "--set", "p2p_battery.power_kw=1")
    found = json.loads(out)["algorithms"]["p2p_battery"]
    assert found["parameters"]["owners"] == "HH001 HH002"
    assert found["parameters"]["power_kw"] == 1.0
    assert found["parameters"]["capacity_kwh"] == 5.0


@needs_week
def test_an_exempt_promise_is_named_and_not_counted(capsys):
    _, out, _ = run(capsys, "compare", *FIRST, "--json", "--algorithm", "bill_sharing")
    found = json.loads(out)["algorithms"]["bill_sharing"]
    assert found["exempt"] == ["price_bounds", "individual_rationality"]
    assert all(found["invariants"].values())
    assert not set(found["exempt"]) & set(found["invariants"])


BOOK = {"bids": [[1, 9], [1, 4]], "offers": [[1, 8], [1, 3]]}


def test_clear_reads_a_file_or_standard_input(capsys, tmp_path, monkeypatch):
    path = tmp_path / "book.json"
    path.write_text(json.dumps(BOOK), encoding="utf-8")
    status, out, _ = run(capsys, "clear", "--mechanism", "mcafee_auction", str(path))
    assert status == 0
    assert json.loads(out) == {
        "volume": 1.0,
        "buy_price": 6.0,
        "sell_price": 6.0,
        "price_interval": [4.0, 8.0],
        "operator_surplus": 0.0,
        "welfare": 6.0,
        "trades": [{"bid": 0, "offer": 1, "quantity": 1.0, "buy_price": 6.0, "sell_price": 6.0}],
    }
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(BOOK)))
    assert run(capsys, "clear", "--mechanism", "mcafee_auction")[1] == out


@pytest.mark.parametrize(
    ("arguments", "book", "message"),
    [
        (["--mechanism", "mcafee"], BOOK, 'Did you mean "mcafee_auction"'),
        (["--mechanism", "uniform_price_auction", "--set", "kk=1"], BOOK, 'Did you mean "k"'),
        (["--mechanism", "uniform_price_auction", "--set", "k=2"], BOOK, "expected a number >= 0 and <= 1"),
        (["--mechanism", "uniform_price_auction", "--set", "k"], BOOK, "is not PARAMETER=VALUE"),
        (["--mechanism", "uniform_price_auction", "--set", "seed=2"], BOOK, "no parameter"),
        (["--mechanism", "mcafee_auction"], {"bids": [[1, 2]]}, "offers are not a list"),
        (["--mechanism", "mcafee_auction"], {"bids": [[-1, 2]], "offers": []}, "bids[0]: the quantity is -1"),
        (["--mechanism", "mcafee_auction"], {"bids": [], "offers": [[1, "x"]]}, "offers[0]: the price is x"),
        (
            ["--mechanism", "mcafee_auction"],
            {"bids": [], "offers": [[1]]},
            "offers[0] is [1], expected [quantity, price]",
        ),
        (["--mechanism", "mcafee_auction"], [1], "not an object with bids and offers"),
    ],
)
def test_a_book_or_word_that_is_wrong_costs_one_line(capsys, tmp_path, arguments, book, message):
    path = tmp_path / "book.json"
    path.write_text(json.dumps(book), encoding="utf-8")
    status, out, err = run(capsys, "clear", *arguments, str(path))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert message in err


def test_a_book_that_is_no_json_costs_one_line(capsys, tmp_path):
    path = tmp_path / "book.json"
    for text in (b"{", b"\xff", b'{"bids": NaN}'):
        path.write_bytes(text)
        status, _, err = run(capsys, "clear", "--mechanism", "mcafee_auction", str(path))
        assert (status, err.count("\n")) == (1, 1)
    assert run(capsys, "clear", "--mechanism", "mcafee_auction", str(tmp_path / "none"))[0] == 1


def test_an_empty_book_trades_nothing(capsys, tmp_path):
    path = tmp_path / "book.json"
    for book in (
        {"bids": [], "offers": []},
        {"bids": [[1, 2]], "offers": []},
        {"bids": [[1e-14, 9]], "offers": [[1, 1]]},
    ):
        path.write_text(json.dumps(book), encoding="utf-8")
        for mechanism in ("uniform_price_auction", "pay_as_bid_auction", "mcafee_auction"):
            found = json.loads(run(capsys, "clear", "--mechanism", mechanism, str(path))[1])
            assert (found["volume"], found["buy_price"], found["price_interval"], found["trades"]) == (
                0.0,
                None,
                None,
                [],
            )
