"""Walks a ledger file block by block and stops at the first byte that is not what it must be.

    [                                   the file of an empty ledger is `[`, line break, `]`, line break
    {first block},
    {second block}
    ]

Everything that trusts a block (verification, recovery, the index, receipts) has walked over it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import LabError, LedgerDamagedError
from core.ledger import block, genesis, merkle, transaction, work
from core.ledger.block import Head
from core.ledger.genesis import Genesis

OPENING = b"["
CLOSING = b"\n]\n"
EMPTY = OPENING + CLOSING
PIECE = 1 << 21

Read = Callable[[int, int], bytes]
"""read(offset, length): that many bytes of the file, fewer only at its end."""


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a ledger stands after a block; all that is needed to append the next one.

    offset, end: first byte of the block and the byte after it. transactions: on the whole chain without the genesis
    line. peaks: the frontier of the header log, this block included. genesis: None before block 0.
    """

    height: int
    hash: str
    offset: int
    end: int
    time_ms: int
    transactions: int
    peaks: tuple[bytes, ...]
    genesis: Genesis | None

    @property
    def log_root(self) -> bytes:
        """Root over the headers of all blocks up to this one."""
        return merkle.Frontier(self.height + 1, self.peaks).root()

    @property
    def separator(self) -> bytes:
        """What stands between this block and the next."""
        return b"\n" if self.height < 0 else b",\n"


START = Tip(-1, block.NO_PREVIOUS, 0, len(OPENING), 0, 0, (), None)
"""The tip of an empty ledger."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block that was walked over. body is valid until the next step."""

    head: Head
    offset: int
    body: memoryview

    @property
    def body_offset(self) -> int:
        """Where its first transaction line begins in the file."""
        return self.offset + self.head.body_offset

    def lines(self) -> list[bytes]:
        """Its transaction lines."""
        return block.split_body(bytes(self.body))


