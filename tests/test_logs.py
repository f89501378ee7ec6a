"""What docs/security.md says is written down stands on standard error."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import REPO

SCRIPT = """
from core.errors import LabError
from core.web.app import open_exchange
lab = open_exchange()
try:
    lab.accounts.check("admin", "a wrong guess", address="192.0.2.1")
except LabError:
    pass
lab.stop()
"""


def standard_error(folder: Path, **settings: str) -> list[str]:
    environment = {
        **os.environ,
        "DATA_DIR": str(folder / "data"),
        "UPLOADS_DIR": str(folder / "uploads"),
        "LEDGER_PATH": str(folder / "ledger.json"),
        "PROOF_OF_WORK": "16",
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=REPO, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


@pytest.mark.slow
def test_a_refused_sign_in_stands_on_standard_error(tmp_path: Path) -> None:
    (line,) = [line for line in standard_error(tmp_path) if "sign-in refused" in line]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO core\.accounts\.accounts: sign-in refused, account u-\w+", line
    )
    assert not [line for line in standard_error(tmp_path, LOG_LEVEL="error") if "sign-in refused" in line]


@pytest.mark.slow
def test_as_json_every_line_is_an_object_with_time_level_and_logger(tmp_path: Path) -> None:
    events = [json.loads(line) for line in standard_error(tmp_path, LOG_FORMAT="json")]
    (refused,) = [event for event in events if "sign-in refused" in event["message"]]
    assert (refused["level"], refused["logger"]) == ("info", "core.accounts.accounts")
    assert refused["time"].endswith("Z")
