"""Things are destroyed at random; backup, restore and accept-loss bring the lab back, and say what is gone."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.chain import Chain
from core.chain.backup import backup, checked
from core.chain.examining import examine
from core.chain.loss import accept_loss
from core.chain.restoring import restore
from core.errors import ConflictError, InputError, LabError, LedgerDamagedError
from core.ledger.transaction import note
from core.ledger.verify import verify
from core.settings import Settings
from core.store import Store
from core.store.pool import Pool
from tests.faults import victim
from tests.faults.victim import made

REPO = Path(__file__).resolve().parents[2]


def clock() -> int:
    return 1_780_000_000_000


class Lab:
    """A lab in a folder, opened anew for every act."""

    def __init__(self, folder: Path) -> None:
        self.settings = victim.settings(folder)
        self.sent = 0

    def mine(self, blocks: int) -> None:
        store = Store(self.settings.resolved_database_url)
        chain = Chain(self.settings, store)
        try:
            for _ in range(blocks):
                chain.submit([made(self.sent), made(self.sent + 1)])
                self.sent += 2
                assert chain.mine() is not None
        finally:
            chain.close()
            store.close()

    def damage(self) -> str | None:
        store = Store(self.settings.resolved_database_url)
        chain = Chain(self.settings, store)
        try:
            if chain.status().writable:
                chain.verify(2)  # the app does so in the background
            status = chain.status()
            return None if status.writable else str(status.damage or status.notice)
        finally:
            chain.close()
            store.close()

    def accept(self) -> str:
        return accept_loss(self.settings, retained="", clock=clock).sentence

    def transactions(self) -> list[dict[str, object]]:
        blocks = json.loads(self.settings.ledger_path.read_bytes())
        return [transaction for block in blocks[1:] for transaction in block["txs"]]

    def losses(self) -> list[dict[str, object]]:
        return [one for one in self.transactions() if one.get("action") == "accept_loss"]

    def sound(self) -> None:
        """Writable, verified, compared with what was signed, and nothing on it twice."""
        assert self.damage() is None
        assert verify(self.settings.ledger_path, 3).ok
        examine(self.settings)
        ids = [one["message_id"] for one in self.transactions() if "message_id" in one]
        assert len(ids) == len(set(ids))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab")


def test_a_backup_brings_everything_back(lab: Lab, tmp_path: Path) -> None:
    lab.mine(3)
    results = lab.settings.data_dir / "results"
    results.mkdir()
    (results / "r1").write_bytes(b"result")
    lab.settings.uploads_dir.mkdir()
    (lab.settings.uploads_dir / "a.csv").write_text("a")
    (lab.settings.data_dir / "manifest.json").write_text("not the backup's")
    store = Store(lab.settings.resolved_database_url)
    Pool(store).submit([note(text="pending", author="a", at_ms=0)])
    store.close()
    saved = backup(lab.settings, tmp_path / "backup")
    assert (saved.blocks, saved.files) == (4, len(checked(tmp_path / "backup")["files"]))
    ledger, key = lab.settings.ledger_path.read_bytes(), (lab.settings.data_dir / "ledger.key").read_bytes()
    other = Lab(tmp_path / "elsewhere")
    for target in (lab, other):
        if target is lab:
            shutil.rmtree(lab.settings.data_dir)
            shutil.rmtree(lab.settings.uploads_dir)
            lab.settings.ledger_path.unlink()
        restore(target.settings, tmp_path / "backup")
        assert target.settings.ledger_path.read_bytes() == ledger
        assert (target.settings.data_dir / "ledger.key").read_bytes() == key
        assert (target.settings.data_dir / "ledger.key").stat().st_mode & 0o777 == 0o600
        assert (target.settings.data_dir / "results" / "r1").read_bytes() == b"result"
        assert (target.settings.uploads_dir / "a.csv").read_text() == "a"
        target.sound()
        target.sent = 6
        target.mine(1)
        assert [one["text"] for one in target.transactions() if one["kind"] == "note"] == ["pending"]


def test_a_backup_taken_while_the_lab_mines_is_consistent(lab: Lab, tmp_path: Path) -> None:
    store = Store(lab.settings.resolved_database_url)
    chain = Chain(lab.settings, store)
    for number in range(12):
        chain.submit([made(number)])
        chain.mine()
        folder = tmp_path / f"backup-{number}"
        backup(lab.settings, folder)
        chain.submit([made(100 + number)])  # pending in no backup
    chain.close()
    store.close()
    for number in range(0, 12, 3):
        other = Lab(tmp_path / f"elsewhere-{number}")
        restore(other.settings, tmp_path / f"backup-{number}")
        other.sound()


@pytest.mark.parametrize("harm", ["gone", "shortened", "damaged"])
@pytest.mark.parametrize("checkpoints", [True, False])
def test_a_backup_that_would_fork_the_chain_is_refused_and_says_why(
    lab: Lab, tmp_path: Path, checkpoints: bool, harm: str
) -> None:
    lab.mine(2)
    backup(lab.settings, tmp_path / "backup")
    lab.mine(2)
    content = lab.settings.ledger_path.read_bytes()
    if harm == "gone":
        lab.settings.ledger_path.unlink()
    elif harm == "shortened":
        shutil.copy(tmp_path / "backup" / "ledger.json", lab.settings.ledger_path)
    else:
        lab.settings.ledger_path.write_bytes(content.replace(b'"energy_wh":106', b'"energy_wh":906'))
    if not checkpoints:  # the database knows the last one
        (lab.settings.data_dir / "checkpoints.txt").unlink()
    before = {path: path.read_bytes() for path in lab.settings.data_dir.iterdir() if path.is_file()}
    with pytest.raises(ConflictError, match=r"would fork the chain: .* ends after block 2") as caught:
        restore(lab.settings, tmp_path / "backup")
    assert "accept-loss" in caught.value.fix
    assert {path: path.read_bytes() for path in lab.settings.data_dir.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("harm", ["gone", "rubbish", "sound"])
def test_a_sound_ledger_that_goes_on_from_the_backups_stays(lab: Lab, tmp_path: Path, harm: str) -> None:
    lab.mine(2)
    backup(lab.settings, tmp_path / "backup")
    lab.mine(2)
    ledger = lab.settings.ledger_path.read_bytes()
    for path in lab.settings.data_dir.glob("lab.db*"):
        if harm == "gone":
            path.unlink()
        elif harm == "rubbish":
            path.write_bytes(b"rubbish " * 100)
    restore(lab.settings, tmp_path / "backup")
    assert lab.settings.ledger_path.read_bytes() == ledger
    lab.sound()
    lab.mine(1)
    lab.sound()


def test_the_older_backup_is_read_only_until_the_loss_is_accepted_and_the_chain_says_what_is_lost(
    lab: Lab, tmp_path: Path
) -> None:
    lab.mine(2)
    backup(lab.settings, tmp_path / "backup")
    lab.mine(3)
    lab.settings.ledger_path.unlink()
    restore(lab.settings, tmp_path / "backup", older=True)
    assert "blocks 3 to 5 are missing" in str(lab.damage())
    assert "blocks 3 to 5" in lab.accept()
    lab.sound()
    (loss,) = lab.losses()
    assert loss["subject"] == "blocks 3 to 5"
    details = loss["details"]
    assert isinstance(details, dict)
    assert (details["goes_on_after"], details["last_known"], details["checkpoint_size"]) == (2, 5, 6)
    assert 0 < int(details["lost_from_ms"]) <= int(details["lost_until_ms"])
    for _ in range(2):
        lab.mine(1)
        lab.sound()
    with pytest.raises(ConflictError, match="Nothing is lost"):
        lab.accept()


def test_what_was_lost_can_be_sent_again(lab: Lab, tmp_path: Path) -> None:
    lab.mine(1)
    backup(lab.settings, tmp_path / "backup")
    lab.mine(1)
    lab.settings.ledger_path.unlink()
    restore(lab.settings, tmp_path / "backup", older=True)
    lab.accept()
    lab.sent = 0
    store = Store(lab.settings.resolved_database_url)
    assert Pool(store).submit([made(number) for number in range(4)]) == ["mined", "mined", "new", "new"]
    store.close()


def test_a_backup_that_is_not_whole_or_changed_is_refused(lab: Lab, tmp_path: Path) -> None:
    lab.mine(1)
    folder = tmp_path / "backup"
    backup(lab.settings, folder)
    with pytest.raises(InputError, match="is not empty"):
        backup(lab.settings, folder)
    for name in ("ledger.json", "database/lab.db"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + b"X")
        with pytest.raises(InputError, match=f"{name} is missing or not what was backed up"):
            restore(lab.settings, folder)
        (folder / name).write_bytes(content)
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match="no whole backup"):
        restore(lab.settings, folder)


def test_a_backup_of_another_chain_does_not_replace_this_one(lab: Lab, tmp_path: Path) -> None:
    lab.mine(1)
    other = Lab(tmp_path / "other")
    other.mine(1)
    backup(other.settings, tmp_path / "backup")
    with pytest.raises(ConflictError, match="is another chain"):
        restore(lab.settings, tmp_path / "backup", older=True)


def test_a_damaged_ledger_is_not_backed_up(lab: Lab, tmp_path: Path) -> None:
    lab.mine(3)
    content = lab.settings.ledger_path.read_bytes()
    lab.settings.ledger_path.write_bytes(content.replace(b'"energy_wh":102', b'"energy_wh":902'))
    with pytest.raises(LedgerDamagedError, match="block 2"):
        backup(lab.settings, tmp_path / "backup")


def destroy(chance: random.Random, settings: Settings) -> list[str]:
    """Up to three things go wrong with the files of a lab."""
    ledger, data = settings.ledger_path, settings.data_dir
    ways = {
        "ledger gone": lambda: ledger.unlink(missing_ok=True),
        "ledger emptied": lambda: ledger.write_bytes(b"[\n]\n"),
        "ledger cut": lambda: ledger.write_bytes(ledger.read_bytes()[: chance.randrange(len(ledger.read_bytes()))]),
        "byte changed": lambda: flip(chance, ledger),
        "database gone": lambda: [path.unlink() for path in data.glob("lab.db*")],
        "checkpoints gone": lambda: (data / "checkpoints.txt").unlink(missing_ok=True),
        "checkpoints damaged": lambda: flip(chance, data / "checkpoints.txt"),
        "key gone": lambda: (data / "ledger.key").unlink(missing_ok=True),
    }
    chosen = chance.sample(sorted(ways), chance.randrange(1, 4))
    for way in chosen:
        if ledger.exists() or not way.startswith(("ledger cut", "byte")):
            ways[way]()
    return chosen


def flip(chance: random.Random, path: Path) -> None:
    if path.exists() and path.stat().st_size:
        content = bytearray(path.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(7)
        path.write_bytes(bytes(content))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_after_random_destruction_the_commands_bring_the_lab_back(seed: int, lab: Lab, tmp_path: Path) -> None:
    chance = random.Random(seed)
    lab.mine(chance.randrange(1, 4))
    if saved := chance.random() < 0.6:
        backup(lab.settings, tmp_path / "backup")
        lab.mine(chance.randrange(0, 3))
    signed_before = checkpoints(lab.settings)
    told = destroy(chance, lab.settings)
    if lab.damage() is not None and saved:
        try:
            restore(lab.settings, tmp_path / "backup")
        except ConflictError:
            restore(lab.settings, tmp_path / "backup", older=True)
    lost = lab.damage() is not None
    if lost:
        lab.accept()
    lab.sound()
    assert bool(lab.losses()) == lost, told
    lab.sent = 1_000
    lab.mine(2)
    lab.sound()
    fresh = checkpoints(lab.settings)
    doubled = {size for size in fresh if size in signed_before and not fresh[size] & signed_before[size]}
    forgotten = {"database gone", "checkpoints gone"} <= set(told) and len(told) == 3  # then nobody can know
    assert not doubled or lost or forgotten, told


def checkpoints(settings: Settings) -> dict[int, set[bytes]]:
    """Roots by size in the lab's file of checkpoints."""
    try:
        examined = examine(settings)
    except LabError:
        return {}
    found = examined.signed.roots() if examined.signed is not None else {}
    return {size: set(roots) for size, roots in found.items()}


@pytest.mark.slow
def test_the_commands_do_the_same(lab: Lab, tmp_path: Path) -> None:
    def command(*arguments: object) -> subprocess.CompletedProcess[str]:
        settings = lab.settings
        environment = {
            **os.environ,
            "DATA_DIR": str(settings.data_dir),
            "LEDGER_PATH": str(settings.ledger_path),
            "UPLOADS_DIR": str(settings.uploads_dir),
        }
        run = [sys.executable, "-m", "core", *map(str, arguments)]
        return subprocess.run(run, cwd=REPO, env=environment, capture_output=True, text=True, check=False)

    lab.mine(1)
    done = command("backup", tmp_path / "backup")
    assert done.stdout.startswith(f"{tmp_path / 'backup'}: 2 blocks, "), done
    lab.mine(1)
    lab.settings.ledger_path.unlink()
    refused = command("restore", tmp_path / "backup")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "would fork the chain" in refused.stderr
    assert command("restore", "--older", tmp_path / "backup").returncode == 0
    assert command("mine").returncode == 1
    done = command("accept-loss")
    assert (done.returncode, "block 2" in done.stdout) == (0, True), done
    assert command("verify").returncode == 0
    assert command("accept-loss").returncode == 1
