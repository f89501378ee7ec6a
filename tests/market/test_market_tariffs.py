"""Prices by the hour of the local day, daylight saving and half-hour zones included."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.errors import MarketError
from core.market.community import Community
from core.market.tariffs import DayPrices, tariff_of

DELHI, LONDON = ZoneInfo("Asia/Kolkata"), ZoneInfo("Europe/London")


def community(start_at, *, slots, slot_h):
    nothing = np.zeros((slots, 1))
    return Community(("HH001",), start_at, slot_h, nothing, nothing, np.zeros(1))


def test_one_price_holds_all_day():
    prices = DayPrices.parse("7", name="--retail").over(
        community(datetime(2024, 6, 1, tzinfo=UTC), slots=4, slot_h=1), UTC
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
    minutes = DayPrices.parse("6, 22-5=4, 23-24=2", name="").of_minutes()
    assert [minutes[h * 60] for h in (4, 5, 21, 22, 23)] == [4.0, 6.0, 6.0, 4.0, 2.0]


def test_daylight_saving_moves_the_band():
    prices = DayPrices.parse("6, 17-18=9", name="")
    for day, utc_hour in ((datetime(2024, 1, 15, tzinfo=UTC), 17), (datetime(2024, 7, 15, tzinfo=UTC), 16)):
        found = prices.over(community(day, slots=24, slot_h=1), LONDON)
        assert np.flatnonzero(found == 9.0).tolist() == [utc_hour]


def test_a_tariff_is_checked_slot_by_slot():
    one = community(datetime(2024, 6, 1, tzinfo=UTC), slots=24, slot_h=1)
    with pytest.raises(MarketError, match="In slot 12 the retail price"):
        tariff_of(one, retail=DayPrices.parse("5, 12-13=2", name=""), feed_in=DayPrices.parse("3", name=""), zone=UTC)


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
