"""What one reader's issue is for them, as things stand: what `plan`, `preview` and `explain` say alike.

 next issue, drafted ─┐
 one that is made ────┴▶ the reader's variant ─▶ its posts, and when it is due; or why nothing is sent

Nothing is decided here: each answer comes from what decides it when the issue goes out.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import dropwhile

from digest.actions.close import draft_selection
from digest.actions.next_issue import Ticket, due_for, ticket_of, why_no_reader, why_not_this
from digest.actions.variants import showing, variant_of
from digest.core.cadence import Slot
from digest.core.explain import explain_outcome
from digest.core.model import CadenceLine, Issue, IssueContent, IssuePost, Newsletter, Variant
from digest.core.people import Delivery, Subscriber
from digest.core.period import coming_slots
from digest.core.selection import Selection
from digest.core.states import ClaimState, DeliveryState, IssueState
from digest.core.zones import say_local, zone_among
from digest.errors import UsageError
from digest.store.database import Session
from digest.store.explain import Sent, issues_for
from digest.store.issues import get_issue
from digest.store.newsletters import get_cadence
from digest.store.places import list_places

_STATES = {
    IssueState.FROZEN: "made, not ready",
    IssueState.DRAFT: "waits for approval",
    IssueState.SENDING: "on its way",
    IssueState.PAUSED: "stopped",
}
_WAITS = (DeliveryState.QUEUED, DeliveryState.CLAIMED)
_NOT_SENT = (DeliveryState.SKIPPED, DeliveryState.REFUSED, DeliveryState.EXPIRED)
_NOT_SUBSCRIBED = "they are not subscribed"
_LATELY = 20
"""Issues looked at for those that are on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """An issue as one reader gets it."""

    issue: Issue  # drafted: with id 0
    variant: Variant | None = None
    content: IssueContent | None = None  # what there is for them
    why: str | None = None  # nothing is sent to them; None: `content` is
    due: datetime | None = None  # None: nobody knows, or nothing is sent
    merged: Mapping[int, int] = field(default_factory=dict)  # of a draft: post → the one that tells it
    notes: tuple[int, ...] = ()  # of a draft: posts that are the editor's note

    def is_due(self, now: datetime) -> bool:
        """Of a draft: the next turn makes it."""
        return self.issue.period_end <= now

    @property
    def posts(self) -> int:
        """How many they are sent, those that are a line of "more" with them."""
        return 0 if self.why or not self.content else len(self.content.posts) + len(self.content.more)

    @property
    def words(self) -> str:
        """What they are sent, in short."""
        if self.why or not self.content:
            return f"nothing: {self.why}"
        lines = len(self.content.more)
        return f"{self.posts} post{'' if self.posts == 1 else 's'}" + (f", {lines} of them as lines" if lines else "")

    @property
    def state(self) -> str:
        """Where a made issue stands."""
        return _STATES.get(self.issue.state, str(self.issue.state))

    def tell(self, post_id: int) -> str | None:
        """Where they find a post in it; None: nowhere."""
        if not self.content:
            return None
        if post_id in self.notes:
            return "in it, as the editor's note"
        head = self.merged.get(post_id, post_id)
        places = {
            "in it, as a line of more": self.content.more,
            'in it, under "Earlier, while you were away"': _of(self.content, "away"),
            "in it": self.content.posts,
        }
        where = next((words for words, posts in places.items() if head in {post.post_id for post in posts}), None)
        return f"{where}, with post {head}, which has the same story" if where and head != post_id else where


def look_ahead(
    session: Session, newsletter: Newsletter, line: CadenceLine, reader: Subscriber | None, *, now: datetime
) -> Outlook:
    """A line's next issue that is not made yet. `None` is nobody in particular, who gets the whole.

    Raises:
        UsageError: the line's rule or zone cannot be read.
    """
    selection = draft_selection(session, newsletter, line, now)
    slot = next(dropwhile(lambda one: one.at < selection.content.period_end, coming_slots(line)))
    issue = _drafted(newsletter, line, slot, selection.content)
    ticket = ticket_of(session, reader, newsletter) if reader else None
    kept_out = _NOT_SUBSCRIBED if reader else None
    if ticket:
        kept_out = why_no_reader(session, ticket) or why_not_this(ticket, newsletter, line, slot)
    found = _for_them(session, issue, newsletter, reader, ticket, now=now,
                      due=due_for(ticket, newsletter, slot) if ticket else None,
                      why=kept_out or _too_thin(newsletter, line, selection))  # fmt: skip
    return replace(found, merged=selection.merged, notes=selection.notes)


def look_at(
    session: Session, issue: Issue, newsletter: Newsletter, reader: Subscriber | None, *, now: datetime
) -> Outlook:
    """An issue that is made."""
    if reader is None:
        return _for_them(session, issue, newsletter, None, None, now=now)
    found = issues_for(session, newsletter_id=newsletter.id, address_key=reader.address_key, number=issue.number)
    delivery = next((sent.delivery for sent in found if sent.issue.id == issue.id), None)
    ticket = ticket_of(session, reader, newsletter)
    due, why = _fate(session, issue, delivery, newsletter, ticket, now=now)
    return _for_them(session, issue, newsletter, reader, ticket, now=now, due=due, why=why)


