"""Slots: the examples one can check by hand. The sweep over every zone stands in test_slots."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from digest.core.cadence import Slot, parse, slot_at_or_before, slots_after
from digest.errors import UsageError


def slots(rule: str, zone: str, after: str, count: int) -> list[tuple[str, str]]:
    """The next slots as (key, UTC instant)."""
    found = islice(slots_after(parse(rule), zone, datetime.fromisoformat(after)), count)
    return [(slot.key, f"{slot.at:%Y-%m-%dT%H:%M}Z") for slot in found]


def test_a_weekly_slot_survives_the_clock_change() -> None:
    """Monday 08:00 in Berlin stays 08:00 when the clocks go forward."""
    assert slots("weekly on mon at 08:00", "Europe/Berlin", "2026-03-23T00:00Z", 2) == [
        ("2026-03-23T08:00", "2026-03-23T07:00Z"),
        ("2026-03-30T08:00", "2026-03-30T06:00Z"),
    ]


def test_the_monday_that_apscheduler_loses_is_kept() -> None:
    assert slots("weekly on mon at 00:00", "Europe/Berlin", "2026-03-22T23:00Z", 2) == [
        ("2026-03-30T00:00", "2026-03-29T22:00Z"),
        ("2026-04-06T00:00", "2026-04-05T22:00Z"),
    ]


def test_a_slot_in_a_gap_happens_at_the_first_instant_after_it() -> None:
    assert slots("daily at 02:30", "Europe/Berlin", "2026-03-28T12:00Z", 2) == [
        ("2026-03-29T02:30", "2026-03-29T01:00Z"),
        ("2026-03-30T02:30", "2026-03-30T00:30Z"),
    ]


def test_a_slot_in_a_fold_happens_once_at_its_first_occurrence() -> None:
    assert slots("daily at 02:30", "Europe/Berlin", "2026-10-24T12:00Z", 2) == [
        ("2026-10-25T02:30", "2026-10-25T00:30Z"),
        ("2026-10-26T02:30", "2026-10-26T01:30Z"),
    ]


def test_slots_that_a_gap_moves_to_one_instant_are_one_slot() -> None:
    assert slots("cron */15 * * * *", "Europe/Berlin", "2026-03-29T00:40Z", 3) == [
        ("2026-03-29T01:45", "2026-03-29T00:45Z"),
        ("2026-03-29T03:00", "2026-03-29T01:00Z"),
        ("2026-03-29T03:15", "2026-03-29T01:15Z"),
    ]


@pytest.mark.parametrize(
    ("zone", "after", "slot"),
    [
        ("Africa/Cairo", "2026-04-23T12:00Z", ("2026-04-24T00:00", "2026-04-23T22:00Z")),
        ("Asia/Beirut", "2026-03-28T12:00Z", ("2026-03-29T00:00", "2026-03-28T22:00Z")),
        ("America/Sao_Paulo", "2018-11-03T12:00Z", ("2018-11-04T00:00", "2018-11-04T03:00Z")),
    ],
)
def test_a_midnight_that_a_gap_swallows_is_the_first_instant_of_its_day(
    zone: str, after: str, slot: tuple[str, str]
) -> None:
    assert slots("daily at 00:00", zone, after, 1) == [slot]


def test_a_whole_day_that_a_zone_skipped_has_its_slot_at_the_day_s_end() -> None:
    """Samoa went from Thursday 29 to Saturday 31 December 2011."""
    assert slots("daily at 07:00", "Pacific/Apia", "2011-12-29T00:00Z", 3) == [
        ("2011-12-29T07:00", "2011-12-29T17:00Z"),
        ("2011-12-30T07:00", "2011-12-30T10:00Z"),
        ("2011-12-31T07:00", "2011-12-30T17:00Z"),
    ]


def test_a_fold_over_midnight_does_not_bring_yesterday_back() -> None:
    """Newfoundland's clocks went from 00:01 back to 23:01: midnight had already struck."""
    before, inside = "2006-10-28T12:00Z", datetime(2006, 10, 29, 3, 0, tzinfo=UTC)
    assert slots("daily at 00:00", "America/St_Johns", before, 2) == [
        ("2006-10-29T00:00", "2006-10-29T02:30Z"),
        ("2006-10-30T00:00", "2006-10-30T03:30Z"),
    ]
    assert slot_at_or_before(parse("daily at 00:00"), "America/St_Johns", inside).key == "2006-10-29T00:00"


def test_a_slot_is_strictly_after_and_at_or_before() -> None:
    cadence, at = parse("daily at 07:00"), datetime(2017, 8, 14, 7, tzinfo=UTC)
    assert next(slots_after(cadence, "UTC", at)).key == "2017-08-15T07:00"
    assert slot_at_or_before(cadence, "UTC", at) == Slot(at, datetime(2017, 8, 14, 7))


def test_every_two_weeks_counts_from_its_week_in_both_directions() -> None:
    rule = "every 2 weeks on mon,thu at 08:00 from 2026-01-08"
    assert [key for key, _ in slots(rule, "UTC", "2025-12-20T00:00Z", 4)] == [
        "2025-12-22T08:00", "2025-12-25T08:00", "2026-01-05T08:00", "2026-01-08T08:00"
    ]  # fmt: skip


def test_monthly_rules_find_their_days() -> None:
    assert [key for key, _ in slots("monthly on the last day at 09:00", "UTC", "2028-01-31T10:00Z", 2)] == [
        "2028-02-29T09:00", "2028-03-31T09:00"
    ]  # fmt: skip
    assert slots("monthly on the 2nd tue at 09:00", "UTC", "2026-12-01T00:00Z", 1)[0][0] == "2026-12-08T09:00"
    assert slots("monthly on the last fri at 09:00", "UTC", "2026-12-01T00:00Z", 1)[0][0] == "2026-12-25T09:00"
    assert slots("cron 0 9 29 2 *", "UTC", "2096-03-01T00:00Z", 1)[0][0] == "2104-02-29T09:00"


def test_slots_end_with_the_calendar_instead_of_failing() -> None:
    assert 5 < len(slots("daily at 08:00", "Asia/Tokyo", "9999-12-20T00:00Z", 100)) < 12


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("america/new_york", "America/New_York"),
        ("Europe", "Europe/"),
        ("../../etc/passwd", "IANA name"),
        ("", "IANA name"),
        ("qqqq", "IANA name"),
    ],
)
def test_an_unknown_zone_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UsageError) as unknown:
        slots_after(parse("daily"), name, datetime(2026, 1, 1, tzinfo=UTC))
    assert repr(name) in unknown.value.message
    assert unknown.value.next_step
    assert near in unknown.value.next_step
