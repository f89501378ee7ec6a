"""Looks into the chain: lists, blocks, transactions; whatever it shows was read from the file and hashed again."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import orjson

from core import system
from core.chain.opening import Opened
from core.chain.records import BlockPage, BlockSummary, Line, summary
from core.errors import LedgerDamagedError, NotFoundError
from core.ledger import block, genesis, merkle
from core.ledger.genesis import Genesis
from core.ledger.heads import Heads, Placed
from core.ledger.transaction import leaf_hash
from core.ledger.verify import pread
from core.ledger.walk import CLOSING, Tip


class Explorer:
    """Reads the committed part of the file through a descriptor of its own."""

    def __init__(self, path: Path, opened: Opened) -> None:
        self.rules: Genesis | None = _rules(opened.genesis)
        self._tip = opened.tip
        self._heads = Heads()
        self._growing = threading.Lock()  # owns the growth of _heads
        try:
            self._file = os.open(path, os.O_RDONLY | system.OPEN) if path.is_file() else -1
        except OSError:
            self._file = -1

    def close(self) -> None:
        """Release the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file; fewer at its end."""
        return pread(self._file, offset, length) if self._file >= 0 else b""

    def standing(self) -> tuple[int, str, int | None, int]:
        """Height, hash and time of the newest block, and the number of transactions; -1, "", None, 0 without one."""
        if self._tip is not None:
            return self._tip.height, self._tip.hash, self._tip.time_ms, self._tip.transactions
        heads = self.heads()
        height = len(heads) - 1
        if height < 0:
            return -1, "", None, 0
        return height, heads.last_hash, heads.times_ms[height], sum(heads.counts) - heads.counts[0]

    def extend(self, tip: Tip) -> None:
        """A block was appended."""
        self._tip = tip

    def heads(self) -> Heads:
        """The table of all blocks, grown to the tip; without a writer, as far as the file is sound."""
        end = self._tip.end if self._tip else self._size() - len(CLOSING)
        if self._heads.end < end:
            with self._growing, suppress(LedgerDamagedError):
                self._heads.extend(self.read, end)
        return self._heads

    def _size(self) -> int:
        return os.fstat(self._file).st_size if self._file >= 0 else 0

    def blocks(self, before_height: int | None, limit: int) -> list[BlockSummary]:
        """The newest first, below `before_height`."""
        heads = self.heads()
        top = len(heads) if before_height is None else max(0, min(before_height, len(heads)))
        return [summary(heads.placed(self.read, height)) for height in range(top - 1, max(-1, top - 1 - limit), -1)]

    def has(self, height: int) -> bool:
        """Whether there is such a block."""
        return 0 <= height < len(self.heads())

    def placed(self, height: int) -> Placed:
        """The head at a height. Raises NotFoundError."""
        heads = self.heads()
        if not 0 <= height < len(heads):
            raise NotFoundError(f"There is no block {height}; the last one is {len(heads) - 1}.")
        return heads.placed(self.read, height)

    def locate(self, tx_hash: str) -> tuple[int, int]:
        """Height and index of a transaction, searched in the whole file. Raises NotFoundError."""
        wanted = bytes.fromhex(tx_hash)
        for height in range(len(self.heads()) - 1, 0, -1):
            leaves = merkle.leaves(self.lines(height))
            if wanted in leaves:
                return height, leaves.index(wanted)
        raise NotFoundError(f"No transaction on the chain has the hash {tx_hash}.")

    def lines(self, height: int) -> list[bytes]:
        """The transaction lines of a block."""
        placed = self.placed(height)
        found = self.read(placed.offset, placed.head.length)
        return block.split_body(found[placed.head.body_offset : -len(block.END)])

    def block(self, height: int, *, first: int, limit: int) -> BlockPage:
        """A block and some of its transactions, recomputed from its bytes."""
        placed = self.placed(height)
        found = self.read(placed.offset, placed.head.length)
        body = found[placed.head.body_offset : -len(block.END)]
        lines = block.split_body(body)
        header = placed.head.header
        redrafted, _ = block.draft(
            lines,
            height=height,
            prev=self.placed(height - 1).head.hash if height else block.NO_PREVIOUS,
            log_root=self.heads().root(height),
            time_ms=header.time_ms,
            work=header.work,
        )
        recomputed = {
            "hash": placed.head.proof().hex(),
            "body": redrafted.body,
            "tx_root": redrafted.tx_root,
            "log_root": redrafted.log_root,
            "prev": redrafted.prev,
        }
        recorded = {name: getattr(header, name) for name in ("body", "tx_root", "log_root", "prev")}
        recorded["hash"] = placed.head.hash
        offset = placed.offset + placed.head.body_offset
        shown = []
        for index, line in enumerate(lines):
            if first <= index < first + limit:
                shown.append(Line(index, leaf_hash(line), offset, line, orjson.loads(line)))
            offset += len(line) + len(block.SEPARATOR)
        return BlockPage(
            summary=summary(placed),
            body_hash=header.body,
            log_root=header.log_root,
            tx_root=header.tx_root,
            header=placed.head.header_bytes.decode(),
            recomputed=recomputed,
            checks={name: recomputed[name] == recorded[name] for name in recomputed},
            lines=tuple(shown),
            first=first,
        )


def _rules(record: bytes) -> Genesis | None:
    head = block.parse_head(record)
    return genesis.from_line(record[head.body_offset : -len(block.END)]) if head else None
