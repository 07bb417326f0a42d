"""Delivering at a pace: rates, destinations, warm-up and windows, decided where deliveries are claimed."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, text, update
from tests import cast
from tests.actions.delivering import KEY, Scripted, counts, issue_row
from tests.actions.delivering import run as run_once
from tests.actions.test_destinations import Domains, prepare

from digest.actions.deliver import DeliverReport, deliver
from digest.actions.stuck import list_stuck
from digest.core.pace import DomainLimit, Pace, WarmUp
from digest.core.windows import parse_window
from digest.store import sending
from digest.store.database import Database
from digest.store.people_tables import DeliveryRow

OFFICE = (parse_window("mon-fri 08:00-20:00"),)
FRIDAY_EVENING = datetime(2017, 8, 18, 20, 1, tzinfo=UTC)


class Watch:
    """A clock that moves on with each message, and by itself while everybody waits."""

    def __init__(self, each: float = 0.0) -> None:
        self.now, self.each, self.sent = cast.NOW, each, []

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self.each)
        return self.now

    def note(self) -> None:
        self.sent.append((self.now - cast.NOW).total_seconds())


def run(database: Database, transport, clock: Callable[[], datetime], pace: Pace, **options) -> DeliverReport:
    return asyncio.run(
        deliver(database, transport=transport, key=KEY, base_url=None, clock=clock, owner="one", pace=pace, **options)
    )


def test_a_rate_is_kept_over_all_destinations(database: Database) -> None:
    prepare(database, one=60, two=59)
    watch = Watch(each=0.05)  # each look at the clock takes as long: about two a message
    server = Scripted(during=watch.note)
    assert run(database, server, watch, Pace(per_second=20.0), concurrency=2).accepted == 120
    for begin in range(int(watch.sent[-1])):
        within = [at for at in watch.sent if begin <= at < begin + 1]
        assert len(within) <= 60, "a second's worth, one ahead, and what was claimed before"
    assert watch.sent[-1] >= 120 / 20 - 2


def test_two_senders_share_a_rate(sqlite_database: Database) -> None:
    prepare(sqlite_database, one=99)
    watch = Watch(each=0.05)
    transport = Scripted(during=watch.note)

    async def both() -> list[DeliverReport]:
        given = {"key": KEY, "base_url": None, "clock": watch, "pace": Pace(per_second=20.0), "concurrency": 2}
        return await asyncio.gather(*(
            deliver(sqlite_database, transport=transport, owner=owner, **given) for owner in ("one", "two")
        ))  # fmt: skip

    assert sum(report.accepted for report in asyncio.run(both())) == 100
    assert watch.sent[-1] >= 100 / 20 - 2


def test_a_slow_destination_keeps_no_other_one_back(database: Database) -> None:
    issue = prepare(database, slow=40, one=40)
    pace = Pace(domains={"slow.example": DomainLimit(per_second=0.01)})  # the next one in 100 seconds: a later run
    server = Domains()
    run(database, server, lambda: cast.NOW, pace)
    assert server.count() == {"slow.example": 1, "one.example": 40, "example.org": 1}
    assert counts(database, issue) == {"accepted": 42, "queued": 39}
    run(database, server, lambda: cast.NOW + timedelta(seconds=100), pace)
    assert server.count() == {"slow.example": 1}


def test_a_destinations_connections_are_counted_in_the_ledger(database: Database) -> None:
    prepare(database, narrow=12, wide=12)
    busy: Counter[str] = Counter()
    most: Counter[str] = Counter()

    class Slow(Domains):
        async def send(self, envelope, *, before_dot):
            domain = envelope.recipient.partition("@")[2]
            busy[domain] += 1
            most[domain] = max(most[domain], busy[domain])
            await asyncio.sleep(0.02)
            try:
                return await super().send(envelope, before_dot=before_dot)
            finally:
                busy[domain] -= 1

    pace = Pace(domains={"narrow.example": DomainLimit(connections=2)})
    assert run(database, Slow(), lambda: cast.NOW, pace, concurrency=6).accepted == 25
    assert most["narrow.example"] <= 2
    assert most["wide.example"] > 2


def test_a_warm_up_lets_so_many_go_on_each_day(database: Database) -> None:
    issue = prepare(database, one=99)
    pace = Pace(warm_up=WarmUp(first_day=10, growth=2.0))
    sent = []
    for day in range(5):
        now = cast.NOW + timedelta(days=day)
        sent.append(sum(run(database, Domains(), lambda now=now: now, pace).accepted for _ in range(2)))
        assert issue_row(database)[0] in {"sending", "done"}
    assert sent == [10, 20, 40, 30, 0]
    assert counts(database, issue) == {"accepted": 100}


def test_outside_the_window_nothing_is_sent_and_it_is_no_fault(database: Database) -> None:
    prepare(database, one=9)
    pace = Pace(windows=OFFICE, zone="UTC")
    report = run(database, Domains(), lambda: FRIDAY_EVENING, pace)
    monday = datetime(2017, 8, 21, 8, tzinfo=UTC)
    assert (report.accepted, report.issues[0].waits_until, report.issues[0].touched) == (0, monday, False)
    assert list_stuck(database, now=FRIDAY_EVENING + timedelta(hours=50), pace=pace) == ()
    assert list_stuck(database, now=monday + timedelta(hours=5), pace=pace) == ()
    assert list_stuck(database, now=monday + timedelta(hours=6), pace=pace) != ()


def test_a_weekend_of_waiting_pauses_nothing(database: Database) -> None:
    prepare(database, one=9)
    pace = Pace(windows=OFFICE, zone="UTC")
    friday = datetime(2017, 8, 18, 19, 59, tzinfo=UTC)
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET max_late_hours = 24"))
    run_once(database, Scripted(), now=friday, concurrency=1, stop=_set())  # begins to send, and stops at once
    monday = datetime(2017, 8, 21, 8, tzinfo=UTC)
    report = run(database, Domains(), lambda: monday, pace)
    assert (report.accepted, report.issues[0].paused) == (10, None)


def test_a_window_that_closes_leaves_the_rest_for_the_next_one(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, one=199)
    watch = Watch(each=1.0)
    watch.now = datetime(2017, 8, 14, 19, 58, 30, tzinfo=UTC)
    pace = Pace(windows=OFFICE, zone="UTC", per_second=5.0)  # so that little is claimed ahead
    first = run(sqlite_database, Domains(), watch, pace, concurrency=1)
    assert 0 < first.accepted < 200
    assert set(counts(sqlite_database, issue)) == {"accepted", "queued"}
    morning = datetime(2017, 8, 15, 8, tzinfo=UTC)
    assert (
        run(sqlite_database, Domains(), lambda: morning, Pace(windows=OFFICE, zone="UTC")).accepted
        == 200 - first.accepted
    )


def test_the_windows_zone_is_the_newsletters_unless_set(sqlite_database: Database) -> None:
    prepare(sqlite_database, one=1)  # a newsletter of Los Angeles
    report = run(sqlite_database, Domains(), lambda: cast.NOW, Pace(windows=OFFICE))
    assert report.issues[0].waits_until == datetime(2017, 8, 14, 15, tzinfo=UTC)


@pytest.mark.parametrize("pace", [None, Pace(per_second=1000.0)])
def test_without_a_pace_not_one_statement_more_is_run(sqlite_database: Database, pace: Pace | None) -> None:
    prepare(sqlite_database, one=30)
    seen: list[str] = []
    event.listen(
        sqlite_database.engine, "before_cursor_execute", lambda *given: seen.append(given[2].split("WHERE")[0])
    )
    run(sqlite_database, Domains(), lambda: cast.NOW, pace)
    told = [words for words in seen if "allowance" in words or "warm_up" in words]
    assert bool(told) is (pace is not None)


def _set() -> asyncio.Event:
    stop = asyncio.Event()
    stop.set()
    return stop


def leave_in_flight(database: Database, issue: int) -> None:
    """The first message to narrow.example is that of a sender who died a moment ago."""
    delivery = DeliveryRow.__table__
    first = select(func.min(delivery.c.id)).where(delivery.c.domain == "narrow.example").scalar_subquery()
    left = {"state": "inflight", "owner": "dead", "lease_until": cast.NOW + timedelta(minutes=15)}
    with database.write() as session:
        sending.start_sending(session, issue, now=cast.NOW)
        session.execute(update(delivery).where(delivery.c.id == first).values(left))


def test_a_dead_senders_message_takes_no_connection_once_its_lease_is_over(database: Database) -> None:
    issue = prepare(database, wide=60, narrow=3)
    leave_in_flight(database, issue)
    pace = Pace(domains={"narrow.example": DomainLimit(connections=1)})
    run(database, Domains(), Watch(each=300.0), pace, concurrency=2)
    assert counts(database, issue) == {"accepted": 63, "inflight": 1}


def test_nobody_waits_for_connections_that_only_others_hold(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, narrow=3)
    leave_in_flight(sqlite_database, issue)
    pace = Pace(domains={"narrow.example": DomainLimit(connections=1)})

    async def at_most(seconds: float) -> DeliverReport:
        async with asyncio.timeout(seconds):
            return await deliver(
                sqlite_database, transport=Domains(), key=KEY, base_url=None, clock=Watch(), owner="one", pace=pace,
                concurrency=2,
            )  # fmt: skip

    asyncio.run(at_most(5.0))
    assert counts(sqlite_database, issue) == {"accepted": 1, "inflight": 1, "queued": 2}
