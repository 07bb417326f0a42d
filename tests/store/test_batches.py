"""What a sender's lanes write together: marks are given to whom the claim belongs, and once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import text
from tests import cast

from digest.core.people import Claimed
from digest.core.states import IssueState
from digest.store import deliveries, sending
from digest.store.batches import Batch, BatchWriter
from digest.store.database import Database

LEASE = timedelta(minutes=3)


def prepare(database: Database) -> int:
    with database.write() as session:
        issue = cast.add_issue(session, cast.assemble(session), state=IssueState.SENDING)
        cast.add_variant(session, issue)
        sending.start_sending(session, issue, now=cast.NOW)
    return issue


@contextmanager
def writing(database: Database, issue: int, owner: str) -> Iterator[BatchWriter]:
    writer = BatchWriter(database, issue_id=issue, owner=owner, claim_lease=LEASE, dot_lease=LEASE)
    yield writer
    writer.close()


def take(writer: BatchWriter) -> Claimed:
    (taken,) = writer.write(Batch(claims=[1]), now=cast.NOW).claimed
    return taken[0]


def test_an_owner_that_lost_its_claim_gets_no_mark_though_the_row_is_in_flight(database: Database) -> None:
    issue = prepare(database)
    with writing(database, issue, "one") as one, writing(database, issue, "two") as two:
        old = take(one)
        with database.write() as session:
            assert deliveries.reap(session, now=cast.NOW + LEASE + LEASE).queued == 1
        new = take(two)
        assert two.write(Batch(marks=[(new, "<id>")]), now=cast.NOW).marked == {new.id}
        assert one.write(Batch(marks=[(old, "<id>")]), now=cast.NOW).marked == frozenset()


def test_a_mark_is_renewed_only_where_the_answer_to_its_commit_was_lost(database: Database) -> None:
    issue = prepare(database)
    with writing(database, issue, "one") as writer:
        batch = Batch(marks=[(take(writer), "<id>")])
        leases = []
        for minutes, again in ((0, False), (1, False), (2, True)):
            writer.write(batch, now=cast.NOW + timedelta(minutes=minutes), again=again)
            with database.read() as session:
                leases.append(session.execute(text("SELECT lease_until, tries FROM delivery")).one())
    assert leases[0] == leases[1] != leases[2]
