"""The sample community is seeded, lives like homes in Delhi, and is worth trading in."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.errors import ReadingError
from core.market.community import Community, Tariff
from core.market.compare import run_algorithm
from core.readings import read
from core.readings.sample import KINDS, sample_community


def traded_share_of_demand(community: Community) -> float:
    """Under mid-market rate all that can be matched is traded: Σ min(D, G) / Σ D."""
    net = (community.load_kw - community.solar_kw) * community.slot_h
    demand, supply = np.maximum(net, 0).sum(axis=1), np.maximum(-net, 0).sum(axis=1)
    return float(np.minimum(demand, supply).sum() / demand.sum())


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("households", "days", "start"),
    [
        (20, 30, date(2025, 4, 1)),
        (20, 7, date(2025, 1, 10)),
        (10, 30, date(2025, 7, 1)),
        (5, 7, date(2025, 4, 1)),
        (100, 7, date(2025, 11, 1)),
    ],
)
def test_between_a_twentieth_and_a_quarter_of_the_demand_is_traded(
    seed: int, households: int, days: int, start: date
) -> None:
    community = sample_community(seed, households, days=days, start=start).community
    assert 0.05 <= traded_share_of_demand(community) <= 0.25


def test_the_market_itself_trades_that_much_at_the_mid_market_rate() -> None:
    community = sample_community(days=7).community
    figures = run_algorithm("mid_market_rate", community, Tariff.flat(community.slots)).figures
    assert 0.05 <= figures["traded_share_of_demand"] <= 0.25
    assert figures["traded_share_of_demand"] == pytest.approx(traded_share_of_demand(community))


def test_the_same_seed_gives_the_same_readings_and_another_seed_others() -> None:
    first, again, other = (sample_community(seed, 5, days=2).community for seed in (4, 4, 5))
    assert np.array_equal(first.load_kw, again.load_kw)
    assert np.array_equal(first.solar_kw, again.solar_kw)
    assert not np.array_equal(first.load_kw, other.load_kw)


def test_fewer_days_or_homes_are_the_beginning_of_more() -> None:
    few, many = sample_community(1, 4, days=2).community, sample_community(1, 12, days=5).community
    assert np.array_equal(few.load_kw, many.load_kw[: few.slots, :4])
    assert np.array_equal(few.solar_kw, many.solar_kw[: few.slots, :4])


def test_homes_peak_in_the_evening_and_the_sun_shines_by_day_only() -> None:
    community = sample_community(1, 20, days=30).community
    day = community.load_kw.mean(axis=1).reshape(30, 48).mean(axis=0)
    sun = community.solar_kw.mean(axis=1).reshape(30, 48).mean(axis=0)
    assert 38 <= day.argmax() <= 44  # 19 to 22 h on Delhi's clock
    assert 22 <= sun.argmax() <= 26
    assert sun[:11].max() == sun[38:].max() == 0.0


def test_there_are_homes_with_and_without_panels_batteries_and_vehicles_under_different_roofs() -> None:
    sample = sample_community(1, 20, days=7)
    community = sample.community
    with_panels = community.pv_kw > 0
    assert 0 < with_panels.sum() < 20
    assert community.solar_kw[:, ~with_panels].max() == 0.0
    assert 0 < (sample.battery_kwh > 0).sum() < with_panels.sum()
    assert 0 < sum(sample.electric_vehicle) < 10
    noons = community.solar_kw[:, with_panels].reshape(7, 48, -1).mean(axis=0).argmax(axis=0)
    assert len(set(noons.tolist())) > 1  # roofs look in several directions
    assert len(set(sample.kinds)) == len({kind.name for kind in KINDS})
    yields = community.solar_kw.sum(axis=0)[with_panels] * 0.5 / 7 / community.pv_kw[with_panels]
    assert ((yields > 2.5) & (yields < 6.5)).all()  # kWh per kW and day in an Indian spring


@pytest.mark.parametrize("slot_h", [1 / 60, 5 / 60, 0.25, 0.5, 1.0, 24.0])
def test_any_interval_has_about_the_same_energy(slot_h: float) -> None:
    quarter = sample_community(1, 3, days=1, slot_h=0.25).community
    other = sample_community(1, 3, days=1, slot_h=slot_h).community
    assert other.slots == round(24 / slot_h)
    for one, two in ((quarter.load_kw, other.load_kw), (quarter.solar_kw, other.solar_kw)):
        assert two.sum() * slot_h == pytest.approx(one.sum() * 0.25, rel=0.03)


def test_its_files_read_back_equal_and_without_a_warning() -> None:
    sample = sample_community(1, 10, days=3)
    readings = read(sample.csv_files())
    community = readings.require()
    assert readings.issues == ()
    assert community.start_at == sample.community.start_at
    assert np.array_equal(community.load_kw, sample.community.load_kw)
    assert np.array_equal(community.solar_kw, sample.community.solar_kw)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"households": 0}, "households"),
        ({"days": 0}, "days"),
        ({"slot_h": 0.7}, "slot_h"),
        ({"slot_h": 0.001}, "slot_h"),
    ],
)
def test_an_argument_out_of_bounds_is_named(arguments: dict[str, float], word: str) -> None:
    with pytest.raises(ReadingError, match=word):
        sample_community(**{"days": 1, **arguments})  # type: ignore[arg-type]
