"""A receipt proves one transaction offline: to us, and to a tool that shares no code with us."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.chain.reading import read_only
from core.errors import LedgerError, UnavailableError
from core.ledger import block, commitment, merkle, receipt, transaction
from core.ledger.checkpoint import Checkpoint, SigningKey, verifier_key
from core.ledger.generate import generate

TOOL = Path(__file__).resolve().parents[2] / "tools" / "verify_receipt.py"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.json"
    generate(path, transactions=90, blocks=30)
    return path


def made(ledger: Path, height: int, index: int) -> dict[str, Any]:
    with read_only(ledger, ledger.parent) as found:
        return found.receipts.make(height, index)


def test_every_transaction_of_a_ledger_has_a_receipt_that_holds(ledger: Path) -> None:
    with read_only(ledger, ledger.parent) as found:
        for height in range(31):
            lines = found.explorer.lines(height)
            for index, line in enumerate(lines):
                if height == 0:
                    continue
                checked = receipt.check(receipt.encode(found.receipts.make(height, index)))
                assert (checked.height, checked.index) == (height, index)
                assert checked.document == json.loads(line)


def test_the_signed_text_of_a_receipt_is_the_checkpoint_that_was_published(ledger: Path) -> None:
    checked = receipt.check(receipt.encode(made(ledger, 7, 1)))
    assert f"{checked.checkpoint}\n" in (ledger.parent / "checkpoints.txt").read_text()
    assert checked.checkpoint.splitlines()[1] == "8"


def leaves(found: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(found, dict):
        return [leaf for name in found for leaf in leaves(found[name], (*place, name))]
    return [place]


def changed(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    if len(value) > 60 and value.endswith("="):  # base64: another byte, not only other unused bits
        return base64.b64encode(bytes([base64.b64decode(value)[0] ^ 1]) + base64.b64decode(value)[1:]).decode()
    return ("A" if value[:1] != "A" else "B") + value[1:]


def tool(path: Path, *key: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(TOOL), str(path), *key]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_any_change_of_any_field_is_found_by_us_and_by_the_tool(ledger: Path, tmp_path: Path) -> None:
    good = made(ledger, 13, 1)
    path = tmp_path / "receipt.json"
    for number, place in enumerate(leaves(good)):
        bad = json.loads(json.dumps(good))
        at = bad
        for name in place[:-1]:
            at = at[name]
        at[place[-1]] = changed(at[place[-1]])
        with pytest.raises(LedgerError):
            receipt.check(json.dumps(bad).encode())
        if number % 4 == 0:  # a process each
            path.write_text(json.dumps(bad))
            assert tool(path).returncode == 1, place


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"{", b'{"a":1,"a":2}', b"[" * 50_000, b'{"transaction":{}}', b"x" * 200_000]
)
def test_what_is_no_receipt_is_refused_in_a_sentence(text: bytes) -> None:
    with pytest.raises(LedgerError, match="receipt"):
        receipt.check(text)


def test_the_tool_says_what_the_receipt_proves_and_who_signed(ledger: Path, tmp_path: Path) -> None:
    good = made(ledger, 13, 1)
    path = tmp_path / "receipt.json"
    path.write_bytes(receipt.encode(good))
    public = base64.b64decode(good["key"])
    for key in ((), (public.hex(),), (verifier_key(good["origin"], public),)):
        done = tool(path, *key)
        assert done.returncode == 0, done.stderr
        assert receipt.check(path.read_bytes()).tx_hash in done.stdout
        assert ("the key you gave" in done.stdout) == bool(key)
    assert tool(path, "00" * 32).returncode == 1
    assert "does not hold" in tool(tmp_path / "missing.json").stderr


def test_a_receipt_signed_by_another_key_than_the_expected_one_is_refused(ledger: Path) -> None:
    with pytest.raises(LedgerError, match="expected"):
        receipt.check(receipt.encode(made(ledger, 13, 1)), public=bytes(32))


def test_the_tool_is_short_and_imports_nothing_of_ours() -> None:
    text = TOOL.read_text()
    assert len(text.splitlines()) <= 100
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= sys.stdlib_module_names | {"cryptography"}


def test_without_the_key_a_receipt_takes_the_published_signature(ledger: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ledger.json"
    copy.write_bytes(ledger.read_bytes())
    (tmp_path / "checkpoints.txt").write_bytes((ledger.parent / "checkpoints.txt").read_bytes())
    assert made(copy, 5, 2) == made(ledger, 5, 2)


def test_without_key_and_checkpoints_there_is_no_receipt_and_a_sentence_says_why(ledger: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ledger.json"
    copy.write_bytes(ledger.read_bytes())
    with pytest.raises(UnavailableError, match=r"signing key is missing\. Put ledger\.key back"):
        made(copy, 5, 2)


def test_a_receipt_of_a_typical_trade_stays_below_one_and_a_half_kilobytes(tmp_path: Path) -> None:
    # the longest paths of a ledger of 10,000 blocks: 7 hashes in a block of 100, 13 in the log of 8,191 blocks
    line = (
        b'{"amount_micro":23800000,"buyer":"HH002","energy_wh":3500,"kind":"trade","message_id":"m-123456",'
        b'"price_micro_per_kwh":6800000,"publisher":"roof","received_at_ms":1767225740000,"seller":"HH001"}'
    )
    header, _ = block.draft(
        [line] * 100, height=8191, prev="a" * 64, log_root=bytes(32), time_ms=1_767_225_740_000, work=65_536
    )
    longest = receipt.make(
        line,
        index=57,
        tx_path=[bytes(32)] * 7,
        header=header,
        peaks=[bytes(32)] * 13,
        origin="p2p-lab/0123456789abcdef",
        public=bytes(32),
        signature=bytes(64),
    )
    assert len(receipt.encode(longest)) <= 1536


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_tool_explains_itself_when_asked(option: str) -> None:
    done = subprocess.run([sys.executable, TOOL, option], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "verify_receipt.py RECEIPT.json [KEY]" in done.stdout
    assert subprocess.run([sys.executable, TOOL], capture_output=True, check=False).returncode == 1


def private_receipt() -> dict[str, Any]:
    """The receipt of a private run, with what opens it."""
    entry = transaction.result(
        algorithm_id="grid_only",
        source_digest="ab" * 32,
        parameters={"k": 0.5},
        figures={"community_cost": 12.5},
        invariants={"energy_balance": True},
        result_digest="cd" * 32,
    )
    run = transaction.run(run_id="r1", at_ms=1, dataset_digest="ef" * 32, actor="u1", results=[entry])
    sealed = commitment.seal(run, salt=b"s" * 32)
    header, _ = block.draft(
        [sealed.body], height=0, prev="0" * 64, log_root=merkle.Frontier().root(), time_ms=2, work=1
    )
    key = SigningKey(bytes(32))
    signed = Checkpoint("lab", 1, merkle.leaf(header.encode()))
    return receipt.make(
        sealed.body,
        index=0,
        tx_path=[],
        header=header,
        peaks=[],
        origin="lab",
        public=key.public,
        signature=key.signature(signed),
    ) | {"opening": commitment.opening(run, salt=b"s" * 32)}


def test_a_receipt_opens_a_private_run_and_a_forged_opening_is_found(tmp_path: Path) -> None:
    good, path = private_receipt(), tmp_path / "receipt.json"
    path.write_bytes(receipt.encode(good))
    checked = receipt.check(path.read_bytes())
    assert "results" not in checked.document
    assert checked.opened is not None
    assert checked.opened["results"][0]["figures"] == {"community_cost_micro": 12_500_000}
    assert '"community_cost_micro":12500000' in tool(path).stdout
    for place in (("salt",), ("transaction", "at_ms"), ("transaction", "dataset_digest")):
        bad = json.loads(json.dumps(good))
        at = bad["opening"]
        for name in place[:-1]:
            at = at[name]
        at[place[-1]] = changed(at[place[-1]])
        path.write_text(json.dumps(bad))
        with pytest.raises(LedgerError, match="opening"):
            receipt.check(path.read_bytes())
        assert tool(path).returncode == 1, place
    without = {name: value for name, value in good.items() if name != "opening"}
    assert receipt.check(receipt.encode(without)).opened is None
