"""What this lab has signed: read back from `checkpoints.txt` and held against the ledger before anything is written.

An older copy of ledger and database is sound in itself; only a checkpoint that was signed later shows that blocks are
missing, and that mining on would sign the same height twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from core.errors import LedgerDamagedError, LedgerError
from core.ledger import checkpoint
from core.ledger.checkpoint import Checkpoint
from core.ledger.genesis import Genesis
from core.ledger.heads import Heads
from core.ledger.recovery import REMEDY
from core.ledger.walk import Tip

CHECKPOINTS_FILE = "checkpoints.txt"
ACCEPTED_FILE = "checkpoints-lost.txt"
"""Checkpoints over blocks whose loss was accepted: they are held against nothing any more."""

TAIL = 1 << 14
"""Bytes at the end of the file that a start looks at: some fifty checkpoints."""

_DASH = "\n\u2014 "
_NOTE = re.compile("[^\n]+\n[0-9]+\n[A-Za-z0-9+/=]+\n\n(?:\u2014 [^ \n]+ [A-Za-z0-9+/=]+\n)+")
_ON = "Checkpoints go on from here; copies of the old file that were kept elsewhere stay good."


class Readable(Protocol):
    """A ledger file to be read."""

    def read(self, offset: int, length: int, /) -> bytes:
        """These bytes; fewer only at the end of the file."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Checkpoints with this ledger's signature and their notes.

    newest: that of the file, of the database, of whoever kept one. problem: of the file, a sentence or "".
    """

    rules: Genesis
    notes: dict[Checkpoint, str]
    newest: tuple[Checkpoint, ...]
    problem: str = ""

    def roots(self) -> dict[int, tuple[bytes, ...]]:
        """Log roots by number of blocks."""
        sizes = {found.size for found in self.notes}
        return {size: tuple(found.root for found in self.notes if found.size == size) for size in sorted(sizes)}

    def at_ms(self, size: int) -> int | None:
        """When the one over so many blocks was signed; None if there is none or it does not say."""
        note = next((note for found, note in self.notes.items() if found.size == size), "")
        return _at_ms(note, self.rules)

    def check(self, tip: Tip, file: Readable) -> None:
        """Raises LedgerDamagedError unless the ledger up to `tip` extends the newest ones."""
        for found in sorted(self.newest, key=lambda found: -found.size):
            blocks = tip.height + 1
            if found.size > blocks:
                missing = _blocks(blocks, found.size - 1)
                when = self._when(blocks + 1, found.size)
                raise _differs(tip, found, f"it ends {_after(tip)}, so {missing} missing{when}")
            root = tip.log_root if found.size == blocks else _root(file, tip, found.size)
            if found.root != root:
                when = self._when(found.size, found.size)
                raise _differs(tip, found, f"its first {found.size} blocks are other ones{when}")

    def _when(self, first: int, last: int) -> str:
        """When the checkpoints over `first` to `last` blocks were signed."""
        since, until = self.at_ms(first), self.at_ms(last)
        if until is None:
            return ""
        if since is None or first == last:
            return f", signed at {_utc(until)}"
        return f", signed from {_utc(since)} to {_utc(until)}"


def _differs(tip: Tip, found: Checkpoint, sentence: str) -> LedgerDamagedError:
    return LedgerDamagedError(
        f"The ledger does not extend the checkpoint this lab signed over {found.size} blocks: {sentence}.",
        height=max(tip.height, 0),
        offset=tip.end,
        fix=REMEDY,
    )


def signed(folder: Path, rules: Genesis, *, expected: str = "", retained: str = "", tail: int | None = TAIL) -> Signed:
    """What the lab with this data folder has signed for the ledger of these rules.

    expected: the last checkpoint as the database knows it. retained: the one that somebody else, a broker, has kept.
    tail: how much of the end of the file is read; None: all of it.
    """
    path = folder / CHECKPOINTS_FILE
    text, problem = _text(path, tail)
    published, between, after = _valid(text, rules)
    sources = published, _valid(expected, rules)[0], _valid(retained, rules)[0]
    newest, last = (max((one.size for one in found), default=0) for found in sources[:2])
    if not problem and (newest == 0 or newest < last - 1):
        problem = f"ends with the checkpoint over {newest} blocks, {last} were signed"
    elif not problem and (between or (after and newest >= last)):
        problem = "is damaged: not all in it is a checkpoint with this ledger's signature"
    accepted = _valid(_text(folder / ACCEPTED_FILE, None)[0], rules)[0]
    kept = [{one: note for one, note in found.items() if one not in accepted} for found in sources]
    tops = tuple({max(found, key=lambda one: one.size) for found in kept if found})
    return Signed(rules, kept[2] | kept[1] | kept[0], tops, f"{path} {problem}. {_ON}" if last and problem else "")


def _text(path: Path, tail: int | None) -> tuple[str, str]:
    """The end of the file from the beginning of a note on, and why it cannot be read."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, 2) - tail) if tail is not None else 0
            file.seek(start)
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "", "is missing"
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    first = _NOTE.search(text, text.find("\n\n") + 2) if start else None
    return text[first.start() :] if first else text, ""


def _valid(text: str, rules: Genesis) -> tuple[dict[Checkpoint, str], bool, bool]:
    """The notes that are this ledger's, and whether anything else stands between them and after the last."""
    found: dict[Checkpoint, str] = {}
    between, end = False, 0
    for match in _NOTE.finditer(text):
        between = between or text[end : match.start()].strip("\n") != ""
        end = match.end()
        try:
            found[_opened(match[0], rules)] = match[0]
            between = between or (match[0].count(_DASH) > 1 and _at_ms(match[0], rules) is None)
        except LedgerError:
            between = True
    return found, between, text[end:].strip("\n") != ""


def _opened(note: str, rules: Genesis) -> Checkpoint:
    return checkpoint.open_checkpoint(note, origin=rules.origin, public=bytes.fromhex(rules.log_key))


def _at_ms(note: str, rules: Genesis) -> int | None:
    return checkpoint.signed_at_ms(note, name=rules.origin, public=bytes.fromhex(rules.log_key))


def _root(file: Readable, tip: Tip, size: int) -> bytes:
    heads = Heads()
    heads.extend(file.read, tip.end)
    return heads.root(size)


def _after(tip: Tip) -> str:
    return f"after block {tip.height}" if tip.height >= 0 else "before its first block"


def _blocks(first: int, last: int) -> str:
    return f"block {first} is" if first == last else f"blocks {first} to {last} are"


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
