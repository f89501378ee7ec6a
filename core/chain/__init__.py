"""The chain as a service: pool, miner, ledger file, index and receipts as one."""

from core.chain.chain import Chain
from core.chain.records import (
    BlockPage,
    BlockSummary,
    ChainStatus,
    Entry,
    Filter,
    Line,
    MinedBlock,
    Search,
    Step,
    TransactionPage,
)

__all__ = [
    "BlockPage",
    "BlockSummary",
    "Chain",
    "ChainStatus",
    "Entry",
    "Filter",
    "Line",
    "MinedBlock",
    "Search",
    "Step",
    "TransactionPage",
]
