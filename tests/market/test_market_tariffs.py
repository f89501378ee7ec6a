"""Prices by the hour of the local day, daylight saving and half-hour zones included."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import MarketError
from core.market.community import Community
from core.market.tariff import Band, DayPrices, tariff_of

DELHI, LONDON = "Asia/Kolkata", "Europe/London"


def community(start_at, *, slots, slot_h):
    nothing = np.zeros((slots, 1))
    return Community(("HH001",), start_at, slot_h, nothing, nothing, np.zeros(1))


def test_one_price_holds_all_day():
    prices = DayPrices.parse("7", name="--retail").over(
        community(datetime(2024, 6, 1, tzinfo=UTC), slots=4, slot_h=1), "UTC"
    )
    assert prices.tolist() == [7.0] * 4


def test_bands_hold_on_the_local_clock():
    # 00:00 UTC is 05:30 in Delhi; half-hour slots start at 05:30, 06:00, 06:30, …
    prices = DayPrices.parse("6, 6-7:30=9", name="--retail")
    found = prices.over(community(datetime(2024, 6, 1, tzinfo=UTC), slots=5, slot_h=0.5), DELHI)
    assert found.tolist() == [6.0, 9.0, 9.0, 9.0, 6.0]


def test_a_slot_across_the_edge_of_a_band_pays_the_mean_of_its_minutes():
    found = DayPrices.parse("6, 6-22=9", name="").over(
        community(datetime(2024, 6, 1, tzinfo=UTC), slots=2, slot_h=1), DELHI
    )
    assert found.tolist() == pytest.approx([7.5, 9.0])
    day = DayPrices.parse("6, 6-12=10", name="").over(
        community(datetime(2024, 6, 1, tzinfo=UTC), slots=1, slot_h=24), DELHI
    )
    assert day.tolist() == pytest.approx([7.0])


def test_bands_go_over_midnight_and_the_later_one_holds():
    found = DayPrices.parse("6, 22-5=4, 23-24=2", name="").over(
        community(datetime(2024, 6, 1, tzinfo=UTC), slots=24, slot_h=1), "UTC"
    )
    assert [found[h] for h in (4, 5, 21, 22, 23)] == [4.0, 6.0, 6.0, 4.0, 2.0]


def test_daylight_saving_moves_the_band():
    prices = DayPrices.parse("6, 17-18=9", name="")
    for day, utc_hour in ((datetime(2024, 1, 15, tzinfo=UTC), 17), (datetime(2024, 7, 15, tzinfo=UTC), 16)):
        found = prices.over(community(day, slots=24, slot_h=1), LONDON)
        assert np.flatnonzero(found == 9.0).tolist() == [utc_hour]


@pytest.mark.parametrize(
    ("zone", "start_at", "slot_h", "text", "expected"),
    [
        # 00:00 to 03:00 UTC is 01:00 to 02:00 and, clocks put forward, 03:00 to 05:00: one hour in the band.
        ("Europe/Berlin", (2025, 3, 30, 0), 3, "6, 2-4=9", [7.0]),
        # 00:00 to 03:00 UTC is 02:00 to 03:00, again 02:00 to 03:00, and 03:00 to 04:00: all three in the band.
        ("Europe/Berlin", (2025, 10, 26, 0), 3, "6, 2-4=9", [9.0]),
        # The day of 23 hours has two hours less of the night band 0-6: 5·3 + 18·6 over 23.
        ("Europe/Berlin", (2025, 3, 29, 23), 23, "6, 0-6=3", [(5 * 3 + 18 * 6) / 23]),
        # Lord Howe's clock goes back by half an hour at 02:00 (15:00 UTC): 01:30 to 02:00 comes twice.
        ("Australia/Lord_Howe", (2025, 4, 5, 14), 1, "6, 1:30-2=9", [7.5]),
        ("Australia/Lord_Howe", (2025, 4, 5, 15), 1, "6, 1:30-2=9", [7.5]),
        # Kathmandu is UTC+5:45: 12:00 to 13:00 UTC is 17:45 to 18:45.
        ("Asia/Kathmandu", (2025, 5, 1, 12), 1, "6, 18-22=10", [9.0]),
        # Slots of 7½ minutes: 17:00 to 17:07:30 has 5 minutes before the band and 2½ in it.
        ("UTC", (2025, 5, 1, 17), 0.125, "6, 17:05-18=10", [7.333333333333333, 10.0]),
    ],
)
def test_a_slot_pays_the_mean_of_its_minutes_when_clocks_change_too(zone, start_at, slot_h, text, expected):
    homes = community(datetime(*start_at, tzinfo=UTC), slots=len(expected), slot_h=slot_h)
    assert DayPrices.parse(text, name="").over(homes, zone).tolist() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(
        ["UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
    day=st.integers(0, 800),
    minutes=st.sampled_from([5, 15, 30, 60, 90, 180, 480, 1440, 2000]),
    bands=st.lists(
        st.tuples(st.integers(0, 1439), st.integers(1, 1440), st.integers(0, 20)).filter(lambda b: b[0] != b[1]),
        max_size=3,
    ),
)
def test_it_agrees_with_asking_the_clock_minute_by_minute(zone, day, minutes, bands):
    start_at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day)
    homes = community(start_at, slots=3, slot_h=minutes / 60)
    found = DayPrices(7.25, tuple(Band(*band) for band in bands)).over(homes, zone)
    for slot in range(3):
        total = 0.0
        for minute in range(minutes):
            local = (start_at + timedelta(minutes=slot * minutes + minute)).astimezone(ZoneInfo(zone))
            at, price = local.hour * 60 + local.minute, 7.25
            for start, end, other in bands:
                if (start <= at < end) if start < end else (at >= start or at < end):
                    price = other
            total += price
        assert found[slot] == pytest.approx(total / minutes, abs=1e-12)


def test_a_tariff_is_checked_slot_by_slot():
    one = community(datetime(2024, 6, 1, tzinfo=UTC), slots=24, slot_h=1)
    with pytest.raises(MarketError, match="In slot 12 the retail price"):
        tariff_of(
            one, retail=DayPrices.parse("5, 12-13=2", name=""), feed_in=DayPrices.parse("3", name=""), time_zone="UTC"
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seven", '--retail is "seven", expected a price of 0 or more'),
        ("-1", "expected a price of 0 or more"),
        ("nan", "expected a price of 0 or more"),
        ("7, 17-22", '"17-22" is not HOUR-HOUR=PRICE'),
        ("7, 17-25=9", "does not lie within a day"),
        ("7, 17-17=9", "does not lie within a day"),
        ("7, 17-22=x", '--retail is "x"'),
        ("", "expected a price"),
    ],
)
def test_other_texts_are_refused_with_the_form(text, message):
    with pytest.raises(MarketError, match=message) as caught:
        DayPrices.parse(text, name="--retail")
    assert "6.5, 17-22=9" in str(caught.value)
