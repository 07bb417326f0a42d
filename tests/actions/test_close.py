"""Due slots become issues: each post in one of them, each period recorded."""

from datetime import UTC, datetime, timedelta

import pytest
from tests import cast
from tests.cast import NOW, Cast

from digest.actions.admit import admit_posts
from digest.actions.close import _close_next, close_periods, draft_content
from digest.actions.newsletters import edit_newsletter
from digest.core.model import EditorNote, Issue, Newsletter
from digest.core.states import CatchUp, ClaimState, IssueState
from digest.store import claims, events, issues, newsletters, notes
from digest.store.database import Database, Session

MIDNIGHT = datetime(2017, 8, 14, 7, tzinfo=UTC)  # Monday in Los Angeles: the slot that is due at NOW
WEEK = timedelta(days=7)


def begin(session: Session, **policies) -> Cast:
    """The cast in the week before NOW, with a blog; nothing is due before MIDNIGHT."""
    people = cast.assemble(session, now=MIDNIGHT - timedelta(days=5))
    newsletters.update_newsletter(session, people.newsletter, **policies)
    return people


def publish_posts(session: Session, source: int, *hours_before: float, now: datetime = NOW, **fields) -> list[int]:
    """Posts so many hours before MIDNIGHT, admitted."""
    ids = []
    for hours in hours_before:
        at = MIDNIGHT - timedelta(hours=hours)
        ids.append(cast.add_post(session, source, f"{source}/{hours}", effective_at=at, seen_at=min(at, now), **fields))
    posts = [post for post in claims.backlog(session, source_id=source) if post.id in ids]
    admit_posts(session, source_id=source, posts=posts, first_look=False, now=now)
    return ids


def close(database: Database, people: Cast, *, now: datetime = NOW, hold: bool = True) -> list[Issue]:
    return close_periods(database, newsletter_of(database, people), now=now, hold=hold)


def newsletter_of(database: Database, people: Cast) -> Newsletter:
    with database.read() as session:
        return newsletters.newsletter_of_id(session, people.newsletter)


def outline(issue: Issue) -> list[tuple[str, list[int]]]:
    return [(group.label or group.kind, [post.post_id for post in group.posts]) for group in issue.content.groups]


def states(database: Database, people: Cast) -> dict[int, ClaimState]:
    with database.read() as session:
        return {claim.post_id: claim.state for claim in claims.list_claims(session, cadence_id=people.cadence)}


