"""Which slots are due, and what becomes of each."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rules import CALM_RULES

from digest.core.cadence import slots_after
from digest.core.model import CadenceLine
from digest.core.period import MOST_AT_ONCE, Dues, Period, Verdict, coming_slots, due_slots, open_period
from digest.core.phrases import parse
from digest.core.states import CatchUp

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2017, 8, 14, 7, tzinfo=UTC)  # 00:00 in Los Angeles


def line(**fields: Any) -> CadenceLine:
    """Weekly, Mondays 00:00 in Los Angeles; closed until Monday 14 August."""
    given = {"rule": "weekly on mon at 00:00", "zone": "America/Los_Angeles", "started_at": MONDAY - 30 * DAY,
             "last_slot_at": MONDAY}  # fmt: skip
    return CadenceLine(id=1, newsletter_id=1, name="weekly", **(given | fields))


def decide(line: CadenceLine, *, now: datetime, catch_up: str = "merge", max_late: timedelta = 48 * HOUR) -> Dues:
    return due_slots(line, now=now, catch_up=CatchUp(catch_up), max_late=max_late)


def verdicts(dues: Dues) -> list[tuple[str, str]]:
    return [(due.slot.key, due.verdict) for due in dues.slots]


def test_nothing_is_due_before_the_slot_and_one_at_its_instant() -> None:
    assert decide(line(), now=MONDAY + 7 * DAY - timedelta(microseconds=1)) == Dues()
    due = decide(line(), now=MONDAY + 7 * DAY).slots
    assert [(d.slot.key, d.verdict, d.period) for d in due] == [
        ("2017-08-21T00:00", "publish", Period(MONDAY, MONDAY + 7 * DAY))
    ]


def test_the_first_issue_covers_exactly_its_first_period() -> None:
    fresh = line(last_slot_at=None, started_at=MONDAY - 3 * DAY)
    (due,) = decide(fresh, now=MONDAY).slots
    assert due.period == Period(MONDAY - 7 * DAY, MONDAY) == open_period(fresh)[1]
    assert due.period.days("America/Los_Angeles") == (date(2017, 8, 7), date(2017, 8, 13))


def test_a_slot_at_the_very_start_of_a_line_is_its_own() -> None:
    assert verdicts(decide(line(last_slot_at=None, started_at=MONDAY), now=MONDAY)) == [("2017-08-14T00:00", "publish")]


def test_a_changed_rule_has_boundaries_only_after_the_change() -> None:
    """Weekly became daily on Thursday: Tuesday to Thursday are not missed slots, and their posts are not lost."""
    changed = line(rule="daily at 00:00", started_at=MONDAY + 3 * DAY + HOUR)
    assert decide(changed, now=MONDAY + 3 * DAY + 2 * HOUR) == Dues()
    (due,) = decide(changed, now=MONDAY + 4 * DAY).slots
    assert due.period == Period(MONDAY, MONDAY + 4 * DAY)


MISSED = ["2017-08-15T00:00", "2017-08-16T00:00", "2017-08-17T00:00", "2017-08-18T00:00"]


@pytest.mark.parametrize(
    ("catch_up", "late", "expected"),
    [
        ("merge", HOUR, ["merge", "merge", "merge", "publish"]),
        ("merge", 20 * HOUR, ["merge", "merge", "merge", "publish"]),
        ("each", HOUR, ["skip", "skip", "publish", "publish"]),
        ("latest", HOUR, ["skip", "skip", "skip", "publish"]),
        ("latest", 20 * HOUR, ["skip", "skip", "skip", "publish"]),
        ("none", HOUR, ["skip", "skip", "skip", "publish"]),
        ("none", 20 * HOUR, ["skip", "skip", "skip", "skip"]),
    ],
)
def test_missed_slots_follow_the_policy(catch_up: str, late: timedelta, expected: list[str]) -> None:
    dues = decide(line(rule="daily at 00:00"), now=MONDAY + 4 * DAY + late, catch_up=catch_up)
    assert verdicts(dues) == list(zip(MISSED, expected, strict=True))
    assert all(due.reason for due in dues.slots if due.verdict != Verdict.PUBLISH)


def test_merged_slots_name_their_issue_and_it_spans_them_all() -> None:
    *merged, last = decide(line(rule="daily at 00:00"), now=MONDAY + 4 * DAY).slots
    assert {due.into for due in merged} == {last.slot.key}
    assert last.period == Period(MONDAY, MONDAY + 4 * DAY)
    assert [due.period.start for due in merged] == [MONDAY, MONDAY + DAY, MONDAY + 2 * DAY]


@pytest.mark.parametrize("catch_up", ["merge", "latest", "none", "each"])
def test_a_slot_beyond_the_maximum_lateness_is_skipped_aloud(catch_up: str) -> None:
    late = MONDAY + 7 * DAY + 48 * HOUR
    assert decide(line(), now=late + HOUR, catch_up=catch_up).slots[0].verdict == Verdict.SKIP
    if catch_up != "none":
        assert decide(line(), now=late, catch_up=catch_up).slots[0].verdict == Verdict.PUBLISH


def test_a_clock_that_jumps_forward_holds_instead_of_flooding() -> None:
    jumped = MONDAY + 365 * DAY
    held = decide(line(), now=jumped, catch_up="each")
    assert held.slots == ()
    assert held.hold == "the clock says 2018-08-14 07:00 UTC, but the slot of 2017-08-21T00:00 has not been dealt with"
    released = due_slots(line(), now=jumped, catch_up=CatchUp.EACH, max_late=48 * HOUR, hold_after=None)
    assert [due.verdict for due in released.slots][-2:] == [Verdict.SKIP, Verdict.PUBLISH]


def test_a_clock_that_comes_back_from_the_future_is_told() -> None:
    held = decide(line(last_slot_at=MONDAY + 365 * DAY), now=MONDAY + 7 * DAY)
    reason = "the clock says 2017-08-21 07:00 UTC, but a period was closed at 2018-08-14 07:00 UTC"
    assert held == Dues(hold=reason, behind=True)


def test_a_line_that_never_published_is_not_held_for_its_age() -> None:
    fresh = line(last_slot_at=None, started_at=MONDAY)
    dues = decide(fresh, now=MONDAY + 42 * DAY)
    assert dues.hold is None
    assert [due.verdict for due in dues.slots] == [*[Verdict.MERGE] * 6, Verdict.PUBLISH]


def test_too_many_slots_at_once_are_held() -> None:
    often = line(rule="cron * * * * *", last_slot_at=None, started_at=MONDAY)
    assert len(decide(often, now=MONDAY + timedelta(minutes=MOST_AT_ONCE - 1)).slots) == MOST_AT_ONCE
    assert "more than 500 slots" in (decide(often, now=MONDAY + DAY).hold or "")


@settings(deadline=None, max_examples=60)
@given(
    rule=CALM_RULES,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Apia", "Australia/Lord_Howe"]),
    start=st.datetimes(datetime(2009, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    naps=st.lists(st.timedeltas(timedelta(minutes=1), 20 * DAY), min_size=1, max_size=12),
    catch_up=st.sampled_from(list(CatchUp)),
)
def test_turns_at_any_times_account_for_every_slot_once(
    rule: str, zone: str, start: datetime, naps: list[timedelta], catch_up: CatchUp
) -> None:
    """Whatever the turns' times and the policy: each slot gets one verdict, and published periods never overlap."""
    state = line(rule=rule, zone=zone, started_at=start, last_slot_at=None)
    first, now, judged = next(coming_slots(state)), start, []
    for nap in naps:
        now += nap
        dues = due_slots(state, now=now, catch_up=catch_up, max_late=48 * HOUR, hold_after=None).slots
        assert dues == due_slots(state, now=now, catch_up=catch_up, max_late=48 * HOUR, hold_after=None).slots
        judged += dues
        if dues:
            state = line(rule=rule, zone=zone, started_at=start, last_slot_at=dues[-1].slot.at)
    expected = list(_until(parse(rule), zone, start, now))
    assert [due.slot for due in judged] == expected
    assert not expected or expected[0] == first
    published = [due.period for due in judged if due.verdict == Verdict.PUBLISH]
    assert all(before.end <= after.start for before, after in pairwise(published))
    if catch_up == CatchUp.MERGE:
        covered = [due for due in judged if due.verdict != Verdict.SKIP]
        assert all(any(due.slot.at <= p.end and due.period.start >= p.start for p in published) for due in covered)


def _until(cadence, zone, start, now):
    for slot in slots_after(cadence, zone, start - timedelta(microseconds=1)):
        if slot.at > now:
            return
        yield slot
