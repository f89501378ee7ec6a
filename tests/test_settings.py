"""Settings are read once, from the environment and `.env`, and refuse what they cannot mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import settings as module
from core.errors import InputError
from core.settings import ROOT, Settings, load


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load({}) == Settings()


def test_a_variable_is_the_field_in_capitals() -> None:
    loaded = load({"BLOCK_INTERVAL_S": "5", "SIMULATOR": "off", "DATA_DIR": "/srv/lab", "MQTT_HOST": "broker"})
    assert (loaded.block_interval_s, loaded.simulator, loaded.mqtt_host) == (5.0, False, "broker")
    assert loaded.resolved_database_url == "sqlite:////srv/lab/lab.db"


def test_a_grid_that_pays_nothing_is_a_setting_too() -> None:
    assert load({"FEED_IN_PRICE": "0"}).feed_in_price == 0.0


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("PORT", "eighty", "expected a number"),
        ("BLOCK_INTERVAL_S", "0", "expected a positive number"),
        ("BLOCK_INTERVAL_S", "nan", "expected a positive number"),
        ("SIMULATOR", "perhaps", "expected on or off"),
        ("REGISTRATION", "maybe", "expected one of: open, approval, closed"),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_name(variable: str, value: str, expected: str) -> None:
    with pytest.raises(InputError, match=f"{variable} is .*{expected}"):
        load({variable: value})


def test_dotenv_lines_are_read_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text('# mine\n\nexport PORT=9000\nMQTT_PASSWORD="two words"\n')
    assert module._dotenv(path) == {"PORT": "9000", "MQTT_PASSWORD": "two words"}
    path.write_text("PORT=9000\nnonsense\n")
    with pytest.raises(InputError, match=r'line 2: "nonsense" is not NAME=VALUE'):
        module._dotenv(path)


def test_secrets_do_not_show_in_a_printed_settings() -> None:
    assert "hunter2" not in repr(
        Settings(admin_password="hunter2", mqtt_password="hunter2", metrics_token="hunter2", database_url="x:hunter2@y")
    )


def test_the_readme_has_a_row_for_every_setting_and_no_other() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Settings", 1)[1].split("\n## ", 1)[0]
    rows = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert rows == {name.upper() for name in Settings.__dataclass_fields__}
