"""Opening a ledger: begin it, adopt it, recover it, or say in one sentence why it is only read."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from core.chain.miner import Miner
from core.chain.publisher import Publisher
from core.chain.signed import CHECKPOINTS_FILE, signed
from core.errors import ConflictError, LabError, LedgerDamagedError, LedgerError, LedgerReadOnlyError
from core.ledger import block, checkpoint, genesis, merkle
from core.ledger.checkpoint import Checkpoint, SigningKey
from core.ledger.file import LedgerFile
from core.ledger.recovery import REMEDY, Mark, adopt, newest, recover, whole_blocks
from core.ledger.verify import reading, verify
from core.ledger.walk import START, Tip, Walker
from core.settings import Settings
from core.store import Store
from core.store import tip as marks
from core.store.pool import Pool

log = logging.getLogger(__name__)
KEY_FILE = "ledger.key"


@dataclass(frozen=True, slots=True)
class Opened:
    """file, tip: None if the ledger is only read; then `damage` (of the file) or `notice` (anything else) says why."""

    file: LedgerFile | None
    tip: Tip | None
    genesis: bytes
    key: SigningKey | None
    damage: str = ""
    notice: str = ""
    checkpoint: str = ""


class Opening:
    """Opens the ledger of `settings` once."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        pool: Pool,
        miner: Miner,
        clock: Callable[[], int],
        retained: str = "",
    ) -> None:
        """retained: the checkpoint that somebody else, a broker, has kept; "" if there is none."""
        self._retained = retained
        self._settings = settings
        self._store = store
        self._pool = pool
        self._miner = miner
        self._clock = clock
        self._key_path = settings.data_dir / KEY_FILE
        self._published = Publisher(settings.data_dir / CHECKPOINTS_FILE)
        self._key: SigningKey | None = None
        self._key_problem = ""
        self._published_problem = ""
        self.checkpoint = ""

    def open(self) -> Opened:
        """Never raises for what a ledger can look like; says it instead."""
        with self._store.read() as connection:
            stored = marks.read(connection)
        mark, self.checkpoint = stored or (None, "")
        try:
            file = self._file(mark)
        except (LedgerError, ConflictError) as error:
            return self._refused(error, mark)
        try:
            return self._opened(file, mark)
        except LedgerError as error:
            file.close()
            return self._refused(error, mark)
        except (OSError, SQLAlchemyError) as error:
            file.close()
            return self._refused(_unopened(error), mark)

    def _refused(self, error: LabError, mark: Mark | None) -> Opened:
        log.error("ledger opens read-only: %s", error)
        record = mark.genesis if mark else first_record(self._settings.ledger_path)
        if record:
            self._load_key(record)
        damaged = isinstance(error, LedgerDamagedError)
        return Opened(
            file=None,
            tip=None,
            genesis=record,
            key=self._key,
            damage=str(error) if damaged else "",
            notice="" if damaged else str(error),
            checkpoint=self.checkpoint,
        )

    def _file(self, mark: Mark | None) -> LedgerFile:
        path = self._settings.ledger_path
        if mark is not None and mark.hash and not path.exists():
            raise missing(path, mark)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerReadOnlyError(f"The folder {path.parent} cannot be made: {error.strerror}.") from None
        return LedgerFile(path, create=mark is None or not mark.hash)

    def _opened(self, file: LedgerFile, mark: Mark | None) -> Opened:
        self._check_damage()
        if mark is None:
            mark = self._begun(file) if file.holds_nothing else self._adopted(file)
        self._check_signed(file, newest(file, mark), mark.genesis)
        found = recover(file, mark)
        if found.repaired:
            log.warning("ledger recovered: %s", found.repaired)
        tip = found.tip
        self._load_key(mark.genesis)
        for settled in found.unsettled:
            self.settle(tip, settled, mark.genesis, lines_of(file, settled))
            tip = settled
        if tip.height < 0:
            file.append(mark.genesis, after=tip)
            tip = self._first(file)
            self.settle(START, tip, mark.genesis, [])
        self._published.publish(self.checkpoint)
        if self._pool.lacks_terms():
            self._learn_terms(file)
        return Opened(file, tip, mark.genesis, self._key, notice=self._notices(), checkpoint=self.checkpoint)

    def _check_signed(self, file: LedgerFile, tip: Tip, record: bytes) -> None:
        """Nothing is written to a ledger that is older than, or differs from, what this lab has signed."""
        folder, rules = self._settings.data_dir, rules_of(record)
        found = signed(folder, rules, expected=self.checkpoint, retained=self._retained)
        found.check(tip, file)
        if found.problem:
            log.warning("%s", found.problem)
        self._published_problem = found.problem

    def _check_damage(self) -> None:
        """A file that was found damaged is written again only after all of it was found sound."""
        with self._store.read() as connection:
            known = marks.damage(connection)
        if not known:
            return
        log.warning("the ledger was found damaged before (%s); checking all of it", known)
        verdict = verify(self._settings.ledger_path)
        if not verdict.ok:
            raise LedgerDamagedError(verdict.sentence, height=verdict.height, offset=verdict.offset, fix=REMEDY)
        with self._store.begin() as connection:
            marks.write_damage(connection, "")

    # ---- a new ledger

    def _begun(self, file: LedgerFile) -> Mark:
        """Decide on the genesis block, durably, before it is written."""
        if self._published.text():
            raise beheaded(file.path, self._published.path)
        chain_id = secrets.token_hex(16)
        key = self._key_for(chain_id)
        rules = genesis.Genesis(
            chain_id, self._settings.currency, key.public.hex(), ((0, self._settings.proof_of_work),)
        )
        header, body = block.draft(
            [rules.line()],
            height=0,
            prev=block.NO_PREVIOUS,
            log_root=merkle.EMPTY_ROOT,
            time_ms=self._clock(),
            work=rules.work_at(0),
        )
        nonce = self._miner.search(header.digest(), header.work)
        mark = Mark(START, "", block.record(header, body, nonce=nonce)[0])
        file.begin_empty()
        with self._store.begin() as connection:
            marks.write(connection, mark, checkpoint="")
        return mark

    def _key_for(self, chain_id: str) -> SigningKey:
        if self._key_path.exists():
            return checkpoint.load_key(self._key_path)
        key = SigningKey(secrets.token_bytes(32))
        self._key_path.parent.mkdir(parents=True, exist_ok=True)
        key.save(self._key_path, name=genesis.Genesis(chain_id, "", "", ()).origin)
        return key

    def _first(self, file: LedgerFile) -> Tip:
        walker = file.walker(START)
        walker.step()
        return walker.tip

    # ---- a ledger the store knows nothing of

    def _adopted(self, file: LedgerFile) -> Mark:
        """Check all of it, and remember every transaction as seen before anything can be submitted again."""
        log.warning("the store knows nothing of %s; checking all of it", file.path)
        first = self._first(file)
        assert first.genesis is not None
        tips = adopt(file)
        record = file.read(first.offset, first.end - first.offset)
        self._load_key(record)
        self.checkpoint = self.signed(tips[-1])
        self._check_signed(file, tips[-1], record)
        with self._store.begin() as connection:
            for tip in tips:
                self._pool.mined(connection, lines_of(file, tip), tip.height)
        before = tips[-2] if len(tips) > 1 else START
        mark = Mark(before, tips[-1].hash, record)
        with self._store.begin() as connection:
            marks.write(connection, mark, checkpoint=self.checkpoint)
        log.warning("adopted %d blocks with %d transactions", len(tips), tips[-1].transactions)
        return mark

    def _learn_terms(self, file: LedgerFile) -> None:
        """Once after an upgrade: the terms of every mined trade, so that a used id is told from a reused one."""
        log.warning("reading the terms of all mined trades in %s, once", file.path)
        tips, _ = whole_blocks(file.walker(START))
        with self._store.begin() as connection:
            for tip in tips:
                self._pool.learn_terms(connection, lines_of(file, tip))

    # ---- settling

    def settle(self, before: Tip, tip: Tip, record: bytes, lines: Sequence[bytes]) -> None:
        """Step 3 of the order of writes: the pool, the keys seen, and the mark with its checkpoint, in one."""
        self.checkpoint = self.signed(tip)
        with self._store.begin() as connection:
            self._pool.mined(connection, lines, tip.height)
            marks.write(connection, Mark(before, tip.hash, record), checkpoint=self.checkpoint)

    def signed(self, tip: Tip) -> str:
        """The checkpoint over the chain up to `tip`; "" without the key."""
        if self._key is None or tip.genesis is None:
            return ""
        return self._key.sign(Checkpoint(tip.genesis.origin, tip.height + 1, tip.log_root), at_ms=tip.time_ms)

    def _load_key(self, record: bytes) -> None:
        rules = rules_of(record)
        try:
            key = checkpoint.load_key(self._key_path)
        except LedgerError as error:
            self._key_problem = str(error)
            return
        if key.public.hex() == rules.log_key:
            self._key = key
            return
        self._key_problem = f"The signing key {self._key_path} is not the one of this ledger."

    def _notices(self) -> str:
        without_key = self._key_problem and self._key is None
        key = f"{self._key_problem} Blocks are written without checkpoints and receipts until it is put back."
        return " ".join(filter(None, (key if without_key else "", self._published_problem)))


