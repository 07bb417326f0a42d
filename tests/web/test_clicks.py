"""Clicks are counted per link, by nobody's name, and only those that somebody made."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.cli.terminal import type_to_digest
from tests.command import run_digest
from tests.sample_week import MONDAY, add_week
from tests.web.served import Served, served

from digest.actions.clicks import settle_visits
from digest.actions.publish import publish
from digest.core.clicks import click_url
from digest.core.links import Purpose, sign
from digest.core.lint import linter, mail
from digest.core.states import IssueState
from digest.store import issues
from digest.store.clicks import count_clicks
from digest.store.database import Database

BASE = "https://news.example.org"
COUNTED = re.compile(r'href="(https://news\.example\.org/c/[^"]+)"')


def publish_week(database: Database, *, base: str = BASE, **policies: object) -> tuple[int, str, str]:
    """The sample week's issue as HTML and text, its newsletter changed beforehand."""
    with database.write() as session:
        add_week(session)
        for name, value in policies.items():
            session.execute(text(f"UPDATE newsletter SET {name} = :value"), {"value": value})
    (issue,) = publish(database, now=MONDAY, web_base=base, link_key=cast.KEY)
    assert issue.state is IssueState.SENDING, issue.reason
    with database.read() as session:
        (variant,) = issues.list_variants(session, issue.id)
    assert variant.rendered
    return issue.id, variant.rendered.html, variant.rendered.text


@pytest.fixture
def measured(database: Database, tmp_path: Path) -> Iterator[tuple[Served, str, list[str]]]:
    """A site with an issue that counts: the canary's path, and those of its posts."""
    _, html, _ = publish_week(database, measure_clicks=True)
    (canary,) = re.findall(r'href="https://news\.example\.org(/c/[^"]+)" tabindex', html)
    with served(database, tmp_path, clock=lambda: MONDAY) as site:
        yield site, canary, [path for url in COUNTED.findall(html) if (path := url.removeprefix(BASE)) != canary]


def counts(database: Database, *, expected: int | None = None) -> dict[tuple[int, int], int]:
    """The counts, once what is written after the answer is there."""
    for _ in range(100):
        with database.read() as session:
            found = dict(count_clicks(session, 1))
        if expected is None or sum(found.values()) == expected:
            break
        time.sleep(0.02)
    return found


def rows(database: Database, query: str) -> list[tuple]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(query))]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_mails_of_a_newsletter_that_counts_nothing_are_as_they_were(database: Database) -> None:
    issue_id, html, words = publish_week(database)
    assert "/c/" not in html
    assert "utm_" not in html
    with database.read() as session:
        issue = issues.get_issue(session, issue_id)
        from digest.actions.publish import archive_address, web_address
        from digest.render.issue import render_issue
        from digest.store.newsletters import newsletter_of_id

        newsletter = newsletter_of_id(session, issue.newsletter_id)
    plain = render_issue(
        issue, newsletter, language="en", web_url=web_address(BASE, newsletter, issue),
        archive_url=archive_address(BASE, newsletter),
    )  # fmt: skip
    assert (html, words) == (plain.html, plain.text)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_links_in_html_count_and_those_in_text_are_direct(database: Database) -> None:
    issue_id, html, words = publish_week(database, measure_clicks=True)
    with database.read() as session:
        content = issues.get_issue(session, issue_id).content
    assert content
    direct = [post.card.link for post in content.posts if post.card.link]
    assert direct
    assert all(link in words for link in direct)
    assert not any(f'href="{link}"' in html for link in direct)
    own = {click_url(BASE, cast.KEY, issue_id, (post.post_id, 0)) for post in content.posts if post.card.link}
    assert own < set(COUNTED.findall(html))
    assert "/unsubscribe" not in "".join(COUNTED.findall(html))
    found = {one.rule for one in linter.lint(mail.read_html(html))}
    assert found <= {"css-look", "leftover", "link-address"}, "merge fields are open here, and nothing else is wrong"


def test_a_click_leads_on_and_is_counted_once_a_client(measured, database: Database) -> None:
    site, _, links = measured
    answer = site.get(links[0], User_Agent="A")
    assert answer.status == 302
    assert answer.headers["location"].startswith("https://")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    site.get(links[0], User_Agent="A")
    site.get(links[0], User_Agent="B")
    assert sorted(counts(database, expected=2).values()) == [2]
    names = rows(database, "SELECT client FROM visit")
    assert all(re.fullmatch("[0-9a-f]{32}", name) for (name,) in names)
    settle_visits(database, now=MONDAY + timedelta(minutes=9))
    assert rows(database, "SELECT * FROM click") == []
    settle_visits(database, now=MONDAY + timedelta(minutes=11))
    assert rows(database, "SELECT * FROM visit") == []
    assert [row[-1] for row in rows(database, "SELECT link, clicks FROM click")] == [2]
    settle_visits(database, now=MONDAY + timedelta(minutes=12))
    assert sorted(counts(database).values()) == [2]


