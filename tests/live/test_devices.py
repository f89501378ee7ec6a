"""Usual devices publish in their own form; a table says what of which home that is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.live import devices as module
from core.live.devices import Homes, kinds, read_table
from core.live.endpoint import subscribed_topics
from core.live.intake import Arrived, Intake
from core.live.payload import CODES, MAX_KW
from core.store.meters import Meters
from tests.live.support import Bench

NOW_MS = 1_767_614_400_000
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "live.md").read_text()


def table(tmp_path: Path, *rows: dict[str, object]) -> str:
    path = tmp_path / "devices.toml"
    text = "\n".join(
        "[[device]]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in row.items()) for row in rows
    )
    path.write_text(text)
    return str(path)


def heard(homes: Homes, topic: str, payload: str, now_ms: int = NOW_MS) -> list[tuple[str, float, float | None]]:
    return [
        (one.household_id, round(one.load_kw, 6), one.solar_kw) for one in homes.heard(topic, payload.encode(), now_ms)
    ]


SHELLY_2 = '{"id":0,"a_act_power":100.0,"total_current":2.1,"total_act_power":412.5,"user_calibrated_phase":[]}'
NOTIFY = (
    '{"src":"x","dst":"x/events","method":"NotifyStatus","params":{"ts":1767614400.2,"em:0":{"total_act_power":-300}}}'
)


@pytest.mark.parametrize(
    ("kind", "topic", "payload", "load_kw", "solar_kw"),
    [
        ("shelly_gen1_em", "shellies/em1/emeter/0/power", "611.53", 0.61153, 0.0),
        ("shelly_gen1_em", "shellies/em1/emeter/0/power", "-611.53", 0.0, 0.61153),
        ("shelly_gen1_relay", "shellies/plug/relay/0/power", " 9", 0.009, 0.0),
        ("shelly_gen2_em", "shellypro3em-x/status/em:0", SHELLY_2, 0.4125, 0.0),
        ("shelly_gen2_switch", "x/status/switch:0", '{"id":0,"apower":1.2,"aenergy":{"total":2690.73}}', 0.0012, 0.0),
        ("shelly_gen2_notify", "x/events/rpc", NOTIFY, 0.0, 0.3),
        ("tasmota_sensor", "tele/x/SENSOR", '{"Time":"2026-11-28T22:55:50","ENERGY":{"Power":1500}}', 1.5, 0.0),
        ("tasmota_sensor", "tele/x/SENSOR", '{"Time":"2026-11-28T22:55:50","ENERGY":{"Power":[1,2,3]}}', 0.006, 0.0),
        ("zigbee2mqtt", "zigbee2mqtt/plug", '{"current":null,"power":70,"linkquality":220}', 0.07, 0.0),
        ("opendtu", "solar/ac/power", "3210.5", 0.0, 3.2105),
        ("homeassistant_statestream", "homeassistant/sensor/p/state", "512", 0.512, 0.0),
    ],
)
def test_every_shipped_kind_is_read(
    tmp_path: Path, kind: str, topic: str, payload: str, load_kw: float, solar_kw: float
) -> None:
    homes = Homes(read_table(table(tmp_path, {"household": "HH007", "kind": kind, "topic": topic})))
    assert heard(homes, topic, payload) == [("HH007", load_kw, solar_kw)]


def test_grid_and_panels_of_one_home_are_one_reading_with_the_load_between_them(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"household": "HH1", "kind": "shelly_gen1_em", "topic": "shellies/a/emeter/0/power"},
        {"household": "HH1", "kind": "shelly_gen1_em", "topic": "shellies/a/emeter/1/power", "sign": -1},
        {"household": "HH1", "kind": "opendtu"},
    ]
    homes = Homes(read_table(table(tmp_path, *rows)))
    assert heard(homes, "shellies/a/emeter/0/power", "-500") == []
    assert heard(homes, "solar/ac/power", "2000") == []
    assert heard(homes, "shellies/a/emeter/1/power", "300") == [("HH1", 1.2, 2.0)]
    assert heard(homes, "solar/ac/power", "2500", NOW_MS + 60_000) == [("HH1", 1.7, 2.5)]
    stale = NOW_MS + 60_000 + round(module.FRESH_S * 1000)
    assert heard(homes, "solar/ac/power", "2500", stale) == []  # the meter has been silent for too long
    assert heard(homes, "shellies/a/emeter/0/power", "-2400", stale) == []
    assert heard(homes, "shellies/a/emeter/1/power", "0", stale) == [("HH1", 0.1, 2.5)]
    with pytest.raises(InputError, match="look at its sign"):
        heard(homes, "shellies/a/emeter/1/power", "900", stale)


def test_import_and_export_counters_and_a_home_by_its_topic(tmp_path: Path) -> None:
    form = {"path": "p", "unit": "kW"}
    rows = [
        {"topic": "m/{household}/in", "measures": "import", **form},
        {"topic": "m/{household}/out", "measures": "export", **form},
    ]
    homes = Homes(read_table(table(tmp_path, *rows)))
    assert heard(homes, "m/HH1/in", '{"p": "1.5"}') == []
    assert heard(homes, "m/HH2/in", '{"p": 0}') == []
    assert heard(homes, "m/HH1/out", '{"p": 0}') == [("HH1", 1.5, 0.0)]
    assert heard(homes, "m/HH2/out", '{"p": 2}') == [("HH2", 0.0, 2.0)]
    with pytest.raises(InputError, match="expected an id"):
        heard(homes, "m/HH 1/in", '{"p": 1}')


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("unavailable", "not_json"),
        ('"unavailable"', "wrong_type"),
        ("null", "wrong_type"),
        ("true", "wrong_type"),
        ("NaN", "not_a_number"),
        ("-80", "negative"),
        ("1e9", "absurd"),
        ("[]", "wrong_type"),
        ('{"power": 5}', "wrong_type"),
        ("\u00ff", "not_json"),
        (" " * 20_000, "too_large"),
        ("[" * 9_000, "not_json"),
    ],
)
def test_what_is_no_power_has_its_reason(tmp_path: Path, payload: str, code: str) -> None:
    row = {"household": "HH1", "kind": "homeassistant_statestream", "topic": "homeassistant/sensor/p/state"}
    with pytest.raises(InputError) as caught:
        heard(Homes(read_table(table(tmp_path, row))), "homeassistant/sensor/p/state", payload)
    assert caught.value.code == code
    assert code in CODES


@given(st.binary(max_size=200) | st.floats().map(lambda number: str(number).encode()))
def test_any_payload_is_a_reading_or_a_reason(payload: bytes) -> None:
    device = replace(
        module._device({"household": "HH1", "kind": "opendtu"}, 1, "here"), path=(), measures="load", time=()
    )
    try:
        found = Homes((device,)).heard("solar/ac/power", payload, NOW_MS)
    except InputError as error:
        assert error.code in CODES  # noqa: PT017
    else:
        assert [0 <= one.load_kw <= MAX_KW for one in found] == [True]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"household": "HH1", "kind": "shelly"}, 'the kind is "shelly", expected one of shelly_gen1_em'),
        ({"household": "HH1", "topic": "a"}, "path is missing"),
        ({"household": "HH1", "kind": "opendtu", "unit": "Wh"}, "expected one of W, kW, MW"),
        ({"household": "HH1", "kind": "opendtu", "measures": "sun"}, "expected one of load"),
        ({"household": "HH1", "kind": "opendtu", "sign": 2}, "expected 1 or -1"),
        ({"household": "HH1", "kind": "opendtu", "sgin": 1}, '"sgin" is not a field'),
        ({"household": "HH 1", "kind": "opendtu"}, "expected 1 to 64"),
        ({"kind": "opendtu"}, "say the home once"),
        ({"household": "HH1", "kind": "opendtu", "topic": "a/{household}"}, "say the home once"),
        ({"household": "HH1", "kind": "zigbee2mqtt"}, "is of many devices"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, row: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        read_table(table(tmp_path, {"household": "HH9", "kind": "opendtu"}, row))
    assert "device 2" in caught.value.message


def test_a_table_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert read_table("") == ()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_table(str(tmp_path / "missing.toml"))
    for text in ("[[device]", "x = 1"):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(InputError, match="MQTT_DEVICES"):
            read_table(str(tmp_path / "bad.toml"))
    rows = [
        {"household": "HH1", "kind": "tasmota_sensor", "topic": "tele/a/SENSOR"},
        {"household": "HH1", "kind": "shelly_gen1_em", "topic": "shellies/a/emeter/0/power"},
    ]
    with pytest.raises(InputError, match="HH1 has load, net"):
        read_table(table(tmp_path, *rows))


def test_devices_reach_the_market_over_the_feeds_own_subscription(bench: Bench, tmp_path: Path) -> None:
    path = table(tmp_path, {"household": "HH1", "kind": "opendtu"}, {"household": "HH1", "kind": "zigbee2mqtt",
                                                                    "topic": "zigbee2mqtt/p"})  # fmt: skip
    settings = replace(bench.settings, mqtt_devices=path)
    assert {"solar/ac/power", "zigbee2mqtt/p"} <= set(subscribed_topics(settings))
    meters = Meters(bench.store)
    intake = Intake(settings, bench.pool, quarantine=bench.quarantine, meters=meters, clock=lambda: NOW_MS)
    outcome = intake.store(
        [
            Arrived("solar/ac/power", b"2000"),
            Arrived("zigbee2mqtt/p", b'{"power": 500}'),
            Arrived("zigbee2mqtt/p", b'{"power": null}'),
            Arrived("solar/ac/power", b"1000", retained=True),
        ]
    )
    counts = outcome.counts
    assert (counts.readings, counts.quarantined, counts.ignored, counts.duplicates) == (2, 1, 1, 0)
    assert meters.means(NOW_MS) == [("HH1", 0.5, 2.0)]
    assert meters.households_by_arrival(NOW_MS) == ["HH1"]


def test_the_page_lists_what_is_shipped() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (.+?) \| `(\S+)` \| (?:`(\S+)`|the payload) \| (\w+) \| (\w+) \|$", PAGE, re.M)
    fields = ("about", "topic", "path", "unit", "measures")
    assert listed == [(kind, *(row[name] for name in fields)) for kind, row in kinds().items()]
