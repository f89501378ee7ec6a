"""Finds transactions: by hash, prefix, household, run, time and value; the index says where, the file says what."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from core.chain.explorer import Explorer
from core.chain.indexer import Indexer
from core.chain.records import Entry, Filter, Line, Search, Step, TransactionPage, summary
from core.errors import InputError, NotFoundError, UnavailableError
from core.ledger import block, merkle
from core.ledger.canonical import MAX_BYTES, shown
from core.ledger.transaction import leaf_hash
from core.store.columns import ColumnStore
from core.store.index import KINDS, Index, Place
from core.store.pool import Pool

HEX = re.compile(r"[0-9a-f]{4,64}")
LIMIT = 20
MOST = 1_000
"""No list is longer; the next page begins where it ended."""
_CAUGHT_UP_S = 2.0


class Finder:
    """Searches the chain of `explorer` and the pool."""

    def __init__(self, explorer: Explorer, indexer: Indexer, pool: Pool) -> None:
        self._explorer = explorer
        self._indexer = indexer
        self._pool = pool
        self._scanning = threading.Lock()  # a scan of the whole file is for one at a time

    # ---- one transaction

    def transaction(self, tx_hash: str) -> TransactionPage:
        """A mined transaction and its proof. Raises NotFoundError; also for one that is pending (code "pending")."""
        tx_hash = tx_hash.strip().lower()
        height, index = self.locate(tx_hash)
        placed = self._explorer.placed(height)
        lines = self._explorer.lines(height)
        leaves = merkle.leaves(lines)
        path = merkle.inclusion_path(leaves, index)
        offset = placed.offset + placed.head.body_offset + sum(map(len, lines[:index])) + index * len(block.SEPARATOR)
        line = lines[index]
        steps = _steps(leaves[index], index, size=len(leaves), path=path)
        computed = steps[-1].parent if steps else leaves[index].hex()
        return TransactionPage(
            line=Line(index, leaf_hash(line), offset, line, orjson.loads(line)),
            block=summary(placed),
            tx_root=placed.head.header.tx_root,
            computed_root=computed,
            steps=steps,
            checks={
                "hash": leaf_hash(line) == tx_hash,
                "path leads to the block's root": computed == placed.head.header.tx_root,
                "block hash": placed.head.proof().hex() == placed.head.hash,
            },
        )

    def locate(self, tx_hash: str) -> tuple[int, int]:
        """Height of its block and its place there. Raises NotFoundError; looks through the whole file to be sure."""
        wanted = bytes.fromhex(_hash(tx_hash))
        for place in self._places(lambda index, _: index.by_hash(tx_hash)):
            leaves = merkle.leaves(self._explorer.lines(place.height)) if self._explorer.has(place.height) else []
            if wanted in leaves:
                return place.height, leaves.index(wanted)
            self._indexer.distrust(f"block {place.height} has no transaction {tx_hash}")
        pending = self._pool.find(tx_hash)
        if pending:
            raise NotFoundError(f"Transaction {tx_hash} is pending: it is not in a block yet.", code="pending")
        with self._scanning:
            return self._explorer.locate(tx_hash)

    def _places(self, question: Callable[[Index, ColumnStore], list[Place]]) -> list[Place]:
        """What the index says; nothing while there is none."""
        self._indexer.wait_for(len(self._explorer.heads()) - 1, timeout_s=_CAUGHT_UP_S)
        try:
            return self._indexer.ask(question)
        except UnavailableError:
            return []

    # ---- lists

    def entries(self, wanted: Filter, *, before_seq: int | None = None, limit: int = 50) -> list[Entry]:
        """Mined transactions, the newest first. Raises UnavailableError while there is no index."""
        if wanted.kind and wanted.kind not in KINDS:
            raise InputError(f"The kind is {shown(wanted.kind)}, expected one of {', '.join(KINDS)}.")
        limit = max(1, min(limit, MOST))
        places = self._indexer.ask(lambda index, columns: _filtered(index, columns, wanted, before_seq, limit))
        return self._read(places)

    def _read(self, places: Sequence[Place]) -> list[Entry]:
        """The transactions at these places; one that is not there makes the index suspect."""
        found = []
        for place in places:
            body = self._explorer.read(place.offset, place.length) if place.length <= MAX_BYTES else b""
            tx_hash = leaf_hash(body)
            if not tx_hash.startswith(place.prefix):
                self._indexer.distrust(f"no transaction {place.prefix} at byte {place.offset}")
                raise UnavailableError("The index is wrong and is being built anew.", fix="Try again in a moment.")
            found.append(Entry(place.seq, place.height, tx_hash, place.offset, body, orjson.loads(body)))
        return found

    # ---- the search box

    def find(self, text: str) -> Search:
        """What a hash, the beginning of one, a height, a household or a run id stands for."""
        text = text.strip()
        lower = text.lower()
        heads = self._explorer.heads()
        blocks = [int(text)] if text.isdecimal() and len(text) < 16 and int(text) < len(heads) else []
        mined: list[Entry] = []
        pending = []
        if HEX.fullmatch(lower):
            mined = self._by_hash(lower)
            pending = self._pool.find(lower, limit=LIMIT)
            blocks += [height for height in self._blocks(lower) if height not in blocks]
        run = self._places(lambda index, _: [place] if (place := index.run(text)) else [])
        mined += [entry for entry in self._read(run) if entry not in mined]
        households = self._households(text)
        found = Search(
            text=text,
            sentence="",
            blocks=tuple(summary(self._explorer.placed(height)) for height in blocks),
            mined=tuple(mined),
            pending=tuple(pending),
            households=tuple(households),
            complete=self._indexer.position.height >= len(heads) - 1,
        )
        return _with_sentence(found)

    def _by_hash(self, prefix: str) -> list[Entry]:
        if len(prefix) == 64:
            try:
                page = self.transaction(prefix)
            except NotFoundError:
                return []
            line = page.line
            return [Entry(-1, page.block.height, line.tx_hash, line.offset, line.body, line.document)]
        found = self._read(self._places(lambda index, _: index.by_hash(prefix, limit=LIMIT)))
        return [entry for entry in found if entry.tx_hash.startswith(prefix)]

    def _blocks(self, prefix: str) -> list[int]:
        try:
            heights = self._indexer.ask(lambda index, _: index.block_by_hash(prefix, limit=LIMIT))
        except UnavailableError:
            return []
        known = [height for height in heights if height < len(self._explorer.heads())]
        return [height for height in known if self._explorer.placed(height).head.hash.startswith(prefix)]

    def _households(self, text: str) -> list[str]:
        if not text:
            return []
        try:
            return self._indexer.ask(lambda index, _: index.households(text, limit=LIMIT))
        except UnavailableError:
            return []


def with_runs(found: Search, runs: Sequence[tuple[str, str]]) -> Search:
    """The same, with runs of that name, told in the sentence."""
    return _with_sentence(replace(found, runs=tuple(runs))) if runs else found


def _hash(tx_hash: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", tx_hash):
        raise NotFoundError(f"{shown(tx_hash)} is not a transaction hash; one has 64 hex digits.")
    return tx_hash


def _steps(found: bytes, index: int, *, size: int, path: Sequence[bytes]) -> tuple[Step, ...]:
    steps = []
    place, last = index, size - 1
    for sibling in path:
        while place == last and place % 2 == 0 and place:
            place, last = place >> 1, last >> 1
        left = place % 2 == 1
        found = merkle.node(sibling, found) if left else merkle.node(found, sibling)
        steps.append(Step(sibling.hex(), left, found.hex()))
        place, last = place >> 1, last >> 1
    return tuple(steps)


def _filtered(index: Index, columns: ColumnStore, wanted: Filter, before_seq: int | None, limit: int) -> list[Place]:
    if wanted == Filter():
        return index.newest(before_seq=before_seq, limit=limit)
    if wanted == Filter(kind=wanted.kind):
        return index.by_kind(wanted.kind, before_seq=before_seq, limit=limit)
    if wanted == Filter(household=wanted.household):
        return index.by_household(wanted.household, before_seq=before_seq, limit=limit)
    conditions, values = conditions_of(index, wanted)
    if before_seq is not None:
        conditions.append("seq < ?")
        values.append(before_seq)
    statement = f"select seq from tx where {' and '.join(conditions)} order by seq desc limit {limit}"
    return index.places([int(seq) for seq in columns.query(statement, values)["seq"]])


def conditions_of(index: Index, wanted: Filter) -> tuple[list[str], list[object]]:
    """The SQL conditions of a filter over the columnar copy, and their values."""
    conditions: list[str] = ["true"]
    values: list[object] = []
    if wanted.kind:
        conditions.append("kind = ?")
        values.append(KINDS.index(wanted.kind))
    for household in filter(None, (wanted.household, wanted.counterparty)):
        number = index.name_id(household)
        conditions.append("(buyer = ? or seller = ?)")
        values += [number or -1, number or -1]
    for column, bound, sign in (
        ("at_ms", wanted.from_ms, ">="),
        ("at_ms", wanted.until_ms, "<"),
        ("energy_wh", wanted.least_wh, ">="),
        ("energy_wh", wanted.most_wh, "<="),
        ("price_micro", wanted.least_micro_per_kwh, ">="),
        ("price_micro", wanted.most_micro_per_kwh, "<="),
    ):
        if bound is not None:
            conditions.append(f"{column} {sign} ?" + (" and kind = 0" if column != "at_ms" else ""))
            values.append(bound)
    return conditions, values


def _with_sentence(found: Search) -> Search:
    quoted = shown(found.text)
    if found.nothing:
        known = "on the chain" if found.complete else "in the part of the chain that is indexed so far"
        sentence = f"{quoted} was never seen {known}, nor is it pending."
    else:
        parts = [
            (len(found.blocks), "block"),
            (len(found.mined), "mined transaction"),
            (len(found.pending), "pending transaction"),
            (len(found.households), "household"),
            (len(found.runs), "run by name"),
        ]
        named = [f"{count} {_plural(what) if count != 1 else what}" for count, what in parts if count]
        sentence = f"{quoted}: {', '.join(named)}."
    return replace(found, sentence=sentence)


def _plural(what: str) -> str:
    first, space, rest = what.partition(" by ")
    return f"{first}s{space}{rest}"
