"""Sending windows in local time, through changes of the clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.core.windows import Window, is_open, opened_at, opens_at, parse_window

BERLIN = "Europe/Berlin"
OFFICE = (parse_window("mon-fri 08:00-20:00"),)


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "days", "start", "end"),
    [
        ("mon-fri 08:00-20:00", {0, 1, 2, 3, 4}, 480, 1200),
        ("Sat 09:30-12:00", {5}, 570, 720),
        ("mon,wed-thu 00:00-24:00", {0, 2, 3}, 0, 1440),
        ("sat-mon 10:00-11:00", {5, 6, 0}, 600, 660),
        ("09:00-17:00", set(range(7)), 540, 1020),
    ],
)
def test_windows_are_read(words: str, days: set[int], start: int, end: int) -> None:
    assert parse_window(words) == Window(frozenset(days), start, end)


@pytest.mark.parametrize(
    "words",
    ["", "mon", "mon 8-20", "mon 20:00-08:00", "mon 08:00-08:00", "may 08:00-20:00", "mon-foo 08:00-20:00",
     "mon 08:60-09:00", "mon 08:00-24:01"],
)  # fmt: skip
def test_what_is_no_window_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"window|before it begins|days of the week|time of day"):
        parse_window(words)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2017-08-14 05:59", "2017-08-14 06:00"),  # a Monday, 07:59 in Berlin
        ("2017-08-14 06:00", "2017-08-14 06:00"),
        ("2017-08-14 17:59", "2017-08-14 17:59"),
        ("2017-08-14 18:00", "2017-08-15 06:00"),
        ("2017-08-18 18:00", "2017-08-21 06:00"),  # Friday evening
        ("2017-03-24 19:00", "2017-03-27 06:00"),  # the clocks went forward on Sunday
        ("2017-10-27 18:00", "2017-10-30 07:00"),  # and back
    ],
)
def test_mail_waits_for_the_next_opening(moment: str, opens: str) -> None:
    assert opens_at(OFFICE, BERLIN, at(moment)) == at(opens)
    assert is_open(OFFICE, BERLIN, at(moment)) is (moment == opens)


def test_an_opening_is_found_again_from_within() -> None:
    assert opened_at(OFFICE, BERLIN, at("2017-08-14 11:00")) == at("2017-08-14 06:00")
    assert opened_at((), BERLIN, at("2017-08-14 11:00")) is None


def test_without_windows_it_is_always_open() -> None:
    assert is_open((), "UTC", at("2017-08-13 03:00"))


def test_an_opening_in_a_spring_gap_is_the_first_moment_after_it() -> None:
    night = (parse_window("sun 02:30-05:00"),)
    assert opens_at(night, BERLIN, at("2017-03-26 00:00")) == at("2017-03-26 01:00")
    assert is_open(night, BERLIN, at("2017-03-26 01:00"))


def test_every_moment_is_open_or_has_an_opening_within_a_week() -> None:
    windows = (parse_window("tue 10:00-10:30"), parse_window("sat 23:00-24:00"))
    moment = at("2017-03-20 00:00")
    while moment < at("2017-04-03 00:00"):
        opening = opens_at(windows, BERLIN, moment)
        assert moment <= opening <= moment + timedelta(days=7)
        assert is_open(windows, BERLIN, opening)
        moment += timedelta(minutes=37)
