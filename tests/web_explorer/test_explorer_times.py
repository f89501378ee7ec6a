from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from core.errors import InputError
from core.web.format import Clock, Span, ago, duration

DELHI = Clock("Asia/Kolkata")
LONDON = Clock("Europe/London")
AT = int(datetime(2026, 1, 1, 0, 22, 20, tzinfo=UTC).timestamp()) * 1000 + 7


def test_moments_are_of_the_site_and_name_its_zone() -> None:
    assert DELHI.moment(AT) == "1 Jan 2026, 05:52:20 IST"
    assert DELHI.exact(AT) == "2026-01-01 05:52:20.007 IST (UTC+05:30)"
    assert LONDON.moment(AT) == "1 Jan 2026, 00:22:20 GMT"


def test_a_zone_without_letters_is_named_by_its_offset() -> None:
    assert Clock("America/Sao_Paulo").abbreviation(AT) == "UTC-03"


def test_a_day_lasts_from_midnight_to_midnight_at_the_site() -> None:
    # 2026-01-01 in Delhi starts at 18:30 UTC the day before and lasts 24 h
    start = int(datetime(2025, 12, 31, 18, 30, tzinfo=UTC).timestamp()) * 1000
    assert DELHI.read("2026-01-01") == Span(start, start + 86_400_000)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_the_days_of_the_clock_change_have_23_and_25_hours(day: date, hours: int) -> None:
    span = LONDON.days(day, day)
    assert span.end_ms - span.start_ms == hours * 3_600_000


@pytest.mark.parametrize("text", ["2026-01-05 14:30", "2026-01-05T14:30", "5 Jan 2026 14:30", "5 january 2026, 14:30"])
def test_a_minute_can_be_written_in_several_ways(text: str) -> None:
    start = int(datetime(2026, 1, 5, 9, 0, tzinfo=UTC).timestamp()) * 1000
    assert DELHI.read(text) == Span(start, start + 60_000)


def test_a_second_can_be_written() -> None:
    span = DELHI.read("2026-01-05 14:30:07")
    assert span is not None
    assert span.end_ms - span.start_ms == 1000


@pytest.mark.parametrize(
    "text", ["", "HH001", "1204", "2026", "0123abcd", "5 Foo 2026", "2026-01-05 noon", "2026-01-05x"]
)
def test_what_names_no_time_is_none(text: str) -> None:
    assert DELHI.read(text) is None


@pytest.mark.parametrize("text", ["2026-02-30", "2026-13-01", "31 Feb 2026", "2026-01-01 24:61", "0000-01-01"])
def test_a_day_that_does_not_exist_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match="is not a time that exists") as refused:
        DELHI.read(text)
    assert "2026-01-31" in refused.value.fix


def test_ages_use_one_unit() -> None:
    assert ago(12.9) == "12 s ago"
    assert duration(200) == "3 min"
    assert duration(5 * 3600 + 10) == "5 h"
    assert duration(3 * 86400) == "3 days"
    assert duration(-5) == "0 s"
