"""Two subjects on trial: whether an issue has them, who tries them, and which one the others get.

render both ─▶ split the readers ─▶ the hours pass ─▶ clicks ─▶ the better one for those who wait
"""

from collections.abc import Sequence
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

    readers: tuple[int, int]  # of the first and of the second subject: who are to try it, then who were sent it
    clicks: tuple[int, int]
    until: datetime  # when it is decided
    chosen: str | None  # "first" or "second"; None: not yet


def has_two(issue: Issue, newsletter: Newsletter, *, counts: bool) -> bool:
    """Whether two subjects are to be rendered: asked for, clicks are counted, and there are two posts to name it after."""
    titled = [post for post in issue.content.posts if not post.card.title_made] if issue.content else []
    return bool(newsletter.test_subjects and newsletter.measure_clicks and counts and len(titled) > 1)


def begin_test(session: Session, issue_id: int, *, now: datetime) -> None:
    """Split the deliveries that were just made, if there are two subjects and enough readers for a sample.

    Where readers' own clocks count, the hours begin with the wave by which enough of the sample are due.
    """
    newsletter_id = issue_in_short(session, issue_id).newsletter_id
    newsletter = newsletter_of_id(session, newsletter_id)
    percent = newsletter.test_subjects
    if not percent or not subject_tests.has_second(session, issue_id):
        return
    sample = subject_tests.list_sample(session, issue_id, percent=percent, now=now)
    begins = _begins(sample)
    if begins is None:
        events.record(session, TESTED, at=now, newsletter_id=newsletter_id, issue_id=issue_id, readers=[0, 0],
                      reason=f"fewer than {LEAST} readers for each subject")  # fmt: skip
        return
    until = begins + timedelta(hours=newsletter.test_subject_hours)
    subject_tests.split(session, issue_id, percent=percent, begins=begins, until=until, now=now)
    tried = [one for one in sample if one.at < until]
    readers = [sum(one.first for one in tried), sum(one.second for one in tried)]
    events.record(session, TESTED, at=now, newsletter_id=newsletter_id, issue_id=issue_id, readers=readers,
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
    first, second = (ended.data.get("readers") if ended else None) or begun.data["readers"]
    chosen = str(ended.data["chosen"]) if ended else None
    return SubjectsTold(
        readers=(first, second), clicks=clicks, until=datetime.fromisoformat(begun.data["until"]), chosen=chosen
    )


def _decide(database: Database, issue: Issue, *, now: datetime) -> bool:
    with database.write() as session:
        readers, clicks = subject_tests.count_tried(session, issue.id), _count(session, issue.id)
        first, second = (Trial(*pair) for pair in zip(readers, clicks, strict=True))
        wins = second_wins(first, second)
        moved = subject_tests.award(session, issue.id, second=wins)
        if moved is None:
            return False
        events.record(session, CHOSEN, at=now, newsletter_id=issue.newsletter_id, issue_id=issue.id,
                      chosen="second" if wins else "first", readers=list(readers), clicks=list(clicks), moved=moved)  # fmt: skip
        return True


def _begins(sample: Sequence[subject_tests.Sampled]) -> datetime | None:
    """When the sample is large enough; None: it never is."""
    first = second = 0
    for one in sample:
        first, second = first + one.first, second + one.second
        if min(first, second) >= LEAST:
            return one.at
    return None


def _count(session: Session, issue_id: int) -> tuple[int, int]:
    counts = count_clicks(session, issue_id)
    first = sum(number for (_, link), number in counts.items() if link < SECOND)
    return first, sum(counts.values()) - first
