"""Where the broker is and how to sign in to it, and the 0600 file that tells `mosquitto_pub` the same."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core import system
from core.durable import whole_file
from core.errors import InputError, UnavailableError
from core.live.devices import read_table
from core.settings import Settings

CLIENT_FILES = ("mosquitto_pub", "mosquitto_sub")
"""mosquitto's clients read their options from the file of their own name in `$XDG_CONFIG_HOME`."""

SYSTEM_CA = "system"
"""The value of `MQTT_CA` that asks for TLS with the certificates this computer trusts."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One broker, as a client needs it. `ca`, `certificate` and `key` are paths; any of them asks for TLS."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    certificate: str = ""
    key: str = ""
    embedded: bool = False

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return bool(self.ca or self.certificate)

    @property
    def address(self) -> str:
        """host:port, for a sentence."""
        return f"{self.host}:{self.port}"


Where = Endpoint | Callable[[], Endpoint] | None
"""A broker, or a callable that names it at each try to connect, or nothing: then the settings name it."""


def subscribed_topics(settings: Settings) -> tuple[str, ...]:
    """The topics of the feed: trades, all publishers' and each one's own, meter readings by household, devices."""
    devices = dict.fromkeys(device.topic_filter for device in read_table(settings.mqtt_devices))
    return settings.mqtt_topic, f"{settings.mqtt_topic}/+", f"{settings.mqtt_meters_topic}/+", *devices


def resolve(settings: Settings) -> Endpoint:
    """The broker that the settings name, or the embedded one of the app that uses the same data folder.

    Raises InputError for a password file that others can read, UnavailableError when no app has left credentials.
    """
    return external(settings) if settings.mqtt_host else embedded(settings.data_dir)


def located(settings: Settings, where: Where) -> Endpoint:
    """What a service was given as its broker, as an endpoint; nothing means that the settings name it."""
    if where is None:
        return resolve(settings)
    return where if isinstance(where, Endpoint) else where()


def external(settings: Settings) -> Endpoint:
    """The broker of `MQTT_HOST`."""
    return Endpoint(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        username=settings.mqtt_username,
        password=settings.mqtt_password or _password_of(settings.mqtt_password_file),
        ca=_existing("MQTT_CA", settings.mqtt_ca),
        certificate=_existing("MQTT_CERTIFICATE", settings.mqtt_certificate),
        key=_existing("MQTT_KEY", settings.mqtt_key),
    )


def embedded(data_dir: Path) -> Endpoint:
    """The embedded broker, from the file it wrote."""
    path = data_dir / CLIENT_FILES[0]
    options = read_options(path)
    try:
        return Endpoint(
            host=options["-h"],
            port=int(options["-p"]),
            username=options["-u"],
            password=options["-P"],
            embedded=True,
        )
    except (KeyError, ValueError):
        raise UnavailableError(
            f"{path} does not name the embedded broker.", fix="Start the app first, or set MQTT_HOST."
        ) from None


def write_options(data_dir: Path, endpoint: Endpoint) -> Path:
    """Write what mosquitto's clients need, readable by the owner alone; returns the file for `mosquitto_pub`."""
    lines = [f"-h {endpoint.host}", f"-p {endpoint.port}", f"-u {endpoint.username}", f"-P {endpoint.password}", "-q 1"]
    data_dir.mkdir(parents=True, exist_ok=True)
    for name in CLIENT_FILES:
        _write_private(data_dir / name, lines)
    return data_dir / CLIENT_FILES[0]


def read_options(path: Path) -> dict[str, str]:
    """Option to value of a file of mosquitto's clients; empty without the file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be read: {error.strerror}.", fix="Give this user the right to read it."
        ) from None
    return {option: value for option, _, value in (line.partition(" ") for line in lines)}


def _write_private(path: Path, lines: Sequence[str]) -> None:
    try:
        with whole_file(path) as aside:
            aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be written: {error.strerror}.", fix="Give this user the right to write DATA_DIR."
        ) from None


def _password_of(path: str) -> str:
    if not path:
        return ""
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"MQTT_PASSWORD_FILE {path} cannot be read: {error.strerror}.", fix="Name a file that this user can read."
        ) from None
    if system.HAS_MODES and mode & 0o077:
        raise InputError(
            f"MQTT_PASSWORD_FILE {path} has the mode {mode:04o}, so others can read it.", fix=f"Run: chmod 600 {path}"
        )
    return text.rstrip("\r\n")


def _existing(variable: str, path: str) -> str:
    if path and path != SYSTEM_CA and not Path(path).is_file():
        raise InputError(f"{variable} names {path}, which is not a file.", fix="Name a PEM file.")
    return path
