"""Every flipped bit and every truncation is found, and named by a block and byte that hold it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from core.ledger.generate import generate
from core.ledger.verify import Verdict, verify
from core.ledger.walk import CLOSING, PIECE


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "ledger.json"
    generate(path, transactions=40, blocks=8)
    return path


def spans(content: bytes) -> list[tuple[int, int]]:
    """First byte and end of each block, the separator before it included."""
    starts = [0]
    at = content.find(b'\n{"hash":"', 2)
    while at >= 0:
        starts.append(at - 1)
        at = content.find(b'\n{"hash":"', at + 1)
    ends = [*starts[1:], len(content)]
    return list(zip(starts, ends, strict=True))


def checked(tmp_path: Path, content: bytes, level: int = 1) -> Verdict:
    path = tmp_path / "changed.json"
    path.write_bytes(content)
    return verify(path, level)


def test_the_small_ledger_is_sound_at_every_level(small: Path) -> None:
    for level in (1, 2, 3):
        verdict = verify(small, level)
        assert verdict.ok, verdict.sentence
        assert (verdict.blocks, verdict.transactions) == (9, 40)


@pytest.mark.slow
def test_each_of_10_000_flipped_bits_is_found_in_its_block(small: Path, tmp_path: Path) -> None:
    content = small.read_bytes()
    blocks = spans(content)
    rng = random.Random(10)
    for _ in range(10_000):
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        changed = bytearray(content)
        changed[at] ^= bit
        verdict = checked(tmp_path, bytes(changed))
        assert not verdict.ok, f"bit {bit} of byte {at} was not seen"
        height = next(n for n, (start, end) in enumerate(blocks) if start <= at < end)
        start, end = blocks[height]
        separator = 2 if height else 0  # the comma and line break before a block are said to be after the one before
        assert verdict.height == (height if at >= start + separator else height - 1) or at >= end - 3, (at, verdict)
        assert start <= verdict.offset <= end, (at, verdict)


@pytest.mark.slow
def test_every_truncation_is_found_where_the_file_ends(small: Path, tmp_path: Path) -> None:
    content = small.read_bytes()
    for size in range(len(content)):
        verdict = checked(tmp_path, content[:size])
        assert not verdict.ok, f"cut to {size} bytes was not seen"
        assert verdict.offset <= size


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a block removed", lambda b: b[:3] + b[4:]),
        ("two blocks swapped", lambda b: [*b[:3], b[4], b[3], *b[5:]]),
        ("a block twice", lambda b: [*b[:4], b[3], *b[4:]]),
        ("a transaction removed", lambda b: [*b[:3], {**b[3], "txs": b[3]["txs"][1:]}, *b[4:]]),
        ("two transactions swapped", lambda b: [*b[:3], {**b[3], "txs": b[3]["txs"][::-1]}, *b[4:]]),
        ("time set back", lambda b: [*b[:3], {**b[3], "header": {**b[3]["header"], "time": 1}}, *b[4:]]),
    ],
)
def test_a_change_of_structure_is_found_at_its_block(small: Path, tmp_path: Path, name: str, change: object) -> None:
    blocks = change(json.loads(small.read_bytes()))  # type: ignore[operator]
    lines = []
    for one in blocks:
        head = json.dumps({k: one[k] for k in ("hash", "header", "nonce")}, separators=(",", ":"), ensure_ascii=False)
        body = ",\n".join(json.dumps(t, separators=(",", ":"), ensure_ascii=False) for t in one["txs"])
        lines.append(f'{head[:-1]},"txs":[\n{body}\n]}}')
    verdict = checked(tmp_path, ("[\n" + ",\n".join(lines) + "\n]\n").encode())
    assert not verdict.ok, name
    assert verdict.height == 3 or (name == "a block twice" and verdict.height == 4), (name, verdict)


def test_an_untouched_rewrite_is_sound_so_the_test_above_can_fail(small: Path, tmp_path: Path) -> None:
    blocks = json.loads(small.read_bytes())
    lines = []
    for one in blocks:
        head = json.dumps({k: one[k] for k in ("hash", "header", "nonce")}, separators=(",", ":"), ensure_ascii=False)
        body = ",\n".join(json.dumps(t, separators=(",", ":"), ensure_ascii=False) for t in one["txs"])
        lines.append(f'{head[:-1]},"txs":[\n{body}\n]}}')
    content = ("[\n" + ",\n".join(lines) + "\n]\n").encode()
    assert content == small.read_bytes()


def test_a_file_that_grows_while_it_is_verified_is_judged_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    generate(path, transactions=20_000, blocks=4)
    size = path.stat().st_size
    assert size > PIECE  # so that its end is read after its beginning

    def append_once(_done: int, _of: int) -> None:
        if path.stat().st_size == size:
            with path.open("r+b") as file:
                file.seek(size - len(CLOSING))
                file.write(b",\n{ the next block" + CLOSING)

    verdict = verify(path, progress=append_once)
    assert (verdict.ok, verdict.blocks, verdict.offset) == (True, 5, size), verdict.sentence
    assert not verify(path).ok
