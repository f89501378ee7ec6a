"""The only line of block 0: which chain this is, and the rules every later block follows."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import TransactionError
from core.ledger import canonical
from core.ledger.canonical import Json, shown
from core.ledger.schema import HEX_DIGITS

FORMAT = 1
ROUNDING = "half_even"


@dataclass(frozen=True, slots=True)
class Genesis:
    """chain_id: 32 random hex digits. currency: what `_micro` counts millionths of. log_key: Ed25519 public key, hex.

    schedule: (from height, expected hashes a block) pairs, by height, the first from height 0.
    """

    chain_id: str
    currency: str
    log_key: str
    schedule: tuple[tuple[int, int], ...]

    @property
    def origin(self) -> str:
        """The name the log signs its checkpoints with."""
        return f"p2p-lab/{self.chain_id[:16]}"

    def work_at(self, height: int) -> int:
        """The expected number of hashes of a block at this height."""
        return next(hashes for start, hashes in reversed(self.schedule) if start <= height)

    def line(self) -> bytes:
        """The canonical line."""
        document = {
            "chain_id": self.chain_id,
            "currency": self.currency,
            "format": FORMAT,
            "kind": "genesis",
            "log_key": self.log_key,
            "rounding": ROUNDING,
            "work": [{"from_height": start, "hashes": hashes} for start, hashes in self.schedule],
        }
        return canonical.encode(canonical.admit(document))


def from_line(line: bytes) -> Genesis:
    """Read it back. Raises TransactionError unless it is exactly what `line` writes for a known format."""
    document = canonical.decode(line)
    try:
        steps = tuple((step["from_height"], step["hashes"]) for step in document["work"])
        found = Genesis(document["chain_id"], document["currency"], document["log_key"], steps)
        sound = _is_sound(found) and found.line() == line
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise TransactionError(f"The genesis line is {shown(line)}, expected format {FORMAT} of this lab.")
    return found


def _is_sound(genesis: Genesis) -> bool:
    heights = [start for start, _ in genesis.schedule]
    numbers: list[Json] = [number for step in genesis.schedule for number in step]
    return (
        all(type(number) is int for number in numbers)
        and heights[:1] == [0]
        and heights == sorted(set(heights))
        and all(hashes >= 1 for _, hashes in genesis.schedule)
        and _is_hex(genesis.chain_id, 32)
        and _is_hex(genesis.log_key, 64)
        and isinstance(genesis.currency, str)
    )


def _is_hex(text: Json, length: int) -> bool:
    return isinstance(text, str) and len(text) == length and HEX_DIGITS.issuperset(text)
