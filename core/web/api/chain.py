"""The chain over REST: blocks, transactions, receipts, verification."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from core.chain import Filter
from core.chain.records import BlockPage, BlockSummary, ChainStatus, Entry, Search, TransactionPage
from core.errors import InputError, LedgerReadOnlyError
from core.exchange import current
from core.ledger.verify import Verdict
from core.store.pool import PendingRow
from core.web.api.answers import Answer
from core.web.api.caller import Analyst, Reader
from core.web.api.paging import Limit, page
from core.web.api.shapes import HASH, Mined, Page, Receipt, VerifyRequest

router = APIRouter(tags=["chain"])

HIGHEST = 2**53 - 1
Height = Annotated[int, Query(ge=0, le=HIGHEST)]
Hash = Annotated[str, Path(pattern=HASH, description="SHA-256 in lower-case hex.")]


@router.get("/api/status", response_model=ChainStatus)
def status(_: Reader) -> Answer:
    """Height, tip, pending transactions, last verification, and damage if there is any."""
    return Answer(current().chain.status())


@router.get("/api/blocks", response_model=Page[BlockSummary])
def blocks(_: Reader, before: Height | None = None, limit: Limit = 20) -> Answer:
    """Blocks, newest first; `before` is a height."""
    found = current().chain.blocks(before_height=before, limit=limit)
    return Answer(page(found, limit=limit, key=lambda block: block.height))


@router.get("/api/blocks/{height}", response_model=BlockPage)
def block(_: Reader, height: str, first: Height = 0, limit: Limit = 100) -> Answer:
    """One block, recomputed from its bytes, with `limit` of its transactions from the `first` on."""
    return Answer(current().chain.block(height_from(height), first=first, limit=limit))


@router.get("/block/{index}", response_model=BlockPage)
def block_of_old(_: Reader, index: str) -> Answer:
    """One block with its transactions (at most 1,000 of them), recomputed from its bytes."""
    return Answer(current().chain.block(height_from(index)))


@router.post("/mine", response_model=Mined)
def mine(_: Analyst) -> Answer:
    """Make a block of the pending transactions now. `block` is null when nothing was pending."""
    lab = current()
    outcome = lab.mine()
    if problem := lab.mining_problem():
        raise LedgerReadOnlyError(problem)
    return Answer(outcome)


@router.get("/api/transactions", response_model=Page[Entry])
def transactions(
    _: Reader,
    kind: Annotated[str, Query(max_length=16)] = "",
    household: Annotated[str, Query(max_length=64)] = "",
    before: Height | None = None,
    limit: Limit = 50,
) -> Answer:
    """Mined transactions, newest first; `before` is a `seq`. `household` is buyer or seller."""
    found = current().chain.transactions(Filter(kind=kind, household=household), before_seq=before, limit=limit)
    return Answer(page(found, limit=limit, key=lambda entry: entry.seq))


@router.get("/api/transactions/pending", response_model=Page[PendingRow])
def pending(_: Reader, after: Height = 0, limit: Limit = 50) -> Answer:
    """Transactions that wait for a block, oldest first; `after` is a `seq`."""
    rows = current().pool.pending(limit, after_seq=after)
    return Answer(page(rows, limit=limit, key=lambda row: row.seq))


@router.get("/api/transactions/{tx_hash}", response_model=TransactionPage)
def transaction(_: Reader, tx_hash: Hash) -> Answer:
    """Where a transaction is, what it says, and the proof that it is there."""
    return Answer(current().chain.transaction(tx_hash))


@router.get("/api/receipts/{tx_hash}", response_model=Receipt)
def receipt(_: Reader, tx_hash: Hash) -> Answer:
    """A receipt of a mined transaction that `python -m core receipt` checks without the ledger."""
    return Answer(current().chain.receipt(tx_hash))


@router.get("/api/search", response_model=Search)
def search(user: Reader, q: Annotated[str, Query(min_length=1, max_length=200)]) -> Answer:
    """Find a hash or its beginning, a height, a household or a run: pending, mined, quarantined or never seen."""
    return Answer(current().find(q, user_id=user.user_id))


@router.post("/api/verify", response_model=Verdict)
def verify(_: Analyst, request: VerifyRequest) -> Answer:
    """Recompute the ledger file from its first byte and say whether every byte is what it was."""
    return Answer(current().chain.verify(request.level))


def height_from(text: str) -> int:
    """The height written in a path. Raises InputError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise InputError(f'"{text[:40]}" is not the height of a block.', fix="Give a whole number such as 0.")
    return int(text)
