"""The lab where POSIX's own names are gone: no Windows is at hand, so it is what comes nearest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import REPO, start_app

SHIM = REPO / "tests" / "without_posix"

SCRIPT = """
import core.system, json, os
assert not core.system.HAS_MODES, "the shim is not at work"
try:
    import core.settings
    core.settings.os.pread
    raise SystemExit("POSIX names are there")
except AttributeError:
    pass
from core.runs import RunPlan, Selection
from core.web.app import open_exchange
lab = open_exchange()
lab.start()
admin = lab.accounts.check("admin", "copper lantern 47 walks", address="127.0.0.1")
assert lab.sessions.user_of(lab.sessions.open(admin)) is not None
dataset = lab.datasets.sample(admin.user_id)
run_id = lab.runs.start(admin.user_id, dataset.dataset_id, plan=RunPlan((Selection("grid_only"),)))
ended = lab.runs.wait(run_id, user_id=admin.user_id, timeout_s=200)
assert ended.status == "done", ended
lab.mine()
status = lab.chain.status()
assert status.writable and status.transactions > 0, status
verdict = lab.chain.verify(3)
assert verdict.ok, verdict
lab.stop()
print(json.dumps({"height": status.height}))
"""


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{SHIM}{os.pathsep}{REPO}",
        "DATA_DIR": str(folder / "data"),
        "UPLOADS_DIR": str(folder / "uploads"),
        "LEDGER_PATH": str(folder / "ledger.json"),
        "ADMIN_PASSWORD": "copper lantern 47 walks",
        "PROOF_OF_WORK": "64",
        "SIMULATOR": "off",
    }


@pytest.mark.slow
def test_sign_in_run_mine_and_stop_without_posix(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "__name__ = 'core.test'\n" + SCRIPT]
    done = subprocess.run(
        command, cwd=REPO, env=environment(tmp_path), capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert '"height": ' in done.stdout
    assert "Traceback" not in done.stderr, done.stderr[-4000:]


@pytest.mark.slow
def test_the_server_starts_and_stops_without_posix(tmp_path: Path) -> None:
    app = start_app(tmp_path, PYTHONPATH=f"{SHIM}{os.pathsep}{REPO}", SIMULATOR="off")
    assert app.stop() in (0, -signal.SIGTERM)
    assert "Traceback" not in app.log.read_text()


@pytest.mark.slow
def test_a_second_lab_is_refused_without_posix_too(tmp_path: Path) -> None:
    app = start_app(tmp_path, PYTHONPATH=f"{SHIM}{os.pathsep}{REPO}", SIMULATOR="off")
    try:
        command = [sys.executable, "-c", "from core.web.app import open_exchange; open_exchange()"]
        done = subprocess.run(
            command, cwd=REPO, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert "Another" in done.stderr.splitlines()[-1]
    finally:
        app.stop()


@pytest.mark.parametrize("name", ["fcntl", "resource", "pwd"])
def test_only_one_module_knows_the_system(name: str) -> None:
    own = [path for path in (REPO / "core").rglob("*.py") if path.name != "system.py"]
    assert not [path for path in own if f"import {name}\n" in path.read_text(encoding="utf-8")]
