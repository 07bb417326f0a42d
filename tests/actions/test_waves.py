"""Each reader's own hour, through the ledger: nobody before the freeze, nobody twice, everybody at their wall time."""

from datetime import UTC, datetime, timedelta

from tests import cast
from tests.actions.delivering import Scripted, counts, run

from digest.actions.follow import Follower
from digest.actions.newsletters import edit_newsletter
from digest.actions.stuck import list_stuck
from digest.core.model import CadenceLine
from digest.core.period import coming_slots
from digest.core.states import IssueState
from digest.store import newsletters, waves
from digest.store.database import Database
from digest.store.issues import get_issue

FROZEN = datetime(2017, 8, 13, 18, tzinfo=UTC)  # Monday 08:00 in the first zone
SLOT = "2017-08-14T08:00"
READERS = {
    "kiritimati": ({"zone": "Pacific/Kiritimati"}, {}, FROZEN),
    "early": ({"zone": "Pacific/Kiritimati"}, {"hour": 6}, FROZEN),  # it was six before
    "tokyo": ({"zone": "Asia/Tokyo"}, {}, datetime(2017, 8, 13, 23, tzinfo=UTC)),
    "kathmandu": ({"zone": "Asia/Kathmandu"}, {}, datetime(2017, 8, 14, 2, 15, tzinfo=UTC)),
    "evening": ({"zone": "Europe/Berlin"}, {"hour": 21}, datetime(2017, 8, 14, 19, tzinfo=UTC)),
    "none": ({}, {}, datetime(2017, 8, 14, 15, tzinfo=UTC)),  # the newsletter's: Los Angeles
    "gone": ({"zone": "Mars/Base"}, {}, datetime(2017, 8, 14, 15, tzinfo=UTC)),
    "baker": ({"zone": "Etc/GMT+12"}, {}, datetime(2017, 8, 14, 20, tzinfo=UTC)),
}


def prepare(database: Database, **policies) -> int:
    with database.write() as session:
        company = cast.assemble(session)
        newsletters.update_newsletter(session, company.newsletter, **{"reader_zones": True, **policies})
        for name, (person, tie, _) in READERS.items():
            who = cast.add_subscriber(session, f"{name}@x.example", **person)
            cast.add_subscription(session, company.newsletter, who, **tie)
        issue = cast.add_issue(session, company, state=IssueState.SENDING, slot_key=SLOT, due_at=FROZEN)
        cast.add_variant(session, issue)
    return issue


def walk(database: Database, due: set[datetime]) -> dict[str, datetime]:
    """When each got it, looking a minute before each of these moments and at it; twice, as two processes would."""
    got: dict[str, datetime] = {}
    for now in sorted({at - timedelta(minutes=minutes) for at in due for minutes in (0, 1)} | {FROZEN}):
        server = Scripted()
        for owner in ("one", "two"):
            run(database, server, now=now, owner=f"{owner} {now}")
        for envelope in server.finished:
            name = envelope.recipient.partition("@")[0]
            assert name not in got, "twice"
            got[name] = now
    return got


def test_everybody_gets_it_once_at_their_own_time(database: Database) -> None:
    issue = prepare(database)
    due = {at for _, _, at in READERS.values()}
    assert walk(database, due - {FROZEN}) == {
        **{name: at for name, (_, _, at) in READERS.items()},
        "anna": READERS["none"][2],
    }
    assert counts(database, issue) == {"accepted": 9}
    with database.read() as session:
        assert get_issue(session, issue).state is IssueState.DONE
        told = [(wave.at, wave.readers, wave.zones) for wave in waves.list_waves(session, issue)]
    assert told[0] == (FROZEN, 2, ("Pacific/Kiritimati",))
    assert (READERS["none"][2], 3, ("Mars/Base",)) in told


def test_a_wave_that_waits_is_no_fault_and_is_told(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database)
    report = run(sqlite_database, Scripted(), now=FROZEN)
    assert (report.accepted, report.issues[0].next_wave) == (2, READERS["tokyo"][2])
    night = READERS["kathmandu"][2] + timedelta(hours=11)  # the next one is at 15:00
    run(sqlite_database, Scripted(), now=night)
    assert list_stuck(sqlite_database, now=night + timedelta(hours=1)) == ()
    with sqlite_database.read() as session:
        assert waves.next_wave(session, now=night) == READERS["none"][2]
        look = Follower(sqlite_database, get_issue(session, issue), newsletter="weekly", clock=lambda: night).look()
    assert (look.settled, look.later, look.next_wave) == (4, 5, READERS["none"][2])
    late = READERS["none"][2] + timedelta(hours=7)
    (stuck,) = list_stuck(sqlite_database, now=late)
    assert stuck.reason == "no message has come through since 2017-08-14 08:00 America/Los_Angeles", (
        "since it was due, not before"
    )


