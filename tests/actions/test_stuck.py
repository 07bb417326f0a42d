"""An issue that does not move is told, though nothing fails."""

from datetime import timedelta

from tests import cast

from digest.actions.control import BY_HAND
from digest.actions.stuck import STUCK_AFTER, list_stuck
from digest.store import sending
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
