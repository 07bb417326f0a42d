"""From the end of a period to an issue that may go out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import cast
from tests.cast import NOW, Cast

from digest.actions.admit import admit_posts
from digest.actions.publish import approve_issue, publish
from digest.core.model import Issue, Newsletter, Rendered
from digest.core.states import IssueState
from digest.errors import Conflict, NotFound
from digest.render.issue import render_issue
from digest.store import claims, events, issues, newsletters
from digest.store.database import Database, Session

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
MIDNIGHT = datetime(2017, 8, 14, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


def begin(session: Session, slug: str = "weekly", **policies) -> Cast:
    """A newsletter with one post in the week that ended at MIDNIGHT, and no subscribers."""
    newsletter = cast.add_newsletter(session, slug, **policies)
    cadence = cast.add_cadence(session, newsletter, started_at=MIDNIGHT - timedelta(days=5))
    source = cast.add_source(session, newsletter, url=f"https://{slug}.example/feed")
    cast.add_post(session, source, "one", effective_at=MIDNIGHT - 5 * HOUR)
    admit_posts(session, source_id=source, posts=claims.backlog(session, source_id=source), first_look=False, now=NOW)
    return Cast(newsletter=newsletter, cadence=cadence, anna=0, ben=0, carl=0, dora=0)


def test_an_issue_is_rendered_and_goes_out_though_nobody_subscribes_yet(database: Database) -> None:
    with database.write() as session:
        begin(session)
    (issue,) = publish(database, now=NOW, web_base="https://news.example/")
    assert (issue.state, issue.sending_at, issue.expected) == (IssueState.SENDING, NOW, None)
    with database.read() as session:
        (variant,) = issues.list_variants(session, issue.id)
        assert [event.kind for event in events.list_events(session)] == ["issue.frozen", "issue.ready"]
    assert (variant.key, variant.language) == ("*/en", "en")
    assert "https://news.example/archive/weekly/1" in variant.rendered.text
    assert issue.merge_key in variant.rendered.html
    assert publish(database, now=NOW, web_base="https://news.example/") == ()


def test_no_two_issues_have_the_same_subject(database: Database) -> None:
    with database.write() as session:
        begin(session)
        begin(session, "other")  # of its own readers
    week = timedelta(days=7)
    first, _ = publish(database, now=NOW)
    with database.write() as session:
        source = claims.source_ids(session, first.newsletter_id)[0]
        card = {"title": "Post one", "link": "https://blog.example/two"}
        cast.add_post(session, source, "two", card=card, effective_at=MIDNIGHT + 5 * HOUR)
        posts = claims.backlog(session, source_id=source)
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=NOW)
    second, *_ = publish(database, now=NOW + week)
    with database.read() as session:
        subjects = [issues.list_variants(session, one.id)[0].rendered.subject for one in (first, second)]
    assert subjects == ["Post one", "Post one · Issue 2"]


def test_only_one_newsletter_where_it_is_named(database: Database) -> None:
    with database.write() as session:
        begin(session)
        begin(session, "other")
    with pytest.raises(NotFound):
        publish(database, now=NOW, only="otter")
    assert len(publish(database, now=NOW, only="other")) == 1
    assert len(publish(database, now=NOW)) == 1


def test_a_broken_template_delays_its_issue_and_no_other(database: Database, tmp_path: Path) -> None:
    own = tmp_path / "issue" / "mine"
    own.mkdir(parents=True)
    (own / "issue.mjml.j2").write_text("<mjml>{{ nonsense }", encoding="utf-8")
    with database.write() as session:
        broken = begin(session, theme="mine")
        begin(session, "sound")
    for _ in range(2):  # twice: each call tells it, the log has it once
        moved = publish(database, now=NOW, templates=tmp_path)
    with database.read() as session:
        (stuck,) = issues.list_issues(session, newsletter_id=broken.newsletter)
        (failure,) = events.list_events(session, kind="issue.unrendered")
        assert len(issues.list_issues(session, states=(IssueState.SENDING,))) == 1
    assert (moved, stuck.state, failure.issue_id) == ((stuck,), IssueState.FROZEN, stuck.id)
    assert stuck.reason.startswith("not rendered: ")
    with database.write() as session:
        newsletters.update_newsletter(session, broken.newsletter, theme="editorial")
    (issue,) = publish(database, now=NOW + HOUR)
    assert (issue.id, issue.state, issue.reason, issue.content) == (stuck.id, IssueState.SENDING, None, stuck.content)


@pytest.mark.parametrize("fault", [RecursionError("too deep"), MemoryError(), ValueError("a bug")])
def test_a_fault_in_rendering_stays_with_its_issue(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    with database.write() as session:
        broken, sound = begin(session), begin(session, "sound")

    def render(issue: Issue, newsletter: Newsletter, **options: Any) -> Rendered:
        if newsletter.id == broken.newsletter:
            raise fault
        return render_issue(issue, newsletter, **options)

    monkeypatch.setattr("digest.actions.publish.render_issue", render)  # no input is known that does it
    for _ in range(2):  # twice: the log has it once
        publish(database, now=NOW)
    with database.read() as session:
        (stuck,) = issues.list_issues(session, newsletter_id=broken.newsletter)
        (out,) = issues.list_issues(session, newsletter_id=sound.newsletter)
        (failure,) = events.list_events(session, kind="issue.unrendered")
    name = type(fault).__name__
    assert (stuck.state, stuck.reason) == ("frozen", f"not rendered: a fault in digest itself: {name}")
    assert (out.state, failure.issue_id) == ("sending", stuck.id)
    assert [vars(record)["fault"] for record in caplog.records] == [name]


def test_what_is_ready_long_after_its_slot_asks_before_it_goes_out(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        people = begin(session, theme="gone")
    publish(database, now=NOW)
    with database.write() as session:
        newsletters.update_newsletter(session, people.newsletter, theme="editorial")
    (issue,) = publish(database, now=NOW + 49 * HOUR)
    assert (issue.state, issue.approve_by) == (IssueState.DRAFT, None)
    assert "49 hours after its slot" in issue.reason


def test_an_issue_waits_for_approval_and_is_approved_once(database: Database) -> None:
    with database.write() as session:
        begin(session, approval=True)
    (draft,) = publish(database, now=NOW)
    assert (draft.state, draft.approve_by) == (IssueState.DRAFT, None)
    assert publish(database, now=NOW + 40 * HOUR) == (), "without a deadline it waits for ever"
    with database.write() as session:
        assert approve_issue(session, draft, now=NOW + HOUR).state is IssueState.SENDING
    with database.write() as session, pytest.raises(Conflict, match="does not wait for approval"):
        approve_issue(session, issues.get_issue(session, draft.id), now=NOW)


def test_a_draft_goes_out_by_itself_at_its_deadline(database: Database) -> None:
    with database.write() as session:
        begin(session, approval=True, approve_within_hours=4)
    (draft,) = publish(database, now=NOW)
    assert draft.approve_by == NOW + 4 * HOUR
    assert publish(database, now=NOW + 3 * HOUR) == ()
    (issue,) = publish(database, now=NOW + 4 * HOUR)
    assert issue.state is IssueState.SENDING
    with database.read() as session:
        (event,) = events.list_events(session, kind="issue.approved")
        assert event.data == {"how": "deadline"}


def test_a_deadline_that_passed_while_nothing_ran_sends_nothing_days_late(database: Database) -> None:
    with database.write() as session:
        begin(session, approval=True, approve_within_hours=4)
    (draft,) = publish(database, now=NOW)
    (issue,) = publish(database, now=NOW + 53 * HOUR)
    assert (issue.id, issue.state, issue.approve_by) == (draft.id, IssueState.DRAFT, None)
    assert "while nothing ran" in issue.reason
    assert publish(database, now=NOW + 54 * HOUR) == ()


def test_a_removed_newsletter_publishes_nothing(database: Database) -> None:
    with database.write() as session:
        begin(session, state="removed")
    assert publish(database, now=NOW) == ()
