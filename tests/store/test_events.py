"""The log of events is append-only: no code changes or removes a line, the database refuses it, lines keep their order."""

import ast
import re
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests import cast

from digest.store import events
from digest.store.database import Database

SOURCES = sorted((Path(__file__).parents[2] / "src").rglob("*.py"))
SQL = re.compile(
    r"\b(update\s+event\b|delete\s+from\s+event\b|truncate\s+(table\s+)?event\b|drop\s+table\s+event\b)", re.IGNORECASE
)


def find_changes(code: str) -> list[str]:
    """Statements that update or delete events, as SQL or by SQLAlchemy; its table is only ever called by two names."""
    tree = ast.parse(code)
    of_events = {"EventRow"}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value is not None
            and "EventRow" in ast.dump(node.value)
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            of_events |= {target.id for target in targets if isinstance(target, ast.Name)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value):
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"update", "delete"}:
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if names & of_events:
                found.append(ast.unparse(node))
    return found


def test_no_code_changes_or_removes_an_event() -> None:
    changes = {file.name: find_changes(file.read_text("utf-8")) for file in SOURCES}
    assert not {name: found for name, found in changes.items() if found}


@pytest.mark.parametrize(
    "code",
    [
        "session.execute(text('DELETE FROM event WHERE id = 1'))",
        "session.execute(text('update event set kind = 1'))",
        "session.execute(delete(EventRow))",
        "_log = EventRow.__table__\nsession.execute(sa.update(_log).values(kind='x'))",
        "_log = EventRow.__table__\nsession.execute(_log.delete())",
        "session.delete(session.get(EventRow, 1))",
    ],
)
def test_the_search_would_see_a_change(code: str) -> None:
    assert find_changes(code)


@pytest.mark.parametrize("change", ["UPDATE event SET kind = 'x'", "DELETE FROM event", "TRUNCATE event"])
def test_the_database_itself_refuses_to_change_or_remove_an_event(database: Database, change: str) -> None:
    if database.is_sqlite and change.startswith("TRUNCATE"):
        change = "DELETE FROM event WHERE id = 1"  # SQLite has no such statement
    with database.write() as session:
        events.record(session, "issue.frozen", at=cast.NOW, issue_id=1)
    with pytest.raises(IntegrityError, match="the event log is append-only"), database.write() as session:
        session.execute(text(change))
    with database.read() as session:
        assert [event.kind for event in events.list_events(session)] == ["issue.frozen"]


def test_events_come_back_in_the_order_they_happened(database: Database) -> None:
    with database.write() as session:
        for number in range(3):
            events.record(session, "issue.frozen", at=cast.NOW, issue_id=number, posts=number)
        events.record(session, "issue.sending", at=cast.NOW, issue_id=1)
    with database.read() as session:
        assert [event.issue_id for event in events.list_events(session, kind="issue.frozen")] == [0, 1, 2]
        assert [event.kind for event in events.list_events(session, issue_id=1)] == ["issue.frozen", "issue.sending"]
        (first,) = events.list_events(session, limit=1)
    assert first.data == {"posts": 0}
    assert first.at == cast.NOW


def test_an_event_is_part_of_the_unit_that_it_tells_of(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            events.record(session, "issue.frozen", at=cast.NOW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with database.read() as session:
        assert events.list_events(session) == ()


def test_the_log_outlives_what_it_tells_of(database: Database) -> None:
    with database.write() as session:
        newsletter = cast.add_newsletter(session)
        events.record(session, "newsletter.added", at=cast.NOW, newsletter_id=newsletter)
    with database.write() as session:
        session.delete(session.get_one(cast.tables.NewsletterRow, newsletter))
    with database.read() as session:
        assert len(events.list_events(session, newsletter_id=newsletter)) == 1


def test_one_event_is_found_among_many_by_what_it_says(database: Database) -> None:
    with database.write() as session:
        for week in range(3):
            events.record(session, "cadence.held", at=cast.NOW, newsletter_id=1, cadence="weekly", slot=f"week {week}")
        assert events.has_event(session, "cadence.held", newsletter_id=1, cadence="weekly", slot="week 1")
        assert not events.has_event(session, "cadence.held", newsletter_id=2, cadence="weekly", slot="week 1")
        assert not events.has_event(session, "cadence.held", newsletter_id=1, cadence="weekly", slot="week 3")
        assert not events.has_event(session, "cadence.open", newsletter_id=1, slot="week 1")
