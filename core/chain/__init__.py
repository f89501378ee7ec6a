"""The chain as a service: pool, miner, ledger file, index and receipts as one."""

from core.chain.chain import Chain

__all__ = ["Chain"]
