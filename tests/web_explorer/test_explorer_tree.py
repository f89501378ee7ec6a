from __future__ import annotations

import base64
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from core.chain.records import Step
from core.ledger import merkle
from core.web.explorer.transaction import ladder, log_steps


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


@given(st.integers(1, 70))
def test_the_newest_header_climbs_to_the_root_of_the_whole_log(size: int) -> None:
    headers = [f"header {number}" for number in range(size)]
    leaves = [leaf(header.encode()) for header in headers]
    path = merkle.inclusion_path(leaves, size - 1)  # of the last leaf: every sibling stands on its left
    receipt = {"log_path": base64.b64encode(b"".join(path)).decode()}
    first, steps = log_steps(receipt, headers[-1])
    assert first == leaves[-1].hex()
    assert all(step.sibling_is_left for step in steps)
    assert (steps[-1].parent if steps else first) == root_of(leaves).hex()


def test_another_header_leads_to_another_root() -> None:
    leaves = [leaf(f"header {number}".encode()) for number in range(7)]
    receipt = {"log_path": base64.b64encode(b"".join(merkle.inclusion_path(leaves, 6))).decode()}
    assert log_steps(receipt, "header 5")[1][-1].parent != root_of(leaves).hex()


def test_the_ladder_shows_every_hash_in_full_on_hover_and_siblings_on_their_side() -> None:
    steps = [Step("aa" * 32, True, "bb" * 32), Step("cc" * 32, False, "dd" * 32)]
    drawn = ladder("11" * 32, steps, leaf_name="this transaction", root_name="tx_root")
    hovers = [row[1] for trace in drawn.data if trace.customdata is not None for row in trace.customdata]
    assert hovers == ["11" * 32, "bb" * 32, "dd" * 32, "aa" * 32, "cc" * 32]
    assert [list(trace.x) for trace in drawn.data][2] == [-1, 1]


def test_a_block_of_one_transaction_draws_a_single_node() -> None:
    drawn = ladder("11" * 32, [], leaf_name="this transaction", root_name="tx_root")
    assert [len(trace.x) for trace in drawn.data] == [0, 1, 0]
