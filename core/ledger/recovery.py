"""What to do with the file found at a start: use it, finish an append, cut a torn one back, or refuse.

The store remembers the last block whose transactions it has settled (the mark). Against it the file is

    as the mark says                       ready
    longer by whole valid blocks           they were committed but not settled: settle them now
    followed by the torn bytes of one      never committed, its transactions are still pending: cut back
    shorter, different, or missing         damage: refuse, name height and byte, stay read-only

Without the mark one rotten byte in the last block would look like a torn append and be "repaired" away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.errors import LedgerDamagedError
from core.ledger.block import MAX_BODY, MAX_HEAD
from core.ledger.file import LedgerFile
from core.ledger.walk import CLOSING, START, Read, Tip, Walker

REMEDY = (
    "Restore the file from a copy that has all blocks; until then it is only read. "
    "docs/when-something-is-lost.md has the commands."
)


@dataclass(frozen=True, slots=True)
class Mark:
    """The settled end of the ledger as the store knows it.

    before: the tip before the last settled block; hash: that block's, "" when none was settled.
    genesis: the bytes of block 0, decided on before it was written.
    """

    before: Tip
    hash: str
    genesis: bytes


@dataclass(frozen=True, slots=True)
class Recovered:
    """The settled tip, the tips of the blocks that must be settled now, and what was cut away ("" if nothing)."""

    tip: Tip
    unsettled: tuple[Tip, ...]
    repaired: str


class Source(Protocol):
    """A ledger file, to be read."""

    def read(self, offset: int, length: int, /) -> bytes:
        """These bytes; fewer only at the end of the file."""

    def walker(self, tip: Tip, /, *, level: int = 1) -> Walker:
        """A walk from `tip` to the end."""


@dataclass(frozen=True, slots=True)
class Glance:
    """A file as `verify.reading` opens it, without a lock."""

    read: Read
    size: int

    def walker(self, tip: Tip, /, *, level: int = 1) -> Walker:
        """A walk from `tip` to the end."""
        return Walker(self.read, self.size, tip=tip, level=level)


def newest(file: Source, mark: Mark) -> Tip:
    """The last whole block; nothing is changed. Raises LedgerDamagedError if the file is not what the mark says."""
    walker = file.walker(_settled_tip(file, mark))
    whole_blocks(walker)
    return walker.tip


def recover(file: LedgerFile, mark: Mark) -> Recovered:
    """Bring the file to a clean end after its last whole block.

    Raises LedgerDamagedError where it must not be touched.
    """
    if not mark.hash and file.holds_nothing:
        file.begin_empty()
    tip = _settled_tip(file, mark)
    walker = file.walker(tip)
    unsettled, damage = whole_blocks(walker)
    if damage is None:
        if unsettled:
            file.commit()  # what follows builds on them
        return Recovered(tip, tuple(unsettled), "")
    if not _is_torn_append(file, tip):
        raise damage
    last = walker.tip
    dropped = max(file.size - last.end - len(CLOSING), 0)
    file.cut_back(last)
    repaired = f"An append after block {last.height} was torn; {dropped} bytes were cut back."
    return Recovered(tip, tuple(unsettled), repaired)


def adopt(file: LedgerFile) -> tuple[Tip, ...]:
    """The tips of all blocks of a file the store knows nothing of. Raises LedgerDamagedError unless all are sound."""
    tips, damage = whole_blocks(file.walker(START, level=2))
    if damage is not None:
        raise damage
    file.commit()
    return tuple(tips)


def _settled_tip(file: Source, mark: Mark) -> Tip:
    """The tip the mark stands for, its block checked in the file. Raises LedgerDamagedError with the first damage."""
    if not mark.hash:
        return mark.before
    start = START.end + len(START.separator)
    walker = file.walker(mark.before)
    try:
        walker.step()
    except LedgerDamagedError:
        raise _first_damage(file, mark) from None
    if walker.tip.hash != mark.hash or file.read(start, len(mark.genesis)) != mark.genesis:
        raise _first_damage(file, mark)
    return walker.tip


def _first_damage(file: Source, mark: Mark) -> LedgerDamagedError:
    """Why the file is not the one the mark was left for: its first damage, else where it differs."""
    height = mark.before.height + 1
    walker = file.walker(START)
    tips, damage = whole_blocks(walker)
    last = walker.tip
    if damage is not None:
        return damage
    if last.height < height:
        sentence = f"it ends after block {last.height} at byte {last.end}, block {height} was recorded"
        return LedgerDamagedError(
            f"The ledger is cut short: {sentence}.", height=last.height, offset=last.end, fix=REMEDY
        )
    return LedgerDamagedError(
        f"The ledger is sound in itself but not the one recorded here: block {height} at byte {tips[height].offset} "
        f"has the hash {tips[height].hash[:16]}…, recorded was {mark.hash[:16]}….",
        height=height,
        offset=tips[height].offset,
        fix=REMEDY,
    )


def whole_blocks(walker: Walker) -> tuple[list[Tip], LedgerDamagedError | None]:
    """The tips up to the end of the file, and what stopped the walk if it was not a clean end."""
    tips = []
    try:
        while walker.step() is not None:
            tips.append(walker.tip)
    except LedgerDamagedError as error:
        return tips, LedgerDamagedError(error.message, height=error.height, offset=error.offset, fix=REMEDY)
    return tips, None


def _is_torn_append(file: LedgerFile, tip: Tip) -> bool:
    """Whether what follows `tip` can be the remains of one append: at most one block begins in it."""
    length = file.size - tip.end
    if not 0 <= length <= MAX_BODY + MAX_HEAD:
        return False
    return file.read(tip.end, length).count(b'\n{"hash":"') <= 1
