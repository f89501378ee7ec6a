"""What is in version control stays as a fresh clone needs it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


def committed(path: str) -> bytes:
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=REPO, capture_output=True, check=False)
    if shown.returncode:
        pytest.skip(f"no git history here to read {path} from")
    return shown.stdout


def test_the_ledger_in_version_control_is_the_empty_array_on_two_lines() -> None:
    assert committed("ledger.json") == b"[\n]\n"


def test_every_requirement_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (REPO / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert re.fullmatch(r"[A-Za-z0-9_.-]+(\[[a-z,]+\])?==[0-9][0-9a-z.]*", line), f"{name}: {line}"