def test_whose_pause_is_over_by_their_wave_gets_it(sqlite_database: Database) -> None:
    morning = datetime(2017, 8, 14, 6, tzinfo=UTC)  # at eight in Berlin, hours after the issue was closed
    with sqlite_database.write() as session:
        company = cast.assemble(session)
        newsletters.update_newsletter(session, company.newsletter, reader_zones=True)
        for name, until in (("back", morning), ("away", morning + timedelta(minutes=1))):
            who = cast.add_subscriber(session, f"{name}@x.example", zone="Europe/Berlin")
            cast.add_subscription(session, company.newsletter, who, paused_until=until)
        issue = cast.add_issue(session, company, state=IssueState.SENDING, slot_key=SLOT)
        cast.add_variant(session, issue)
    assert walk(sqlite_database, {morning}) == {"back": morning}
    with sqlite_database.read() as session:
        told = [(wave.at, wave.readers) for wave in waves.list_waves(session, issue)]
    assert told[0] == (morning, 1), "who is away is not counted"


def test_the_latest_wave_of_all_is_days_after_the_freeze(sqlite_database: Database) -> None:
    """At eleven at night in the last zone, which falls into the night: two days and an hour. A pause is over just before."""
    due = datetime(2017, 8, 15, 19, tzinfo=UTC)
    with sqlite_database.write() as session:
        company = cast.assemble(session)
        newsletters.update_newsletter(session, company.newsletter, reader_zones=True, quiet_hours="22:00-07:00")
        who = cast.add_subscriber(session, "back@x.example", zone="Etc/GMT+12")
        cast.add_subscription(session, company.newsletter, who, hour=23, paused_until=due - timedelta(minutes=30))
        cast.add_variant(session, cast.add_issue(session, company, state=IssueState.SENDING, slot_key=SLOT))
    assert walk(sqlite_database, {due})["back"] == due


def test_quiet_hours_are_kept_by_who_is_late_too_and_windows_by_the_newsletter(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, reader_zones=False, quiet_hours="22:00-07:00")
    sevens = {datetime(2017, 8, 13, 22, tzinfo=UTC), datetime(2017, 8, 14, 1, 15, tzinfo=UTC)}  # Tokyo, Kathmandu
    got = walk(sqlite_database, {*sevens, datetime(2017, 8, 13, 19, tzinfo=UTC)})
    assert got["baker"].hour == 19, "at seven at sea, where it was six at the freeze"
    assert got["anna"] == got["kiritimati"] == FROZEN, "by day"
    assert got["tokyo"] == datetime(2017, 8, 13, 22, tzinfo=UTC), "at seven: it was three in the morning there"
    assert got["evening"] == FROZEN, "an hour counts only where readers' clocks do"
    with sqlite_database.write() as session:
        newsletters.update_newsletter(session, 1, sending_windows=["08:00-12:00"])
        other = cast.add_issue(session, cast.Cast(newsletter=1, cadence=1, anna=1, ben=2, carl=3, dora=4), 2,
                               state=IssueState.SENDING, slot_key="2017-08-15T08:00")  # fmt: skip
        cast.add_variant(session, other)
    evening = datetime(2017, 8, 14, 5, tzinfo=UTC)
    assert run(sqlite_database, Scripted(), now=evening, owner="e").issues[0].waits_until == evening.replace(hour=15)
    server = Scripted()
    run(sqlite_database, server, now=evening.replace(hour=16, minute=30), owner="f")
    got = {one.recipient.partition("@")[0] for one in server.finished}
    assert got == {"anna", "none", "gone", "evening", "tokyo", "baker"}, "the last two have no moment free to both"
    assert counts(sqlite_database, issue) == {"accepted": 9}
    assert counts(sqlite_database, other) == {"accepted": 6, "queued": 3}, "in Kathmandu and Kiritimati it is night"


def lines(database: Database) -> CadenceLine:
    with database.read() as session:
        (line,) = newsletters.list_cadences(session, 1)
    return line


def test_turning_it_on_and_off_loses_no_wall_time_and_repeats_none(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        company = cast.assemble(session)
        closed = datetime(2017, 8, 14, 7, tzinfo=UTC)  # Monday 00:00 in Los Angeles
        newsletters.close_period(session, company.cadence, slot_at=closed, rollovers=0)
    sunday = datetime(2017, 8, 20, 18, tzinfo=UTC)  # in Kiritimati it is Monday morning
    edit_newsletter(sqlite_database, "weekly", reader_zones=True, now=sunday)
    on = next(coming_slots(lines(sqlite_database)))
    assert (on.key, on.at) == ("2017-08-21T00:00", datetime(2017, 8, 20, 10, tzinfo=UTC)), "due at once"
    with sqlite_database.write() as session:
        newsletters.close_period(session, company.cadence, slot_at=on.at, rollovers=0)
    edit_newsletter(sqlite_database, "weekly", reader_zones=False, now=sunday)
    off = next(coming_slots(lines(sqlite_database)))
    assert (off.key, off.at) == ("2017-08-28T00:00", datetime(2017, 8, 28, 7, tzinfo=UTC)), "the 21st was closed"
