"""Dockerfile, compose.yaml, Caddyfile, systemd unit, broker files: each read by its own program if it is here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import yaml

from core.settings import Settings, load
from tests.running import REPO, free_port

SETTINGS = {name.upper() for name in Settings.__dataclass_fields__}
OTHERS = {"PYTHONDONTWRITEBYTECODE", "NUMBA_CACHE_DIR"}
COMPOSE: dict[str, Any] = yaml.safe_load((REPO / "compose.yaml").read_text(encoding="utf-8"))
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's lines, continued ones joined."""
    text = re.sub(r"^#.*\n", "", (REPO / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_image_is_slim_runs_as_a_user_of_its_own_and_says_how_it_is() -> None:
    found = instructions()
    kinds = [kind for kind, _ in found]
    assert found[0] == ("FROM", "python:3.11-slim-bookworm")
    assert kinds.index("USER") > max(number for number, kind in enumerate(kinds) if kind in ("RUN", "COPY"))
    assert dict(found)["USER"] == "lab"
    assert "/healthz" in dict(found)["HEALTHCHECK"]
    assert dict(found)["CMD"] == '["python", "streamlit_app.py"]'
    names = set(re.findall(r"(\w+)=", dict(found)["ENV"]))
    assert names <= SETTINGS | OTHERS, names - SETTINGS - OTHERS


def test_what_is_copied_into_the_image_is_there_and_all_that_the_lab_imports() -> None:
    ignored = (REPO / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [part for kind, rest in instructions() if kind == "COPY" for part in rest.split()[:-1]]
    for part in copied:
        assert (REPO / part).exists(), part
        assert part not in ignored
    assert {"core", "pages", ".streamlit", "streamlit_app.py", "requirements.txt"} <= set(copied)
    assert {".env", "data", "uploads", ".git"} <= set(ignored)


def test_the_lab_of_compose_has_only_settings_that_there_are_and_they_are_accepted() -> None:
    environment = COMPOSE["services"]["lab"]["environment"]
    assert set(environment) <= SETTINGS
    given = {name: re.sub(r"\$\{\w+:\?[^}]*\}", "word", str(value)) for name, value in environment.items()}
    settings = load(given)
    assert settings.public_url == "https://word"
    assert (settings.behind_tls, settings.reached_by_others) == (True, True)
    subnet = COMPOSE["networks"]["front"]["ipam"]["config"][0]["subnet"]
    assert [str(network) for network in settings.proxies] == [subnet]


def test_compose_pins_its_images_and_names_nothing_that_is_not_there() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"lab", "proxy", "database", "broker"}
    for name, service in services.items():
        assert "build" in service or re.fullmatch(r"[\w-]+:\d[\w.-]*", service["image"]), name
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            made = source == "./deploy/mosquitto/ca.crt"  # by deploy/make_secrets.sh
            assert source in COMPOSE["volumes"] or made or (REPO / source).exists(), volume
    assert "ports" not in services["lab"], "only the proxy is reached from outside"
    assert services["lab"]["ulimits"]["nofile"] == 65_536


def test_compose_asks_for_no_secret_that_the_script_does_not_make() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", (REPO / "compose.yaml").read_text(encoding="utf-8")))
    script = (REPO / "deploy" / "make_secrets.sh").read_text(encoding="utf-8")
    assert asked == set(re.findall(r"^([A-Z_]+)=\$", script, flags=re.MULTILINE))


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker here")
def test_docker_itself_reads_the_compose_file() -> None:
    environment = {**os.environ, **dict.fromkeys(("LAB_HOST", "ADMIN_PASSWORD", "METRICS_TOKEN"), "x")}
    environment |= {"POSTGRES_PASSWORD": "x", "MQTT_PASSWORD": "x"}
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("this docker has no compose")
    read = subprocess.run(
        ["docker", "compose", "config", "--quiet"],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr


@pytest.mark.skipif(shutil.which("caddy") is None, reason="no caddy here")
def test_caddy_itself_reads_its_file() -> None:
    environment = {**os.environ, "LAB_HOST": "lab.example.org"}
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(REPO / "deploy" / "Caddyfile")]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def test_caddy_sends_people_to_the_lab_of_compose() -> None:
    text = (REPO / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert "{$LAB_HOST} {" in text
    assert f"reverse_proxy lab:{Settings().port}" in text


def test_the_unit_starts_the_lab_with_enough_descriptors_and_few_rights() -> None:
    text = (REPO / "deploy" / "p2p-lab.service").read_text(encoding="utf-8")
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    assert lines["LimitNOFILE"] == "65536"
    assert (lines["NoNewPrivileges"], lines["ProtectSystem"], lines["UMask"]) == ("yes", "strict", "0077")
    assert lines["ExecStart"].endswith("python streamlit_app.py")
    names = {word.split("=")[0] for word in re.findall(r"^Environment=(.*)", text, flags=re.MULTILINE)[0].split()}
    assert names <= SETTINGS


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_itself_reads_the_unit(tmp_path: Path) -> None:
    text = (REPO / "deploy" / "p2p-lab.service").read_text(encoding="utf-8")
    unit = tmp_path / "p2p-lab.service"
    unit.write_text(text.replace("/opt/p2p-lab/.venv/bin/python", "/bin/true").replace("p2p-lab\nGroup", "root\nGroup"))
    read = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in read.stderr.splitlines() if "p2p-lab" in line]
    assert not ours, ours


# ---- the broker's own configuration, started


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[int, Path, str]]:
    """mosquitto with the configuration of compose: its port, its folder and the lab's password."""
    if MOSQUITTO is None or shutil.which("openssl") is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto with mosquitto_passwd, or no openssl here")
    folder = tmp_path / "deploy" / "mosquitto"
    shutil.copytree(REPO / "deploy" / "mosquitto", folder)
    script = [str(REPO / "deploy" / "make_secrets.sh"), "localhost", str(tmp_path)]
    own = {**os.environ, "BROKER_UID": str(os.getuid())}
    subprocess.run(script, env=own, check=True, capture_output=True, timeout=120)
    port = free_port()
    text = (folder / "mosquitto.conf").read_text(encoding="utf-8")
    text = text.replace("/mosquitto/config/", f"{folder}/").replace("/mosquitto/data/", f"{tmp_path}/")
    text = text.replace("listener 8883", f"listener {port} 127.0.0.1")
    (folder / "here.conf").write_text(f"user {'root' if os.getuid() == 0 else ''}\n{text}" if not os.getuid() else text)
    subprocess.run(["mosquitto_passwd", "-b", str(folder / "passwords"), "HH001", "a device"], check=True)
    process = subprocess.Popen([MOSQUITTO, "-c", str(folder / "here.conf")], stderr=subprocess.DEVNULL)
    password = re.findall(r"MQTT_PASSWORD=(\w+)", (tmp_path / ".env").read_text(encoding="utf-8"))[0]
    yield port, folder, password
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def connected(broker: tuple[int, Path, str], user: str, password: str) -> mqtt.Client:
    port, folder, _ = broker
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    client.tls_set(ca_certs=str(folder / "ca.crt"), cert_reqs=ssl.CERT_REQUIRED)
    for _ in range(200):
        try:
            client.connect("localhost", port)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    client.loop_start()
    return client


def until(condition: Any) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
def test_the_broker_of_compose_lets_devices_write_their_own_topics_only(broker: tuple[int, Path, str]) -> None:
    lab = connected(broker, "lab", broker[2])
    heard: list[str] = []
    ready: list[bool] = []
    lab.on_message = lambda _client, _data, message: heard.append(message.topic)
    lab.on_subscribe = lambda *_: ready.append(True)
    assert until(lab.is_connected)
    lab.subscribe("iot-p2p-trading/#", qos=1)
    assert until(lambda: ready)
    device = connected(broker, "HH001", "a device")
    for topic in ("trades/HH002", "checkpoint", "meters/HH002", "trades/HH001", "meters/HH001"):
        device.publish(f"iot-p2p-trading/{topic}", b"{}", qos=1).wait_for_publish(10)
    assert until(lambda: len(heard) >= 2)
    assert heard == ["iot-p2p-trading/trades/HH001", "iot-p2p-trading/meters/HH001"]
    for client in (lab, device):
        client.disconnect()
        client.loop_stop()


@pytest.mark.slow
def test_the_broker_of_compose_knows_nobody_without_the_password(broker: tuple[int, Path, str]) -> None:
    refused: list[bool] = []
    stranger = connected(broker, "lab", "a wrong word")
    stranger.on_connect = lambda _client, _data, _flags, reason, _properties: refused.append(reason.is_failure)
    stranger.reconnect()
    assert until(lambda: refused)
    assert all(refused)
    stranger.disconnect()
    stranger.loop_stop()
    assert (broker[1] / "passwords").stat().st_mode & 0o077 == 0
    assert (broker[1] / "server.key").stat().st_mode & 0o077 == 0
