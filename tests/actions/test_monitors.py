"""Where the ledger itself cannot be right, the issue stops before a reader gets a second copy."""

from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import Scripted, counts, issue_row, prepare, run

from digest.store import sending
from digest.store.database import Database


def change(database: Database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))


def begin(database: Database, people: int) -> int:
    issue = prepare(database, people)
    with database.write() as session:
        sending.start_sending(session, issue, now=cast.NOW)
    return issue


@pytest.mark.parametrize(
    ("statement", "why"),
    [("DELETE FROM delivery WHERE id = 1", "3 deliveries, and 4 were made"),
     ("UPDATE issue SET expected = 3", "4 deliveries, and 3 were made")],
)  # fmt: skip
def test_rows_that_do_not_add_up_stop_an_issue_before_it_goes_on(database: Database, statement: str, why: str) -> None:
    issue = begin(database, people=3)
    change(database, statement)
    server = Scripted()
    report = run(database, server).issues[0]
    assert (server.finished, report.paused) == ([], f"the ledger is damaged: it has {why}")
    assert report.cure == "run: digest db check; then restore a backup, or cancel the issue"
    assert issue_row(database) == ("paused", report.paused)
    assert set(counts(database, issue)) == {"queued"}


def test_rows_that_vanish_while_it_goes_out_keep_it_from_being_done(database: Database) -> None:
    issue = prepare(database, people=3)
    server = Scripted()

    def lose() -> None:
        if len(server.finished) == 2:
            change(database, "DELETE FROM delivery WHERE id = 4")

    server.during = lose
    report = run(database, server, concurrency=1).issues[0]
    assert report.paused == "the ledger is damaged: it has 3 deliveries, and 4 were made"
    assert (report.done, issue_row(database)[0], counts(database, issue)) == (False, "paused", {"accepted": 3})


def test_a_delivery_that_is_queued_again_after_its_acceptance_is_not_sent_again(database: Database) -> None:
    issue = prepare(database, people=700)  # more than are claimed at once
    server = Scripted()

    def queue_again() -> None:
        if len(server.finished) == 40:
            change(database, "UPDATE delivery SET state = 'queued', owner = NULL WHERE id = 2")

    server.during = queue_again
    report = run(database, server, concurrency=1).issues[0]
    assert report.paused == "the ledger is damaged: delivery 2 was accepted, and is queued again"
    recipients = [envelope.recipient for envelope in server.finished]
    assert len(recipients) == len(set(recipients)) < 701
    assert issue_row(database)[0] == "paused"
    assert set(counts(database, issue)) == {"accepted", "queued"}


def test_more_acceptances_than_readers_stop_the_issue(database: Database) -> None:
    prepare(database, people=20)
    server = Scripted()

    def forge() -> None:
        if len(server.finished) == 1:
            change(
                database,
                "UPDATE subscription SET state = 'active'",
                "INSERT INTO delivery (issue_id, subscriber_id, variant_id, address, address_key, domain, name, state, fence,"
                " tries) SELECT issue_id, s.id, variant_id, s.address, s.address_key, domain, '', 'queued', 0, 0"
                " FROM delivery JOIN subscriber AS s ON s.name IN ('Ben', 'Dora') WHERE delivery.id = 1",
            )

    server.during = forge
    report = run(database, server, concurrency=1).issues[0]
    assert report.paused == "the ledger is damaged: more messages were accepted than there are readers"
    assert len(server.finished) == 22, "the first that is too many is the last"
    assert issue_row(database)[0] == "paused"


def test_without_the_unique_a_mailbox_with_two_rows_gets_nothing_rather_than_two(
    postgres_database: Database, tmp_path: Path
) -> None:
    begin(postgres_database, people=2)
    change(
        postgres_database,
        "ALTER TABLE delivery DROP CONSTRAINT uq_delivery_issue_id_address_key",
        "UPDATE delivery SET address = 'anna@example.org', address_key = 'anna@example.org' WHERE name = 'Reader 1'",
    )
    server = Scripted()
    report = run(postgres_database, server).issues[0]
    assert (server.finished, report.paused) == (
        [], "the ledger is damaged: readers who would get it twice: 1"
    )  # fmt: skip
    assert issue_row(postgres_database) == ("paused", report.paused)
