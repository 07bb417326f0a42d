"""Two subjects: half of a sample gets each, and the others get the one that was followed more."""

import email
import email.policy
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import KEY, Scripted, run
from tests.sample_week import MONDAY, add_week

from digest.actions.clicks import note_visit, settle_visits
from digest.actions.preview import preview_issue
from digest.actions.publish import publish
from digest.actions.stats import issue_stats
from digest.core.clicks import SECOND
from digest.core.waves import FIRST_ZONE
from digest.store import events, issues
from digest.store.database import Database
from digest.store.newsletters import newsletter_of_id

HOURS = timedelta(hours=4)
WEB = {"web_base": "https://n.example", "link_key": KEY}


def begin(
    database: Database, *, readers: int, percent: int = 80, zones: Sequence[str] = (), now: datetime = MONDAY
) -> int:
    """The sample week goes out to so many readers; by their own clocks, where these are in zones."""
    with database.write() as session:
        add_week(session)
        for number in range(readers):
            person = cast.add_subscriber(session, f"reader{number}@x.example", zone=zones[number] if zones else None)
            cast.add_subscription(session, 1, person)
        session.execute(
            text("UPDATE newsletter SET measure_clicks = :on, test_subjects = :p"), {"on": True, "p": percent}
        )
        if zones:
            session.execute(text("UPDATE newsletter SET reader_zones = :on"), {"on": True})
            session.execute(text("UPDATE cadence SET zone = :zone"), {"zone": FIRST_ZONE})
    (issue,) = publish(database, now=now, **WEB)
    return issue.id


def subjects(transport: Scripted) -> Counter[str]:
    return Counter(
        str(email.message_from_bytes(one.message, policy=email.policy.default)["Subject"]) for one in transport.finished
    )


def click(database: Database, issue: int, *, second: bool, times: int) -> None:
    with database.read() as session:
        content = issues.get_issue(session, issue).content
    assert content
    place = (content.posts[0].post_id, SECOND if second else 0)
    for client in range(times):
        note_visit(
            database,
            key=KEY,
            issue_id=issue,
            place=place,
            network=f"192.0.2.{client}",
            agent="a",
            now=MONDAY + HOURS / 2,
        )
    settle_visits(database, now=MONDAY + HOURS - timedelta(minutes=1))


@pytest.mark.parametrize(("second_clicks", "wins"), [(9, "second"), (2, "first")])
def test_the_others_get_the_subject_that_was_followed_more(database: Database, second_clicks: int, wins: str) -> None:
    issue = begin(database, readers=60)
    tried = Scripted()
    run(database, tried, now=MONDAY)
    (first, of_first), (second, of_second) = sorted(subjects(tried).items(), key=lambda pair: "and" in pair[0])
    sampled = of_first + of_second
    assert (min(of_first, of_second) >= 20, sampled < 60, first != second) == (True, True, True)
    click(database, issue, second=False, times=4)
    click(database, issue, second=True, times=second_clicks)
    run(database, early := Scripted(), now=MONDAY + HOURS / 2)
    assert not early.finished

    later = MONDAY + HOURS
    publish(database, now=later, **WEB)
    publish(database, now=later, **WEB)  # decides nothing twice
    run(database, rest := Scripted(), now=later)
    with database.read() as session:
        variants = {one.second: one.rendered.subject for one in issues.list_variants(session, issue) if one.rendered}
        told = issue_stats(session, issues.get_issue(session, issue), newsletter_of_id(session, 1))
        assert len(events.list_events(session, kind="issue.subject_chosen")) == 1
    assert subjects(rest) == {variants[wins == "second"]: 60 - sampled}
    assert told.subjects
    assert (told.subjects.clicks, told.subjects.chosen) == ((4, second_clicks), wins)
    assert sum(post.clicks for post in told.clicks) == 4 + second_clicks
    assert len({one.recipient for one in (*tried.finished, *rest.finished)}) == 60


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_preview_tells_both_subjects_until_it_is_known_who_gets_which(database: Database) -> None:
    issue = begin(database, readers=60)

    def shown() -> tuple[str, str | None]:
        made = preview_issue(
            database, key=KEY, now=MONDAY, number=1, reader="reader0@x.example", web_base=WEB["web_base"]
        )
        return made.rendered.subject, made.second_subject

    with database.read() as session:
        subjects = {one.second: one.rendered.subject for one in issues.list_variants(session, issue) if one.rendered}
    assert shown() == (subjects[False], subjects[True])
    run(database, Scripted(), now=MONDAY)
    assert shown()[0] in subjects.values()
    assert shown()[1] is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_few_readers_try_nothing(database: Database) -> None:
    begin(database, readers=10)
    run(database, everybody := Scripted(), now=MONDAY)
    assert len(subjects(everybody)) == 1
    assert sum(subjects(everybody).values()) == 10


@pytest.mark.parametrize("wins", ["first", "second"])
def test_whose_wave_comes_after_the_choice_gets_what_was_chosen_and_is_in_no_sample(
    database: Database, wins: str
) -> None:
    """One reader is early, most are hours later, the others after the test, which begins with most."""
    zones = ["Asia/Tokyo", *["America/Los_Angeles"] * 60, *["Etc/GMT+12"] * 30]
    frozen, early, most = (MONDAY - timedelta(hours=hours) for hours in (21, 16, 0))
    issue = begin(database, readers=91, zones=zones, now=frozen)
    sent = []
    for at in (frozen, early, most, most + HOURS / 2):
        run(database, transport := Scripted(), now=at)
        sent.append(transport)
    assert [len(one.finished) for one in sent[:2] + sent[3:]] == [0, 1, 0]
    click(database, issue, second=wins == "second", times=3)
    publish(database, now=most + HOURS, **WEB)
    for hours in (4, 5):
        run(database, transport := Scripted(), now=most + timedelta(hours=hours))
        sent.append(transport)
    with database.read() as session:
        variants = {one.second: one.rendered.subject for one in issues.list_variants(session, issue) if one.rendered}
        told = issue_stats(session, issues.get_issue(session, issue), newsletter_of_id(session, 1)).subjects
    tried = subjects(sent[1]) + subjects(sent[2])
    assert told
    assert most - timedelta(minutes=5) <= told.until - timedelta(hours=4) <= most
    assert told.readers == (tried[variants[False]], tried[variants[True]])
    assert min(told.readers) >= 20
    assert subjects(sent[4]) == {variants[wins == "second"]: 61 - sum(told.readers)}
    assert subjects(sent[5]) == {variants[wins == "second"]: 30}
    assert len({mail.recipient for one in sent for mail in one.finished}) == 91
