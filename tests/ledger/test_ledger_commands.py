"""The commands of the ledger: what they print, and with what status they end."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from core.chain import Chain
from core.ledger import receipt
from core.ledger.generate import generate
from core.ledger.transaction import Transaction, audit, note, trade
from core.settings import ROOT, Settings
from core.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data", ledger_path=tmp_path / "ledger.json", uploads_dir=tmp_path / "u", proof_of_work=16
    )


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs `python -m core …` on the ledger of `settings`."""

    def run_(*arguments: object, check: bool = False) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "DATA_DIR": str(settings.data_dir),
            "LEDGER_PATH": str(settings.ledger_path),
            "PROOF_OF_WORK": "16",
        }
        command = [sys.executable, "-m", "core", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=check)

    return run_


def made(number: int, **named: object) -> Transaction:
    fields = {"buyer": "HH002", "seller": "HH001", "publisher": "meter", **named}
    return trade(
        energy_wh=100 + number,
        price_micro_per_kwh=6_800_000,
        received_at_ms=1_767_225_740_000 + number,
        message_id=str(number),
        **fields,  # type: ignore[arg-type]
    )


def mined(settings: Settings, *transactions: Transaction) -> None:
    store = Store(settings.resolved_database_url)
    chain = Chain(settings, store)
    chain.submit(transactions)
    chain.mine()
    chain.close()
    store.close()


