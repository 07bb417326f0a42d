"""What a change of cadence, a pause or a return writes down, and what a pause takes back. What comes of it: tests/test_owed.py."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tests import cast
from tests.actions.delivering import Scripted, counts, prepare, run
from tests.cast import NOW

from digest.actions import choices, readers
from digest.actions.admit import admit_posts
from digest.actions.newsletters import edit_newsletter
from digest.actions.preview import preview_issue
from digest.actions.publish import publish
from digest.core.owed import Gap, Mark, Owed
from digest.core.people import Outcome
from digest.core.policy import after
from digest.core.states import ClaimState, IssueState, OutcomeKind
from digest.core.waves import FIRST_ZONE
from digest.store import claims, deliveries, sending
from digest.store.database import Database
from digest.store.owed import hold_readers, hold_still
from digest.store.subscriptions import find_subscription

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def carried(database: Database, who: int = 1) -> Owed | None:
    with database.read() as session:
        tie = find_subscription(session, newsletter_id=1, subscriber_id=who)
        assert tie
        return tie.owed


def begin(database: Database) -> dict:
    """An issue on its way to anna, one of the same line that waits for approval, and a second cadence."""
    issue = prepare(database)
    with database.write() as session:
        sending.start_sending(session, issue, now=NOW)
        cast.add_cadence(session, 1, "daily", rule="daily at 00:00")
    return {"subscriber_id": 1, "newsletter_id": 1}


def test_who_changes_cadence_carries_what_their_line_has_told_them_until_it_is_served(database: Database) -> None:
    anna = begin(database)
    choices.choose(database, **anna, cadence_id=1, now=NOW)
    assert carried(database) is None  # named now, and the same as before
    choices.choose(database, **anna, cadence_id=2, now=NOW)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),))
    choices.choose(database, **anna, cadence_id=1, now=NOW + HOUR)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),))
    assert counts(database, 1) == {"queued": 1}  # and gets what is on its way


def test_a_line_that_has_told_nothing_owes_what_waits_in_it_from_before_its_new_rule(database: Database) -> None:
    anna = begin(database)
    with database.write() as session:
        line = cast.add_cadence(session, 1, "slow", rule="monthly on day 1 at 00:00", started_at=NOW - HOUR)
        cast.add_claim(
            session, line, cast.add_post(session, cast.add_source(session, 1), "one"), effective_at=NOW - DAY
        )
        session.execute(text("UPDATE subscription SET cadence_id = :line"), {"line": line})
    choices.choose(database, **anna, cadence_id=2, now=NOW)
    assert carried(database) == Owed(marks=(Mark(line=line, issue=0, until=NOW - DAY),))


def test_a_pause_takes_back_what_waits_also_out_of_a_senders_hands(database: Database) -> None:
    anna = begin(database)
    with database.write() as session:
        (held,) = deliveries.claim(session, 1, owner="one", limit=9, now=NOW, lease_until=NOW + DAY)
    choices.pause(database, **anna, until=NOW + DAY, now=NOW)
    choices.resume(database, **anna, now=NOW + HOUR)
    with database.write() as session:
        marked = deliveries.mark_inflight(session, [(held, "<x>")], owner="one", now=NOW + HOUR, lease_until=NOW + DAY)
        assert not marked
        assert deliveries.turn_away(session, [held], now=NOW + HOUR) == 0
    run(database, server := Scripted(), now=NOW + HOUR)
    assert (server.finished, counts(database, 1)) == ([], {"skipped": 1})
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),), gaps=(Gap(NOW, NOW + HOUR),))


def test_what_was_in_flight_when_a_pause_began_and_is_deferred_is_owed(database: Database) -> None:
    anna = begin(database)
    with database.write() as session:
        post = cast.add_post(session, cast.add_source(session, 1), "one")
        cast.add_claim(session, 1, post, state=ClaimState.ISSUED, issue_id=1)
        (held,) = deliveries.claim(session, 1, owner="one", limit=9, now=NOW, lease_until=NOW + DAY)
        deliveries.mark_inflight(session, [(held, "<x>")], owner="one", now=NOW, lease_until=NOW + DAY)
    choices.pause(database, **anna, until=NOW + DAY, now=NOW)
    with database.write() as session:
        said = Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451)
        deliveries.settle(
            session, [deliveries.Settlement(held, said, after(said, tries=1, first_try=NOW, now=NOW))], now=NOW
        )
    run(database, server := Scripted(), now=NOW + 12 * HOUR)
    assert (server.finished, counts(database, 1)) == ([], {"skipped": 1})
    owed = carried(database)
    assert owed
    assert owed.taken == (post,)


def test_an_issue_that_still_waits_for_approval_is_remembered(database: Database) -> None:
    anna = begin(database)
    with database.write() as session:
        company = cast.Cast(newsletter=1, cadence=1, anna=1, ben=2, carl=3, dora=4)
        cast.add_issue(session, company, 2, state=IssueState.DRAFT)
        cast.add_issue(session, company, 3, state=IssueState.DONE, expected=0, period_end=NOW + DAY)
    choices.choose(database, **anna, cadence_id=2, now=NOW + DAY)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=3, until=NOW + DAY),), waiting=(2,))


def test_readers_of_a_cadence_that_is_removed_carry_on(database: Database) -> None:
    begin(database)
    edit_newsletter(database, "weekly", remove_cadences=["weekly"], now=NOW)
    assert carried(database) == Owed(marks=(Mark(line=1, issue=1, until=NOW),))
    assert carried(database, 2) is None  # who never confirmed has been told nothing


def test_leaving_forfeits_what_was_owed_but_nothing_told_is_told_again(database: Database) -> None:
    anna = begin(database)
    choices.choose(database, **anna, cadence_id=2, now=NOW)
    readers.leave(database, **anna, now=NOW + HOUR)
    readers.take_back(database, **anna, secret=b"x", now=NOW + DAY)
    mark = Mark(line=1, issue=1, until=NOW)
    assert carried(database) == Owed(marks=(mark,), gaps=(Gap(NOW + HOUR, NOW + DAY),))


def send(database: Database, at: datetime) -> list[int]:
    """What is due begins to go out; how many deliveries each issue has."""
    with database.write() as session:
        made = [sending.start_sending(session, issue, now=at) for issue in sending.sending_issues(session)]
    return [number for number in made if number is not None]


def test_who_changes_after_it_was_rendered_keeps_what_they_are_owed_for_the_next_issue(database: Database) -> None:
    day = datetime(2017, 8, 14, tzinfo=UTC)
    with database.write() as session:
        newsletter = cast.add_newsletter(session, zone="UTC")
        for name, rule in (("daily", "daily at 00:00"), ("twice", "daily at 00:00 and 12:00")):
            cast.add_cadence(session, newsletter, name, rule=rule, zone="UTC", started_at=day)
        source = cast.add_source(session, newsletter)
        cast.add_subscription(session, newsletter, cast.add_subscriber(session, "anna@example.org"), cadence_id=2)
    made = []
    for half in (1, 2, 3, 4):  # a post, six hours later what is due; in the second night a change comes in between
        at = day + half * 12 * HOUR
        with database.write() as session:
            post = cast.add_post(session, source, str(half), effective_at=at - 6 * HOUR)
            new = [one for one in claims.backlog(session, source_id=source) if one.id == post]
            admit_posts(session, source_id=source, posts=new, first_look=False, now=at - 6 * HOUR)
        publish(database, now=at)
        if half == 2:
            choices.choose(database, subscriber_id=1, newsletter_id=newsletter, cadence_id=1, now=at)
        made += send(database, at)
    assert made == [1, 0, 0, 0, 1, 0]  # twice; daily and twice; twice; daily and twice
    with database.read() as session:
        shown = session.execute(text("SELECT shown, earlier FROM variant v JOIN delivery d ON d.variant_id = v.id"))
        assert [tuple(row) for row in shown.fetchall()][1:] == [(None, "[2]" if database.is_sqlite else [2])]
    assert carried(database) is None


def test_a_story_merged_the_other_way_round_is_told_once(database: Database) -> None:
    """Daily told the post; weekly makes it the copy of what a second source dated before it. Anna goes over in between."""
    monday = datetime(2017, 8, 14, tzinfo=UTC)
    with database.write() as session:
        newsletter = cast.add_newsletter(session, zone="UTC")
        for name, rule in (("daily", "daily at 00:00"), ("weekly", "weekly on wed at 00:00")):
            cast.add_cadence(session, newsletter, name, rule=rule, zone="UTC", started_at=monday)
        sources = [cast.add_source(session, newsletter, url=f"https://{name}.example/feed") for name in "ab"]
        cast.add_subscription(session, newsletter, cast.add_subscriber(session, "anna@example.org"), cadence_id=1)

    def tell(source: int, key: str, story: str, at: datetime, dated: datetime) -> int:
        with database.write() as session:
            post = cast.add_post(session, source, key, canonical=story, seen_at=at, effective_at=dated)
            new = [one for one in claims.backlog(session, source_id=source) if one.id == post]
            admit_posts(session, source_id=source, posts=new, first_look=False, now=at)
        return post

    first = tell(sources[0], "first", "story", monday + 6 * HOUR, monday + 6 * HOUR)
    publish(database, now=monday + DAY)
    assert send(database, monday + DAY) == [1]
    choices.choose(database, subscriber_id=1, newsletter_id=newsletter, cadence_id=2, now=monday + DAY + HOUR)
    copy = tell(sources[1], "copy", "story", monday + DAY + 6 * HOUR, monday + 3 * HOUR)
    other = tell(sources[0], "other", "another", monday + DAY + 6 * HOUR, monday + DAY + 6 * HOUR)
    ahead = preview_issue(database, key=cast.KEY, now=monday + DAY + 7 * HOUR, reader="anna@example.org")
    assert [post.post_id for post in ahead.content.posts] == [other]
    publish(database, now=monday + 2 * DAY)
    assert sorted(send(database, monday + 2 * DAY)) == [0, 1]
    with database.read() as session:
        merged = session.execute(
            text("SELECT cadence_id, post_id, merged_into FROM claim WHERE state = 'merged' ORDER BY 1")
        )
        assert [tuple(row) for row in merged] == [(1, copy, first), (2, first, copy)]
        shown = session.execute(
            text("SELECT shown, earlier FROM variant v JOIN delivery d ON d.variant_id = v.id ORDER BY v.id")
        )
        assert [tuple(row) for row in shown][1:] == [(f"[{other}]" if database.is_sqlite else [other], None)]


def test_a_pause_that_goes_on_takes_back_what_was_made_ahead_with_all_that_was_owed_by_it(database: Database) -> None:
    monday = datetime(2017, 8, 14, tzinfo=UTC)
    with database.write() as session:
        newsletter = cast.add_newsletter(session, zone="UTC", reader_zones=True)
        cast.add_cadence(session, newsletter, "daily", rule="daily at 08:00", zone=FIRST_ZONE, started_at=monday)
        source = cast.add_source(session, newsletter)
        anna = cast.add_subscriber(session, "anna@example.org", zone="Pacific/Honolulu")
        cast.add_subscription(session, newsletter, anna)
    ids = {"subscriber_id": anna, "newsletter_id": newsletter}
    choices.pause(database, **ids, until=monday + 34 * HOUR, now=monday + 2 * HOUR)
    before = carried(database)
    with database.write() as session:
        post = cast.add_post(session, source, "one", effective_at=monday + 6 * HOUR)
        admit_posts(
            session, source_id=source, posts=claims.backlog(session, source_id=source), first_look=False, now=monday
        )
    publish(database, now=monday + 18 * HOUR)  # Tuesday's, whose wave comes after the pause
    assert (send(database, monday + 18 * HOUR), carried(database)) == ([1], None)
    choices.pause(database, **ids, until=monday + 2 * DAY, catch_up=True, now=monday + 20 * HOUR)
    assert before
    assert carried(database) == replace(before, taken=(post,), gaps=(Gap(monday + 2 * HOUR, monday + 2 * DAY, True),))


def test_an_issue_waits_for_a_change_and_no_reader_for_another(database: Database) -> None:
    with database.write() as session:
        newsletter = cast.add_newsletter(session)
    if database.is_sqlite:
        return  # there is one writer
    with database.write() as session:
        hold_still(session, newsletter)
        with database.write() as other:
            hold_still(other, newsletter)
            cast.add_subscription(other, newsletter, cast.add_subscriber(other, "anna@example.org"))
        with database.write() as sender:
            sender.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(OperationalError):
                hold_readers(sender, newsletter)
            sender.rollback()
    with database.write() as session:
        hold_readers(session, newsletter)
        with database.write() as other:
            cast.add_subscription(other, newsletter, cast.add_subscriber(other, "ben@example.org"))


@pytest.mark.parametrize("wanted", [True, False])
def test_a_pause_says_whether_what_it_missed_is_to_come(database: Database, *, wanted: bool) -> None:
    anna = begin(database)
    for _ in range(2):
        choices.pause(database, **anna, until=NOW + DAY, catch_up=not wanted, now=NOW)
        choices.pause(database, **anna, until=NOW + DAY, catch_up=wanted, now=NOW + HOUR)
    owed = carried(database)
    assert owed is not None
    assert owed.gaps == (Gap(NOW, NOW + DAY, wanted),)
