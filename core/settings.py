"""Every path, port and secret is a setting, read once from the environment and an optional `.env`.

The README's table of settings is checked against this module by a test.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """One field a setting; the environment variable is the field's name in capitals."""

    host: str = "127.0.0.1"
    port: int = 8501
    public_url: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    data_dir: Path = ROOT / "data"
    ledger_path: Path = ROOT / "ledger.json"
    uploads_dir: Path = ROOT / "uploads"
    database_url: str = field(default="", repr=False)
    currency: str = "₹"
    number_style: str = "1,234.5"
    time_zone: str = "Asia/Kolkata"
    block_interval_s: float = 20.0
    proof_of_work: int = 65_536
    admin_password: str = field(default="", repr=False)
    registration: str = ""
    trusted_proxies: str = ""
    user_quota_gb: float = 10.0
    metrics_token: str = field(default="", repr=False)
    log_level: str = "info"
    log_format: str = "text"
    allow_insecure: bool = False
    workers: int = 2
    mqtt_host: str = ""
    mqtt_port: int = 1883
    mqtt_username: str = ""
    mqtt_password: str = field(default="", repr=False)
    mqtt_password_file: str = ""
    mqtt_ca: str = ""
    mqtt_certificate: str = ""
    mqtt_key: str = ""
    mqtt_topic: str = "iot-p2p-trading/trades"
    mqtt_meters_topic: str = "iot-p2p-trading/meters"
    mqtt_devices: str = ""
    mqtt_client_id: str = "p2p-energy-lab"
    feed: str = "app"
    simulator: bool = True
    simulator_speed: float = 360.0
    simulator_algorithm: str = "supply_demand_ratio"
    meter_algorithm: str = "supply_demand_ratio"
    meter_slot_s: float = 900.0
    retail_price: float = 7.0
    feed_in_price: float = 3.0

    @property
    def behind_tls(self) -> bool:
        """Whether browsers reach the lab over TLS: its own, or that of the proxy at the public URL."""
        return bool(self.tls_certificate) or self.public_url.startswith("https://")

    @property
    def reached_by_others(self) -> bool:
        """Whether more than this machine reaches the lab."""
        return bool(self.public_url) or not is_local(self.host)

    @property
    def registration_rule(self) -> str:
        """Who may register unless it is set: anybody, but on approval where more than this machine reaches the lab."""
        return self.registration or ("approval" if self.reached_by_others else "open")

    @property
    def proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Whose `X-Forwarded-For` is believed."""
        return tuple(_network(part.strip()) for part in self.trusted_proxies.split(",") if part.strip())

    @property
    def user_quota_bytes(self) -> int:
        """What the files of one user's datasets may take, and those on their way to one."""
        return round(self.user_quota_gb * 1_000_000_000)

    @property
    def resolved_database_url(self) -> str:
        """The database's URL; a SQLite file in the data folder unless set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'lab.db'}"

    def without_paths(self, text: str) -> str:
        """The text with the last part of each of our paths in place of the whole: what people who look may read."""
        own = {self.ledger_path, self.data_dir, self.uploads_dir, self.ledger_path.parent, self.data_dir.parent, ROOT}
        for path in sorted((path for path in own if path.name), key=lambda path: -len(str(path))):
            text = text.replace(str(path), path.name)
        return text


CHOICES = {
    "number_style": ("1,234.5", "1.234,5", "1 234,5"),
    "registration": ("open", "approval", "closed"),
    "feed": ("app", "process", "off"),
    "log_level": ("debug", "info", "warning", "error"),
    "log_format": ("text", "json"),
}
"""Settings that take one of a few words. feed: in the app, in its own process (`python -m core feed`), or none."""


MAY_BE_ZERO = ("feed_in_price",)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises InputError naming the variable, what was found and what is expected."""
    if environment is None:
        environment = {**_dotenv(ROOT / ".env"), **os.environ}
    values: dict[str, object] = {}
    for name, default in _defaults().items():
        raw = environment.get(name.upper(), "")
        if raw != "":
            values[name] = _parse(name, raw, default)
    settings = Settings(**values)  # type: ignore[arg-type]
    _ = settings.proxies  # refused here if it means nothing
    return settings


def is_local(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InputError(
            f'TRUSTED_PROXIES has "{text[:80]}", expected addresses or networks such as 127.0.0.1, 10.0.0.0/8.'
        ) from None


def _defaults() -> dict[str, object]:
    return {name: getattr(Settings(), name) for name in Settings.__dataclass_fields__}


def _parse(name: str, raw: str, default: object) -> object:
    variable = name.upper()
    if name in CHOICES and raw not in CHOICES[name]:
        raise InputError(f'{variable} is "{raw}", expected one of: {", ".join(CHOICES[name])}.')
    if isinstance(default, bool):
        if raw.lower() not in ("1", "0", "true", "false", "on", "off", "yes", "no"):
            raise InputError(f'{variable} is "{raw}", expected on or off.')
        return raw.lower() in ("1", "true", "on", "yes")
    if isinstance(default, Path):
        return Path(raw).expanduser().absolute()
    if isinstance(default, int | float):
        try:
            number = type(default)(raw)
        except ValueError:
            raise InputError(f'{variable} is "{raw}", expected a number such as {default}.') from None
        if not 0 < number < float("inf") and not (number == 0 and name in MAY_BE_ZERO):
            raise InputError(f"{variable} is {raw}, expected a positive number such as {default}.")
        return number
    return raw


def _dotenv(path: Path) -> dict[str, str]:
    """NAME=VALUE lines; blank lines and # comments are skipped, matching quotes around a value removed."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals:
            raise InputError(f'{path} line {number}: "{text[:80]}" is not NAME=VALUE.')
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = value
    return found
