"""Two subjects on trial: whether an issue has them, who tries them, and which one the others get.

render both ─▶ split the readers ─▶ the hours pass ─▶ clicks ─▶ the better one for those who wait
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.core.clicks import SECOND
from digest.core.model import Issue, Newsletter
from digest.core.states import IssueState
from digest.core.subjects import LEAST, Trial, second_wins
from digest.store import events, subject_tests
from digest.store.clicks import count_clicks, issue_in_short
from digest.store.database import Database, Session
from digest.store.issues import list_issues
from digest.store.newsletters import newsletter_of_id

TESTED, CHOSEN = "issue.subjects_tested", "issue.subject_chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectsTold:
    """What is known of an issue's test. Clicks are those up to the choice, or up to now."""

    readers: tuple[int, int]  # of the first and of the second subject
    clicks: tuple[int, int]
    until: str  # when it is decided, in UTC
    chosen: str | None  # "first" or "second"; None: not yet


def has_two(issue: Issue, newsletter: Newsletter, *, counts: bool) -> bool:
    """Whether two subjects are to be rendered: asked for, clicks are counted, and there are two posts to name it after."""
    titled = [post for post in issue.content.posts if not post.card.title_made] if issue.content else []
    return bool(newsletter.test_subjects and newsletter.measure_clicks and counts and len(titled) > 1)


def begin_test(session: Session, issue_id: int, *, now: datetime) -> None:
    """Split the deliveries that were just made, if there are two subjects and enough readers for a sample."""
    newsletter_id = issue_in_short(session, issue_id).newsletter_id
    newsletter = newsletter_of_id(session, newsletter_id)
    percent = newsletter.test_subjects
    if not percent or not subject_tests.has_second(session, issue_id):
        return
    if min(subject_tests.count_sample(session, issue_id, percent=percent)) < LEAST:
        events.record(session, TESTED, at=now, newsletter_id=newsletter_id, issue_id=issue_id, readers=[0, 0],
                      reason=f"fewer than {LEAST} readers for each subject")  # fmt: skip
        return
    until = now + timedelta(hours=newsletter.test_subject_hours)
    readers = subject_tests.split(session, issue_id, percent=percent, until=until)
    events.record(session, TESTED, at=now, newsletter_id=newsletter_id, issue_id=issue_id, readers=list(readers),
                  percent=percent, until=until.isoformat())  # fmt: skip


def decide_tests(database: Database, newsletter: Newsletter, *, now: datetime) -> list[int]:
    """End the tests whose hours are over: ids of their issues. Run it twice: nothing is decided twice."""
    with database.read() as session:
        sending = list_issues(session, newsletter_id=newsletter.id, states=(IssueState.SENDING,))
    return [issue.id for issue in sending if issue.subject_until and issue.subject_until <= now
            and _decide(database, issue, now=now)]  # fmt: skip


def tell_test(session: Session, issue: Issue) -> SubjectsTold | None:
    """An issue's test, for who reads its numbers."""
    begun = next(iter(events.list_events(session, kind=TESTED, issue_id=issue.id)), None)
    if begun is None or "until" not in begun.data:
        return None
    ended = next(iter(events.list_events(session, kind=CHOSEN, issue_id=issue.id)), None)
    clicks = tuple(ended.data["clicks"]) if ended else _count(session, issue.id)
    first, second = begun.data["readers"]
    chosen = str(ended.data["chosen"]) if ended else None
    return SubjectsTold(readers=(first, second), clicks=clicks, until=begun.data["until"], chosen=chosen)


def _decide(database: Database, issue: Issue, *, now: datetime) -> bool:
    with database.write() as session:
        begun = next(iter(events.list_events(session, kind=TESTED, issue_id=issue.id)))
        clicks = _count(session, issue.id)
        first, second = (Trial(*pair) for pair in zip(begun.data["readers"], clicks, strict=True))
        wins = second_wins(first, second)
        moved = subject_tests.award(session, issue.id, percent=begun.data["percent"], second=wins)
        if moved is None:
            return False
        events.record(session, CHOSEN, at=now, newsletter_id=issue.newsletter_id, issue_id=issue.id,
                      chosen="second" if wins else "first", clicks=list(clicks), moved=moved)  # fmt: skip
        return True


def _count(session: Session, issue_id: int) -> tuple[int, int]:
    counts = count_clicks(session, issue_id)
    first = sum(number for (_, link), number in counts.items() if link < SECOND)
    return first, sum(counts.values()) - first
