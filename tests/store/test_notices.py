"""The moves of notices are compare-and-set: one claim, one mark, one answer; stale owners change nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests import cast

from digest.core.notices import QueuedNotice
from digest.core.people import Outcome
from digest.core.policy import NextStep
from digest.core.states import DeliveryState, NoticeKind, OutcomeKind
from digest.store.database import Database
from digest.store.notices import (
    claim_notices,
    has_due_notice,
    insert_notice,
    list_notices,
    mark_notice,
    reap_notices,
    release_notice,
    settle_notice,
)

NOW = cast.NOW
SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
ACCEPTED = Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250), NextStep(state=DeliveryState.ACCEPTED)
DEFERRED = (
    Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451),
    NextStep(state=DeliveryState.QUEUED, not_before=LATER),
)


@pytest.fixture
def queued(database: Database) -> Database:
    """A database in which Ben waits for a confirmation."""
    with database.write() as session:
        people = cast.assemble(session)
        insert_notice(
            session, kind=NoticeKind.CONFIRM, newsletter_id=people.newsletter, subscriber_id=people.ben, now=NOW
        )
    return database


def claim(database: Database, owner: str = "one") -> tuple[QueuedNotice, ...]:
    with database.write() as session:
        return claim_notices(session, owner=owner, limit=9, now=NOW, lease_until=SOON)


def mark(database: Database, notice: QueuedNotice) -> bool:
    with database.write() as session:
        return mark_notice(session, notice, message_id="<x@y>", now=NOW, lease_until=SOON)


def settle(database: Database, notice: QueuedNotice, what: tuple[Outcome, NextStep]) -> bool:
    with database.write() as session:
        return settle_notice(session, notice, *what, now=NOW)


def reap(database: Database, now=LATER) -> tuple[int, int]:
    with database.write() as session:
        return reap_notices(session, now=now)


def state(database: Database) -> str:
    with database.read() as session:
        (notice,) = list_notices(session)
    return str(notice.state)


def test_what_one_has_claimed_another_neither_gets_nor_marks(queued: Database) -> None:
    (mine,) = claim(queued)
    assert claim(queued, "two") == ()
    assert not mark(queued, replace(mine, owner="two"))
    assert mark(queued, mine)
    assert claim(queued, "two") == ()
    assert state(queued) == "inflight"


def test_a_mark_is_given_once_and_what_is_in_flight_is_not_released(queued: Database) -> None:
    (mine,) = claim(queued)
    assert [mark(queued, mine), mark(queued, mine)] == [True, False]
    with queued.write() as session:
        assert not release_notice(session, mine)
    assert state(queued) == "inflight"


def test_a_claim_is_taken_away_after_its_lease_alone_and_then_marks_nothing(queued: Database) -> None:
    (lost,) = claim(queued)
    assert reap(queued, NOW) == (0, 0)
    assert reap(queued) == (1, 0)
    (mine,) = claim(queued)  # by the same owner
    assert not mark(queued, lost)
    assert mark(queued, mine)


def test_what_a_clock_that_was_a_year_ahead_has_written_holds_nothing(queued: Database) -> None:
    ahead = NOW + timedelta(days=365)

    def take() -> QueuedNotice:
        with queued.write() as session:
            (mine,) = claim_notices(session, owner="one", limit=1, now=NOW, lease_until=ahead)
        return mine

    take()
    assert reap(queued, NOW) == (1, 0)
    later = replace(DEFERRED[1], not_before=ahead)
    assert settle(queued, take(), (DEFERRED[0], later))
    mine = take()
    with queued.write() as session:
        assert mark_notice(session, mine, message_id="<m@x>", now=NOW, lease_until=ahead)
    with queued.read() as session:
        assert has_due_notice(session, now=NOW)
    assert reap(queued, NOW) == (0, 1)
    assert settle(queued, mine, ACCEPTED), "its owner may still say what happened"


def test_what_was_accepted_stays_so_whatever_is_said_later(queued: Database) -> None:
    (mine,) = claim(queued)
    mark(queued, mine)
    assert settle(queued, mine, ACCEPTED)
    assert not settle(queued, mine, DEFERRED)
    assert state(queued) == "accepted"


def test_an_answer_to_another_claim_is_not_written(queued: Database) -> None:
    (mine,) = claim(queued)
    mark(queued, mine)
    for other in (replace(mine, owner="two"), replace(mine, fence=mine.fence - 1)):
        assert not settle(queued, other, DEFERRED)
    assert state(queued) == "inflight"
    assert reap(queued) == (0, 1)
    assert settle(queued, mine, ACCEPTED), "a late answer is better than none"
