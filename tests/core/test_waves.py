"""Waves: any wall time in any zone is one instant, in gaps, in folds and across the date line; never before the freeze."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.core.cadence import parse, slots_after
from digest.core.waves import FIRST_ZONE, QuietHours, Waves, parse_quiet
from digest.core.windows import is_open, parse_window

ZONES = sorted(available_timezones() - {"localtime", "posixrules", "Factory"})
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVERYWHERE = Waves(zone="Europe/Berlin", by_reader=True)

zones = st.sampled_from(ZONES)
walls = st.datetimes(datetime(2000, 1, 2), datetime(2037, 12, 30)).map(
    lambda wall: wall.replace(second=0, microsecond=0)
)
moments = walls.map(lambda wall: wall.replace(tzinfo=UTC))


def clock(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@given(wall=walls, zone=zones)
@example(datetime(2026, 3, 29, 2, 30), "Europe/Berlin")  # in a gap
@example(datetime(2026, 10, 25, 2, 30), "Europe/Berlin")  # in a fold
@example(datetime(2026, 4, 5, 1, 45), "Australia/Lord_Howe")  # a fold of half an hour
@example(datetime(2011, 12, 30, 8, 0), "Pacific/Apia")  # a day that was left out
@example(datetime(2026, 3, 8, 0, 30), "America/Havana")  # midnight is in a gap
def test_a_wave_is_the_first_moment_when_its_readers_clocks_have_come_so_far(wall: datetime, zone: str) -> None:
    at = EVERYWHERE.due_at(wall, ready=LONG_AGO, zone=zone)
    assert clock(at, zone) >= wall > clock(at - MINUTE, zone)
    assert all(clock(at - timedelta(minutes=minutes), zone) < wall for minutes in range(1, 60 * 26, 13)), "not earlier"


@given(now=moments, zone=zones, hour=st.none() | st.integers(0, 23), time=st.times().map(lambda t: f"{t:%H:%M}"))
def test_content_is_frozen_before_anybodys_wave_and_nobodys_is_more_than_a_day_and_some_hours_later(
    now: datetime, zone: str, hour: int | None, time: str
) -> None:
    slot = next(iter(slots_after(parse(f"daily at {time}"), FIRST_ZONE, now)))
    at = EVERYWHERE.due_at(slot.wall, ready=slot.at, zone=zone, hour=hour)
    assert slot.at <= at <= slot.at + timedelta(hours=26 + 24)
    if hour is None and zone != "Pacific/Apia":  # whose readers had one day less
        assert at == EVERYWHERE.due_at(slot.wall, ready=LONG_AGO, zone=zone), "their own time, not a later one"
        assert at <= slot.at + timedelta(hours=27)


def test_west_and_east_of_the_date_line_the_same_morning_is_a_day_apart() -> None:
    wall = datetime(2026, 3, 2, 8)
    samoa, midway = (EVERYWHERE.due_at(wall, ready=LONG_AGO, zone=f"Pacific/{name}") for name in ("Apia", "Midway"))
    assert midway - samoa == timedelta(days=1)
    first, last = (EVERYWHERE.due_at(wall, ready=LONG_AGO, zone=zone) for zone in ("Etc/GMT-14", "Etc/GMT+12"))
    assert last - first == timedelta(hours=26)


def test_an_hour_is_that_of_the_slots_day_or_else_at_once_and_counts_only_for_one_slot_a_day() -> None:
    wall, frozen = datetime(2026, 3, 2, 8), datetime(2026, 3, 1, 18, tzinfo=UTC)
    due = EVERYWHERE.due_at
    assert due(wall, ready=frozen, zone="Europe/Berlin", hour=19) == datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert due(wall, ready=frozen, zone="Asia/Kathmandu", hour=6) == datetime(2026, 3, 2, 0, 15, tzinfo=UTC)
    assert due(wall, ready=frozen, zone=FIRST_ZONE, hour=6) == frozen, "it was six there before the freeze"
    assert (
        due(wall, ready=frozen, zone="Nowhere/Else") == due(wall, ready=frozen) == datetime(2026, 3, 2, 7, tzinfo=UTC)
    )
    often = Waves(zone="UTC", by_reader=True, hours=False)
    assert often.due_at(wall, ready=frozen, zone="UTC", hour=19) == datetime(2026, 3, 2, 8, tzinfo=UTC)
    alone = Waves(zone="UTC")
    assert alone.is_one
    assert alone.due_at(wall, ready=frozen, zone="Asia/Tokyo", hour=19) == frozen


@pytest.mark.parametrize("words", ["", "22-7", "22:00", "07:00-07:00", "22:00-25:00", "22:00-07:00-08:00"])
def test_what_are_no_quiet_hours_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="quiet hours"):
        parse_quiet(words)


minutes = st.integers(0, 24 * 60 - 1)
spans = st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: QuietHours(*pair))


def is_quiet(quiet: QuietHours, zone: str, at: datetime) -> bool:
    wall = clock(at, zone)
    since = (wall.hour * 60 + wall.minute - quiet.start) % 1440
    return since < (quiet.end - quiet.start) % 1440


@given(quiet=spans, zone=zones, at=moments)
@example(QuietHours(60, 150), "Europe/Berlin", datetime(2026, 10, 25, 1, 10, tzinfo=UTC))  # 02:10 for the second time
@example(QuietHours(60, 150), "Europe/Berlin", datetime(2026, 3, 29, 0, 30, tzinfo=UTC))  # ends in a gap
def test_what_falls_into_quiet_hours_waits_for_their_end_and_no_longer(
    quiet: QuietHours, zone: str, at: datetime
) -> None:
    after = Waves(zone="UTC", quiet=quiet).due_at(clock(at, zone), ready=at, zone=zone)
    assert at <= after <= at + timedelta(hours=27)
    assert not is_quiet(quiet, zone, after)
    waited = int((after - at) / MINUTE)
    assert all(is_quiet(quiet, zone, at + step * MINUTE) for step in range(0, waited, 7))


@given(at=moments, zone=zones)
def test_a_window_and_quiet_hours_are_both_kept_where_a_moment_is_free_to_both(at: datetime, zone: str) -> None:
    windows, quiet = (parse_window("mon-fri 08:00-20:00"),), parse_quiet("22:00-07:00")
    waves = Waves(zone="Europe/Berlin", quiet=quiet, windows=windows)
    due = waves.due_at(clock(at, zone), ready=at, zone=zone)
    assert at <= due <= at + timedelta(days=5)
    assert is_open(windows, "Europe/Berlin", due)
    assert not is_quiet(quiet, zone, due)


def test_where_no_moment_is_free_to_both_the_window_counts() -> None:
    waves = Waves(zone="UTC", quiet=QuietHours(7 * 60, 22 * 60), windows=(parse_window("09:00-10:00"),))
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert waves.due_at(noon.replace(tzinfo=None), ready=noon) == noon + timedelta(hours=21)
