"""Commands of the ledger family."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.chain.reading import Reading
    from core.errors import LedgerDamagedError
    from core.ledger.verify import Verdict
    from core.settings import Settings


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    verify = commands.add_parser("verify", help="check every byte of a ledger file")
    verify.add_argument("path", nargs="?", type=Path, metavar="PATH", help="the ledger; LEDGER_PATH unless given")
    verify.add_argument("--level", type=int, choices=(1, 2, 3, 4), default=2, help="how much is checked (default 2)")
    verify.add_argument("--checkpoint", type=Path, metavar="FILE", help="signed checkpoints the ledger must extend")
    verify.add_argument("--json", action="store_true", help="print the verdict as JSON")
    verify.set_defaults(run=run_verify)
    receipt = commands.add_parser("receipt", help="print the receipt of a mined transaction")
    receipt.add_argument("tx", metavar="TX", help="the transaction's hash, 64 hex digits")
    receipt.add_argument("--ledger", type=Path, metavar="PATH", help="the ledger; LEDGER_PATH unless given")
    receipt.set_defaults(run=run_receipt)
    mine = commands.add_parser("mine", help="put all that is pending into blocks now")
    mine.set_defaults(run=run_mine)
    ledger = commands.add_parser("ledger", help="test ledgers, the index, exports")
    parts = ledger.add_subparsers(dest="part", required=True, metavar="PART")
    generate = parts.add_parser("generate", help="write a test ledger of made-up trades, checkpoints beside it")
    generate.add_argument("path", type=Path, metavar="PATH", help="a new file in a folder of its own")
    generate.add_argument("--transactions", type=int, default=1_000, metavar="N")
    generate.add_argument("--blocks", type=int, default=10, metavar="M")
    generate.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes (default 1)")
    generate.set_defaults(run=run_generate)
    rebuild = parts.add_parser("rebuild-index", help="build the explorer's index anew from the file")
    rebuild.set_defaults(run=run_rebuild_index)
    export = parts.add_parser("export", help="write every transaction of the ledger")
    export.add_argument("--ledger", type=Path, metavar="PATH", help="the ledger; LEDGER_PATH unless given")
    export.add_argument("--format", choices=("csv", "jsonl", "parquet"), default="csv")
    export.add_argument("--output", type=Path, metavar="FILE", help="standard output unless given")
    export.set_defaults(run=run_export)


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify a file; exit 1 with one line naming height and byte offset if it is damaged, cut short or another one."""
    from core.errors import LedgerDamagedError
    from core.ledger import verify

    path = arguments.path or _settings().ledger_path
    started = time.perf_counter()
    try:
        roots, compared = _compared(arguments)
    except LedgerDamagedError as error:
        return _refused(path, error, as_json=arguments.json)
    with _replay(arguments.level) as replay:
        verdict = _steady(path, lambda: verify.verify(path, arguments.level, roots=roots, replay=replay))
    verdict = dataclasses.replace(verdict, seconds=round(time.perf_counter() - started, 3))
    if arguments.json:
        found = {"path": str(path), **dataclasses.asdict(verdict), "compared": compared}
        print(json.dumps(found, ensure_ascii=False))
    elif verdict.ok:
        print(f"{verdict.sentence}\n{compared}")
    if not verdict.ok:
        print(f"{path}: {verdict.sentence}", file=sys.stderr)
    return 0 if verdict.ok else 1


def _compared(arguments: argparse.Namespace) -> tuple[dict[int, tuple[bytes, ...]] | None, str]:
    """The log roots that the file must agree with, and what it is compared with, as a sentence.

    Raises LedgerDamagedError if the ledger of this lab is not what the lab recorded and signed.
    """
    if arguments.path is not None:
        if arguments.checkpoint:
            return _roots(arguments.path, arguments.checkpoint), "Compared with the given checkpoints alone."
        alone = "Compared with nothing: a file that is older than it should be, or another one, looks as sound as this."
        return None, f"{alone} Without PATH the ledger is held against what this lab recorded and signed."
    from core.chain.examining import examine

    settings = _settings()
    examined = examine(settings, retained=_retained(settings))
    roots = examined.signed.roots() if examined.signed else {}
    if arguments.checkpoint:
        for size, more in _roots(settings.ledger_path, arguments.checkpoint).items():
            roots[size] = tuple({*roots.get(size, ()), *more})
    problem = examined.signed.problem if examined.signed else ""
    return roots, f"{examined.sentence} {problem}".strip()


def _refused(path: Path, error: LedgerDamagedError, *, as_json: bool) -> int:
    if as_json:
        found = {"path": str(path), "ok": False, "height": error.height, "offset": error.offset, "sentence": str(error)}
        print(json.dumps(found, ensure_ascii=False))
    print(f"{path}: {error}", file=sys.stderr)
    return 1


def _retained(settings: Settings) -> str:
    """The checkpoint that an external broker has kept of this lab; "" without one."""
    from core.live.announcer import retained_checkpoint

    return retained_checkpoint(settings)


