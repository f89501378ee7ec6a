"""Where every block is, read from the heads alone: a table in memory that needs no index and no trust.

Heads are hopped over (a head says how long its block is); each is checked against its hash and its predecessor, so
what the table says holds for the file as far as heads go. Bodies are the business of verification.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from core.errors import LedgerDamagedError
from core.ledger import block, merkle
from core.ledger.block import Head
from core.ledger.walk import START, Read

_HASH = 32


@dataclass(frozen=True, slots=True)
class Placed:
    """The head of a block and the offset of the block in the file."""

    offset: int
    head: Head


class Heads:
    """Offsets, times and sizes by height, and the tree of the header log. One thread extends, any thread reads."""

    def __init__(self) -> None:
        self.offsets = array("q")
        self.times_ms = array("q")
        self.counts = array("q")
        self.lengths = array("q")
        self.end = START.end
        self.last_hash = block.NO_PREVIOUS
        self._levels: list[bytearray] = [bytearray()]
        self._size = 0

    def __len__(self) -> int:
        """Number of blocks; all of them can be read."""
        return self._size

    def extend(self, read: Read, end: int) -> None:
        """Hop on to `end`, the end of a block. Raises LedgerDamagedError at a head that is not one."""
        while self.end < end:
            offset = self.end + (2 if self._size else 1)
            self.push(_head(read(offset, block.MAX_HEAD), self._size, self.last_hash, offset), offset)

    def push(self, head: Head, offset: int) -> None:
        """Append one block whose head was checked."""
        self.offsets.append(offset)
        self.times_ms.append(head.header.time_ms)
        self.counts.append(head.header.n)
        self.lengths.append(head.length)
        self._grow(merkle.leaf(head.header_bytes))
        self.end = offset + head.length
        self.last_hash = head.hash
        self._size += 1

    def _grow(self, found: bytes) -> None:
        level, place = 0, self._size
        self._levels[0] += found
        while place % 2:
            nodes = self._levels[level]
            found = merkle.node(bytes(nodes[-2 * _HASH : -_HASH]), found)
            level, place = level + 1, place >> 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += found

    def placed(self, read: Read, height: int) -> Placed:
        """The head at this height, read and checked again."""
        offset = self.offsets[height]
        return Placed(offset, _head(read(offset, block.MAX_HEAD), height, "", offset))

    def peaks(self, size: int) -> list[bytes]:
        """The frontier of the log after its first `size` blocks."""
        found = []
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                place = ((size >> level) - 1) * _HASH
                found.append(bytes(self._levels[level][place : place + _HASH]))
        return found

    def root(self, size: int) -> bytes:
        """The log root over the first `size` blocks."""
        return merkle.Frontier(size, self.peaks(size)).root()


def _head(found: bytes, height: int, prev: str, offset: int) -> Head:
    head = block.parse_head(found)
    sound = (
        head is not None
        and head.proof().hex() == head.hash
        and head.header.height == height
        and prev in ("", head.header.prev)
    )
    if head is None or not sound:
        raise LedgerDamagedError(
            f"The ledger is damaged in block {height} at byte {offset}: its header line is not the recorded one.",
            height=height,
            offset=offset,
        )
    return head