def list_coming(session: Session, newsletter: Newsletter, ticket: Ticket, *, now: datetime) -> tuple[Outlook, ...]:
    """The issues that are made and still to reach a reader, the oldest first."""
    key = ticket.person.address_key
    found = issues_for(session, newsletter_id=newsletter.id, address_key=key, limit=_LATELY)
    return tuple(
        look_at(session, get_issue(session, sent.issue.id), newsletter, ticket.person, now=now)
        for sent in reversed(found)
        if sent.issue.state in _STATES and _waits(sent, ticket)
    )


def foretell(session: Session, newsletter: Newsletter, ticket: Ticket, post_id: int, *, now: datetime) -> str | None:
    """Whether a post that waits in a reader's line reaches them by its next issue, in words; None: it does not wait there."""
    states = (ClaimState.PENDING,)
    line, zone = ticket.line, zone_among(ticket.person.zone, newsletter.zone)
    waits = list_places(session, newsletter_id=newsletter.id, post_id=post_id, states=states)
    here = next((place for place in waits if place.cadence == line.name), None)
    if here is None:
        return None
    try:
        outlook = look_ahead(session, newsletter, line, ticket.person, now=now)
    except UsageError as fault:
        return f"waits: {fault.message}"
    if here.effective_at >= outlook.issue.period_end:
        return (
            f"waits: it is dated {say_local(here.effective_at, zone)}, and goes into the first issue closed after that"
        )
    if outlook.why:
        return f"waits for the next issue, of which they are sent nothing: {outlook.why}"
    due = f", due {say_local(outlook.due, zone)}" if outlook.due else ""
    return f"waits for the next issue{due}: {outlook.tell(post_id) or 'left out for them, ' + _why_left_out(ticket)}"


def _why_left_out(ticket: Ticket) -> str:
    return (
        "of none of their topics"
        if ticket.tie.topics and not ticket.tie.owed
        else "of none of their topics, or they have it"
    )


def _waits(sent: Sent, ticket: Ticket) -> bool:
    if sent.delivery:
        return sent.delivery.state in _WAITS
    return sent.issue.expected is None and sent.issue.cadence_id == ticket.line.id


def _fate(
    session: Session,
    issue: Issue,
    delivery: Delivery | None,
    newsletter: Newsletter,
    ticket: Ticket | None,
    *,
    now: datetime,
) -> tuple[datetime | None, str | None]:
    """When a made issue is due to somebody, and why it is not sent to them."""
    if delivery:
        row = delivery
        waits = row.state in _WAITS
        told = explain_outcome(row.state, code=row.code, enhanced=row.enhanced, reason=row.reason, tries=row.tries)
        return max(now, row.not_before or now) if waits else None, told if row.state in _NOT_SENT else None
    if ticket is None:
        return None, _NOT_SUBSCRIBED
    if issue.expected is not None:
        return None, "no delivery was made for them"
    line = get_cadence(session, issue.cadence_id)
    slot = Slot(at=max(now, issue.approve_by or now), wall=datetime.fromisoformat(issue.slot_key))
    why = why_no_reader(session, ticket) or why_not_this(ticket, newsletter, line, slot)
    unknown = issue.state is IssueState.DRAFT and issue.approve_by is None
    return None if unknown else due_for(ticket, newsletter, slot), why


def _for_them(
    session: Session,
    issue: Issue,
    newsletter: Newsletter,
    reader: Subscriber | None,
    ticket: Ticket | None,
    *,
    now: datetime,
    due: datetime | None = None,
    why: str | None = None,
) -> Outlook:
    found = variant_of(session, issue, newsletter, reader, ticket.tie if ticket else None, now=now)
    why = why or (found if isinstance(found, str) else None)
    due = None if why else due
    if isinstance(found, str):
        return Outlook(issue=issue, why=why)
    content = showing(session, issue, newsletter, found).content
    return Outlook(issue=issue, variant=found, content=content, why=why, due=due)


def _of(content: IssueContent, kind: str) -> tuple[IssuePost, ...]:
    return tuple(post for group in content.groups if group.kind == kind for post in group.posts)


def _too_thin(newsletter: Newsletter, line: CadenceLine, selection: Selection) -> str | None:
    """Why there would be no issue (docs/semantics.md S12)."""
    if selection.stories == 0:
        return "no post waits for it yet"
    if selection.stories < newsletter.min_posts and line.rollovers < newsletter.max_rollovers:
        return f"below the minimum, {selection.stories} of {newsletter.min_posts} posts"
    return None


def _drafted(newsletter: Newsletter, line: CadenceLine, slot: Slot, content: IssueContent) -> Issue:
    return Issue(
        id=0,
        newsletter_id=newsletter.id,
        cadence_id=line.id,
        number=content.number,
        slot_key=slot.key,
        period_start=content.period_start,
        period_end=content.period_end,
        due_at=content.period_end,
        state=IssueState.FROZEN,
        merge_key=secrets.token_hex(8),  # as a real issue's: a post cannot guess it
        content=content,
    )
