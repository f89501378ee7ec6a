"""A process whose children are going to be killed: each opens a chain, submits, mines, and writes down what it heard.

Started once, it has everything imported; for each line `FOLDER COUNT BLOCKS` on its input it forks a child, which
stops itself (so that a tracer can attach) and works when it is continued. Answers: the child's pid, then its status.
The index is left out: it is derived, and its thread would only add noise to what is counted.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from core.chain import Chain
from core.chain.indexer import Indexer
from core.errors import LabError, UnavailableError
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


def work(folder: Path, count: int, blocks: int) -> None:
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(line: str) -> None:
        os.write(said, f"{line}\n".encode())

    chosen = settings(folder)
    try:
        store = Store(chosen.resolved_database_url)
    except UnavailableError:  # before there is a chain: the lab does not start
        say("NO STORE")
        return
    chain = Chain(chosen, store)
    for block in range(blocks):
        batch = [made(number) for number in range(block * count, (block + 1) * count)]
        try:
            chain.submit(batch)
            for one in batch:
                say(f"ACK {one.tx_hash}")
            chain.mine()
        except LabError as error:
            say(f"REFUSED {error.code}")
    chain.close()
    store.close()
    say("DONE")


def main() -> None:
    Indexer.start = lambda self: None  # type: ignore[method-assign]
    for line in sys.stdin:
        folder, count, blocks = line.split()
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            code = 1
            try:
                work(Path(folder), int(count), int(blocks))
                code = 0
            finally:
                os._exit(code)
        os.waitpid(child, os.WUNTRACED)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