class Walker:
    """Steps from `tip` to the end of a file of `size` bytes.

    level 1: every byte, header, proof of work, links and body hash. 2: also the Merkle root of the transactions.
    3: also every transaction parsed, checked against its schema and encoded again.
    """

    def __init__(self, read: Read, size: int, *, tip: Tip = START, level: int = 1) -> None:
        self.tip = tip
        self.size = size
        self._read = read
        self._level = level
        self._frontier = merkle.Frontier(tip.height + 1, tip.peaks)
        self._buffer = b""
        self._start = 0

    def step(self) -> Block | None:
        """The next block; None at a clean end. Raises LedgerDamagedError."""
        tip = self.tip
        if tip.height < 0:
            self._check_opening()
        if self.size < tip.end:
            raise self._cut_short()
        at = self._hold(tip.end, block.MAX_HEAD)
        if self.size == tip.end + len(CLOSING) and self._buffer.startswith(CLOSING, at):
            return None
        self._check_separator(at)
        offset = tip.end + len(tip.separator)
        head = self._head(offset, at + len(tip.separator))
        body = self._body(offset, head)
        rules = self._genesis(head, body) if tip.height < 0 else tip.genesis
        self._frontier.push(merkle.leaf(head.header_bytes))
        self.tip = Tip(
            height=tip.height + 1,
            hash=head.hash,
            offset=offset,
            end=offset + head.length,
            time_ms=head.header.time_ms,
            transactions=tip.transactions + (head.header.n if tip.height >= 0 else 0),
            peaks=tuple(self._frontier.peaks),
            genesis=rules,
        )
        return Block(head, offset, body)

    def _hold(self, offset: int, length: int) -> int:
        """Have these bytes in the buffer, fewer only at the end of the file; where in the buffer they begin."""
        end = min(offset + length, self.size)
        if offset < self._start or end > self._start + len(self._buffer):
            self._start = offset
            self._buffer = self._read(offset, min(max(length, PIECE), self.size - offset))
        return offset - self._start

    def _check_opening(self) -> None:
        at = self._hold(0, len(OPENING))
        if self.size == 0:
            raise self._damaged(0, "the file is empty, expected a ledger or the empty array [ ]")
        if not self._buffer.startswith(OPENING, at):
            raise self._damaged(0, "the file does not begin with [")

    def _check_separator(self, at: int) -> None:
        wanted = self.tip.separator
        end = self.tip.end
        found = self._buffer[at : at + len(CLOSING)]
        if found.startswith(wanted):
            return
        same = max(_common(found, wanted), _common(found, CLOSING))
        if end + same >= self.size:
            raise self._cut_short()
        if found == CLOSING:
            raise self._damaged(end + same, "something follows the end of the array")
        raise self._damaged(end + same, "the next block or the end of the array does not follow as it must")

    def _head(self, offset: int, at: int) -> Head:
        head = block.parse_head(self._buffer, at)
        if head is None:
            wrong = offset + block.first_wrong_byte(self._buffer, at)
            if wrong >= self.size:
                raise self._cut_short()
            raise self._damaged(wrong, "its header line does not have the form of one")
        header = head.header
        proof = head.proof()
        due = self._work_due(header.work)
        verdicts = (
            (proof.hex() == head.hash, "its hash is not that of its header and nonce"),
            (header.height == self.tip.height + 1, f"it says it is block {header.height}"),
            (header.prev == self.tip.hash, "it does not link to the block before it"),
            (header.work == due, f"its work is {header.work}, the schedule says {due}"),
            (work.suffices(proof, header.work), "its hash does not prove the work"),
            (header.time_ms >= self.tip.time_ms, "its time is before that of the previous block"),
            (header.log_root == self._frontier.root().hex(), "its log root is not that of the blocks before it"),
            (header.n > 0, "it has no transaction"),
            (header.body_len <= block.MAX_BODY, f"it is larger than {block.MAX_BODY} bytes"),
        )
        for holds, sentence in verdicts:
            if not holds:
                raise self._damaged(offset, sentence)
        return head

    def _work_due(self, found: int) -> int:
        """What the schedule asks for; block 0 brings the schedule with it, so it is checked with its body."""
        return self.tip.genesis.work_at(self.tip.height + 1) if self.tip.genesis else max(found, 1)

    def _body(self, offset: int, head: Head) -> memoryview:
        if offset + head.length > self.size:
            raise self._cut_short()
        at = self._hold(offset, head.length)
        start = at + head.body_offset
        body = memoryview(self._buffer)[start : start + head.header.body_len]
        if hashlib.sha256(body).hexdigest() != head.header.body:
            wrong, sentence = self._narrowed(bytes(body))
            raise self._damaged(offset + head.body_offset + wrong, sentence)
        found = self._buffer[start + len(body) : at + head.length]
        if found != block.END:
            wrong = offset + head.length - len(block.END) + _common(found, block.END)
            raise self._damaged(wrong, "its list of transactions is not closed as it must be")
        if self._level >= 2:
            self._check_transactions(offset + head.body_offset, head, bytes(body))
        return body

    def _narrowed(self, body: bytes) -> tuple[int, str]:
        """Where a body with the wrong hash is visibly wrong, else its beginning."""
        place = 0
        for number, line in enumerate(block.split_body(body)):
            try:
                self._check_line(number, line)
            except LabError:
                return place, f"transaction {number} is not what was recorded"
            place += len(line) + len(block.SEPARATOR)
        return 0, "its transactions are not the recorded ones"

    def _check_transactions(self, offset: int, head: Head, body: bytes) -> None:
        lines = block.split_body(body)
        if len(lines) != head.header.n:
            raise self._damaged(offset, f"it has {len(lines)} transactions, its header says {head.header.n}")
        if merkle.root(merkle.leaves(lines)).hex() != head.header.tx_root:
            raise self._damaged(offset, "its transactions do not lead to its Merkle root")
        if self._level < 3:
            return
        for number, line in enumerate(lines):
            try:
                self._check_line(number, line)
            except LabError as error:
                raise self._damaged(offset, f"transaction {number}: {error.message}") from None
            offset += len(line) + len(block.SEPARATOR)

    def _check_line(self, number: int, line: bytes) -> None:
        if self.tip.height < 0 and number == 0:
            genesis.from_line(line)
        else:
            transaction.from_line(line)

    def _genesis(self, head: Head, body: memoryview) -> Genesis:
        offset = self.tip.end + len(self.tip.separator)
        line = block.split_body(bytes(body))[0]
        try:
            found = genesis.from_line(line)
        except LabError as error:
            raise self._damaged(offset + head.body_offset, error.message) from None
        if head.header.n != 1:
            raise self._damaged(offset, f"the genesis block has {head.header.n} lines, expected 1")
        if head.header.work != found.work_at(0):
            raise self._damaged(offset, f"its work is {head.header.work}, the schedule says {found.work_at(0)}")
        return found

    def _cut_short(self) -> LedgerDamagedError:
        return self._damaged(self.size, "the file ends here, before the end of the array")

    def _damaged(self, offset: int, sentence: str) -> LedgerDamagedError:
        between = offset < self.tip.end + len(self.tip.separator) and self.tip.height >= 0
        height = self.tip.height if between else self.tip.height + 1
        return LedgerDamagedError(
            f"The ledger is damaged {'after' if between else 'in'} block {height} at byte {offset}: {sentence}.",
            height=height,
            offset=offset,
        )


def _common(found: bytes, wanted: bytes) -> int:
    """How many bytes both begin with."""
    for place, (left, right) in enumerate(zip(found, wanted, strict=False)):
        if left != right:
            return place
    return min(len(found), len(wanted))
