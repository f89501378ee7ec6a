"""No installed package has a known vulnerability, as far as the advisory service can be asked."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

UNREACHABLE = re.compile(r"ConnectionError|could not be audited|ServiceError|Timeout|NameResolution", re.IGNORECASE)


@pytest.mark.slow
def test_no_installed_package_has_a_known_vulnerability() -> None:
    """`--strict`: without it pip-audit ends well while skipping every package it could not ask about."""
    command = [sys.executable, "-m", "pip_audit", "--strict", "--local", "--progress-spinner", "off", "--timeout", "10"]
    audit = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    said = audit.stdout + audit.stderr
    if audit.returncode and not re.search(r"Found \d+ known", said) and UNREACHABLE.search(said):
        reason = next((line for line in reversed(said.splitlines()) if UNREACHABLE.search(line)), "no answer")
        pytest.skip(f"the advisory service cannot be asked from here: {reason[:160]}")
    assert audit.returncode == 0, said
