"""Dates as feeds write them (docs/sources.md P4)."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources.dates import parse_date


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2017-08-11T07:42:00.001-07:00", "2017-08-11T14:42:00.001000"),
        ("2017-08-11T07:42:00Z", "2017-08-11T07:42:00"),
        ("2017-08-11 07:42 +0200", "2017-08-11T05:42:00"),
        ("2017-08-11", "2017-08-11T00:00:00"),
        ("2020/1/10 8:05", "2020-01-10T08:05:00"),
        ("Fri, 11 Aug 2017 07:42:00 GMT", "2017-08-11T07:42:00"),
        ("Fri, 11 Aug 17 07:42:00 EST", "2017-08-11T12:42:00"),
        ("11 August 2017", "2017-08-11T00:00:00"),
        ("August 11, 2017 7:42 pm", "2017-08-11T19:42:00"),
        ("Seg, 24 Set 2018 10:00:00 -0300", "2018-09-24T13:00:00"),
        ("Do, 4 Okt 2018 12:00:00 +0200", "2018-10-04T10:00:00"),
        ("Чт, 4 января 2018 12:00:00 +0300", "2018-01-04T09:00:00"),
        ("Thu Jun 06 2019 12:00:00 GMT+0200 (CEST)", "2019-06-06T10:00:00"),
        ("Thu, 06 Jun 2019 12:00:00 UTC+2", "2019-06-06T10:00:00"),
        ("Thu, 06 Jun 2019 01:00:00 PM", "2019-06-06T13:00:00"),
        ("2019-06-06 12:30 AM", "2019-06-06T00:30:00"),
        ("06/07/2019 1:00:00 PM", "2019-06-07T13:00:00"),
        ("Thursday, June 6, 2019 - 12:00", "2019-06-06T12:00:00"),
        ("06.07.2019 12:00", "2019-07-06T12:00:00"),
        ("20190606T120000Z", "2019-06-06T12:00:00"),
        ("2019年06月07日 08:30", "2019-06-07T08:30:00"),
        ("2019년 6월 7일 오후 3:04", "2019-06-07T15:04:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59"),
        ("2017-08-11T24:00:00Z", "2017-08-12T00:00:00"),
    ],
)
def test_a_date_is_read_as_it_is_meant(raw: str, expected: str) -> None:
    assert parse_date(raw, zone="UTC") == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_date_without_a_zone_is_in_the_feeds_zone() -> None:
    assert parse_date("2017-08-11T07:42:00", zone="America/Los_Angeles") == datetime(2017, 8, 11, 14, 42, tzinfo=UTC)


@pytest.mark.parametrize("raw", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2018-02-31", "soon", "", None])
def test_what_cannot_be_meant_is_no_date(raw: str | None) -> None:
    assert parse_date(raw, zone="UTC") is None


def test_another_readers_result_serves_for_rare_forms() -> None:
    struct = time.struct_time((2018, 9, 24, 10, 0, 0, 0, 0, 0))
    assert parse_date("24ης Σεπτ 2018", zone="UTC", fallback=struct) == datetime(2018, 9, 24, 10, tzinfo=UTC)


def test_another_readers_wild_guess_does_not() -> None:
    guess = time.struct_time((2019, 11, 1, 0, 0, 0, 0, 0, 0))  # what feedparser makes of both
    assert parse_date("2019-W23-4", zone="UTC", fallback=guess) is None
    assert parse_date("06/07/2019", zone="UTC", fallback=guess) is None  # the 6th of July, or the 7th of June


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_no_text_breaks_it(raw: str) -> None:
    at = parse_date(raw, zone="Europe/Berlin")
    assert at is None or at.tzinfo is UTC


@settings(deadline=None, max_examples=100)
@given(st.datetimes(datetime(1996, 1, 1), datetime(2090, 1, 1), timezones=st.timezones()))
def test_iso_dates_come_back_to_the_microsecond(at: datetime) -> None:
    offset = at.utcoffset()
    if offset is not None and not offset.total_seconds() % 60:
        assert parse_date(at.isoformat(), zone="UTC") == datetime.fromisoformat(at.isoformat())
