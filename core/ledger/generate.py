"""A test ledger of any size: made-up trades in the real format, with real proofs, links and checkpoints."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

from core.errors import ConflictError, InputError
from core.ledger import block, merkle, work
from core.ledger.checkpoint import Checkpoint, SigningKey
from core.ledger.genesis import Genesis
from core.ledger.schema import amount_micro
from core.ledger.walk import CLOSING, OPENING

WORK = 16
"""Expected hashes a block: stated in the genesis block, small so that a large ledger is made in seconds."""
HOUSEHOLDS = 200
START_AT_MS = 1_767_225_600_000
"""2026-01-01 00:00 UTC."""
INTERVAL_MS = 20_000
CURRENCY = "₹"


def generate(
    path: Path,
    *,
    transactions: int,
    blocks: int,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a ledger of a genesis block and `blocks` blocks that share `transactions` trades.

    Beside it `checkpoints.txt` with a checkpoint for every block, and `ledger.key`, the key they are signed with, so
    that a lab whose DATA_DIR is that folder can go on with it. The same seed gives the same bytes.
    Raises InputError for numbers that do not fit, ConflictError rather than overwrite anything.
    """
    if blocks < 1 or transactions < blocks:
        raise InputError(
            f"{transactions} transactions do not fill {blocks} blocks.", fix="Give at least one transaction a block."
        )
    folder = path.absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    for taken in (path, folder / "checkpoints.txt", folder / "ledger.key"):
        if taken.exists():
            raise ConflictError(f"{taken} exists.", fix="Name a new file in a folder of its own.")
    rng = random.Random(seed)
    key = SigningKey(rng.randbytes(32))
    rules = Genesis(rng.randbytes(16).hex(), CURRENCY, key.public.hex(), ((0, WORK),))
    key.save(folder / "ledger.key", name=rules.origin)
    with path.open("wb", buffering=1 << 20) as file, (folder / "checkpoints.txt").open("wb") as notes:
        chain = _Writer(rules, key)
        file.write(OPENING + b"\n" + chain.block([rules.line()], START_AT_MS))
        made = 0
        for number in range(1, blocks + 1):
            count = transactions * number // blocks - made
            time_ms = START_AT_MS + number * INTERVAL_MS
            lines = [_trade(rng, made + n, time_ms - INTERVAL_MS + n * INTERVAL_MS // count) for n in range(count)]
            notes.write((chain.checkpoint() + "\n").encode())
            file.write(b",\n" + chain.block(lines, time_ms))
            made += count
            if progress is not None:
                progress(number, blocks)
        file.write(CLOSING)
        notes.write(chain.checkpoint().encode())


class _Writer:
    """Builds one block after the other."""

    def __init__(self, rules: Genesis, key: SigningKey) -> None:
        self._rules = rules
        self._key = key
        self._prev = block.NO_PREVIOUS
        self._log = merkle.Frontier()

    def block(self, lines: list[bytes], time_ms: int) -> bytes:
        height = self._log.size
        header, body = block.draft(
            lines,
            height=height,
            prev=self._prev,
            log_root=self._log.root(),
            time_ms=time_ms,
            work=self._rules.work_at(height),
        )
        nonce = work.search(header.digest(), header.work)
        record, self._prev = block.record(header, body, nonce=nonce)
        self._log.push(merkle.leaf(header.encode()))
        return record

    def checkpoint(self) -> str:
        return self._key.sign(Checkpoint(self._rules.origin, self._log.size, self._log.root()))


def _trade(rng: random.Random, number: int, at_ms: int) -> bytes:
    """A trade's canonical line: more energy and lower prices around noon (UTC)."""
    hour = at_ms % 86_400_000 / 3_600_000
    sun = max(0.0, math.sin((hour - 6) / 12 * math.pi))
    buyer = int(rng.random() * HOUSEHOLDS)
    seller = (buyer + 1 + int(rng.random() * (HOUSEHOLDS - 1))) % HOUSEHOLDS
    energy_wh = 20 + int(rng.random() * (200 + 2500 * sun))
    price = 1000 * int(6500 - 2500 * sun + 500 * rng.random())
    return (
        f'{{"amount_micro":{amount_micro(energy_wh, price)},"buyer":"HH{buyer + 1:03}","energy_wh":{energy_wh},'
        f'"kind":"trade","message_id":"{number}","price_micro_per_kwh":{price},"publisher":"generator",'
        f'"received_at_ms":{at_ms},"seller":"HH{seller + 1:03}"}}'
    ).encode()
