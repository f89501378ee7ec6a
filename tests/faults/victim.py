"""A process that is going to be killed: submits and mines what it is told, and says what was acknowledged.

python victim.py FOLDER COUNT BLOCKS
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.chain import Chain
from core.ledger.transaction import Transaction, trade
from core.settings import Settings
from core.store import Store


def settings(folder: Path) -> Settings:
    return Settings(
        data_dir=folder / "data",
        ledger_path=folder / "ledger.json",
        uploads_dir=folder / "uploads",
        proof_of_work=1,
    )


def made(number: int) -> Transaction:
    return trade(
        buyer="HH001",
        seller="HH002",
        energy_wh=100 + number,
        price_micro_per_kwh=5_000_000,
        received_at_ms=1_767_225_740_000 + number,
        publisher="victim",
        message_id=str(number),
    )


def main(folder: Path, count: int, blocks: int) -> None:
    chosen = settings(folder)
    store = Store(chosen.resolved_database_url)
    chain = Chain(chosen, store)
    for block in range(blocks):
        batch = [made(number) for number in range(block * count, (block + 1) * count)]
        chain.submit(batch)
        for one in batch:
            os.write(1, f"ACK {one.tx_hash}\n".encode())
        chain.mine()
    chain.close()
    store.close()
    os.write(1, b"DONE\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
