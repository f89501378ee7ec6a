"""The chain as one service: what is submitted is pending at once, and in a block after the next `mine`.

Order of writes of `mine`, and what is true after each step:
1. submit committed the transactions to the pool      acknowledged, never lost
2. the block is written and fsynced                   committed; found by recovery if we die now
3. one database transaction: rows deleted, keys seen, mark and checkpoint moved      settled, exactly once
4. checkpoint published, index updated                for others to see; can be redone at any time
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from core.chain.explorer import Explorer
from core.chain.figures import Figures
from core.chain.indexer import Indexer
from core.chain.miner import Miner
from core.chain.opening import Opening
from core.chain.publisher import Publisher
from core.chain.receipts import Receipts
from core.chain.records import (
    BlockPage,
    BlockSummary,
    ChainStatus,
    Entry,
    Filter,
    MinedBlock,
    Search,
    TransactionPage,
)
from core.chain.search import Finder
from core.chain.signed import CHECKPOINTS_FILE
from core.chain.verification import Verification
from core.errors import LedgerReadOnlyError, UnavailableError
from core.ledger import block
from core.ledger.canonical import Json
from core.ledger.file import LedgerFile
from core.ledger.merkle import Frontier, leaf
from core.ledger.transaction import Transaction
from core.ledger.verify import Progress, Replay, Verdict
from core.ledger.walk import Tip
from core.settings import Settings
from core.store import Store
from core.store import tip as marks
from core.store.pool import Arrival, PendingRow, Pool, State

log = logging.getLogger(__name__)
BLOCK_TRANSACTIONS = 4_096
BLOCK_BYTES = 2 << 20
"""Bounds of one block; what does not fit waits for the next."""


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Chain:
    """Safe to call from any thread. Opening never fails for the state of the ledger: see `status().damage`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        clock: Callable[[], int] = now_ms,
        pool: Pool | None = None,
        on_block: Callable[[MinedBlock], None] | None = None,
        retained: str = "",
        announcing: Callable[[], str] = str,
    ) -> None:
        """clock: milliseconds since 1970 UTC. on_block: called after each block, in the thread that mined it.

        retained: a checkpoint of this lab that somebody else, a broker, has kept; the ledger must extend it.
        announcing: why the newest checkpoint is not announced, "" if it is.
        """
        self.pool = pool or Pool(store, clock=clock)
        self._store = store
        self._told = settings.without_paths
        self._clock = clock
        self._on_block = on_block
        self._announcing = announcing
        self._miner = Miner()
        self._publisher = Publisher(settings.data_dir / CHECKPOINTS_FILE)
        self._mining = threading.Lock()  # owns the writing side: _file, _unsettled
        self._opening = Opening(settings, store, pool=self.pool, miner=self._miner, clock=clock, retained=retained)
        opened = self._opening.open()
        self._file: LedgerFile | None = opened.file
        self._genesis = opened.genesis
        self._tip = opened.tip
        self._damage = opened.damage
        self._notice = opened.notice
        self._checkpoint = opened.checkpoint
        self._unsettled: tuple[Tip, Tip, list[bytes]] | None = None
        self.explorer = Explorer(settings.ledger_path, opened)
        self.indexer = Indexer(settings.data_dir, heads=self.explorer.heads, read=self.explorer.read)
        self.finder = Finder(self.explorer, self.indexer, self.pool)
        self.figures = Figures(self.explorer, self.indexer)
        self._receipts = Receipts(self.explorer, opened.key, self._publisher)
        self.verification = Verification(settings.ledger_path, end=self._end, clock=clock, on_damage=self._found_damage)
        self.indexer.start()

    def close(self) -> None:
        """Release the ledger; wait for a block that is being written."""
        self.verification.close()
        with self._mining:
            self._miner.close()
            if self._file is not None:
                self._file.close()
                self._file = None
        self.indexer.close()
        self.explorer.close()

    # ---- writing

    def submit(self, items: Sequence[Transaction | Arrival]) -> list[State]:
        """Accept durably; what this returns for may be acknowledged."""
        return self.pool.submit(items)

    def mine(self) -> MinedBlock | None:
        """Put the oldest pending transactions into one block; None if nothing is pending.

        Raises LedgerReadOnlyError saying why nothing can be written.
        """
        with self._mining:
            file, tip = self._writer()
            self._settle_leftover()
            rows = self._oldest()
            if not rows:
                return None
            mined = self._append(file, tip, rows)
            self._publisher.publish(mined.checkpoint)
        if self._on_block is not None:
            try:
                self._on_block(mined)
            except Exception:
                log.exception("block %d is committed, but who asked to be told of it failed", mined.height)
        return mined

    def _writer(self) -> tuple[LedgerFile, Tip]:
        if self._file is None or self._tip is None:
            raise LedgerReadOnlyError(self._damage or self._notice or "The ledger is closed.")
        return self._file, self._tip

    def full_block_waits(self) -> bool:
        """Whether so much is pending that a block cannot take more."""
        rows = self.pool.pending(BLOCK_TRANSACTIONS)
        return len(rows) == BLOCK_TRANSACTIONS or sum(len(row.body) for row in rows) > BLOCK_BYTES

    def _oldest(self) -> list[PendingRow]:
        rows: list[PendingRow] = []
        size = 0
        for row in self.pool.pending(BLOCK_TRANSACTIONS):
            if leaf(row.body).hex() != row.tx_hash:
                log.error("pending transaction %s was changed in the database; it is left out", row.tx_hash)
                continue
            size += len(row.body) + len(block.SEPARATOR)
            if rows and size > BLOCK_BYTES:
                break
            rows.append(row)
        return rows

    def _append(self, file: LedgerFile, tip: Tip, rows: list[PendingRow]) -> MinedBlock:
        assert tip.genesis is not None, "an open ledger has its genesis block"
        lines = [row.body for row in rows]
        header, body = block.draft(
            lines,
            height=tip.height + 1,
            prev=tip.hash,
            log_root=tip.log_root,
            time_ms=max(self._clock(), tip.time_ms),
            work=tip.genesis.work_at(tip.height + 1),
        )
        nonce = self._miner.search(header.digest(), header.work)
        record, block_hash = block.record(header, body, nonce=nonce)
        self._write(file, record, tip)
        after = _advanced(tip, header, block_hash, len(record))
        self._unsettled = (tip, after, lines)
        self._tip = after
        self.explorer.extend(after)
        self._settle_leftover()
        self.indexer.wake()
        hashes = tuple(row.tx_hash for row in rows)
        log.info("block %d mined: %d transactions, %d bytes", header.height, header.n, len(record))
        return MinedBlock(header.height, block_hash, header.time_ms, hashes, len(record), self._checkpoint)

    def _write(self, file: LedgerFile, record: bytes, tip: Tip) -> None:
        try:
            file.append(record, after=tip)
            self._notice = "" if self._notice.startswith(_TRYING) else self._notice
        except LedgerReadOnlyError as error:
            log.error("block %d not written: %s", tip.height + 1, error)
            if file.failure:
                self._damage = file.failure
                file.close()
                self._file = None
            else:
                self._notice = f"{_TRYING}: {error}"
            raise

    def _settle_leftover(self) -> None:
        """Step 3; again, if it failed after the last block was committed."""
        if self._unsettled is not None:
            before, after, lines = self._unsettled
            try:
                self._opening.settle(before, after, self._genesis, lines)
            except SQLAlchemyError as error:
                raise UnavailableError(
                    f"Block {after.height} is on the chain, but the database cannot be written.",
                    fix="No block follows until it can; look at the disk.",
                ) from error
            self._checkpoint = self._opening.checkpoint
            self._unsettled = None

    # ---- reading

    def status(self) -> ChainStatus:
        """Where the chain stands; a few database reads, no look at the file."""
        height, tip_hash, tip_at_ms, transactions = self.explorer.standing()
        oldest = self.pool.oldest_at_ms()
        rules = self.explorer.rules
        verified, verified_at_ms = self.verification.sound or (None, None)
        return ChainStatus(
            height=height,
            tip_hash=tip_hash,
            tip_at_ms=tip_at_ms,
            transactions=transactions,
            pending=self.pool.pending_count() if oldest is not None else 0,
            oldest_pending_at_ms=oldest,
            writable=self._file is not None,
            damage=self._told(self._damage) or None,
            notice=self._told(self._notice) or None,
            problems=tuple(map(self._told, filter(None, self._failing()))),
            verified_height=verified.height if verified else None,
            verified_level=verified.level if verified else None,
            verified_at_ms=verified_at_ms,
            verifying=self.verification.share,
            chain_id=rules.chain_id if rules else "",
            currency=rules.currency if rules else "",
            origin=rules.origin if rules else "",
            log_key=rules.log_key if rules else "",
            checkpoint=self._checkpoint,
        )

    def _failing(self) -> tuple[str, ...]:
        return self.verification.problem, self._publisher.problem, self._announcing()

    def _end(self) -> int | None:
        """Up to where the file is committed: a block may be being appended. All of it is looked at if it is damaged."""
        if self._tip is not None:
            return self._tip.end
        return None if self._damage else self.explorer.heads().end

    def blocks(self, *, before_height: int | None = None, limit: int = 20) -> list[BlockSummary]:
        """The newest first, below `before_height`."""
        return self.explorer.blocks(before_height, limit)

    def block(self, height: int, *, first: int = 0, limit: int = 1000) -> BlockPage:
        """A block read from the file and recomputed, with `limit` of its transactions. Raises NotFoundError."""
        return self.explorer.block(height, first=first, limit=limit)

    def transaction(self, tx_hash: str) -> TransactionPage:
        """A mined transaction with its proof. Raises NotFoundError (code "pending" if it waits for a block)."""
        return self.finder.transaction(tx_hash)

    def transactions(
        self, wanted: Filter | None = None, *, before_seq: int | None = None, limit: int = 50
    ) -> list[Entry]:
        """Mined transactions, the newest first. Raises UnavailableError while the index is being built."""
        return self.finder.entries(wanted or Filter(), before_seq=before_seq, limit=limit)

    def by_household(self, household: str, *, before_seq: int | None = None, limit: int = 50) -> list[Entry]:
        """The trades of one household, the newest first."""
        return self.transactions(Filter(household=household), before_seq=before_seq, limit=limit)

    def find(self, text: str) -> Search:
        """What a hash or its beginning, a height, a household or a run id stands for."""
        return self.finder.find(text)

    def receipt(self, tx_hash: str) -> dict[str, Json]:
        """The receipt of a mined transaction: see core/ledger/receipt.py. Raises NotFoundError."""
        return self._receipts.make(*self.finder.locate(tx_hash.strip().lower()))

    def verify(self, level: int = 1, progress: Progress | None = None, *, replay: Replay | None = None) -> Verdict:
        """Walk over the committed part of the file. Damage makes the ledger read-only."""
        return self.verification.run(level, progress=progress, replay=replay)

    def start_verification(self) -> None:
        """Verify in the background; `status().verifying` is the share done."""
        self.verification.start()

    def _found_damage(self, verdict: Verdict) -> None:
        """Stop writing, and remember why: the next start checks all of the file before it writes."""
        with self._mining:
            self._damage = self._damage or verdict.sentence
            if self._file is not None:
                self._file.close()
                self._file = None
        try:
            with self._store.begin() as connection:
                marks.write_damage(connection, verdict.sentence)
        except SQLAlchemyError:
            log.exception("the damage cannot be remembered")


_TRYING = "The last block could not be written"


def _advanced(tip: Tip, header: block.Header, block_hash: str, length: int) -> Tip:
    """The tip after a block that was just written."""
    frontier = Frontier(tip.height + 1, tip.peaks)
    frontier.push(leaf(header.encode()))
    offset = tip.end + len(tip.separator)
    return Tip(
        height=header.height,
        hash=block_hash,
        offset=offset,
        end=offset + length,
        time_ms=header.time_ms,
        transactions=tip.transactions + header.n,
        peaks=tuple(frontier.peaks),
        genesis=tip.genesis,
    )