def test_head_prefetch_and_forged_tokens_count_nothing(measured, database: Database) -> None:
    site, _, links = measured
    assert site.get(links[0], "HEAD").status == 302
    for headers in (
        {"Purpose": "prefetch"},
        {"Sec_Purpose": "prefetch;prerender"},
        {"X_Moz": "prefetch"},
        {"X_Purpose": "preview"},
    ):
        assert site.get(links[0], **headers).status == 302
    token = links[0].removeprefix("/c/")
    forged = [
        token[:-1], f"{token}A", "1-1-0.AAAA", sign(b"another", Purpose.CLICK, 1, 1, 0),
        sign(cast.KEY, Purpose.UNSUBSCRIBE, 1, 1, 0), sign(cast.KEY, Purpose.CLICK, 1, 1),
    ]  # fmt: skip
    unknown = [sign(cast.KEY, Purpose.CLICK, 1, 999, 0), sign(cast.KEY, Purpose.CLICK, 999, 1, 0)]
    assert {site.get(f"/c/{one}").status for one in (*forged, *unknown)} == {404}
    assert site.get(links[0], "POST").status == 405
    time.sleep(0.1)
    assert counts(database) == {}


def test_what_follows_the_link_that_nobody_sees_is_no_reader(measured, database: Database) -> None:
    site, canary, links = measured
    for path in (links[0], canary, links[1]):
        assert site.get(path, User_Agent="scanner").status in {204, 302}
    site.get(links[0], User_Agent="somebody")
    assert sorted(counts(database, expected=1).values()) == [1]
    while len(rows(database, "SELECT id FROM visit")) < 4:
        time.sleep(0.02)
    settle_visits(database, now=MONDAY + timedelta(minutes=11))
    assert sorted(counts(database).values()) == [1]
    assert len(rows(database, "SELECT id FROM visit")) == 1, (
        "the canary's is kept a while, for when the scanner comes back"
    )
    settle_visits(database, now=MONDAY + timedelta(hours=2))
    assert rows(database, "SELECT id FROM visit") == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_stops_counting_keeps_the_links_working(measured, database: Database) -> None:
    site, canary, links = measured
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET measure_clicks = false, utm_source = 'week'"))
    answer = site.get(links[0])
    assert (answer.status, "utm_source=week&utm_medium=email&utm_campaign=" in answer.headers["location"]) == (
        302,
        True,
    )
    assert site.get(canary).status == 204
    time.sleep(0.1)
    assert rows(database, "SELECT * FROM visit") == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_tags_without_counting_stand_in_both_parts(database: Database) -> None:
    _, html, words = publish_week(database, utm_source="week")
    assert "utm_source=week&amp;utm_medium=email" in html
    assert "utm_source=week&utm_medium=email" in words.replace("\n", "")
    assert "/c/" not in html


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_admin_sees_what_became_of_an_issue(database: Database, tmp_path: Path) -> None:
    issue_id, _, _ = publish_week(database, measure_clicks=True)
    with database.write() as session:
        who = [cast.add_subscriber(session, f"p{n}@example.org") for n in range(4)]
        newsletter = session.execute(text("SELECT newsletter_id FROM issue")).scalar_one()
        for person, state in zip(who, ("accepted", "accepted", "refused", "skipped"), strict=True):
            cast.add_delivery(session, issue_id, person, state=state)
        cast.add_suppression(session, "p1@example.org", created_at=MONDAY + timedelta(hours=1))
        from digest.store import events
        from digest.store.clicks import add_visit, settle

        tell: Callable[..., None] = lambda kind, **data: events.record(  # noqa: E731
            session, kind, at=MONDAY + timedelta(hours=1), newsletter_id=newsletter, subscriber_id=1, **data
        )
        tell("subscription.ended", why="unsubscribed")
        tell("subscription.ended", why="complaint")
        tell("subscription.explained", reason="too-many")
        tell("subscription.begun", state="active", how="undo")
        tell("subscription.begun", state="active", how="form")
        add_visit(session, client="a", issue_id=issue_id, place=(1, 0), at=MONDAY)
        add_visit(session, client="b", issue_id=issue_id, place=(1, 0), at=MONDAY)
        settle(session, before=MONDAY + timedelta(hours=1))
    database.close()
    assert database.path
    done = run_digest("issue", "stats", "1", "--json", cwd=database.path.parent)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["deliveries"] == {"accepted": 2, "refused": 1, "skipped": 1}
    assert told["leaves"] == {"unsubscribed": 1, "complaint": 1}
    assert (told["reasons"], told["came_back"], told["complaints"]) == ({"too-many": 1}, 1, 1)
    assert (told["clicks"][0]["post_id"], told["clicks"][0]["clicks"]) == (1, 2)
    piped = run_digest("issue", "stats", "1", cwd=database.path.parent)
    assert "accepted\t2\n" in piped.stdout
    assert "█" not in piped.stdout
    assert "@example.org" not in piped.stdout + done.stdout
    code, shown = type_to_digest("issue", "stats", "1", cwd=database.path.parent, answers=[])
    assert code == 0
    bars = {line.split()[1]: line.count("█") for line in shown.splitlines() if "█" in line and "│" in line}
    assert (bars["accepted"], bars["refused"], bars["unsubscribed"]) == (30, 15, 30)
