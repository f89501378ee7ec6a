"""Files of other layouts: read right at once or by the first proposal, else refused in words; never wrong numbers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.commands.readings import add_reading_options, files_of, options_of
from core.readings import Options, read
from core.readings.registers import energies, kind_of

SHARED = Path(__file__).resolve().parents[3] / "shared" / "real-files"
CASES = [json.loads(path.read_text(encoding="utf-8")) | {"folder": path.parent} for path in SHARED.glob("*/case.json")]
FILES = sorted((case for case in CASES if case["expect"] != "mqtt"), key=lambda case: case["name"])
needs_cases = pytest.mark.skipif(not FILES, reason="the real files in ../shared are not here")


def options_from_words(words):
    parser = argparse.ArgumentParser()
    add_reading_options(parser)
    return options_of(parser.parse_args(words))


@needs_cases
@pytest.mark.parametrize("case", FILES, ids=lambda case: case["name"])
def test_a_real_file_is_read_at_once_or_by_the_first_proposal(case):
    files = files_of([str(case["folder"] / name) for name in case["files"]])
    words = case.get("options") or []
    readings = read(files, options_from_words(words))
    if not readings.accepted:
        readings = read(files, options_from_words([*words, "--accept-proposal"]))
    if case["expect"] == "reject":
        assert not readings.accepted
        return
    community = readings.require()
    assert readings.load_kwh == pytest.approx(case["load_kwh"], rel=2e-3, abs=2e-3)
    assert readings.solar_kwh == pytest.approx(case["solar_kwh"], rel=2e-3, abs=2e-3)
    assert (community.slots, community.households) == (case["slots"], case["households"])
    assert community.slot_h == pytest.approx(case["slot_h"])


def text(header, *rows, delimiter=";"):
    return "\n".join([header, *(delimiter.join(map(str, row)) for row in rows)]).encode()


def hours(*columns):
    return [
        (f"{13 + k // 24:02d}.06.2024 {k % 24:02d}:00", *(column[k] for column in columns))
        for k in range(len(columns[0]))
    ]


LOAD = [0.3 + 0.01 * (k % 24) for k in range(48)]
SUN = [max(0.0, 2.0 - 0.3 * abs(k % 24 - 12)) for k in range(48)]


def comma(values):
    return [f"{value:.3f}".replace(".", ",") for value in values]


@pytest.mark.parametrize(
    ("header", "columns", "load", "solar", "metered"),
    [
        ("Zeitstempel;Verbrauch [kWh];PV-Erzeugung [kWh]", (LOAD, SUN), sum(LOAD), sum(SUN), False),
        ("Horodatage;Soutirage (kWh);Injection (kWh)", (LOAD, SUN), sum(LOAD), sum(SUN), True),
        (
            "Fecha y hora;Consumo (kWh);Generación (kWh);Batería carga (kWh)",
            (LOAD, SUN, SUN),
            sum(LOAD),
            sum(SUN),
            False,
        ),
        ("Data ora;Prelievo (kWh);Immissione (kWh)", (LOAD, SUN), sum(LOAD), sum(SUN), True),
        ("Tijdstip;Afname T1 kWh;Afname T2 kWh;Teruglevering kWh", (LOAD, LOAD, SUN), 2 * sum(LOAD), sum(SUN), True),
        ("Samay;Upbhog (kWh);Saur utpadan (kWh)", (LOAD, SUN), sum(LOAD), sum(SUN), False),
        ("Zeit;Leistung L1 [kW];Leistung L2 [kW];PV [kW]", (LOAD, LOAD, SUN), None, None, None),
    ],
)
def test_columns_are_told_by_their_words_in_eight_languages(header, columns, load, solar, metered):
    data = text(header, *hours(*map(comma, columns)))
    readings = read([("home.csv", data)], Options(time_zone="Europe/Berlin"))
    if load is None:  # power of phases without a word for load is a guess, or nothing at all
        assert not readings.accepted
        return
    community = readings.require()
    assert readings.load_kwh == pytest.approx(load, abs=0.05)
    assert readings.solar_kwh == pytest.approx(solar, abs=0.05)
    assert bool(community.metered[0]) is metered


def test_a_guess_is_refused_with_a_proposal_and_its_profile_is_taken_without_a_question():
    rows = [(f"{k // 4:02d}:{k % 4 * 15:02d}", 260 + k) for k in range(96)]
    files = [("HH001.csv", text("INTERVAL;POWER(W)", *rows))]
    asked = read(files)
    assert not asked.accepted
    assert any("no date" in sentence for sentence in asked.proposals[0].uncertain)
    assert asked.errors[0].code == "proposal"
    again = read(files, Options(columns=asked.proposals[0].profile["columns"]))
    assert again.load_kwh == pytest.approx(sum(260 + k for k in range(96)) / 4000)


def test_relative_values_are_refused_whatever_is_accepted():
    data = text("time;load_pu;pv_pu", *hours(LOAD, SUN))
    assert not read([("p.csv", data)], Options(proposals="accept")).accepted


def test_a_load_below_nothing_from_three_meters_is_refused():
    rows = hours(LOAD, [5.0] * 48, SUN)
    data = text("time;import_kwh;export_kwh;pv_kwh", *rows)
    readings = read([("h.csv", data)])
    assert "less than nothing" in readings.errors[0].message


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.cumsum(LOAD) + 5000, "total"),
        (np.concatenate([np.cumsum(LOAD[:24]), np.cumsum(LOAD[24:])]), "restart"),
        (np.cumsum(LOAD) + 5000 - 0.005 * (np.arange(48) == 20) * 60, "total"),
        (np.array(LOAD), "interval"),
        (np.array(SUN), "interval"),
        (np.full(48, 0.5), "interval"),
    ],
)
def test_a_running_total_is_told_from_energy_of_intervals(values, kind):
    assert kind_of(values) == kind


def test_energy_of_a_total_is_never_negative_and_adds_up():
    total = np.cumsum(LOAD) + 5000
    total[20] = total[19] - 0.001
    found, odd = energies(total, own=False)
    assert np.nansum(found) == pytest.approx(total[-1] - total[0])
    assert np.nanmin(found) >= 0
    assert odd == 1


NAMES = {
    "load": ["Verbrauch", "consumption", "Consommation", "Consumo", "load"],
    "solar": ["PV", "Erzeugung", "Production", "solar", "Opwek"],
}


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_community_in_a_random_layout_reads_back_equal_or_is_refused(data):
    homes = data.draw(st.integers(1, 3))
    slots = data.draw(st.sampled_from([24, 48]))
    draw = data.draw(st.lists(st.floats(0.0, 5.0), min_size=2 * homes * slots, max_size=2 * homes * slots))
    values = np.round(np.array(draw).reshape(2, homes, slots), 3)
    unit, factor = data.draw(st.sampled_from([("kWh", 1.0), ("Wh", 1000.0), ("kW", 1.0), ("W", 1000.0)]))
    decimal = data.draw(st.sampled_from([",", "."]))
    shape = data.draw(st.sampled_from(["wide", "files", "rows"]))
    style = data.draw(st.sampled_from(["%d.%m.%Y %H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]))
    names = {role: data.draw(st.sampled_from(words)) for role, words in NAMES.items()}
    start = np.datetime64("2024-06-13T00:00")
    times = [(start + np.timedelta64(k, "h")).astype(object).strftime(style) for k in range(slots)]

    def cell(value):
        return f"{value * factor:.3f}".replace(".", decimal)

    if shape == "wide":
        heads = [f"home{h}_{names[r]} [{unit}]" for h in range(homes) for r in ("load", "solar")]
        rows = [(times[k], *(cell(values[r, h, k]) for h in range(homes) for r in (0, 1))) for k in range(slots)]
        files = [("all.csv", text(";".join(["Zeit", *heads]), *rows))]
    elif shape == "files":
        head = f"Zeit;{names['load']} [{unit}];{names['solar']} [{unit}]"
        files = [
            (
                f"home{h}.csv",
                text(head, *[(times[k], cell(values[0, h, k]), cell(values[1, h, k])) for k in range(slots)]),
            )
            for h in range(homes)
        ]
    else:
        rows = [
            (times[k], f"home{h}", name, cell(values[r, h, k]), unit)
            for k in range(slots) for h in range(homes) for r, name in enumerate(("consumption", "generation"))
        ]  # fmt: skip
        files = [("rows.csv", text("time;household;variable;value;unit", *rows))]
    readings = read(files, Options(time_zone="UTC", proposals="accept"))
    if readings.accepted:
        community = readings.require()
        np.testing.assert_allclose(community.load_kw.T, values[0], atol=1e-9)
        np.testing.assert_allclose(community.solar_kw.T, values[1], atol=1e-9)


def test_a_refusal_names_the_file_once_and_the_line() -> None:
    rows = [[f"13.06.2024 {hour:02d}:00", "abc" if hour == 1 else "0,5"] for hour in range(24)]
    message = read([("haus.csv", text("Zeit;Verbrauch [kWh]", *rows))]).errors[0].message
    assert message.startswith('haus.csv line 3, Verbrauch [kWh]: "abc" is not a number')
    assert message.count("haus.csv") == 1


@given(st.lists(st.text(alphabet="0123456789-/.: TZapmAM+'", max_size=24), min_size=2, max_size=6))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_hostile_timestamps_end_in_a_sentence_or_a_reading(times):
    for head in ("timestamp,household_id,load_kW,solar_kW", "Zeit,haus,Verbrauch [kWh],PV [kWh]"):
        data = "\n".join([head, *(f"{time},HH001,1,0" for time in times)]).encode()
        readings = read([("HH001.csv", data)], Options(proposals="accept"))
        assert readings.accepted or all(issue.message for issue in readings.errors)
        assert readings.accepted or readings.errors
