"""A block: one header line that commits to everything, then one line a transaction.

    {"hash":"<64 hex>","header":{…},"nonce":"<16 hex>","txs":[
    {first transaction},
    {last transaction}
    ]}

header: body      SHA-256 over the transaction lines, their separators included, hex
        body_len  length of that in bytes
        height    0 for the genesis block
        log_root  RFC 6962 root over the canonical headers of the blocks 0 … height−1
        n         number of transactions
        prev      hash of the previous block; 64 zeros for the genesis block
        time      ms since 1970 UTC, never before the previous block's
        tx_root   RFC 6962 root over the transaction lines
        v         1
        work      expected number of hashes, from the schedule in the genesis block
hash = SHA-256(SHA-256(canonical header) ‖ nonce), valid when hash · work < 2^256.

Separators, key order and hex case are fixed, so the bytes of a block are determined by its contents.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.ledger import merkle, work

VERSION = 1
NO_PREVIOUS = "0" * 64
SEPARATOR = b",\n"
END = b"\n]}"
MAX_BODY = 1 << 26
"""No block has a longer body; a verifier need not hold more at once."""

_HEX = r"([0-9a-f]{64})"
_NUMBER = r"(0|[1-9][0-9]{0,15})"
_PIECES = (
    *(r'\{"hash":"', _HEX, r'","header":', r'\{"body":"', _HEX, r'","body_len":', _NUMBER, r',"height":', _NUMBER),
    *(r',"log_root":"', _HEX, r'","n":', _NUMBER, r',"prev":"', _HEX, r'","time":', _NUMBER),
    *(r',"tx_root":"', _HEX, r'","v":', r"(1)", r',"work":', _NUMBER, r"\}"),
    *(r',"nonce":"', r"([0-9a-f]{16})", r'","txs":\[\n'),
)
_HEAD = re.compile("".join(_PIECES).encode())
MAX_HEAD = 1024
"""No block has a longer head."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a block commits to; see the module's text for each field."""

    body: str
    body_len: int
    height: int
    log_root: str
    n: int
    prev: str
    time_ms: int
    tx_root: str
    work: int

    def digest(self) -> bytes:
        """What the proof of work is over."""
        return hashlib.sha256(self.encode()).digest()

    def encode(self) -> bytes:
        """The canonical bytes."""
        return (
            f'{{"body":"{self.body}","body_len":{self.body_len},"height":{self.height},"log_root":"{self.log_root}",'
            f'"n":{self.n},"prev":"{self.prev}","time":{self.time_ms},"tx_root":"{self.tx_root}","v":{VERSION},'
            f'"work":{self.work}}}'
        ).encode()


@dataclass(frozen=True, slots=True)
class Head:
    """The header line of a block as found; lengths and offsets in bytes from the start of the block."""

    header: Header
    header_bytes: bytes
    hash: str
    nonce: bytes
    body_offset: int

    @property
    def length(self) -> int:
        """Bytes of the whole block."""
        return self.body_offset + self.header.body_len + len(END)

    def proof(self) -> bytes:
        """The hash recomputed."""
        return work.proof(hashlib.sha256(self.header_bytes).digest(), self.nonce)


def parse_head(buffer: bytes, at: int = 0) -> Head | None:
    """The head of the block that starts at `buffer[at]`; None unless it has exactly the form of one."""
    found = _HEAD.match(buffer, at)
    if found is None:
        return None
    hash_, body, body_len, height, log_root, n, prev, time_ms, tx_root, _version, work_, nonce = found.groups()
    header = Header(
        body.decode(),
        int(body_len),
        int(height),
        log_root.decode(),
        int(n),
        prev.decode(),
        int(time_ms),
        tx_root.decode(),
        int(work_),
    )
    header_bytes = buffer[found.start(2) - len('{"body":"') : found.end(11) + 1]
    return Head(header, header_bytes, hash_.decode(), bytes.fromhex(nonce.decode()), found.end() - at)


def first_wrong_byte(buffer: bytes, at: int = 0) -> int:
    """How many bytes from `at` still look like the head of a block."""
    place = at
    for piece in _PIECES:
        found = re.compile(piece.encode()).match(buffer, place)
        if found is None:
            return _within(piece, buffer, place) - at
        place = found.end()
    return place - at


def _within(piece: str, buffer: bytes, place: int) -> int:
    if piece.startswith("("):
        allowed = re.compile(rb"[0-9]*" if piece == _NUMBER else rb"[0-9a-f]*").match(buffer, place)
        return allowed.end() if allowed else place
    expected = piece.replace("\\n", "\n").replace("\\", "").encode()
    while place < len(buffer) and expected.startswith(buffer[place : place + 1]):
        expected = expected[1:]
        place += 1
    return place


def split_body(body: bytes) -> list[bytes]:
    """The transaction lines of a body."""
    return body.split(SEPARATOR)


def draft(
    lines: Sequence[bytes], *, height: int, prev: str, log_root: bytes, time_ms: int, work: int
) -> tuple[Header, bytes]:
    """The header over these transaction lines, and their body. What is missing is the nonce."""
    body = SEPARATOR.join(lines)
    header = Header(
        body=hashlib.sha256(body).hexdigest(),
        body_len=len(body),
        height=height,
        log_root=log_root.hex(),
        n=len(lines),
        prev=prev,
        time_ms=time_ms,
        tx_root=merkle.root(merkle.leaves(lines)).hex(),
        work=work,
    )
    return header, body


def record(header: Header, body: bytes, *, nonce: bytes) -> tuple[bytes, str]:
    """The bytes of the block, and its hash."""
    header_bytes = header.encode()
    block_hash = work.proof(hashlib.sha256(header_bytes).digest(), nonce).hex()
    head = b'{"hash":"%s","header":%s,"nonce":"%s","txs":[\n' % (
        block_hash.encode(),
        header_bytes,
        nonce.hex().encode(),
    )
    return head + body + END, block_hash
