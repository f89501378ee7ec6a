"""Proof of work: a nonce that makes SHA-256(digest ‖ nonce) small; searched in a process of its own.

`python -m core.ledger.work` reads jobs from standard input, one a line (`<digest hex> <work>`), answers each with the
nonce in hex, and ends when its input ends.
"""

from __future__ import annotations

import hashlib
import sys

SPACE = 1 << 256


def proof(digest: bytes, nonce: bytes) -> bytes:
    """The hash whose smallness is the proof: SHA-256(digest ‖ 8-byte nonce)."""
    return hashlib.sha256(digest + nonce).digest()


def suffices(proof_hash: bytes, work: int) -> bool:
    """Whether a proof is worth `work` expected hashes."""
    return int.from_bytes(proof_hash) * work < SPACE


def search(digest: bytes, work: int) -> bytes:
    """The first nonce, counted from 0, whose proof suffices."""
    target = ((SPACE - 1) // work).to_bytes(32)
    fresh = hashlib.sha256(digest).copy
    number = 0
    while True:
        nonce = number.to_bytes(8)
        attempt = fresh()
        attempt.update(nonce)
        if attempt.digest() <= target:
            return nonce
        number += 1


def serve() -> None:
    """Answer jobs until the input ends."""
    for line in sys.stdin:
        digest, work = line.split()
        print(search(bytes.fromhex(digest), int(work)).hex(), flush=True)


if __name__ == "__main__":
    serve()
