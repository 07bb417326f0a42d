"""What a sender's lanes write together: marks are given to whom the claim belongs, and once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Cursor
from sqlalchemy import insert, text
from tests import cast

from digest.core.pace import Pace, WarmUp
from digest.core.people import Claimed, Outcome
from digest.core.policy import after
from digest.core.states import IssueState, OutcomeKind
from digest.errors import DatabaseBusy
from digest.store import deliveries, destinations, sending
from digest.store.batches import Batch, BatchWriter
from digest.store.database import Database
from digest.store.paced_claims import PacedClaims
from digest.store.people_tables import DestinationRow
from digest.store.prepared import Prepared, PreparedRows

LEASE = timedelta(minutes=3)


def prepare(database: Database, *others: str) -> int:
    with database.write() as session:
        company = cast.assemble(session)
        for address in others:
            cast.add_subscription(session, company.newsletter, cast.add_subscriber(session, address))
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue)
        sending.start_sending(session, issue, now=cast.NOW)
    return issue


@contextmanager
def writing(database: Database, issue: int, owner: str, paced: PacedClaims | None = None) -> Iterator[BatchWriter]:
    writer = BatchWriter(database, issue_id=issue, owner=owner, claim_lease=LEASE, dot_lease=LEASE, paced=paced)
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


def test_what_a_failed_attempt_took_for_done_is_done_by_the_next_one(postgres_database: Database) -> None:
    issue = prepare(postgres_database, "carla@example.org")
    hasty = Database(postgres_database.url.render_as_string(hide_password=False), busy_timeout_ms=300)
    with postgres_database.write() as session:
        session.execute(insert(DestinationRow.__table__).values(
            domain="example.org", failures=1, since=cast.NOW, at=cast.NOW, not_before=None, answer="451 at rcpt"
        ))  # fmt: skip
        session.execute(text("UPDATE issue SET sender_refusals = 2"))
    with writing(hasty, issue, "one") as writer:
        first, second = writer.write(Batch(claims=[2]), now=cast.NOW).claimed[0]
        writer.write(Batch(marks=[(first, "<1>")]), now=cast.NOW)
        outcome = Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250)
        step = after(outcome, tries=1, first_try=cast.NOW, now=cast.NOW)
        batch = Batch(settlements=[deliveries.Settlement(first, outcome, step)], marks=[(second, "<2>")])
        with postgres_database.write() as session:
            session.execute(text("SELECT 1 FROM delivery WHERE id = :id FOR UPDATE"), {"id": second.id})
            with pytest.raises(DatabaseBusy):
                writer.write(batch, now=cast.NOW)
        assert writer.write(batch, now=cast.NOW, again=True).marked == {second.id}
    hasty.close()
    with postgres_database.read() as session:
        assert destinations.find_destination(session, "example.org") is None
        assert session.execute(text("SELECT sender_refusals FROM issue")).scalar_one() == 0


def test_what_an_attempt_wrote_whose_answer_was_lost_counts_once(database: Database) -> None:
    issue = prepare(database, "carla@example.org")
    blocked = Outcome(kind=OutcomeKind.REFUSED, phase="dot", code=554, enhanced="5.7.1", reply="no")
    later = Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451, enhanced="4.3.0", reply="not now")
    with writing(database, issue, "one") as writer:
        first, second = writer.write(Batch(claims=[2]), now=cast.NOW).claimed[0]
        for again in (False, True):
            writer.write(Batch(marks=[(first, "<1>"), (second, "<2>")]), now=cast.NOW, again=again)
        answers = [
            deliveries.Settlement(one, said, after(said, tries=1, first_try=cast.NOW, now=cast.NOW))
            for one, said in ((first, blocked), (second, later))
        ]
        with database.read() as session:
            assert session.execute(text("SELECT DISTINCT tries FROM delivery")).scalars().all() == [1]
        for again in (False, True):
            writer.write(Batch(settlements=answers), now=cast.NOW, again=again)
    with database.read() as session:
        assert session.execute(text("SELECT sender_refusals FROM issue")).scalar_one() == 1
        assert session.execute(text("SELECT failures FROM destination")).scalars().all() == [1]


def test_a_claim_that_is_no_longer_ours_gives_no_place_of_a_warm_up_back(database: Database) -> None:
    issue = prepare(database, "carla@example.org")
    paced = PacedClaims(Pace(warm_up=WarmUp(first_day=10, growth=2.0)), issue_id=issue, zone="UTC")
    with writing(database, issue, "one", paced) as writer:
        first, second = writer.write(Batch(claims=[2]), now=cast.NOW).claimed[0]
        writer.write(Batch(marks=[(first, "<1>")]), now=cast.NOW)
        for _ in range(2):
            writer.write(Batch(released=[first, second]), now=cast.NOW)
    with database.read() as session:
        assert session.execute(text("SELECT taken FROM warm_up")).scalar_one() == 1, "the one in flight"


@pytest.mark.parametrize("statement", ["mark", "settle"])
def test_sqlite_compiles_the_statements_of_every_message_once(sqlite_database: Database, statement: str) -> None:
    # A state that is bound, not written out, beside a partial index on that column: SQLite compiles it anew for each batch.
    issue = prepare(sqlite_database, "tom@example.org", "una@example.org")
    make, kinds, rows = {
        "mark": (deliveries.mark_statement, deliveries.MARK_ROW, [(n, 1, f"<{n}@example.org>") for n in (1, 2, 3)]),
        "settle": (deliveries.settle_statement, deliveries.SETTLE_ROW, [(n, 1, 250, "", "", "") for n in (1, 2, 3)]),
    }[statement]
    prepared = PreparedRows(make, kinds, sqlite_database.engine.dialect)
    given = {"holder": "a", "now": cast.NOW, **({"lease": cast.NOW} if statement == "mark" else {})}
    compiled: list[object] = []
    connection = sqlite_database.open_writer()
    with connection.begin():
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_authorizer(lambda *what: compiled.append(what) or 0)  # asked while a statement is compiled
        prepared.run(connection, rows, **given)
        compiled.clear()
        prepared.run(connection, rows, **given)
        driver.set_authorizer(None)
    sqlite_database.close_writer(connection)
    assert (issue, compiled) == (1, [])


def test_another_writer_compiles_nothing_again(database: Database) -> None:
    with writing(database, 1, "a") as first, writing(database, 2, "b") as second:
        assert (first._claim, first._mark, first._settle) == (second._claim, second._mark, second._settle)


def test_after_a_statement_that_commits_itself_the_connection_makes_transactions_as_before(
    postgres_database: Database,
) -> None:
    issue = prepare(postgres_database, "carla@example.org")
    hasty = Database(postgres_database.url.render_as_string(hide_password=False), busy_timeout_ms=300)
    with writing(hasty, issue, "one") as writer:
        first, second = writer.write(Batch(claims=[2]), now=cast.NOW).claimed[0]
        assert writer.write(Batch(marks=[(first, "<1>")]), now=cast.NOW).marked == {first.id}
        with postgres_database.write() as session:
            session.execute(text("SELECT 1 FROM delivery WHERE id = :id FOR UPDATE"), {"id": second.id})
            with pytest.raises(DatabaseBusy):
                writer.write(Batch(marks=[(second, "<2>")]), now=cast.NOW)
    with hasty.engine.connect() as connection:  # the one that the writer gave back: the pool has no other
        connection.execute(text("UPDATE delivery SET tries = 9"))
    hasty.close()
    with postgres_database.read() as session:
        assert sorted(session.execute(text("SELECT tries FROM delivery")).scalars()) == [0, 1]


def test_a_session_that_ends_under_such_a_statement_is_replaced_at_the_next_attempt(
    postgres_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    issue = prepare(postgres_database)
    with writing(postgres_database, issue, "one") as writer:
        batch = Batch(marks=[(take(writer), "<1>")])
        assert writer._connection is not None
        driver: Any = writer._connection.connection.driver_connection
        with postgres_database.read() as session:
            session.execute(text("SELECT pg_terminate_backend(:id, 5000)"), {"id": driver.info.backend_pid})
        with pytest.raises(DatabaseBusy, match="takes no connections now"):
            writer.write(batch, now=cast.NOW)
        assert len(writer.write(batch, now=cast.NOW, again=True).marked) == 1
    assert [record.name for record in caplog.records] == [], "the pool tells of a connection that it cannot reset"


def test_on_postgres_answers_and_marks_are_one_statement_and_each_mark_stands_for_itself(
    postgres_database: Database,
) -> None:
    issue = prepare(postgres_database, "carla@example.org", "dan@example.org")
    with writing(postgres_database, issue, "one") as one, writing(postgres_database, issue, "two") as two:
        first, second, lost = one.write(Batch(claims=[3]), now=cast.NOW).claimed[0]
        one.write(Batch(marks=[(first, "<1>")]), now=cast.NOW)
        one.write(Batch(released=[lost]), now=cast.NOW)
        (taken,) = two.write(Batch(claims=[1]), now=cast.NOW).claimed
        assert [each.id for each in taken] == [lost.id]
        outcome = Outcome(kind=OutcomeKind.ACCEPTED, phase="dot", code=250)
        answer = deliveries.Settlement(first, outcome, after(outcome, tries=1, first_try=cast.NOW, now=cast.NOW))
        # The first acceptance also ends the issue's row of refusals, in more statements than one.
        one.write(Batch(settlements=[answer]), now=cast.NOW)
        said: list[str] = []
        connection = one._connection
        assert connection is not None
        driver = connection.connection.driver_connection
        assert driver is not None

        class Hearing(Cursor[Any]):
            def execute(self, query: Any, *given: Any, **options: Any) -> Any:
                said.append(str(query))
                return super().execute(query, *given, **options)

        driver.cursor_factory = Hearing
        marked = one.write(Batch(settlements=[answer], marks=[(second, "<2>"), (lost, "<3>")]), now=cast.NOW).marked
        assert marked == {second.id}
        assert len(said) == 1
    with postgres_database.read() as session:
        states = dict(session.execute(text("SELECT id, state FROM delivery")).all())
    assert states == {first.id: "accepted", second.id: "inflight", lost.id: "claimed"}


CROWD = """
INSERT INTO subscriber (address, address_key, address_hash, name, created_at)
SELECT name, name, md5(name), '', now() FROM (SELECT 'crowd' || n || '@x.example' AS name FROM generate_series(1, 3000) n) c
"""
SUBSCRIBED = """
INSERT INTO subscription (newsletter_id, subscriber_id, state, cadence_id, topics, consent_how, created_at)
SELECT newsletter_id, subscriber.id, state, cadence_id, topics, consent_how, now()
FROM subscriber, (SELECT * FROM subscription ORDER BY id LIMIT 1) s WHERE address LIKE 'crowd%'
"""


def test_on_postgres_marks_and_answers_look_up_rows_and_readers_by_key(postgres_database: Database) -> None:
    # The statistics are of before the readers came: as after an import, while the first issue goes out.
    with postgres_database.write() as session:
        company = cast.assemble(session)
        for statement in (CROWD, SUBSCRIBED):
            session.execute(text(statement))
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue)
        assert sending.start_sending(session, issue, now=cast.NOW) == 3001
    with writing(postgres_database, issue, "one") as writer:
        (taken,) = writer.write(Batch(claims=[500]), now=cast.NOW).claimed
    dialect = postgres_database.engine.dialect
    mark = PreparedRows(deliveries.mark_statement, deliveries.MARK_ROW, dialect)
    settle = PreparedRows(deliveries.settle_statement, deliveries.SETTLE_ROW, dialect)
    both = Prepared(deliveries.settle_and_mark(dialect.name), dialect)
    plans: list[dict[str, Any]] = []

    class Explaining(Cursor[Any]):
        def execute(self, query: Any, *given: Any, **options: Any) -> Any:
            super().execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *given, **options)
            plans.extend(one for (document,) in self.fetchall() for one in document)
            return self

    with postgres_database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.cursor_factory = Explaining
        marks = [(one.id, one.fence, "<id>") for one in taken[:20]]
        mark.run(connection, marks, holder="one", now=cast.NOW, lease=cast.NOW)
        answers = [(one.id, one.fence, 250, "2.0.0", "taken", "dot") for one in taken[:20]]
        settle.run(connection, answers, holder="one", now=cast.NOW)
        given = {"holder": "one", "now": cast.NOW, "lease": cast.NOW}
        rows = [(one.id, one.fence, "<id>") for one in taken[20:40]]
        both.run(connection, rows=json.dumps(rows), settled=json.dumps(answers), **given)
        connection.invalidate()
    assert len(plans) == 3
    for plan in plans:
        pages = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        # Each: a row in five indexes, and its reader; the list itself was many times as much.
        assert 0 < pages < 20 * 80 * (2 if plan is plans[2] else 1), plan
        # Until a vacuum, each row that ever was held is still in that index.
        assert "ix_delivery_leased" not in {node.get("Index Name") for node in nodes(plan["Plan"])}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)
