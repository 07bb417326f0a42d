"""Issues in the store: one a slot, frozen once, moved by compare-and-set."""

from datetime import UTC, datetime, timedelta

import pytest
from tests import cast
from tests.cast import NOW, Cast

from digest.core.model import AlsoIn, Card, EditorNote, IssueContent, IssueGroup, IssuePost, Picture, Rendered
from digest.core.states import IssueState
from digest.core.variants import Wanted
from digest.errors import NotFound
from digest.store import issues
from digest.store.database import Database, Session


def take(session: Session, people: Cast, slot: str = "2017-08-14T00:00", **fields) -> int | None:
    given = {"period_start": NOW - timedelta(days=7), "period_end": NOW, "due_at": NOW, "state": IssueState.FROZEN}
    return issues.insert_issue(
        session,
        newsletter_id=people.newsletter,
        cadence_id=people.cadence,
        slot_key=slot,
        now=NOW,
        **{**given, **fields},
    )


def content(number: int = 1) -> IssueContent:
    card = Card(title="Tea ☕", pictures=(Picture(src="https://x/1.jpg", width=3),), topics=("tea",))
    shown = IssuePost(
        post_id=1, source_id=2, source="Blog", card=card, at=NOW, also_in=(AlsoIn(source="B", link=None),)
    )
    group = IssueGroup(kind="day", label="2017-08-13", posts=(shown,))
    return IssueContent(newsletter="The Weekly", number=number, period_start=NOW, period_end=NOW, zone="UTC",
                        language="en", groups=(group,), note=EditorNote(text="Hi", html="<p>Hi</p>"))  # fmt: skip


def test_a_slot_is_taken_once(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        assert take(session, people) is not None
        assert take(session, people) is None
        assert take(session, people, "2017-08-21T00:00") is not None


def test_content_comes_back_as_it_was_frozen_and_is_not_replaced(database: Database) -> None:
    with database.write() as session:
        issue_id = take(session, cast.assemble(session))
        issues.save_content(session, issue_id=issue_id, content=content(), merge_key="k")
        issues.save_content(session, issue_id=issue_id, content=content(2), merge_key="other")
    with database.read() as session:
        issue = issues.get_issue(session, issue_id)
        assert (issue.content, issue.number, issue.merge_key) == (content(), 1, "k")
        assert issue.period_start == datetime(2017, 8, 7, 7, 5, tzinfo=UTC)
        assert issues.next_number(session, issue.newsletter_id) == 2
        assert issues.find_issue(session, newsletter_id=issue.newsletter_id, number=1) == issue
        assert issues.find_issue(session, newsletter_id=issue.newsletter_id, number=2) is None


def test_a_move_is_compare_and_set(database: Database) -> None:
    with database.write() as session:
        issue_id = take(session, cast.assemble(session))
        move = {"issue_id": issue_id, "state": IssueState.SENDING, "from_states": (IssueState.FROZEN,)}
        assert issues.move_issue(session, **move, sending_at=NOW)
        assert not issues.move_issue(session, **move)
        assert issues.get_issue(session, issue_id).sending_at == NOW


def test_an_unknown_issue_is_an_error_in_words(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFound, match="no issue with id 7"):
        issues.get_issue(session, 7)


def test_posts_have_waited_since_the_last_issue_that_was_made(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        assert issues.waiting_since(session, cadence_id=people.cadence, before=NOW) == NOW
        week = timedelta(days=7)
        for age, state in ((4, IssueState.DONE), (3, IssueState.SKIPPED), (2, IssueState.SKIPPED)):
            take(
                session,
                people,
                f"slot{age}",
                period_start=NOW - (age + 1) * week,
                period_end=NOW - age * week,
                state=state,
            )
        assert issues.waiting_since(session, cadence_id=people.cadence, before=NOW) == NOW - 4 * week


def test_a_variant_is_rendered_once(database: Database) -> None:
    with database.write() as session:
        issue_id = take(session, cast.assemble(session))
        for _ in range(2):
            issues.add_variants(session, issue_id, [Wanted(language="en", shown=None, readers=1)])
        (variant,) = issues.list_variants(session, issue_id)
        assert variant.rendered is None
        first = Rendered(subject="One", preheader="", html="<p>", text="t")
        issues.save_rendered(session, {variant.id: first})
        second = Rendered(subject="Two", preheader="", html="<p>", text="t")
        issues.save_rendered(session, {variant.id: second})
        assert issues.list_variants(session, issue_id)[0].rendered == first


def test_issues_are_listed_by_state_and_newest_first_with_a_limit(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        for n, state in enumerate((IssueState.DONE, IssueState.SKIPPED, IssueState.SENDING)):
            take(session, people, f"slot{n}", due_at=NOW + timedelta(days=n), state=state)
        keys = [issue.slot_key for issue in issues.list_issues(session, newsletter_id=people.newsletter)]
        assert keys == ["slot0", "slot1", "slot2"]
        assert [i.slot_key for i in issues.list_issues(session, limit=2)] == ["slot2", "slot1"]
        assert [i.slot_key for i in issues.list_issues(session, states=(IssueState.SENDING,))] == ["slot2"]
