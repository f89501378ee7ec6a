from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.web.explorer.tree import climb, draw

SHARED = Path(__file__).resolve().parents[3] / "shared"


def leaf(text: bytes) -> bytes:
    return sha256(b"\0" + text).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*path_of(index, leaves[:k]), root_of(leaves[k:])]
    return [*path_of(index - k, leaves[k:]), root_of(leaves[:k])]


@given(st.integers(1, 70).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_climbing_any_path_ends_at_the_root(case: tuple[int, int]) -> None:
    size, index = case
    leaves = [leaf(bytes([number])) for number in range(size)]
    steps = climb(leaves[index], path_of(index, leaves), index=index, size=size)
    assert (steps[-1].parent if steps else leaves[index]) == root_of(leaves)


def test_a_wrong_sibling_leads_to_another_root() -> None:
    leaves = [leaf(bytes([number])) for number in range(7)]
    path = path_of(3, leaves)
    path[1] = leaf(b"another")
    assert climb(leaves[3], path, index=3, size=7)[-1].parent != root_of(leaves)


def test_the_sides_of_a_path_are_where_rfc_6962_puts_them() -> None:
    # seven leaves, the last one: promoted past level 0, so its siblings 4-5 and 0-3 both stand on its left;
    # leaf 2: sibling 3 on the right, 0-1 on the left, 4-6 on the right
    leaves = [leaf(bytes([number])) for number in range(7)]
    assert [step.side for step in climb(leaves[6], path_of(6, leaves), index=6, size=7)] == ["left", "left"]
    assert [step.side for step in climb(leaves[2], path_of(2, leaves), index=2, size=7)] == ["right", "left", "right"]


def test_the_ladder_shows_every_hash_in_full_on_hover() -> None:
    leaves = [leaf(bytes([number])) for number in range(5)]
    steps = climb(leaves[1], path_of(1, leaves), index=1, size=5)
    drawn = draw(leaves[1], steps, leaf_name="this transaction", root_name="tx_root")
    hovers = [row[1] for trace in drawn.data if trace.customdata is not None for row in trace.customdata]
    assert set(hovers) == {leaves[1].hex(), *(s.sibling.hex() for s in steps), *(s.parent.hex() for s in steps)}


def test_a_block_of_one_transaction_draws_a_single_node() -> None:
    drawn = draw(leaf(b"x"), [], leaf_name="this transaction", root_name="tx_root")
    assert [len(trace.x) for trace in drawn.data] == [0, 1, 0]


@pytest.mark.skipif(not (SHARED / "golden" / "merkle.json").exists(), reason="the golden files are not at hand")
def test_golden_inclusion_paths_lead_to_their_roots() -> None:
    golden = json.loads((SHARED / "golden" / "merkle.json").read_text())
    assert isinstance(golden, dict)
    checked = 0
    for case in golden.get("inclusion", []):
        leaves = [bytes.fromhex(value) for value in golden["leaves"]]
        hashes = [leaf(value) for value in leaves]
        index, size = case["index"], case["size"]
        steps = climb(hashes[index], [bytes.fromhex(h) for h in case["path"]], index=index, size=size)
        assert (steps[-1].parent if steps else hashes[index]) == root_of(hashes[:size])
        checked += 1
    assert checked
