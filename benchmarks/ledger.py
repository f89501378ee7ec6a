"""The ledger's figures as ratios to floors measured in the same run; prints one JSON object.

python -m benchmarks.ledger [--transactions 1000000] [--blocks 10000]
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from core.chain import Chain
from core.ledger import block, merkle, receipt, work
from core.ledger.file import LedgerFile
from core.ledger.generate import generate
from core.ledger.transaction import Transaction, trade
from core.ledger.verify import verify
from core.ledger.walk import START, Tip
from core.settings import Settings
from core.store import Store
from core.store.pool import Pool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--blocks", type=int, default=10_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as place:
        folder = Path(place)
        note("generating")
        generate(folder / "ledger.json", transactions=chosen.transactions, blocks=chosen.blocks)
        report: dict[str, Any] = {"transactions": chosen.transactions, "blocks": chosen.blocks}
        report["bytes"] = (folder / "ledger.json").stat().st_size
        report |= verification(folder / "ledger.json", chosen.transactions)
        report |= chain_figures(folder, chosen.transactions)
        report |= appends(folder)
        report |= submits(folder)
        report["proof_of_work_hashes_per_s"] = hashes_per_s()
    print(json.dumps(report, indent=1))


def note(text: str) -> None:
    print(text, file=sys.stderr)


def timed(work_: Callable[[], object]) -> float:
    started = time.perf_counter()
    work_()
    return time.perf_counter() - started


def median(work_: Callable[[], object], rounds: int = 5) -> float:
    return statistics.median(timed(work_) for _ in range(rounds))


def verification(path: Path, transactions: int) -> dict[str, Any]:
    note("verifying")
    content = path.read_bytes()
    floor = median(lambda: hashlib.sha256(content).digest(), 3)
    parsed = timed(lambda: orjson.loads(content))
    levels = {level: timed(lambda level=level: verify(path, level)) for level in (1, 2, 3)}
    return {
        "sha256_floor_s": round(floor, 3),
        "orjson_loads_s": round(parsed, 3),
        "level_1_over_sha256": round(levels[1] / floor, 2),
        "level_2_transactions_per_s": round(transactions / levels[2]),
        "level_3_transactions_per_s": round(transactions / levels[3]),
        "level_3_over_orjson_loads": round(levels[3] / parsed, 2),
    }


def chain_figures(folder: Path, transactions: int) -> dict[str, Any]:
    note("adopting and indexing")
    settings = lab(folder, folder / "ledger.json")
    store = Store(settings.resolved_database_url)
    Chain(settings, store).close()  # adopts the file: from here on its tip is known
    chain = Chain(settings, store)
    chain.indexer.wait_for(10**9, timeout_s=0)
    rebuilt = timed(chain.indexer.anew)
    opened = [open_s(settings, store, chain)]
    chain = Chain(settings, store)
    while not chain.indexer.position.rows >= transactions:
        time.sleep(0.05)
    entries = chain.transactions(limit=1000)
    hashes = [entry.tx_hash for entry in entries]
    index = chain.indexer
    points = [timed(lambda h=h: index.ask(lambda i, _: i.by_hash(h))) for h in hashes]
    prefixes = [timed(lambda h=h: index.ask(lambda i, _: i.by_hash(h[:12]))) for h in hashes]
    lines = chain.explorer.lines(chain.status().height // 2)
    tree = merkle.levels(merkle.leaves(lines))
    proofs = median(lambda: [merkle.path_in(tree, n) for n in range(len(lines))]) / len(lines)
    receipts = [len(receipt.encode(chain.receipt(h))) for h in sampled(chain)]
    charts = {
        "hourly": lambda: chain.figures.over_time(),
        "pairs": lambda: chain.figures.pairs(),
        "latency": lambda: chain.figures.latency(),
    }
    seen = {name: cold_chart(chain, draw) for name, draw in charts.items()}
    status = [timed(lambda: (chain.status(), chain.blocks(limit=10))) for _ in range(200)]
    chain.close()
    store.close()
    return {
        "index_rebuild_transactions_per_s": round(transactions / rebuilt),
        "open_ms": round(1000 * statistics.median(opened), 1),
        "lookup_hash_p50_us": round(1e6 * statistics.median(points), 1),
        "lookup_prefix_p50_us": round(1e6 * statistics.median(prefixes), 1),
        "proof_us": round(1e6 * proofs, 1),
        "receipt_bytes_median": statistics.median(receipts),
        "receipt_bytes_max": max(receipts),
        "chart_ms": {name: round(1000 * seconds, 1) for name, seconds in seen.items()},
        "status_and_blocks_p95_ms": round(1000 * sorted(status)[int(len(status) * 0.95)], 2),
    }


def sampled(chain: Chain) -> list[str]:
    """Transactions from blocks all over the chain, those with the longest paths among them."""
    heights = sorted(range(1, chain.status().height + 1), key=lambda height: -height.bit_count())[:20]
    heights += list(range(1, chain.status().height, max(1, chain.status().height // 30)))
    return [chain.block(height, limit=1).lines[0].tx_hash for height in heights]


def cold_chart(chain: Chain, draw: Callable[[], object]) -> float:
    """The first answer, which nothing remembered; the data is loaded."""
    chain.figures.kinds()
    return timed(draw)


def open_s(settings: Settings, store: Store, chain: Chain) -> float:
    chain.close()
    started = time.perf_counter()
    again = Chain(settings, store)
    again.status()
    elapsed = time.perf_counter() - started
    again.close()
    return elapsed


def appends(folder: Path) -> dict[str, Any]:
    """Append and open at 1, 1,000 and 100,000 blocks; each append beside a write of as many bytes and an fsync."""
    found: dict[str, Any] = {}
    for blocks in (1, 1_000, 100_000):
        note(f"appending at {blocks} blocks")
        place = folder / f"at-{blocks}"
        generate(place / "ledger.json", transactions=blocks, blocks=blocks)
        settings = lab(place, place / "ledger.json")
        store = Store(settings.resolved_database_url)
        Chain(settings, store).close()
        opened = []
        for _ in range(5):
            started = time.perf_counter()
            chain = Chain(settings, store)
            opened.append(time.perf_counter() - started)
            chain.close()
        store.close()
        found[str(blocks)] = {
            "append_over_floor": round(append_over_floor(place / "ledger.json"), 2),
            "open_ms": round(1000 * statistics.median(opened), 1),
        }
    return {"append": found}


def append_over_floor(path: Path, rounds: int = 100) -> float:
    file = LedgerFile(path)
    walker = file.walker(START)
    while walker.step() is not None:
        pass
    tip, taken, floors = walker.tip, [], []
    with path.with_name("floor").open("wb", buffering=0) as raw:
        for number in range(rounds):
            record, after = next_block([made(number * 15 + n).body for n in range(15)], tip)
            taken.append(timed(lambda record=record, tip=tip: file.append(record, after=tip)))
            floors.append(timed(lambda record=record: (raw.write(bytes(len(record))), os.fsync(raw.fileno()))))
            tip = after
    file.close()
    return statistics.median(taken) / statistics.median(floors)


def next_block(lines: list[bytes], tip: Tip) -> tuple[bytes, Tip]:
    """A block of these lines (about 3 KB) and the tip after it; its proof of work is left out, nobody verifies it."""
    header, body = block.draft(
        lines, height=tip.height + 1, prev=tip.hash, log_root=tip.log_root, time_ms=tip.time_ms, work=1
    )
    record, block_hash = block.record(header, body, nonce=bytes(8))
    frontier = merkle.Frontier(tip.height + 1, tip.peaks)
    frontier.push(merkle.leaf(header.encode()))
    offset = tip.end + len(tip.separator)
    after = dataclasses.replace(
        tip,
        height=header.height,
        hash=block_hash,
        offset=offset,
        end=offset + len(record),
        peaks=tuple(frontier.peaks),
    )
    return record, after


def submits(folder: Path) -> dict[str, Any]:
    """Durable submits one by one and by the hundred, beside appends of 300 bytes and an fsync on the same disk."""
    note("submitting")
    store = Store(f"sqlite:///{folder / 'pool.db'}")
    pool = Pool(store)
    pool.submit([made(0)])
    found: dict[str, Any] = {}
    with (folder / "append").open("wb", buffering=0) as raw:
        for name, size, commits in (("single", 1, 2_000), ("hundred", 100, 200)):
            batches = [[made(size * 10_000 + commit * size + n) for n in range(size)] for commit in range(commits)]
            taken = floor = 0.0
            for batch in batches:
                taken += timed(lambda batch=batch: pool.submit(batch))
                floor += timed(lambda: (raw.write(bytes(300)), os.fsync(raw.fileno())))
            found[f"submit_{name}_over_fsync_rate"] = round(size * floor / taken, 2)
            found[f"submit_{name}_per_s"] = round(size * commits / taken)
    store.close()
    return found


def hashes_per_s() -> int:
    """Per second of processor time: what a process of its own reaches when nobody takes the core away."""
    digest = hashlib.sha256(b"benchmark").digest()
    expected = 1 << 18
    started = time.process_time()
    tried = 0
    for salt in range(8):
        nonce = work.search(hashlib.sha256(digest + bytes([salt])).digest(), expected)
        tried += int.from_bytes(nonce, "big") + 1
    return round(tried / (time.process_time() - started))


def lab(folder: Path, ledger: Path) -> Settings:
    return Settings(data_dir=folder, ledger_path=ledger, uploads_dir=folder / "uploads", proof_of_work=16)


def made(number: int) -> Transaction:
    return trade(
        buyer="HH001",
        seller="HH002",
        energy_wh=100 + number % 900,
        price_micro_per_kwh=5_000_000,
        received_at_ms=1_790_000_000_000 + number,
        publisher="benchmark",
        message_id=str(number),
    )


if __name__ == "__main__":
    main()
