"""What became of an issue: who got it, who left, which posts were read on. Numbers, no names."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digest.actions.subject_tests import SubjectsTold, tell_test
from digest.core.clicks import Place, plain
from digest.core.model import Issue, Newsletter
from digest.core.states import DeliveryState
from digest.errors import NothingToDo
from digest.store.archive import next_sent_at
from digest.store.clicks import count_clicks
from digest.store.database import Session
from digest.store.events import list_between
from digest.store.sending import count_deliveries
from digest.store.suppressions import count_suppressed

LEFT, EXPLAINED, BEGUN = "subscription.ended", "subscription.explained", "subscription.begun"
COMPLAINT, UNDO = "complaint", "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostClicks:
    """How often a post was followed."""

    post_id: int
    title: str
    source: str
    clicks: int  # of the post's own link
    also: int  # of those of "also in"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueStats:
    """An issue in numbers."""

    newsletter: str
    number: int
    sent_at: datetime
    until: datetime | None  # when the next issue went out; None: it is the newest
    made: int
    deliveries: Mapping[DeliveryState, int]
    leaves: Mapping[str, int]  # by how: unsubscribed, complaint, …
    reasons: Mapping[str, int]  # what those who left said
    came_back: int  # of those who left, by undo
    complaints: int  # of those who were sent it
    is_measured: bool
    clicks: tuple[PostClicks, ...]  # most first; empty unless measured now or then
    subjects: SubjectsTold | None = None  # where two were tried


def issue_stats(session: Session, issue: Issue, newsletter: Newsletter) -> IssueStats:
    """The numbers. Leaves and complaints are those from when it began to go out until the next one did.

    Raises:
        NothingToDo: it has not begun to go out.
    """
    if issue.sending_at is None or issue.content is None or issue.number is None:
        raise NothingToDo(
            f"issue {issue.number} of {newsletter.slug} has not gone out: there is nothing to count",
            next_step=f"digest issue show {issue.number} says what it waits for",
        )
    until = next_sent_at(session, newsletter.id, after=issue.sending_at)
    span: dict[str, Any] = {"newsletter_id": newsletter.id, "since": issue.sending_at, "until": until}
    left = list_between(session, LEFT, **span)
    ways = Counter(str(event.data.get("why") or "unknown") for event in left)
    said = Counter(str(event.data.get("reason") or "other") for event in list_between(session, EXPLAINED, **span))
    complained = count_suppressed(session, issue.id, reason=COMPLAINT, since=issue.sending_at, until=until)
    undone = sum(event.data.get("how") == UNDO for event in list_between(session, BEGUN, **span))
    return IssueStats(
        newsletter=newsletter.slug, number=issue.number, sent_at=issue.sending_at, until=until,
        made=issue.expected or 0, deliveries=count_deliveries(session, issue.id), leaves=dict(ways.most_common()),
        reasons=dict(said.most_common()), came_back=undone, complaints=complained, is_measured=newsletter.measure_clicks,
        clicks=_clicks(session, issue, newsletter), subjects=tell_test(session, issue),
    )  # fmt: skip


def _clicks(session: Session, issue: Issue, newsletter: Newsletter) -> tuple[PostClicks, ...]:
    counts: Counter[Place] = Counter()
    for place, number in count_clicks(session, issue.id).items():
        counts[plain(place)] += number
    if issue.content is None or not (counts or newsletter.measure_clicks):
        return ()
    posts = [
        PostClicks(
            post_id=post.post_id, title=post.card.title, source=post.source, clicks=counts.get((post.post_id, 0), 0),
            also=sum(number for (post_id, link), number in counts.items() if post_id == post.post_id and link),
        )
        for post in (*issue.content.posts, *issue.content.more)
    ]  # fmt: skip
    return tuple(sorted(posts, key=lambda post: -(post.clicks + post.also)))
