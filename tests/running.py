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

import paho.mqtt.client as mqtt

REPO = Path(__file__).resolve().parents[1]
SHARED = REPO.parent / "shared"
PASSWORD = "copper lantern 47 walks"


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


def publish(app: App, payload: str | bytes) -> None:
    """Publish to the embedded broker as any program on this machine would; returns when the broker has it."""
    options = (app.folder / "data" / "mosquitto_pub").read_text().split()
    found = dict(zip(options[::2], options[1::2], strict=True))
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="test-publisher")
    client.username_pw_set(found["-u"], found["-P"])
    client.connect(found["-h"], int(found["-p"]))
    client.loop_start()
    client.publish("iot-p2p-trading/trades", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def generate_ledger(path: Path, *, transactions: int, blocks: int) -> None:
    """Write a test ledger, as a person would."""
    command = [sys.executable, "-m", "core", "ledger", "generate", str(path)]
    numbers = ["--transactions", str(transactions), "--blocks", str(blocks)]
    subprocess.run([*command, *numbers], cwd=REPO, check=True, stdout=sys.stderr)
