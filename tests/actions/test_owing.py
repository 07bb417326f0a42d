"""What a change of cadence, a pause or a return writes down, and what a pause takes back. What comes of it: tests/test_owed.py."""

from datetime import timedelta

import pytest
from tests import cast
from tests.actions.delivering import Scripted, counts, prepare, run
from tests.cast import NOW

from digest.actions import choices, readers
from digest.actions.newsletters import edit_newsletter
from digest.core.owed import Gap, Mark, Owed
from digest.core.states import IssueState
from digest.store import deliveries, sending
from digest.store.database import Database
from digest.store.subscriptions import find_subscription

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def carried(database: Database, who: int = 1) -> Owed | None:
    with database.read() as session:
        tie = find_subscription(session, newsletter_id=1, subscriber_id=who)
        assert tie
        return tie.owed


def begin(database: Database) -> dict:
    """An issue on its way to anna, one of the same line that waits for approval, and a second cadence."""
    issue = prepare(database)
    with database.write() as session:
        sending.start_sending(session, issue, now=NOW)
        cast.add_cadence(session, 1, "daily", rule="daily at 00:00")
    return {"subscriber_id": 1, "newsletter_id": 1}


def test_who_changes_cadence_carries_what_their_line_has_told_them_until_it_is_served(database: Database) -> None:
    anna = begin(database)
    choices.choose(database, **anna, cadence_id=1, now=NOW)
    assert carried(database) is None  # named now, and the same as before
    choices.choose(database, **anna, cadence_id=2, now=NOW)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),))
    choices.choose(database, **anna, cadence_id=1, now=NOW + HOUR)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),))
    assert counts(database, 1) == {"queued": 1}  # and gets what is on its way


def test_a_pause_takes_back_what_waits_also_out_of_a_senders_hands(database: Database) -> None:
    anna = begin(database)
    with database.write() as session:
        (held,) = deliveries.claim(session, 1, owner="one", limit=9, now=NOW, lease_until=NOW + DAY)
    choices.pause(database, **anna, until=NOW + DAY, now=NOW)
    choices.resume(database, **anna, now=NOW + HOUR)
    with database.write() as session:
        marked = deliveries.mark_inflight(session, [(held, "<x>")], owner="one", now=NOW + HOUR, lease_until=NOW + DAY)
        assert not marked
        assert deliveries.turn_away(session, [held], now=NOW + HOUR) == 0
    run(database, server := Scripted(), now=NOW + HOUR)
    assert (server.finished, counts(database, 1)) == ([], {"skipped": 1})
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),), gaps=(Gap(NOW, NOW + HOUR),))


def test_an_issue_that_still_waits_for_approval_is_remembered(database: Database) -> None:
    anna = begin(database)
    with database.write() as session:
        company = cast.Cast(newsletter=1, cadence=1, anna=1, ben=2, carl=3, dora=4)
        cast.add_issue(session, company, 2, state=IssueState.DRAFT)
        cast.add_issue(session, company, 3, state=IssueState.DONE, expected=0, period_end=NOW + DAY)
    choices.choose(database, **anna, cadence_id=2, now=NOW + DAY)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=3, until=NOW + DAY),), waiting=(2,))


def test_readers_of_a_cadence_that_is_removed_carry_on(database: Database) -> None:
    begin(database)
    edit_newsletter(database, "weekly", remove_cadences=["weekly"], now=NOW)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),))
    assert carried(database, 2) is None  # who never confirmed has been told nothing


def test_leaving_forfeits_what_was_owed_but_nothing_told_is_told_again(database: Database) -> None:
    anna = begin(database)
    choices.choose(database, **anna, cadence_id=2, now=NOW)
    readers.leave(database, **anna, now=NOW + HOUR)
    readers.take_back(database, **anna, secret=b"x", now=NOW + DAY)
    mark = Mark(line=1, issue=1, until=NOW)
    assert carried(database) == Owed(marks=(mark,), gaps=(Gap(NOW + HOUR, NOW + DAY),))


@pytest.mark.parametrize("wanted", [True, False])
def test_a_pause_says_whether_what_it_missed_is_to_come(database: Database, *, wanted: bool) -> None:
    anna = begin(database)
    for _ in range(2):
        choices.pause(database, **anna, until=NOW + DAY, catch_up=not wanted, now=NOW)
        choices.pause(database, **anna, until=NOW + DAY, catch_up=wanted, now=NOW + HOUR)
    owed = carried(database)
    assert owed is not None
    assert owed.gaps == (Gap(NOW, NOW + DAY, wanted),)
