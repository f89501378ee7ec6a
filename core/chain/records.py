"""What the chain tells pages, routes and commands: immutable, in plain units."""

from __future__ import annotations

from dataclasses import dataclass

from core.ledger.canonical import Json
from core.ledger.heads import Placed
from core.store.pool import PendingRow


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Where the chain stands now.

    height, tip_hash, tip_at_ms: of the last block (-1, "", None before the genesis block). transactions: mined ones,
    without the genesis line. writable: blocks can be appended; if not, `damage` or `notice` says why.
    damage: what is wrong with the file, for every page to show. notice: anything else a person should know.
    problems: what fails again and again in the background (verification, checkpoints), a sentence each.
    verified_*: the last full verification that ended well; verifying: share done of the one that runs.
    """

    height: int
    tip_hash: str
    tip_at_ms: int | None
    transactions: int
    pending: int
    oldest_pending_at_ms: int | None
    writable: bool
    damage: str | None
    notice: str | None
    verified_height: int | None
    verified_level: int | None
    verified_at_ms: int | None
    verifying: float | None
    chain_id: str
    currency: str
    origin: str
    log_key: str
    checkpoint: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """One block as a line in a list. bytes: of the whole block in the file; offset: where it begins there."""

    height: int
    hash: str
    prev: str
    time_ms: int
    transactions: int
    bytes: int
    nonce: str
    work: int
    offset: int


@dataclass(frozen=True, slots=True)
class Line:
    """One transaction of a block: its place, its bytes and what they say."""

    index: int
    tx_hash: str
    offset: int
    body: bytes
    document: dict[str, Json]


@dataclass(frozen=True, slots=True)
class BlockPage:
    """A block read from the file, with what was recomputed from its bytes.

    lines: the part of its transactions that was asked for. checks: name of a value to whether the recorded one equals
    the recomputed one.
    """

    summary: BlockSummary
    body_hash: str
    log_root: str
    tx_root: str
    header: str
    recomputed: dict[str, str]
    checks: dict[str, bool]
    lines: tuple[Line, ...]
    first: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One mined transaction in a list, read from the file and hashed again. seq: its number, for paging; -1 unknown."""

    seq: int
    height: int
    tx_hash: str
    offset: int
    body: bytes
    document: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a Merkle path: the parent is the hash of sibling and what came before, in the stated order."""

    sibling: str
    sibling_is_left: bool
    parent: str


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """A mined transaction with its proof, all of it computed from the file.

    steps lead from tx_hash to `computed_root`; checks: name of a claim to whether it holds.
    """

    line: Line
    block: BlockSummary
    tx_root: str
    computed_root: str
    steps: tuple[Step, ...]
    checks: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which transactions a list shows; None or "" leaves a criterion out. Bounds are inclusive, `until_ms` is not.

    household: buyer or seller. counterparty: the other side. Prices and energies leave other kinds than trades out.
    """

    kind: str = ""
    household: str = ""
    counterparty: str = ""
    from_ms: int | None = None
    until_ms: int | None = None
    least_wh: int | None = None
    most_wh: int | None = None
    least_micro_per_kwh: int | None = None
    most_micro_per_kwh: int | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What a text means on the chain: whatever of it was found, and a sentence.

    complete: False while the index is being built; then a "never seen" is only about what it has.
    runs: (run id, name) of runs that whoever asks may see; names are in the lab's database, not on the chain.
    """

    text: str
    sentence: str
    blocks: tuple[BlockSummary, ...] = ()
    mined: tuple[Entry, ...] = ()
    pending: tuple[PendingRow, ...] = ()
    households: tuple[str, ...] = ()
    complete: bool = True
    runs: tuple[tuple[str, str], ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether nothing was found."""
        return not (self.blocks or self.mined or self.pending or self.households or self.runs)


@dataclass(frozen=True, slots=True)
class MinedBlock:
    """A block that was just committed. checkpoint: the signed note over the chain up to it, "" without a key."""

    height: int
    hash: str
    time_ms: int
    tx_hashes: tuple[str, ...]
    bytes: int
    checkpoint: str

    @property
    def transactions(self) -> int:
        """How many it has."""
        return len(self.tx_hashes)


def summary(placed: Placed) -> BlockSummary:
    """The line in a list for a head."""
    head = placed.head
    return BlockSummary(
        height=head.header.height,
        hash=head.hash,
        prev=head.header.prev,
        time_ms=head.header.time_ms,
        transactions=head.header.n,
        bytes=head.length,
        nonce=head.nonce.hex(),
        work=head.header.work,
        offset=placed.offset,
    )
