"""Quick counts equal the slow ones, and read no row of the many."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from tests import cast

from digest.core.states import DeliveryState, IssueState
from digest.store import counting, sending
from digest.store.database import Database


def make_issue(database: Database, people: int) -> int:
    with database.write() as session:
        company = cast.assemble(session)
        for number in range(people - 1):
            person = cast.add_subscriber(session, f"reader{number}@x.example")
            cast.add_subscription(session, company.newsletter, person)
        issue = cast.add_issue(session, company, state=IssueState.SENDING)
        cast.add_variant(session, issue, html="<p>Hi</p>")
        sending.start_sending(session, issue, now=cast.NOW)
    return issue


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(states=st.lists(st.sampled_from(list(DeliveryState)), min_size=12, max_size=12))
def test_quick_counts_are_the_counts(issue_of_twelve: tuple[Database, int], states: list[DeliveryState]) -> None:
    database, issue = issue_of_twelve
    with database.write() as session:
        for number, state in enumerate(states, start=1):
            session.execute(text("UPDATE delivery SET state = :state WHERE id = :id"), {"state": state, "id": number})
        assert counting.count_quickly(session, issue) == sending.count_deliveries(session, issue)


@pytest.fixture
def issue_of_twelve(database: Database) -> tuple[Database, int]:
    return database, make_issue(database, 12)


def test_an_issue_without_deliveries_counts_nothing(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        issue = cast.add_issue(session, cast.assemble(session), state=IssueState.SENDING)
        assert counting.count_quickly(session, issue) == {}


def test_counting_reads_only_the_partial_indexes(sqlite_database: Database) -> None:
    issue = make_issue(sqlite_database, 2)
    asked = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2:4]))
    with sqlite_database.read() as session:
        counting.count_quickly(session, issue)
        (statement, values) = asked[-1]
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    steps = [row[3] for row in rows if "delivery" in row[3]]
    assert [step.split("INDEX ")[1].split(" ")[0] for step in steps] == [
        "ix_delivery_queued", "ix_delivery_leased", "ix_delivery_unserved"
    ]  # fmt: skip
    assert "COVERING" in steps[0]
    assert "COVERING" in steps[2]


def test_what_came_to_rest_lately_gives_a_rate(database: Database) -> None:
    issue = make_issue(database, 4)
    with database.write() as session:
        for number, (state, ago) in enumerate([("accepted", 10), ("refused", 50), ("accepted", 70), ("queued", 5)], 1):
            session.execute(
                text("UPDATE delivery SET state = :state, settled_at = :at WHERE id = :id"),
                {"state": state, "id": number, "at": _at(database, ago)},
            )
        since = cast.NOW - counting.RECENTLY
        assert counting.count_settled_since(session, issue, since=since) == 2


def _at(database: Database, seconds_ago: int):
    at = cast.NOW - timedelta(seconds=seconds_ago)
    return at.replace(tzinfo=None).isoformat(" ", "microseconds") if database.is_sqlite else at
