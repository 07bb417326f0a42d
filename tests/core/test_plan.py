"""The plan marks what the clocks do."""

from datetime import UTC, datetime, timedelta

from digest.core.model import CadenceLine
from digest.core.plan import PlannedSlot, plan_slots


def planned(rule: str, zone: str, now: str, days: int, **fields: datetime) -> list[PlannedSlot]:
    start = datetime.fromisoformat(now)
    given = {"started_at": start - timedelta(days=90)} | fields
    line = CadenceLine(id=1, newsletter_id=1, name="x", rule=rule, zone=zone, **given)
    return list(plan_slots(line, now=start, until=start + timedelta(days=days)))


def test_a_slot_after_a_change_tells_by_how_much_the_clocks_moved() -> None:
    spring = planned("weekly on mon at 08:00", "Europe/Berlin", "2026-03-20T00:00Z", 20)
    assert [(slot.slot.key, slot.offset, slot.shift) for slot in spring] == [
        ("2026-03-23T08:00", 60, 0), ("2026-03-30T08:00", 120, 60), ("2026-04-06T08:00", 120, 0)
    ]  # fmt: skip
    autumn = planned("weekly on mon at 08:00", "Europe/Berlin", "2026-10-25T12:00Z", 2)
    assert [slot.shift for slot in autumn] == [-60]


def test_a_slot_in_a_gap_tells_when_it_really_happens() -> None:
    before, gap, after = planned("daily at 02:30", "Europe/Berlin", "2026-03-27T12:00Z", 3)
    assert [slot.skipped for slot in (before, gap, after)] == [False, True, False]
    assert gap.local == datetime(2026, 3, 29, 3)
    assert (gap.slot.key, gap.shift, after.shift) == ("2026-03-29T02:30", 60, 0)


def test_a_slot_in_a_fold_tells_that_its_time_comes_twice() -> None:
    slots = planned("daily at 02:30", "Europe/Berlin", "2026-10-23T12:00Z", 3)
    assert [slot.twice for slot in slots] == [False, True, False]


def test_what_is_due_or_not_begun_is_not_planned() -> None:
    begun = datetime(2026, 1, 12, tzinfo=UTC)
    slots = planned("daily at 08:00", "UTC", "2026-01-10T08:00Z", 4, started_at=begun)
    assert [slot.slot.key for slot in slots] == ["2026-01-12T08:00", "2026-01-13T08:00", "2026-01-14T08:00"]


def test_the_first_slot_of_a_rule_that_begins_later_is_held_against_the_one_before_it() -> None:
    begun = datetime(2026, 4, 1, tzinfo=UTC)  # the clocks changed on 29 March
    first, *_ = planned("daily at 08:00", "Europe/Berlin", "2026-03-20T00:00Z", 14, started_at=begun)
    assert (first.slot.key, first.offset, first.shift) == ("2026-04-01T08:00", 120, 0)
