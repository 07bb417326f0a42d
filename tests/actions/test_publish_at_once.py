"""Several processes publish at the same moment: a daemon, a cron line, a person. One issue a slot."""

import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests import cast
from tests.command import start_digest

from digest.actions.admit import admit_posts
from digest.core.states import CatchUp, ClaimState, IssueState
from digest.store import claims, events, issues
from digest.store.database import Database

PROCESSES, SLOTS, POSTS = 4, 3, 4
MIDNIGHT = datetime(2017, 8, 14, 7, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(minutes=5)

PUBLISHER = """
import sys
from datetime import datetime
from digest.actions.publish import publish
from digest.store.database import Database
import digest.render.issue

database = Database(sys.argv[1])
with database.read() as session:
    pass
print("ready", flush=True)
sys.stdin.readline()
publish(database, now=datetime.fromisoformat(sys.argv[2]))
database.close()
"""


def prepare(database: Database) -> tuple[int, int]:
    """A daily newsletter with two cadences that slept through six slots, and posts on each day."""
    with database.write() as session:
        newsletter = cast.add_newsletter(session, catch_up=CatchUp.EACH, max_late_hours=24 * SLOTS)
        started = MIDNIGHT - timedelta(days=SLOTS - 1)
        daily = {"rule": "daily at 00:00", "started_at": started}
        lines = [cast.add_cadence(session, newsletter, name, **daily) for name in ("one", "two")]
        source = cast.add_source(session, newsletter)
        for number in range(SLOTS * POSTS):
            at = MIDNIGHT - timedelta(days=number % SLOTS, hours=1 + number // SLOTS)
            cast.add_post(session, source, f"k{number}", effective_at=at, seen_at=at)
        posts = claims.backlog(session, source_id=source)
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=started)
    return lines[0], lines[1]


def publish_at_once(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    running = [
        start_digest(url, NOW.isoformat(), code=PUBLISHER, cwd=Path.cwd(), stdin=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        _, said = process.communicate(timeout=100)
        assert process.returncode == 0, said


@pytest.mark.slow
def test_four_processes_make_one_issue_a_slot(database: Database) -> None:
    lines = prepare(database)
    publish_at_once(database)
    with database.read() as session:
        made = issues.list_issues(session)
        assert Counter(issue.cadence_id for issue in made) == dict.fromkeys(lines, SLOTS)
        assert sorted(issue.number for issue in made) == list(range(1, 2 * SLOTS + 1))
        assert {issue.state for issue in made} == {IssueState.SENDING}
        for kind in ("issue.frozen", "issue.ready"):
            told = Counter(event.issue_id for event in events.list_events(session, kind=kind))
            assert told == {issue.id: 1 for issue in made}, kind
        for line in lines:
            placed = {claim.post_id: claim.issue_id for claim in claims.list_claims(session, cadence_id=line)}
            shown = {p.post_id: i.id for i in made if i.cadence_id == line for p in (*i.content.posts, *i.content.more)}
            assert (placed == shown, len(shown)) == (True, SLOTS * POSTS)
            every = claims.list_claims(session, cadence_id=line)
            assert Counter(claim.state for claim in every) == {ClaimState.ISSUED: SLOTS * POSTS}
        assert all(len(issues.list_variants(session, issue.id)) == 1 for issue in made)
