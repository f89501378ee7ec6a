"""Where the sun contradicts the zone, the zone of the homes' position is offered, and one click reads in it."""

from __future__ import annotations

import numpy as np
import pytest

from core.readings import Options
from core.readings.sample import sample_community
from core.runs.preview import preview_of
from core.runs.zone_check import read_in_zone, zone_advice
from core.settings import ROOT

SHARED = ROOT.parent / "shared" / "data"


def added(lab, files, *, zone: str):
    found = lab.datasets.add("ann", files, options=Options(time_zone=zone), name="Street")
    assert found.dataset is not None, found.report.errors
    return found.dataset


def advice(lab, dataset):
    report = lab.datasets.report(dataset.dataset_id, user_id="ann")
    return zone_advice(lab.datasets.readings_of(dataset.digest), report)


def test_files_of_delhi_read_as_new_york_are_offered_delhi(lab) -> None:
    dataset = added(lab, sample_community(1, 3, days=2).csv_files(), zone="America/New_York")
    found = advice(lab, dataset)
    assert found.time_zone == "Asia/Kolkata"
    assert found.night_share > 0.5 > 0.05 > found.night_share_then
    options = lab.datasets.options(dataset.dataset_id, user_id="ann")
    again = read_in_zone(lab.datasets, dataset.dataset_id, options=options, zones=found.zones, user_id="ann")
    assert again.dataset.time_zone == "Asia/Kolkata"
    assert advice(lab, again.dataset) is None


def test_a_right_zone_and_readings_without_sun_get_no_advice(lab) -> None:
    files = sample_community(1, 3, days=2).csv_files()
    assert advice(lab, added(lab, files, zone="Asia/Kolkata")) is None
    dataset = added(lab, files, zone="America/New_York")
    community = lab.datasets.readings_of(dataset.digest)
    dark = type(community)(
        community.household_ids,
        community.start_at,
        community.slot_h,
        community.load_kw,
        np.zeros_like(community.solar_kw),
        community.pv_kw,
    )
    assert zone_advice(dark, lab.datasets.report(dataset.dataset_id, user_id="ann")) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared household sets are not here")
def test_a_year_of_california_without_summer_time_is_read_in_its_standard_time(lab) -> None:
    files = [(path.name, path) for path in sorted((SHARED / "fontana-year").glob("*.csv"))[:2]]
    dataset = added(lab, files, zone="Asia/Kolkata")
    found = advice(lab, dataset)
    assert found.zones == ("America/Los_Angeles", "Etc/GMT+8")
    options = lab.datasets.options(dataset.dataset_id, user_id="ann")
    again = read_in_zone(lab.datasets, dataset.dataset_id, options=options, zones=found.zones, user_id="ann")
    assert again.dataset is not None
    assert again.dataset.time_zone in found.zones


def test_the_preview_has_the_mean_day_and_all_days(lab) -> None:
    # Midnight in Delhi is 18:30 UTC: the mean day is by the site's clock, so no sun at 00:00 and most around noon.
    dataset = added(lab, sample_community(1, 3, days=7, slot_h=0.5).csv_files(), zone="Asia/Kolkata")
    community = lab.datasets.readings_of(dataset.digest)
    found = preview_of(community, time_zone="Asia/Kolkata")
    assert found.minute.tolist() == list(range(0, 1440, 30))
    assert found.solar_kw[0] == 0.0
    assert 10 * 60 <= found.minute[int(np.argmax(found.solar_kw))] <= 14 * 60
    assert found.load_kw.mean() == pytest.approx(community.load_kw.sum(axis=1).mean())
    assert found.load.value.size <= 700
