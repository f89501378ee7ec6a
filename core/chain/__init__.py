"""The chain as a service: pool, miner, ledger file, index and receipts as one."""
