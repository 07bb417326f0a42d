"""New posts become claims: for every cadence that reads their source, once, and with a trace."""

from datetime import datetime, timedelta

import pytest
from tests import cast
from tests.cast import NOW, Cast

from digest.actions.admit import (
    admit_cadence,
    admit_posts,
    admit_source,
    exclude_source,
    restore_post,
    withdraw_post,
)
from digest.core.model import Post
from digest.core.states import ClaimState
from digest.store import claims, events
from digest.store.database import Database, Session
from digest.store.newsletters import get_cadence

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PENDING, HELD, BASELINE, EXCLUDED = (
    ClaimState.PENDING,
    ClaimState.HELD,
    ClaimState.BASELINE,
    ClaimState.EXCLUDED,
)
# NOW is five minutes into a week that began on Monday 14 August; the newsletter has not closed the week before.


def arrive(session: Session, source: int, *dates: datetime) -> tuple[Post, ...]:
    """New posts of these dates, seen now."""
    known = {post.id for post in claims.backlog(session, source_id=source)}
    for at in dates:
        cast.add_post(session, source, f"{source}-{at.isoformat()}", effective_at=at, seen_at=NOW)
    return tuple(post for post in claims.backlog(session, source_id=source) if post.id not in known)


def states(session: Session, cadence: int) -> list[ClaimState]:
    return [claim.state for claim in claims.list_claims(session, cadence_id=cadence)]


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def begin(session: Session) -> tuple[Cast, int]:
    people = cast.assemble(session, now=ago(5))
    return people, cast.add_source(session, people.newsletter)


def test_a_first_look_claims_for_every_cadence_that_reads_the_source(database: Database) -> None:
    with database.write() as session:
        people, source = begin(session)
        daily = cast.add_cadence(session, people.newsletter, "daily", rule="daily at 00:00", last_slot_at=ago(1))
        other = cast.add_newsletter(session, "other")
        cast.add_cadence(session, other)
        posts = arrive(session, source, ago(9), ago(3), ago(0.5))
        admit_posts(session, source_id=source, posts=posts, first_look=True, now=NOW)
        assert states(session, people.cadence) == [BASELINE, PENDING, PENDING]
        assert states(session, daily) == [BASELINE, BASELINE, PENDING]
        assert len(claims.lines_reading(session, source)) == 2
        assert [event.data["posts"] for event in events.list_events(session, kind="source.baseline")] == [1, 2]


def test_a_removed_newsletter_claims_nothing(database: Database) -> None:
    with database.write() as session:
        newsletter = cast.add_newsletter(session, state="removed")
        cadence = cast.add_cadence(session, newsletter)
        source = cast.add_source(session, newsletter)
        admit_posts(session, source_id=source, posts=arrive(session, source, NOW), first_look=False, now=NOW)
        assert states(session, cadence) == []


def test_later_posts_wait_and_a_far_back_dated_one_is_held_with_a_line_in_the_log(database: Database) -> None:
    with database.write() as session:
        people, source = begin(session)
        posts = arrive(session, source, ago(300), ago(9), NOW)
        for _ in range(2):  # twice is as good as once
            admit_posts(session, source_id=source, posts=posts, first_look=False, now=NOW)
        assert states(session, people.cadence) == [HELD, PENDING, PENDING]
        (held,) = events.list_events(session, kind="post.held")
        assert held.data == {"cadence": "weekly", "reason": "back-dated: 300 days old when first seen"}


def test_a_flood_is_held(database: Database) -> None:
    with database.write() as session:
        people, source = begin(session)
        posts = arrive(session, source, ago(1), NOW)
        admit_posts(session, source_id=source, posts=posts, first_look=False, flood=True, now=NOW)
        assert states(session, people.cadence) == [HELD, HELD]


def test_a_newsletter_that_joins_later_takes_the_backlog_as_seen(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session, now=ago(5))
        source = cast.add_source(session, people.newsletter)
        arrive(session, source, ago(30), ago(20), ago(2))
        admit_source(session, newsletter_id=people.newsletter, source_id=source, now=NOW)
        assert states(session, people.cadence) == [BASELINE, BASELINE, PENDING]
        admit_source(session, newsletter_id=people.newsletter, source_id=source, now=NOW, include_last=2)
        assert states(session, people.cadence) == [BASELINE, PENDING, PENDING]


def test_a_new_cadence_takes_the_backlog_as_seen_but_what_others_are_still_to_tell(database: Database) -> None:
    """Who goes over to it would never hear of that: it is told neither by the cadence that they leave nor by this one."""
    with database.write() as session:
        people, source = begin(session)
        posts = arrive(session, source, ago(9), ago(8), ago(3), NOW)
        drafted, gone = (
            cast.add_issue(session, people, number=number, state=state, expected=expected)
            for number, state, expected in ((2, "draft", None), (1, "done", 9))
        )
        for post, issue in zip(sorted(posts, key=lambda post: post.effective_at), (gone, drafted), strict=False):
            cast.add_claim(session, people.cadence, post.id, state=ClaimState.ISSUED, issue_id=issue)
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=NOW)
        daily = cast.add_cadence(session, people.newsletter, "daily", rule="daily at 00:00", started_at=NOW)
        admit_cadence(session, line=get_cadence(session, daily), now=NOW)
        where = {claim.post_id: claim.state for claim in claims.list_claims(session, cadence_id=daily)}
        assert [where[post.id] for post in sorted(posts, key=lambda post: post.effective_at)] == [
            BASELINE,
            *[PENDING] * 3,
        ]
        assert len(states(session, people.cadence)) == 4


def test_a_removed_source_loses_what_waits_and_gets_it_back_with_its_return(database: Database) -> None:
    with database.write() as session:
        people, source = begin(session)
        posts = arrive(session, source, ago(300), ago(1), NOW)
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=NOW)
        assert exclude_source(session, newsletter_id=people.newsletter, source_id=source, now=NOW) == 3
        assert states(session, people.cadence) == [EXCLUDED] * 3
        assert len(events.list_events(session, kind="post.excluded")) == 3
        assert exclude_source(session, newsletter_id=people.newsletter, source_id=source, now=NOW) == 0
        admit_source(session, newsletter_id=people.newsletter, source_id=source, now=NOW)
        assert states(session, people.cadence) == [BASELINE, PENDING, PENDING]


def test_a_post_taken_down_is_withdrawn_and_waits_again_when_it_is_back(database: Database) -> None:
    with database.write() as session:
        people, source = begin(session)
        posts = arrive(session, source, ago(300), NOW)
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=NOW)
        old, new = sorted(posts, key=lambda post: post.effective_at)
        assert withdraw_post(session, post_id=new.id, now=NOW) == 1
        assert withdraw_post(session, post_id=old.id, now=NOW) == 0, "what is held stays held"
        assert states(session, people.cadence) == [HELD, ClaimState.WITHDRAWN]
        assert restore_post(session, post_id=new.id, now=NOW) == 1
        assert states(session, people.cadence) == [HELD, PENDING]