def test_verify_imports_nothing_heavy() -> None:
    program = (
        "import sys; from core.__main__ import main; code = main(['verify', sys.argv[1]]);"
        "heavy = {'numpy', 'pandas', 'sqlalchemy', 'streamlit', 'duckdb', 'pyarrow', 'cryptography'};"
        "print(sorted(heavy & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, ROOT / "ledger.json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_empty_array_of_version_control_verifies_as_an_empty_ledger(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text("[\n]\n")
    done = run("verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The ledger is empty and sound.\nThis lab has recorded nothing to compare it with.\n"
    assert not (tmp_path / "data").exists()


def test_verify_says_what_is_sound_and_in_json_what_it_found(run: Run, settings: Settings) -> None:
    mined(settings, made(1), made(2))
    assert run("verify").stdout == (
        "All 2 blocks with 2 transactions are sound at level 2. It extends 2 signed checkpoints.\n"
        "Compared with the block 1 that the database recorded and 2 checkpoints of this lab.\n"
    )
    alone = run("verify", settings.ledger_path).stdout
    assert alone.startswith("All 2 blocks with 2 transactions are sound at level 2.\nCompared with nothing")
    found = json.loads(run("verify", settings.ledger_path, "--level", 3, "--json").stdout)
    assert (found["ok"], found["level"], found["height"], found["transactions"]) == (True, 3, 1, 2)
    assert found["offset"] == settings.ledger_path.stat().st_size


@pytest.mark.parametrize("json_too", [False, True])
def test_verify_of_a_damaged_file_names_block_and_byte_in_one_line_and_ends_with_1(
    run: Run, settings: Settings, json_too: bool
) -> None:
    mined(settings, made(1), made(2))
    content = settings.ledger_path.read_bytes()
    at = content.index(b'"energy_wh":102')
    settings.ledger_path.write_bytes(content.replace(b'"energy_wh":102', b'"energy_wh":902'))
    done = run("verify", *["--json"] * json_too)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    start = content.rindex(b"\n{", 0, at) + 1
    assert f"damaged in block 1 at byte {start}:" in line
    if json_too:
        found = json.loads(done.stdout)
        assert (found["ok"], found["height"], found["offset"]) == (False, 1, start)
    else:
        assert done.stdout == ""


@pytest.mark.parametrize("path", ["missing.json", "."])
def test_verify_of_what_cannot_be_read_says_so(run: Run, tmp_path: Path, path: str) -> None:
    done = run("verify", tmp_path / path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_level_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    assert run("verify", "--level", 5).returncode == 2
    assert run("ledger", "export", "--format", "xml").returncode == 2


def test_verify_holds_the_ledger_against_checkpoints(run: Run, settings: Settings, tmp_path: Path) -> None:
    for number in range(3):
        mined(settings, made(number))
    notes = settings.data_dir / "checkpoints.txt"
    assert "extends 4 signed checkpoints" in run("verify", "--checkpoint", notes).stdout
    content = settings.ledger_path.read_bytes()
    settings.ledger_path.write_bytes(content[: content.rindex(b',\n{"hash"')] + b"\n]\n")
    alone = run("verify", settings.ledger_path)
    assert alone.returncode == 0  # nothing in the file itself can show it
    assert "Compared with nothing" in alone.stdout
    done = run("verify", settings.ledger_path, "--checkpoint", notes)
    assert done.returncode == 1
    assert "it ends after 3 blocks, a checkpoint was signed over 4" in done.stderr
    forged = tmp_path / "forged.txt"
    forged.write_text(notes.read_text().replace("\n2\n", "\n3\n", 1))
    assert "signature" in run("verify", settings.ledger_path, "--checkpoint", forged).stderr
    for text in ("", "hello\n", "a\nb\nc\n\n"):
        forged.write_text(text)
        done = run("verify", settings.ledger_path, "--checkpoint", forged)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_level_4_says_how_many_runs_were_replayed(run: Run, settings: Settings) -> None:
    mined(settings, made(1))
    assert "0 results replayed, 0 without their dataset" in run("verify", "--level", 4).stdout


def test_a_receipt_is_printed_for_a_mined_transaction_while_the_lab_runs(run: Run, settings: Settings) -> None:
    mined(settings, made(1), made(2))
    store = Store(settings.resolved_database_url)
    chain = Chain(settings, store)
    done = run("receipt", made(2).tx_hash)
    assert receipt.check(done.stdout.encode()).tx_hash == made(2).tx_hash
    done = run("receipt", "ab" * 32)
    assert done.returncode == 1
    assert "No transaction on the chain has the hash" in done.stderr
    assert run("receipt", "no hash").returncode == 1
    chain.close()
    store.close()


def test_mine_makes_blocks_until_nothing_is_pending(run: Run, settings: Settings) -> None:
    store = Store(settings.resolved_database_url)
    chain = Chain(settings, store)
    chain.submit([made(number) for number in range(5_000)])
    chain.close()
    store.close()
    done = run("mine")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "5000 transactions mined in 2 blocks; nothing is pending."
    assert run("mine").stdout == "0 transactions mined in 0 blocks; nothing is pending.\n"


def test_mine_refuses_while_another_process_writes(run: Run, settings: Settings) -> None:
    store = Store(settings.resolved_database_url)
    chain = Chain(settings, store)
    chain.submit([made(1)])
    done = run("mine")
    assert done.returncode == 1
    assert "Another process writes the ledger" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert chain.status().pending == 1
    chain.close()
    store.close()


def test_generate_writes_a_ledger_that_verifies_with_its_checkpoints(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "test" / "ledger.json"
    done = run("ledger", "generate", path, "--transactions", 500, "--blocks", 20)
    assert done.returncode == 0, done.stderr
    done = run("verify", path, "--level", 3, "--checkpoint", path.parent / "checkpoints.txt")
    assert "All 21 blocks with 500 transactions" in done.stdout
    done = run("ledger", "generate", path, "--transactions", 500, "--blocks", 20)
    assert (done.returncode, "exists" in done.stderr) == (1, True)
    line = path.read_bytes().split(b"\n")[-4]
    tx_hash = json.loads(run("ledger", "export", "--format", "jsonl", "--ledger", path).stdout.splitlines()[-1])
    assert tx_hash["transaction"] == json.loads(line)
    done = run("receipt", tx_hash["tx_hash"], "--ledger", path)
    assert receipt.check(done.stdout.encode()).height == 20


def test_rebuild_index_builds_it_and_refuses_while_another_process_keeps_it(run: Run, settings: Settings) -> None:
    mined(settings, made(1), made(2))
    assert run("ledger", "rebuild-index").stdout == "The index holds 2 transactions of 2 blocks.\n"
    store = Store(settings.resolved_database_url)
    chain = Chain(settings, store)
    done = run("ledger", "rebuild-index")
    assert (done.returncode, "Another process keeps the index" in done.stderr) == (1, True)
    chain.close()
    store.close()


def test_exports_have_every_transaction_and_quote_what_a_spreadsheet_would_compute(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    evil = ["=1+1", "+1", "-1", "@sum", "\tx", "a,b", 'a"b', "a\nb"]
    transactions = [made(1), audit(action="sign_in", actor="ann", subject="ann", at_ms=5)]
    transactions += [note(text=text, author="ann", at_ms=number) for number, text in enumerate(evil)]
    mined(settings, *transactions)
    rows = list(csv.DictReader(io.StringIO(run("ledger", "export", "--format", "csv").stdout)))
    assert [row["tx_hash"] for row in rows] == [each.tx_hash for each in transactions]
    assert rows[0]["energy_wh"] == "101"
    texts = [row["text"] for row in rows[2:]]
    assert texts[:4] == ["'=1+1", "'+1", "'-1", "'@sum"]
    assert not [text for text in texts if text[:1] in "=+-@"]
    lines = [json.loads(line) for line in run("ledger", "export", "--format", "jsonl").stdout.splitlines()]
    assert [line["transaction"] for line in lines] == [each.document for each in transactions]
    path = tmp_path / "out.parquet"
    assert run("ledger", "export", "--format", "parquet", "--output", path).returncode == 0
    assert pd.read_parquet(path)["tx_hash"].tolist() == [each.tx_hash for each in transactions]
    done = run("ledger", "export", "--output", tmp_path / "no" / "where.csv")
    assert (done.returncode, "cannot be written" in done.stderr) == (1, True)


def test_an_export_of_a_damaged_ledger_ends_before_the_damage_and_says_so(run: Run, settings: Settings) -> None:
    mined(settings, made(1))
    mined(settings, made(2))
    content = settings.ledger_path.read_bytes()
    settings.ledger_path.write_bytes(content.replace(b'"energy_wh":102', b'"energy_wh":902'))
    done = run("ledger", "export", "--format", "jsonl")
    assert done.returncode == 1
    assert "damaged in block 2" in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_verify_beside_a_lab_that_mines_sees_no_damage(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "big" / "ledger.json"
    generate(path, transactions=20, blocks=2)
    mining = Settings(data_dir=path.parent, ledger_path=path, uploads_dir=tmp_path, proof_of_work=16)
    store = Store(mining.resolved_database_url)
    chain = Chain(mining, store)
    program = (
        "import sys; from core.__main__ import main\n"
        "codes = [main(['verify', sys.argv[1]]) for _ in range(60)]\n"
        "sys.exit(max(codes))"
    )
    reader = subprocess.Popen([sys.executable, "-c", program, path], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    number = 0
    while reader.poll() is None:
        chain.submit([made(100_000 + number + n) for n in range(200)])
        chain.mine()
        number += 200
    assert reader.stderr is not None
    assert reader.returncode == 0, reader.stderr.read()
    reader.stderr.close()
    assert number >= 400
    chain.close()
    store.close()
