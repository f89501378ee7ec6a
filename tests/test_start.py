"""Starting and stopping the whole lab: what a person reads, and what is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.running import REPO, free_port, publish, start_app

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def refused(folder: Path, **settings: str) -> str:
    """What the lab says when it must not start: one line, status 1."""
    environment = {
        **os.environ,
        "PORT": str(free_port()),
        "MQTT_PORT": str(free_port()),
        "DATA_DIR": str(folder / "data"),
        "UPLOADS_DIR": str(folder / "uploads"),
        "LEDGER_PATH": str(folder / "ledger.json"),
        **settings,
    }
    ended = subprocess.run(
        [sys.executable, "streamlit_app.py"], cwd=REPO, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_stopping_leaves_no_process_no_port_and_loses_nothing(tmp_path: Path) -> None:
    app = start_app(tmp_path, BLOCK_INTERVAL_S="600", SIMULATOR="off")
    assert "first sign-in: admin / admin" in app.log.read_text()
    publish(app, '{"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8, "id": "kept"}')
    children = psutil.Process(app.process.pid).children(recursive=True)
    assert app.stop() in (0, -signal.SIGTERM)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive, f"left running: {alive}"
    for port in (int(app.url.rsplit(":", 1)[1]), int(app.environment["MQTT_PORT"])):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    assert "Traceback" not in app.log.read_text()
    again = start_app(tmp_path, BLOCK_INTERVAL_S="1", SIMULATOR="off")
    try:
        wanted = b'"energy_wh":3500'
        for _ in range(400):
            if wanted in (tmp_path / "ledger.json").read_bytes():
                break
            time.sleep(0.05)
        assert (tmp_path / "ledger.json").read_bytes().count(wanted) == 1
    finally:
        again.stop()
    command = [sys.executable, "-m", "core", "verify", str(tmp_path / "ledger.json")]
    assert subprocess.run(command, cwd=REPO).returncode == 0


def test_a_second_instance_on_the_same_ledger_is_told_who_holds_it(tmp_path: Path) -> None:
    app = start_app(tmp_path, SIMULATOR="off")
    try:
        sentence = refused(tmp_path)
        assert "ledger.json" in sentence
        assert "Another process" in sentence
    finally:
        app.stop()


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refused(tmp_path, PORT=str(port))
    assert str(port) in sentence
    assert "PORT=" in sentence


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody can make a folder")
def test_an_unwritable_folder_is_named_with_the_way_out(tmp_path: Path) -> None:
    sentence = refused(tmp_path, DATA_DIR="/proc/lab")
    assert "/proc/lab" in sentence
    assert "DATA_DIR" in sentence


def test_a_setting_that_means_nothing_is_named(tmp_path: Path) -> None:
    assert 'BLOCK_INTERVAL_S is "soon"' in refused(tmp_path, BLOCK_INTERVAL_S="soon")
