"""An issue that does not move is told, though nothing fails."""

from datetime import timedelta

from tests import cast

from digest.actions.control import BY_HAND
from digest.actions.stuck import STUCK_AFTER, list_stuck
from digest.core.pace import Pace
from digest.core.windows import parse_window
from digest.store import newsletters, sending
from digest.store.database import Database

LATER = cast.NOW + STUCK_AFTER


def test_a_quota_answered_with_4yz_for_hours_is_told_until_a_message_comes_through(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        issue = cast.add_issue(session, people, state="sending", sending_at=cast.NOW, expected=2)
        cast.add_delivery(session, issue, people.anna, code=452, settled_at=LATER)
        other = cast.add_delivery(session, issue, people.ben)
    assert list_stuck(database, now=LATER - timedelta(minutes=1)) == ()
    (stuck,) = list_stuck(database, now=LATER)
    assert (stuck.newsletter, stuck.number) == ("weekly", 1)
    assert (
        stuck.reason
        == "no message has come through since 2017-08-14 00:05 America/Los_Angeles; the mail server answers 452"
    )
    assert stuck.next_step == "digest delivery list 1 --newsletter weekly"
    with database.write() as session:
        people_tables = cast.people.DeliveryRow
        row = session.get_one(people_tables, other)
        row.state, row.settled_at = "accepted", LATER
        session.add(row)
    assert list_stuck(database, now=LATER + timedelta(hours=1)) == ()


def test_a_few_full_mailboxes_are_no_issue_that_does_not_move(database: Database) -> None:
    """Else a cron line mails it every five minutes for two days, and /readyz says 503."""
    with database.write() as session:
        people = cast.assemble(session)
        issue = cast.add_issue(session, people, state="sending", sending_at=cast.NOW, expected=19)
        full = {"code": 452, "enhanced": "4.2.2", "phase": "rcpt", "settled_at": LATER}
        cast.add_delivery(session, issue, people.anna, **full)
    assert list_stuck(database, now=LATER) == ()
    with database.write() as session:  # two of nineteen are many
        other = cast.add_delivery(session, issue, people.ben, **full)
    assert len(list_stuck(database, now=LATER)) == 1
    with database.write() as session:  # they are few of many readers, but not where the server speaks of us
        session.get_one(cast.tables.IssueRow, issue).expected = 20
    assert list_stuck(database, now=LATER) == ()
    for ours in ("4.7.1", "4.1.8", "4.2.0"):
        with database.write() as session:
            session.get_one(cast.people.DeliveryRow, other).enhanced = ours
        assert len(list_stuck(database, now=LATER)) == 1


def test_an_issue_paused_by_a_failure_is_told_and_one_paused_by_hand_is_not(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        failed, ours = (cast.add_issue(session, people, number=n, state="sending", expected=0) for n in (1, 2))
        sending.pause(session, failed, reason="the relay refused the sender", now=cast.NOW)
        sending.pause(session, ours, reason=BY_HAND, now=cast.NOW)
    (stuck,) = list_stuck(database, now=cast.NOW)
    assert (stuck.number, stuck.reason) == (1, "paused by a failure")
    with database.write() as session:  # long after, it goes on: not stuck at once
        sending.resume(session, failed, now=LATER)
    assert list_stuck(database, now=LATER) == ()


def test_mail_whose_window_came_and_went_without_a_run_is_told(database: Database) -> None:
    """As of a cron line at midnight, and a window in the morning."""
    began = cast.NOW  # five past midnight in Los Angeles
    with database.write() as session:
        people = cast.assemble(session)
        newsletters.update_newsletter(session, 1, sending_windows=["08:00-10:00"])
        issue = cast.add_issue(session, people, state="sending", sending_at=began, expected=1)
        open_ = cast.add_delivery(session, issue, people.anna)
    pace = Pace(windows=(parse_window("09:00-23:00"),))
    for hours in (7, 9, 10):
        told = list_stuck(database, now=began + timedelta(hours=hours), pace=pace)
        assert [one.reason for one in told] == (
            ["no message has come through in its sending window, which opened 2017-08-14 09:00 America/Los_Angeles"]
            if hours == 10
            else []
        )
    with database.write() as session:  # one came through just before ten; the next window decides about the others
        row = session.get_one(cast.people.DeliveryRow, open_)
        row.state, row.settled_at = "accepted", began + timedelta(hours=9.9)
        session.add(row)
        cast.add_delivery(session, issue, people.ben)
    assert list_stuck(database, now=began + timedelta(hours=24), pace=pace) == ()
    assert len(list_stuck(database, now=began + timedelta(hours=34.1), pace=pace)) == 1
    with database.write() as session:  # one was tried in it: digest did run
        row = session.get_one(cast.people.DeliveryRow, open_)
        row.state, row.code, row.settled_at = "queued", 452, began + timedelta(hours=33.5)
        row.trying_since = row.settled_at
        session.add(row)
    (told,) = list_stuck(database, now=began + timedelta(hours=34.1), pace=pace)
    assert (told.reason[-29:], told.next_step[:20]) == ("; the mail server answers 452", "digest delivery list")
