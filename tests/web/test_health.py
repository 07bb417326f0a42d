"""What machines that watch are told."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update
from sqlmodel import col
from tests import cast
from tests.web.served import Served, served

from digest.core.states import DeliveryState, IssueState
from digest.store.database import Database
from digest.store.people_tables import DeliveryRow

LATER = cast.NOW + timedelta(hours=1)


@pytest.fixture
def watched(database: Database, people: cast.Cast, tmp_path: Path) -> Iterator[Served]:
    """An issue on its way for an hour: one delivery in each of four states, one of them due."""
    states = (DeliveryState.QUEUED, DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.CLAIMED)
    who = (people.anna, people.ben, people.carl, people.dora)
    with database.write() as session:
        issue = cast.add_issue(session, people, state=IssueState.SENDING, sending_at=cast.NOW, expected=4)
        for person, state in zip(who, states, strict=True):
            lease = {"owner": "x", "lease_until": LATER} if state == DeliveryState.CLAIMED else {}
            cast.add_delivery(session, issue, person, state=state, **lease)
        cast.add_source(session, people.newsletter, failing_since=cast.NOW)
    with served(database, tmp_path, clock=lambda: LATER) as site:
        yield site


def numbers(site: Served) -> dict[tuple[str, ...], float]:
    answer = site.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }


def test_metrics_are_read_from_the_ledger(watched: Served) -> None:
    found = numbers(watched)
    assert {state: found["digest_deliveries", state] for state in DeliveryState} == {
        **dict.fromkeys(DeliveryState, 0),
        DeliveryState.QUEUED: 1,
        DeliveryState.ACCEPTED: 1,
        DeliveryState.REFUSED: 1,
        DeliveryState.CLAIMED: 1,
    }
    assert found["digest_issues", "sending"] == 1
    assert found["digest_sources", "active"] == found["digest_sources_failing",] == 1
    assert found["digest_subscriptions", "weekly", "active"] == 2
    assert found["digest_subscriptions", "weekly", "pending"] == 1
    assert found["digest_oldest_due_seconds",] == 3600
    assert found["digest_database_up",] == 1
    assert found["digest_notices", "queued"] == found["digest_signups_waiting",] == 0
    assert ("digest_last_turn_timestamp_seconds",) not in found


def test_no_accepted_delivery_is_read_for_the_metrics(sqlite_database: Database) -> None:
    from digest.store.standing import read_standing

    asked: list[str] = []
    with sqlite_database.read() as session:
        from sqlalchemy import event

        def note(_c, _cursor, statement, parameters, *_):
            asked.append((statement, parameters))

        event.listen(sqlite_database.engine, "before_cursor_execute", note)
        read_standing(session, now=LATER)
        event.remove(sqlite_database.engine, "before_cursor_execute", note)
        plans = [
            str(row[3])
            for statement, parameters in asked
            if "FROM delivery" in statement
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert len(plans) >= 3
    assert all("USING" in plan and "INDEX ix_delivery_" in plan for plan in plans if "delivery" in plan), plans


def test_ready_says_no_with_reasons(watched: Served, database: Database) -> None:
    answer = watched.get("/readyz")
    assert (answer.status, json.loads(answer.body)) == (200, {"ready": True, "oldest_due_seconds": 3600, "reasons": []})
    with database.write() as session:
        session.execute(text("UPDATE issue SET state = 'paused', reason = 'the relay refuses the sender'"))
    answer = watched.get("/readyz")
    told = json.loads(answer.body)
    assert (answer.status, told["ready"], told["oldest_due_seconds"]) == (503, False, None)
    assert told["reasons"][0]["reason"] == "issue 1 of weekly: paused by a failure"
    assert "digest issue show 1" in told["reasons"][0]["next_step"]
    assert "@" not in answer.body
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = watched.get("/readyz")
    assert (answer.status, "digest db" in answer.body or "older" in answer.body) == (503, True)
    assert watched.get("/healthz").body == "ok\n"


def test_a_daemon_that_turns_no_more_is_told(sqlite_database: Database, tmp_path: Path) -> None:
    turned = [LATER]
    with served(sqlite_database, tmp_path, clock=lambda: LATER, turned_at=lambda: turned[0]) as site:
        assert site.get("/readyz").status == 200
        assert numbers(site)["digest_last_turn_timestamp_seconds",] == LATER.timestamp()
        turned[0] = LATER - timedelta(minutes=16)
        answer = site.get("/readyz")
        assert (answer.status, "nothing was looked for since" in answer.body) == (503, True)


def test_a_delivery_that_waits_for_its_time_is_not_due(watched: Served, database: Database) -> None:
    queued = update(DeliveryRow).where(col(DeliveryRow.state) == DeliveryState.QUEUED)
    for at, oldest in ((LATER, 0), (LATER + timedelta(minutes=1), None)):
        with database.write() as session:
            session.execute(queued.values(not_before=at))
        assert json.loads(watched.get("/readyz").body)["oldest_due_seconds"] == oldest


def test_a_database_that_is_away_is_told_and_answered(sqlite_database: Database, tmp_path: Path) -> None:
    with served(sqlite_database, tmp_path) as site:
        assert sqlite_database.path
        sqlite_database.close()
        sqlite_database.path.rename(tmp_path / "away.db")
        assert site.get("/readyz").status == 503
        assert numbers(site) == {("digest_database_up",): 0.0}
        assert site.get("/healthz").status == 200
