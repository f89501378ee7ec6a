"""The lab as `make run` starts it, in folders and on ports of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
SHARED = REPO.parent / "shared"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class App:
    """A running lab and the folder it lives in."""

    folder: Path
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    environment: dict[str, str] = field(repr=False, default_factory=dict)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start_app(folder: Path, **settings: str) -> App:
    """Start the lab in `folder` and wait until it answers."""
    port = free_port()
    shutil.copy(REPO / "ledger.json", folder / "ledger.json") if not (folder / "ledger.json").exists() else None
    environment = {
        **os.environ,
        "PORT": str(port),
        "DATA_DIR": str(folder / "data"),
        "UPLOADS_DIR": str(folder / "uploads"),
        "LEDGER_PATH": str(folder / "ledger.json"),
        "MQTT_PORT": str(free_port()),
        "BLOCK_INTERVAL_S": "5",
        "PYTHONWARNINGS": "default",
        **settings,
    }
    log = folder / "app.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "streamlit_app.py"], cwd=REPO, env=environment, stdout=sink, stderr=subprocess.STDOUT
        )
    app = App(folder, f"http://127.0.0.1:{port}", process, log, environment)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(app.url + "/_stcore/health", timeout=1):
                return app
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the app did not start:\n{log.read_text()[-4000:]}")