def missing(path: Path, mark: Mark) -> LedgerDamagedError:
    """The file that had the mark's block is not there."""
    return LedgerDamagedError(
        f"The ledger {path} is missing; it had {mark.before.height + 2} blocks.",
        height=0,
        offset=0,
        fix="Put it back; until then nothing is written and what is accepted stays pending.",
    )


def beheaded(path: Path, published: Path) -> LedgerDamagedError:
    """The file is empty, and was not always."""
    return LedgerDamagedError(
        f"The ledger {path} is empty, but {published} has checkpoints of one.",
        height=0,
        offset=0,
        fix="Put the ledger back, or move the old checkpoints away to begin a new ledger.",
    )


def rules_of(record: bytes) -> genesis.Genesis:
    """The rules in the bytes of block 0."""
    head = block.parse_head(record)
    assert head is not None, "it was walked over, or written by this program"
    return genesis.from_line(record[head.body_offset : -len(block.END)])


def first_record(path: Path) -> bytes:
    """The bytes of block 0 of a file; b"" if it has none that is sound."""
    try:
        with reading(path) as (read, size):
            first = Walker(read, size).step()
            return read(first.offset, first.head.length) if first else b""
    except LedgerError:
        return b""


def _unopened(error: Exception) -> LedgerReadOnlyError:
    reason = error.strerror if isinstance(error, OSError) else f"the database refused ({type(error).__name__})"
    return LedgerReadOnlyError(
        f"The ledger could not be opened for writing: {reason}.", fix="Look at the disk, then start again."
    )


def lines_of(file: LedgerFile, tip: Tip) -> list[bytes]:
    """The transaction lines of the block `tip` stands for; none for the genesis block."""
    found = file.read(tip.offset, tip.end - tip.offset)
    head = block.parse_head(found)
    assert head is not None, "it was walked over"
    return block.split_body(found[head.body_offset : -len(block.END)]) if tip.height else []