def test_a_period_closes_once_with_what_was_pending_before_its_end(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        source = cast.add_source(session, people.newsletter)
        old, new, embargoed = publish_posts(session, source, 30, 2, -3)
    (issue,) = close(database, people)
    assert (issue.number, issue.state, issue.slot_key) == (1, IssueState.FROZEN, "2017-08-14T00:00")
    assert (issue.period_start, issue.period_end) == (MIDNIGHT - WEEK, MIDNIGHT)
    assert outline(issue) == [("2017-08-13", [new]), ("2017-08-12", [old])]
    assert states(database, people) == {old: ClaimState.ISSUED, new: ClaimState.ISSUED, embargoed: ClaimState.PENDING}
    assert close(database, people) == []
    with database.read() as session:
        (event,) = events.list_events(session, kind="issue.frozen")
        assert (event.issue_id, event.data["number"]) == (issue.id, 1)
        assert len(issue.merge_key) == 16


def test_a_late_post_comes_last_in_the_next_issue_and_never_in_the_one_before(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        source = cast.add_source(session, people.newsletter)
        (first,) = publish_posts(session, source, 30)
    (issue,) = close(database, people)
    with database.write() as session:
        cast_now = NOW + timedelta(hours=1)
        late = cast.add_post(session, source, "late", effective_at=MIDNIGHT - timedelta(hours=2), seen_at=cast_now)
        posts = [post for post in claims.backlog(session, source_id=source) if post.id == late]
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=cast_now)
        (fresh,) = publish_posts(session, source, -20, now=cast_now)
    (following,) = close(database, people, now=NOW + WEEK)
    assert outline(issue) == [("2017-08-12", [first])]
    assert outline(following) == [("2017-08-14", [fresh]), ("earlier", [late])]


def test_an_edit_before_the_freeze_counts_and_one_after_it_changes_nothing(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        source = cast.add_source(session, people.newsletter)
        (post,) = publish_posts(session, source, 2)
        edit(session, post, "Before")
    (issue,) = close(database, people)
    with database.write() as session:
        edit(session, post, "After")
        assert issues.get_issue(session, issue.id) == issue
    assert issue.content.posts[0].card.title == "Before"


def edit(session: Session, post: int, title: str) -> None:
    from digest.store.tables import PostRow

    session.get_one(PostRow, post).card = {"title": title}
    session.flush()


def test_an_empty_period_is_recorded_as_skipped(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
    (issue,) = close(database, people)
    assert (issue.state, issue.number, issue.reason) == (IssueState.SKIPPED, None, "empty: nothing was published")
    assert close(database, people) == []


def test_thin_periods_roll_over_until_there_is_enough_or_patience_ends(database: Database) -> None:
    with database.write() as session:
        people = begin(session, min_posts=3, max_rollovers=2)
        source = cast.add_source(session, people.newsletter)
        (one,) = publish_posts(session, source, 30)
    (first,) = close(database, people)
    assert (first.state, first.reason) == (IssueState.SKIPPED, "below the minimum: 1 of 3 posts")
    with database.write() as session:
        (two,) = publish_posts(session, source, -30, now=NOW + WEEK / 2)
    (second,) = close(database, people, now=NOW + WEEK)
    (third,) = close(database, people, now=NOW + 2 * WEEK)
    assert (second.state, third.state, third.number) == (IssueState.SKIPPED, IssueState.FROZEN, 1)
    assert outline(third) == [("2017-08-15", [two]), ("2017-08-12", [one])], "what rolled over is not late"
    with database.read() as session:
        assert newsletters.get_cadence(session, people.cadence).rollovers == 0


@pytest.mark.parametrize(
    ("catch_up", "kept", "shown"),
    [
        (CatchUp.MERGE, ["skipped", "skipped", "frozen"], [[3, 2, 1]]),
        (CatchUp.EACH, ["frozen", "frozen", "frozen"], [[1], [2], [3]]),
        (CatchUp.LATEST, ["skipped", "skipped", "frozen"], [[3, 2, 1]]),
        (CatchUp.NONE, ["skipped", "skipped", "skipped"], []),
    ],
)
def test_missed_periods_are_caught_up_as_the_policy_says(database: Database, catch_up, kept, shown) -> None:
    day = timedelta(days=1)
    with database.write() as session:
        people = begin(session, catch_up=catch_up, max_late_hours=100)
        newsletters.update_cadence(session, people.cadence, rule="daily at 00:00", started_at=MIDNIGHT - 2 * day)
        source = cast.add_source(session, people.newsletter)
        publish_posts(session, source, 50, 26, 2)
    closed = close(database, people, now=NOW + timedelta(hours=5))
    assert [str(issue.state) for issue in closed] == kept
    assert [[post.post_id for post in issue.content.posts] for issue in closed if issue.content] == shown
    assert all(issue.reason for issue in closed if issue.state is IssueState.SKIPPED)
    assert close(database, people, now=NOW + timedelta(hours=5)) == []


def test_a_merged_issue_spans_what_was_missed_and_its_posts_are_not_late(database: Database) -> None:
    day = timedelta(days=1)
    with database.write() as session:
        people = begin(session)
        newsletters.update_cadence(session, people.cadence, rule="daily at 00:00", started_at=MIDNIGHT - 2 * day)
        publish_posts(session, cast.add_source(session, people.newsletter), 50, 2)
    issue = close(database, people)[-1]
    assert (issue.period_start, issue.content.period_start) == (MIDNIGHT - 3 * day, MIDNIGHT - 3 * day)
    assert outline(issue) == [("2017-08-13", [2]), ("2017-08-11", [1])]


def test_a_clock_that_jumped_closes_nothing_until_the_admin_says_so(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        publish_posts(session, cast.add_source(session, people.newsletter), 30)
    close(database, people)
    later = NOW + 60 * timedelta(days=1)
    for _ in range(2):
        assert close(database, people, now=later) == []
    with database.read() as session:
        (held,) = events.list_events(session, kind="cadence.held")
        assert (held.data["slot"], "clock says" in held.data["reason"]) == ("2017-08-21T00:00", True)
    assert close(database, people, now=later, hold=False)


def test_what_the_admin_changed_since_the_turn_looked_counts(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        publish_posts(session, cast.add_source(session, people.newsletter), 30)
    looked = newsletter_of(database, people)
    edit_newsletter(database, "weekly", min_posts=2, now=NOW)
    (issue,) = close_periods(database, looked, now=NOW)
    assert issue.reason == "below the minimum: 1 of 2 posts"


def test_a_cadence_or_newsletter_removed_since_the_turn_looked_makes_no_issue(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        publish_posts(session, cast.add_source(session, people.newsletter), 30)
        line = newsletters.get_cadence(session, people.cadence)
    edit_newsletter(database, "weekly", cadences=["other=daily at 06:00"], remove_cadences=["weekly"], now=NOW)
    assert _close_next(database, line, now=NOW, hold=True) == []
    with database.write() as session:
        gone = newsletters.add_newsletter(session, slug="gone", now=NOW, name="Gone", sender_name="Gone",
                                          sender_address="gone@example.org")  # fmt: skip
        line = newsletters.get_cadence(session, cast.add_cadence(session, gone.id))
        newsletters.delete_newsletter(session, gone.id)
    assert _close_next(database, line, now=NOW, hold=True) == []
    with database.read() as session:
        assert issues.list_issues(session) == ()


def test_two_newsletters_claim_the_same_post_each_for_itself(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        other = cast.add_newsletter(session, "other")
        cast.add_cadence(session, other, started_at=MIDNIGHT - timedelta(days=5))
        (post,) = publish_posts(session, cast.add_source(session, people.newsletter, other), 5)
        theirs = newsletters.newsletter_of_id(session, other)
    for newsletter in (newsletter_of(database, people), theirs):
        (issue,) = close_periods(database, newsletter, now=NOW)
        assert (issue.number, outline(issue)) == (1, [("2017-08-13", [post])])


def test_numbers_run_through_all_cadences_of_a_newsletter(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        cast.add_cadence(
            session, people.newsletter, "daily", rule="daily at 00:00", started_at=MIDNIGHT - timedelta(hours=3)
        )
        publish_posts(session, cast.add_source(session, people.newsletter), 5)
    assert [issue.number for issue in close(database, people)] == [1, 2]


def test_a_story_that_was_mailed_last_week_is_merged_into_it(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        blog = cast.add_source(session, people.newsletter, title="Blog")
        planet = cast.add_source(session, people.newsletter, url="https://planet.example/feed", title="Planet")
        (story,) = publish_posts(session, blog, 5, canonical="https://blog.example/story")
    close(database, people)
    with database.write() as session:
        (copy,) = publish_posts(
            session, planet, -5, canonical="https://blog.example/story", now=NOW + timedelta(days=1)
        )
        (other,) = publish_posts(session, planet, -6, now=NOW + timedelta(days=1))
    (following,) = close(database, people, now=NOW + WEEK)
    assert outline(following) == [("2017-08-14", [other])]
    assert states(database, people) == {story: ClaimState.ISSUED, copy: ClaimState.MERGED, other: ClaimState.ISSUED}


def test_a_period_of_nothing_but_copies_is_empty_and_its_copies_do_not_wait_for_ever(database: Database) -> None:
    link = "https://blog.example/story"
    with database.write() as session:
        people = begin(session)
        blog = cast.add_source(session, people.newsletter, title="Blog")
        planet = cast.add_source(session, people.newsletter, url="https://planet.example/feed", title="Planet")
        (story,) = publish_posts(session, blog, 5, canonical=link)
    (made,) = close(database, people)
    with database.write() as session:
        (copy,) = publish_posts(session, planet, -5, canonical=link, now=NOW + timedelta(days=1))
    (empty,) = close(database, people, now=NOW + WEEK)
    assert (empty.state, empty.number, empty.reason) == ("skipped", None, "empty: all of it was in an earlier issue")
    assert states(database, people) == {story: ClaimState.ISSUED, copy: ClaimState.MERGED}
    with database.read() as session:
        (claim,) = claims.claims_of(session, post_id=copy)
    assert (claim.merged_into, made.state) == (story, IssueState.FROZEN)


def test_the_editors_note_goes_with_one_issue_and_waits_while_none_is_made(database: Database) -> None:
    note = EditorNote(text="Hello", html="<p>Hello</p>", author="Mara")
    with database.write() as session:
        people = begin(session)
        notes.set_note(session, people.newsletter, EditorNote(text="Old", html=""), now=NOW)
        notes.set_note(session, people.newsletter, note, now=NOW)
        source = cast.add_source(session, people.newsletter)
    (empty,) = close(database, people)
    with database.write() as session:
        publish_posts(session, source, -5, now=NOW + timedelta(days=1))
    (issue,) = close(database, people, now=NOW + WEEK)
    assert (empty.state, issue.content.note) == (IssueState.SKIPPED, note)
    with database.read() as session:
        assert notes.waiting_note(session, people.newsletter) is None


def test_a_draft_shows_the_next_issue_and_claims_nothing(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        source = cast.add_source(session, people.newsletter)
        publish_posts(session, source, 30, 2)
    before = states(database, people)
    with database.read() as session:
        line, newsletter = newsletters.get_cadence(session, people.cadence), newsletter_of(database, people)
        draft = draft_content(session, newsletter, line, NOW)
    assert states(database, people) == before
    (issue,) = close(database, people)
    assert issue.content == draft
    with database.read() as session:
        empty = draft_content(session, newsletter, newsletters.get_cadence(session, people.cadence), NOW)
    assert (empty.number, empty.groups, empty.period_end) == (2, (), MIDNIGHT + WEEK)


def test_a_wall_time_that_a_new_zone_repeats_makes_no_second_issue(database: Database) -> None:
    with database.write() as session:
        people = begin(session)
        source = cast.add_source(session, people.newsletter)
        publish_posts(session, source, 5)
    close(database, people)
    with database.write() as session:
        newsletters.update_cadence(session, people.cadence, zone="Pacific/Honolulu", started_at=NOW)
        (waits,) = publish_posts(session, source, -1, now=MIDNIGHT + timedelta(hours=2))
    assert close(database, people, now=MIDNIGHT + timedelta(hours=4)) == []
    assert states(database, people)[waits] is ClaimState.PENDING
    with database.read() as session:
        (taken,) = events.list_events(session, kind="slot.taken")
        assert taken.data["slot"] == "2017-08-14T00:00"