def _steady(path: Path, check: Callable[[], Verdict]) -> Verdict:
    """The verdict once the end of the file is at rest: an append in full flight looks like a file cut short."""
    for _ in range(20):
        before = path.stat() if path.exists() else None
        verdict = check()
        if verdict.ok or before is None:
            return verdict
        time.sleep(0.05)
        after = path.stat()
        moved = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
        if not moved or verdict.offset < min(before.st_size, after.st_size):
            return verdict
    return verdict


def _roots(path: Path, checkpoints: Path) -> dict[int, tuple[bytes, ...]]:
    """The log roots in a file of checkpoints, their signatures checked with the key in the ledger's genesis block."""
    from core.errors import LedgerError
    from core.ledger import checkpoint, verify
    from core.ledger.walk import Walker

    with verify.reading(path) as (read, size):
        walker = Walker(read, size)
        walker.step()
    rules = walker.tip.genesis
    if rules is None:
        raise LedgerError(f"{path} has no block yet, so no checkpoint can be of it.")
    try:
        text = checkpoints.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise LedgerError(f"{checkpoints} cannot be read: {reason}.") from None
    roots = checkpoint.roots_of(text, origin=rules.origin, public=bytes.fromhex(rules.log_key))
    if not roots:
        raise LedgerError(f"{checkpoints} has no checkpoint.", fix="Give a file such as checkpoints.txt.")
    return roots


@contextmanager
def _replay(level: int) -> Iterator[Any]:
    """What computes recorded runs again at level 4, from the datasets of this lab; None below."""
    if level < 4:
        yield None
        return
    from core.runs import Datasets, Runs
    from core.store import Store
    from core.store.pool import Pool

    settings = _settings()
    store = Store(settings.resolved_database_url)
    runs = Runs(store, settings, datasets=Datasets(store, settings), pool=Pool(store))
    try:
        yield runs.replay
    finally:
        store.close()


def run_receipt(arguments: argparse.Namespace) -> int:
    """Print a receipt that tools/verify_receipt.py checks; read from the file, whoever writes it."""
    from core.ledger import receipt

    with _reading(arguments.ledger) as ledger:
        made = ledger.receipts.make(*ledger.explorer.locate(arguments.tx.strip().lower()))
    sys.stdout.buffer.write(receipt.encode(made) + b"\n")
    return 0


def run_mine(_: argparse.Namespace) -> int:
    """Mine until nothing is pending; refuse while another process writes the ledger."""
    with _chain() as chain:
        blocks = transactions = 0
        while block := chain.mine():
            blocks, transactions = blocks + 1, transactions + block.transactions
            print(f"Block {block.height}: {block.transactions} transactions, {block.hash}")
        print(f"{transactions} transactions mined in {blocks} blocks; nothing is pending.")
    return 0


def run_generate(arguments: argparse.Namespace) -> int:
    """Write a test ledger."""
    from core.ledger.generate import generate

    generate(arguments.path, transactions=arguments.transactions, blocks=arguments.blocks, seed=arguments.seed)
    print(f"{arguments.path}: {arguments.transactions} made-up transactions in {arguments.blocks} blocks.")
    return 0


def run_rebuild_index(_: argparse.Namespace) -> int:
    """Build the index anew; refuse while another process keeps it."""
    from core.chain.indexer import Indexer

    with _reading(None) as ledger:
        indexer = Indexer(_settings().data_dir, heads=ledger.explorer.heads, read=ledger.explorer.read)
        indexer.start()
        try:
            position = indexer.anew()
        finally:
            indexer.close()
    print(f"The index holds {position.rows} transactions of {position.height + 1} blocks.")
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    """Write every transaction, block after block, each checked; memory does not grow with the ledger."""
    from core.chain.export import Sink
    from core.ledger.verify import reading
    from core.ledger.walk import Walker

    path = arguments.ledger or _settings().ledger_path
    with reading(path) as (read, size), _output(arguments.output) as file, Sink(file, arguments.format) as sink:
        walker = Walker(read, size)
        while (block := walker.step()) is not None:
            if walker.tip.height > 0:
                sink.add(walker.tip.height, block.lines())
    return 0


@contextmanager
def _output(path: Path | None) -> Iterator[Any]:
    if path is None:
        yield sys.stdout.buffer
        return
    from core.errors import InputError

    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error


@contextmanager
def _reading(path: Path | None) -> Iterator[Reading]:
    """The ledger at `path`, or that of the settings, to be read."""
    from core.chain.reading import read_only

    settings = _settings()
    with read_only(path or settings.ledger_path, settings.data_dir) as found:
        yield found


@contextmanager
def _chain() -> Iterator[Any]:
    """The chain of the settings, for writing."""
    from core.chain import Chain
    from core.store import Store

    settings = _settings()
    store = Store(settings.resolved_database_url)
    chain = Chain(settings, store, retained=_retained(settings))
    try:
        yield chain
    finally:
        chain.close()
        store.close()


def _settings() -> Any:
    """The settings; what a command has to say it prints, so the log of the services is kept off standard error."""
    import logging

    from core import settings

    logging.getLogger("core").addHandler(logging.NullHandler())
    return settings.load()
