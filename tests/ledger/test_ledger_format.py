"""The bytes of the ledger are pinned: a change of format shows here first."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pymerkle import InmemoryTree

from core.errors import LedgerError
from core.ledger import block, checkpoint, merkle, work
from core.ledger.checkpoint import Checkpoint, SigningKey
from core.ledger.transaction import trade

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden" / "merkle.json"
TRADE = (
    b'{"amount_micro":23800000,"buyer":"HH002","energy_wh":3500,"kind":"trade","message_id":"m-1",'
    b'"price_micro_per_kwh":6800000,"publisher":"roof","received_at_ms":1767225740000,"seller":"HH001"}'
)


def example() -> tuple[block.Header, bytes]:
    one = trade(
        buyer="HH002",
        seller="HH001",
        energy_wh=3500,
        price_micro_per_kwh=6_800_000,
        received_at_ms=1_767_225_740_000,
        publisher="roof",
        message_id="m-1",
    )
    assert one.body == TRADE
    return block.draft([one.body], height=7, prev="ab" * 32, log_root=b"\x01" * 32, time_ms=1_767_225_760_000, work=1)


def test_a_blocks_bytes_header_and_hash_are_the_golden_ones() -> None:
    header, body = example()
    assert body == TRADE
    digest, leaf = hashlib.sha256(TRADE).hexdigest(), hashlib.sha256(b"\0" + TRADE).hexdigest()
    expected = (
        f'{{"body":"{digest}","body_len":{len(TRADE)},"height":7,"log_root":"{"01" * 32}","n":1,"prev":"{"ab" * 32}",'
        f'"time":1767225760000,"tx_root":"{leaf}","v":1,"work":1}}'
    ).encode()
    assert header.encode() == expected
    nonce = bytes(8)
    record, block_hash = block.record(header, body, nonce=nonce)
    assert block_hash == hashlib.sha256(hashlib.sha256(expected).digest() + nonce).hexdigest()
    golden = b'{"hash":"%s","header":%s,"nonce":"0000000000000000","txs":[\n%s\n]}'
    assert record == golden % (block_hash.encode(), expected, TRADE)
    assert block_hash == "fb209c1e1ee063ae6f2de0495a7f1ecc5f6e17fff08b41425f34ce2b2b0e9c92"


def test_a_nonce_suffices_when_the_hash_times_the_work_is_below_two_to_the_256th() -> None:
    digest = hashlib.sha256(b"header").digest()
    nonce = work.search(digest, 4096)
    found = work.proof(digest, nonce)
    assert found == hashlib.sha256(digest + nonce).digest()
    assert int.from_bytes(found, "big") * 4096 < 2**256
    assert work.suffices(found, 4096)
    assert not work.suffices(b"\xff" * 32, 4096)


@pytest.fixture
def golden() -> dict[str, Any]:
    if not GOLDEN.is_file():
        pytest.skip("../shared/golden/merkle.json is not here")
    found: dict[str, Any] = json.loads(GOLDEN.read_text())
    return found


def test_roots_are_those_of_rfc_6962(golden: dict[str, Any]) -> None:
    leaves = merkle.leaves([bytes.fromhex(text) for text in golden["ct"]["leaves"]])
    for size, root in enumerate(golden["ct"]["roots_of_first_n"]):
        assert merkle.root(leaves[:size]).hex() == root
    leaves = merkle.leaves([bytes.fromhex(text) for text in golden["leaves"]])
    for size, root in golden["roots"].items():
        assert merkle.root(leaves[: int(size)]).hex() == root


def test_inclusion_paths_are_those_of_rfc_6962(golden: dict[str, Any]) -> None:
    leaves = merkle.leaves([bytes.fromhex(text) for text in golden["leaves"]])
    for case in golden["inclusion"]:
        part, path = leaves[: case["size"]], [bytes.fromhex(text) for text in case["path"]]
        assert merkle.inclusion_path(part, case["index"]) == path
        place = {"size": case["size"], "path": path}
        assert merkle.verify_inclusion(part[case["index"]], case["index"], root_hash=merkle.root(part), **place)
        assert not merkle.verify_inclusion(part[case["index"]], case["index"], root_hash=bytes(32), **place)


def test_consistency_paths_are_those_of_rfc_6962(golden: dict[str, Any]) -> None:
    leaves = merkle.leaves([bytes.fromhex(text) for text in golden["leaves"]])
    for case in golden["consistency"]:
        path = [bytes.fromhex(text) for text in case["path"]]
        assert merkle.consistency_path(leaves[: case["second"]], case["first"]) == path


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 63, 64, 100])
def test_roots_equal_another_implementations(size: int) -> None:
    entries = [f"entry {number}".encode() for number in range(size)]
    other = InmemoryTree(algorithm="sha256")
    for entry in entries:
        other.append_entry(entry)
    assert merkle.root(merkle.leaves(entries)) == other.get_root()


def test_a_frontier_has_the_root_of_all_that_was_pushed() -> None:
    frontier, leaves = merkle.Frontier(), []
    for number in range(70):
        leaves.append(merkle.leaf(str(number).encode()))
        frontier.push(leaves[-1])
        assert frontier.root() == merkle.root(leaves)


def test_a_checkpoint_is_a_signed_note_with_the_golden_bytes() -> None:
    key = SigningKey(bytes(range(32)))
    signed = key.sign(Checkpoint("p2p.example/abc", 8, b"\x02" * 32))
    text = f"p2p.example/abc\n8\n{base64.b64encode(bytes([2]) * 32).decode()}\n"
    assert signed.startswith(text + "\n\N{EM DASH} p2p.example/abc ")
    signature = base64.b64decode(signed.rstrip().rpartition(" ")[2])
    assert signature[:4] == hashlib.sha256(b"p2p.example/abc\n\x01" + key.public).digest()[:4]
    assert len(signature) == 68
    assert checkpoint.open_checkpoint(signed, origin="p2p.example/abc", public=key.public).size == 8
    with pytest.raises(LedgerError):
        checkpoint.open_checkpoint(signed.replace("\n8\n", "\n9\n"), origin="p2p.example/abc", public=key.public)
    with pytest.raises(LedgerError):
        checkpoint.open_checkpoint(signed, origin="p2p.example/abc", public=SigningKey(bytes(32)).public)


def test_the_example_note_of_the_specification_opens() -> None:
    # C2SP signed-note: the example of golang.org/x/mod/sumdb/note, key PeterNeumann
    name, key = "PeterNeumann", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    signed = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n"
        "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p"
        "ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    public = base64.b64decode(key)[1:]
    assert checkpoint.verifier_key(name, public) == f"{name}+c74f20a3+{key}"
    assert checkpoint.open_note(signed, name=name, public=public).startswith("If you think")
    with pytest.raises(LedgerError):
        checkpoint.open_note(signed.replace("answer", "question"), name=name, public=public)
