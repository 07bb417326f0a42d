"""What a post scored in its issue, or would in the next one."""

from datetime import datetime

from digest.actions.close import draft_content
from digest.core.model import IssueContent
from digest.core.ranking import say
from digest.core.states import ClaimState
from digest.store.database import Session
from digest.store.issues import find_issue
from digest.store.newsletters import get_newsletter, list_cadences
from digest.store.places import Place


def score_of(session: Session, place: Place, *, now: datetime) -> str:
    """The sum in words, and where it stands by it; empty for a post that is in no issue and waits for none."""
    content = _content(session, place, now)
    if content is None:
        return ""
    ranked = sorted((*content.posts, *content.more), key=lambda post: (not post.pinned, -sum(post.points.values())))
    for number, post in enumerate(ranked, start=1):
        if post.post_id == place.post_id:
            pinned = "pinned, " if post.pinned else ""
            return f"{pinned}{say(post.points)}; {number} of {len(ranked)}"
    return ""


def _content(session: Session, place: Place, now: datetime) -> IssueContent | None:
    newsletter = get_newsletter(session, place.newsletter)
    if place.state is ClaimState.ISSUED and place.issue_number is not None:
        issue = find_issue(session, newsletter_id=newsletter.id, number=place.issue_number)
        return issue.content if issue else None
    if place.state is not ClaimState.PENDING:
        return None
    line = next((line for line in list_cadences(session, newsletter.id) if line.name == place.cadence), None)
    return draft_content(session, newsletter, line, now) if line else None
