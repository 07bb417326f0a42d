"""What readers are owed after a pause or a change of cadence, in their mail and as `digest explain` tells it."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from tests import cast
from tests.cli.test_whole_story import ENV
from tests.command import run_digest

from digest.actions import choices
from digest.actions.admit import admit_posts
from digest.actions.preview import preview_issue
from digest.actions.publish import publish
from digest.store import claims, issues, sending
from digest.store.database import Database

MONDAY = datetime(2017, 8, 14, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PEOPLE = {"anna": 1, "carl": 1, "ben": 2}  # name → cadence: daily, weekly


def tell(database: Database, source: int, name: str, at: datetime) -> None:
    with database.write() as session:
        cast.add_post(session, source, name, effective_at=at)
        new = [post for post in claims.backlog(session, source_id=source) if post.key == name]
        admit_posts(session, source_id=source, posts=new, first_look=False, now=at)


def send(database: Database, at: datetime) -> None:
    with database.write() as session:  # what went out before
        session.execute(text("UPDATE delivery SET state = 'accepted' WHERE state = 'queued'"))
    for issue in publish(database, now=at, web_base="https://n.example", link_key=cast.KEY):
        with database.write() as session:
            sending.start_sending(session, issue.id, now=at)


def live(database: Database) -> None:
    """Anna and Carl pause from Tuesday to Thursday, Anna wants what she misses; Ben goes over to daily on Wednesday."""
    with database.write() as session:
        newsletter = cast.add_newsletter(session, zone="UTC", measure_clicks=True)
        for name, rule in (("daily", "daily at 07:00"), ("weekly", "weekly on mon at 08:00")):
            cast.add_cadence(session, newsletter, name, rule=rule, zone="UTC", started_at=MONDAY + 9 * HOUR)
        source = cast.add_source(session, newsletter)
        for name, line in PEOPLE.items():
            person = cast.add_subscriber(session, f"{name}@example.org")
            cast.add_subscription(session, newsletter, person, cadence_id=line)
    tell(database, source, "monday", MONDAY + 10 * HOUR)
    send(database, MONDAY + DAY + 7 * HOUR)
    send(database, MONDAY + DAY + 8 * HOUR)
    for who, wanted in ((1, True), (2, False)):
        choices.pause(database, subscriber_id=who, newsletter_id=1, until=MONDAY + 3 * DAY, catch_up=wanted,
                      now=MONDAY + DAY + 9 * HOUR)  # fmt: skip
    tell(database, source, "tuesday", MONDAY + DAY + 10 * HOUR)
    send(database, MONDAY + 2 * DAY + 7 * HOUR)
    tell(database, source, "wednesday", MONDAY + 2 * DAY + 10 * HOUR)
    choices.choose(database, subscriber_id=3, newsletter_id=1, cadence_id=1, now=MONDAY + 2 * DAY + 11 * HOUR)
    send(database, MONDAY + 3 * DAY + 7 * HOUR)


def test_a_reader_gets_what_they_are_owed_and_explain_says_why(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    live(database)
    with database.read() as session:
        (thursday,) = (one for one in issues.list_issues(session) if one.number == 3)
        made = [one.rendered for one in issues.list_variants(session, thursday.id) if one.rendered]
    shown = {tuple(day for day in ("monday", "tuesday", "wednesday") if f"/{day}" in mail.text) for mail in made}
    assert shown == {("wednesday",), ("tuesday", "wednesday"), ("monday", "tuesday", "wednesday")}
    (away,) = (mail for mail in made if "Earlier, while you were away" in mail.text)
    assert ("/monday" in away.text, "/tuesday" in away.text) == (False, True)
    assert ("blog.example/tuesday" in away.html, "blog.example/wednesday" in away.html) == (True, False)  # not counted

    told = preview_issue(
        database, key=cast.KEY, now=MONDAY + 3 * DAY, newsletter="weekly", number=3, reader="anna@example.org"
    )
    assert ("/monday" in str(told), "/tuesday" in str(told)) == (False, True)  # what was sent to her

    def why(post: str, who: str) -> dict[int, str]:
        done = run_digest("explain", f"Post {post}", "--reader", f"{who}@example.org", "--json", cwd=tmp_path, env=ENV)
        return {row["issue"]: row["answer"] for row in json.loads(done.stdout)["answers"]}

    assert why("tuesday", "anna")[3].startswith('in it, under "Earlier, while you were away": queued')
    assert why("tuesday", "anna")[2].startswith("had paused until Thu 2017-08-17")
    assert why("tuesday", "carl")[2].endswith("it was first seen in a pause")
    assert why("monday", "ben") == {
        1: "chose this cadence only on Wed 2017-08-16 11:00 UTC",
        3: "in it, as owed to them since an earlier issue of this cadence: queued, 0 tries so far",
    }
    done = run_digest("explain", "ben@example.org", "--issue", "3", "--json", cwd=tmp_path, env=ENV)
    assert json.loads(done.stdout)["answers"][0]["posts"] == "all, 2 owed from before"
    assert why("monday", "anna") == {1: "in it: accepted by the mail server"}
    database.close()
