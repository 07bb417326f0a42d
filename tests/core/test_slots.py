"""Slots against the oracle: around every change of every zone's clocks, and anywhere at random."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.core import oracle
from tests.core.rules import CALM_RULES, CRON_RULES

from digest.core.cadence import Slot, parse, slot_at_or_before, slots_after

TICK = timedelta(microseconds=1)


def slots_between(rule: str, zone: str, start: int, end: int) -> list[tuple[datetime, datetime]]:
    """Ours, in [start, end)."""
    first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    found = takewhile(lambda slot: slot.at < last, slots_after(parse(rule), zone, first - TICK))
    return [(slot.at, slot.wall) for slot in found]


def check_change(zone: str, change: tuple[int, int, int], *, every: int = 0) -> None:
    """Slots before, in and after one change agree with the oracle; `every` adds daily rules, so many minutes apart."""
    at, before, after = change
    assert at % 60 == before % 60 == after % 60 == 0, "the oracle walks whole minutes"
    reach = abs(after - before) + 2 * 3600
    start, end = at - reach, at + reach
    edges = sorted({(at + offset) // 60 % 1440 for offset in (before, after, (before + after) // 2, after + 900)})
    times = ",".join(f"{minute // 60:02}:{minute % 60:02}" for minute in edges)
    today = oracle.DAYS[((at + before) // 86400 + 3) % 7]  # the epoch was a Thursday
    rules = [f"daily at {times}", f"weekly on {today} at {times}", "cron */15 * * * *"]
    rules += [f"daily at {minute // 60:02}:{minute % 60:02}" for minute in range(0, 1440, every or 1440) if every]
    clock = [second // 60 + (before if second < at else after) // 60 for second in range(start, end, 60)]
    for rule in rules:
        expected = oracle.walk_clock(rule, start // 60, clock, clock[0] - 1)
        assert slots_between(rule, zone, start, end) == expected, (zone, rule, change)
        if expected:
            instant, wall = expected[-1]
            newest = slot_at_or_before(parse(rule), zone, datetime.fromtimestamp(end, UTC) - TICK)
            assert (newest.at, newest.wall) == (instant, wall), (zone, rule, change)


def kinds_of(changes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The first and the last of those that change the same offsets at the same minute of the day."""
    kinds: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    for at, before, after in changes:
        kinds.setdefault((before, after, (at + before) // 60 % 1440), []).append((at, before, after))
    return sorted({one for kind in kinds.values() for one in (kind[0], kind[-1])})


@pytest.mark.slow
def test_slots_around_every_kind_of_change_of_every_zone_are_the_oracle_s() -> None:
    """`python -m tests.sweep_slots` takes every single change."""
    count = 0
    for zone, changes in oracle.distinct_zones().items():
        for change in kinds_of(changes):
            check_change(zone, change)
            count += 1
    assert count > 500


ZONES = st.sampled_from(oracle.zones())
INSTANTS = st.integers(oracle.FIRST // 60, oracle.LAST // 60 - 1).map(lambda minute: minute * 60)


@settings(deadline=None, max_examples=25)
@given(rule=CALM_RULES, zone=ZONES, start=INSTANTS)
@example(rule="weekly on mon at 00:00", zone="Europe/Berlin", start=1774224000)
@example(rule="daily at 07:00", zone="Pacific/Apia", start=1325000000 // 60 * 60)
def test_forty_days_of_any_rule_in_any_zone_are_the_oracle_s(rule: str, zone: str, start: int) -> None:
    end = start + 40 * 86400
    assert slots_between(rule, zone, start, end) == oracle.walk(rule, ZoneInfo(zone), start, end)


@settings(deadline=None, max_examples=60)
@given(rule=CRON_RULES, zone=ZONES, start=INSTANTS)
def test_three_days_of_any_cron_line_in_any_zone_are_the_oracle_s(rule: str, zone: str, start: int) -> None:
    end = start + 3 * 86400
    assert slots_between(rule, zone, start, end) == oracle.walk(rule, ZoneInfo(zone), start, end)


@settings(deadline=None, max_examples=60)
@given(rule=CALM_RULES | CRON_RULES, data=st.data())
def test_slots_tile_time_around_a_change(rule: str, data: st.DataObject) -> None:
    """Strictly increasing, and what is after an instant is what is not at or before it."""
    zone = data.draw(st.sampled_from(sorted(z for z, changes in oracle.distinct_zones().items() if changes)))
    changed, *_ = data.draw(st.sampled_from(oracle.distinct_zones()[zone]))
    at = datetime.fromtimestamp(changed + 60 * data.draw(st.integers(-3000, 3000)), UTC)
    cadence, slots = parse(rule), []
    for slot in slots_after(cadence, zone, at):
        slots.append(slot)
        if len(slots) == 5:
            break
    assume(slots)
    newest = slot_at_or_before(cadence, zone, at)
    assert newest.at <= at < slots[0].at
    assert next(slots_after(cadence, zone, newest.at)) == slots[0]
    assert all(a.at < b.at and a.wall < b.wall for a, b in pairwise([newest, *slots]))
    for before, slot in pairwise([newest, *slots]):
        assert slot_at_or_before(cadence, zone, slot.at) == slot
        assert slot_at_or_before(cadence, zone, slot.at - TICK) == before
        assert next(slots_after(cadence, zone, slot.at - TICK)) == slot
    assert all(isinstance(slot, Slot) and slot.at.utcoffset() == timedelta(0) for slot in slots)
