"""What the ledger and the claims say of what a reader is owed (core/owed): read in the transaction that decides by it."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, false, func, insert, literal, null, or_, select, update
from sqlmodel import Session

from digest.core.model import Issue, IssuePost
from digest.core.owed import Due, Mark, Owed, Place, Told, due_of, owed_text, read_owed
from digest.core.states import ClaimState, DeliveryState, IssueState, SubscriptionState
from digest.store.claims import BATCH, MAY_GO_OUT
from digest.store.issues import get_issue
from digest.store.newsletters import get_cadence
from digest.store.people_tables import DeliveryRow, EventRow, SubscriptionRow
from digest.store.statements import changed_rows
from digest.store.stories import first_seen, stories_of
from digest.store.tables import CadenceRow, ClaimRow, IssueRow, NewsletterRow, PostRow, VariantRow

_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]
_variant = VariantRow.__table__  # type: ignore[attr-defined]
_claim = ClaimRow.__table__  # type: ignore[attr-defined]
_post = PostRow.__table__  # type: ignore[attr-defined]
_cadence = CadenceRow.__table__  # type: ignore[attr-defined]
_event = EventRow.__table__  # type: ignore[attr-defined]


def hold_still(session: Session, newsletter_id: int) -> None:
    """No issue of the newsletter begins to go out before the caller's transaction is over: what it decides by stays true.

    Readers do not wait for each other. On SQLite the writing transaction holds the whole database already.
    """
    session.execute(select(_newsletter.c.id).where(_newsletter.c.id == newsletter_id).with_for_update(read=True))


def hold_readers(session: Session, newsletter_id: int) -> None:
    """The other side of `hold_still`, for who makes an issue's deliveries. New subscriptions need not wait for it."""
    session.execute(select(_newsletter.c.id).where(_newsletter.c.id == newsletter_id).with_for_update(key_share=True))


def served_by(session: Session, cadence_id: int, *, now: datetime) -> Owed:
    """What a line's readers have been told by it: all up to its newest issue that has gone out."""
    line = _issue.c.cadence_id == cadence_id
    sent = select(_issue.c.id, _issue.c.period_end).where(line, _issue.c.expected.is_not(None))
    newest = session.execute(sent.order_by(_issue.c.id.desc()).limit(1)).first()
    if newest is None:
        began = session.execute(select(func.min(_issue.c.period_start)).where(line)).scalar()
        started = began or get_cadence(session, cadence_id).started_at  # a new rule moves that on: what waits is older
        waits = and_(_claim.c.cadence_id == cadence_id, _claim.c.state == str(ClaimState.PENDING))
        oldest = session.execute(select(func.min(_claim.c.effective_at)).where(waits)).scalar()
        until = min(filter(None, (started, oldest, now)))
        return Owed(marks=(Mark(line=cadence_id, issue=0, until=until),))
    waiting = select(_issue.c.id).where(
        line, _issue.c.id < newest.id, _issue.c.expected.is_(None), _issue.c.state.in_(MAY_GO_OUT)
    )
    return Owed(
        marks=(Mark(line=cadence_id, issue=newest.id, until=newest.period_end),),
        waiting=tuple(session.execute(waiting.order_by(_issue.c.id)).scalars()),
    )


def dues_of(session: Session, issue: Issue, texts: Collection[str]) -> dict[str, Due | None]:
    """What an issue is for those who carry these texts (core/owed)."""
    values = {text: owed for text in texts if (owed := read_owed(text))}
    if not values:
        return {}
    told = _told_up_to(session, issue, tuple(values.values()))
    posts = {one.post for one in told}
    stories = stories_of(session, issue.newsletter_id, posts, content=issue.content)
    first = first_seen(session, stories)
    places = _places_of(session, issue.newsletter_id, posts.union(*stories.values()))
    own = {post for post, where in places.items() if any(place.line == issue.cadence_id for place in where)}
    told = tuple(
        one._replace(seen_at=first.get(one.post, one.seen_at))
        for one in told
        if not one.line or own.isdisjoint(stories.get(one.post, ()))  # else told here, by another post of its story
    )
    return {
        text: due_of(owed, issue=issue.id, period_end=issue.period_end, told=told, places=places, stories=stories)
        for text, owed in values.items()
    }


def posts_told(session: Session, issue: Issue, post_ids: Collection[int]) -> tuple[IssuePost, ...]:
    """Posts of other issues, as these froze them: of this one's line, or of another where that one never tells them."""
    found: dict[int, int] = {}
    ours = _cadence.c.id == issue.cadence_id
    for batch in _batches(post_ids):
        query = (
            select(_claim.c.post_id, _claim.c.issue_id)
            .join(_cadence, _cadence.c.id == _claim.c.cadence_id)
            .where(_cadence.c.newsletter_id == issue.newsletter_id, _claim.c.issue_id.is_not(None))
            .where(_claim.c.post_id.in_(batch))
            .order_by(case((ours, 1), else_=0), _claim.c.id)
        )
        found.update((row.post_id, row.issue_id) for row in session.execute(query))  # the last one counts
    contents = {one: get_issue(session, one).content for one in sorted({*found.values()} - {issue.id})}
    posts = ((one, post) for one, content in contents.items() if content for post in (*content.posts, *content.more))
    return tuple(post for one, post in posts if found.get(post.post_id) == one)


def told_owed(session: Session, issue_id: int, *, now: datetime) -> None:
    """After an issue's deliveries are made: what its readers were owed is told them. A line of the log for each."""
    issue = get_issue(session, issue_id)
    these = (
        _subscription.c.newsletter_id == issue.newsletter_id,
        _subscription.c.owed.is_not(None),
        exists().where(_delivery.c.issue_id == issue_id, _delivery.c.subscriber_id == _subscription.c.subscriber_id),
    )
    if session.execute(select(_subscription.c.id).where(*these).limit(1)).first() is None:
        return
    _log_owed(session, issue, these, now=now)
    served = served_by(session, issue.cadence_id, now=now)
    if served.waiting:  # older issues of the line that are still to come must not tell again what they have
        texts = tuple(session.execute(select(_subscription.c.owed).where(*these).distinct()).scalars())
        for text in texts:
            left = owed.served(served.marks[0], unsent=served.waiting) if (owed := read_owed(text)) else None
            same = update(_subscription).where(*these, _subscription.c.owed == text)
            session.execute(same.values(owed=owed_text(left) or None))
    else:
        session.execute(update(_subscription).where(*these).values(owed=None))


def take_back(session: Session, *, newsletter_id: int, subscriber_id: int, now: datetime) -> frozenset[int]:
    """A reader's deliveries of a newsletter that wait are skipped, as paused; the posts that they had.

    One that is claimed, too: its owner then fails at the mark. What is in flight may be with the server already.
    """
    ours = select(_issue.c.id).where(_issue.c.newsletter_id == newsletter_id)
    moved = session.execute(
        update(_delivery)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.issue_id.in_(ours),
            or_(_delivery.c.state == str(DeliveryState.QUEUED), _delivery.c.state == str(DeliveryState.CLAIMED)),
        )
        .values(state=str(DeliveryState.SKIPPED), reason="paused", lease_until=None, settled_at=now)
        .returning(_delivery.c.issue_id, _delivery.c.variant_id)
    )
    return frozenset(post for row in moved.all() for post in _posts_of(session, row.issue_id, row.variant_id))


def owed_before(session: Session, *, newsletter_id: int, subscriber_id: int, taken_at: datetime) -> Owed | None:
    """What a reader was owed when the first of those deliveries was made that a pause has just taken back."""
    taken = select(_delivery.c.issue_id).where(
        _delivery.c.subscriber_id == subscriber_id, _delivery.c.reason == "paused", _delivery.c.settled_at == taken_at
    )
    query = select(_event.c.data).where(
        _event.c.kind == "delivery.owed", _event.c.newsletter_id == newsletter_id,
        _event.c.subscriber_id == subscriber_id, _event.c.issue_id.in_(taken),
    )  # fmt: skip
    row = session.execute(query.order_by(_event.c.id).limit(1)).first()
    return read_owed(row.data["owed"]) if row else None


def give_back(session: Session, delivery_ids: Collection[int]) -> None:
    """Deliveries that were turned away because of a pause: in flight when it began, and deferred. Their posts are owed."""
    if not delivery_ids:
        return
    query = (
        select(_delivery.c.issue_id, _delivery.c.variant_id, _subscription.c.id, _subscription.c.owed)
        .join(_issue, _issue.c.id == _delivery.c.issue_id)
        .join(
            _subscription,
            and_(
                _subscription.c.newsletter_id == _issue.c.newsletter_id,
                _subscription.c.subscriber_id == _delivery.c.subscriber_id,
            ),
        )
        .where(_delivery.c.id.in_(delivery_ids))
    )
    for issue_id, variant_id, subscription_id, text in session.execute(query).all():
        if owed := read_owed(text or ""):
            kept = owed.took(_posts_of(session, issue_id, variant_id))
            session.execute(
                update(_subscription).where(_subscription.c.id == subscription_id).values(owed=owed_text(kept))
            )


def _posts_of(session: Session, issue_id: int, variant_id: int | None) -> Iterator[int]:
    """Those of an issue, or of its variant."""
    columns = (_variant.c.shown, _variant.c.earlier, _variant.c.away)
    row = session.execute(select(*columns).where(_variant.c.id == variant_id)).first()
    if row is None or row.shown is None:
        issued = and_(_claim.c.issue_id == issue_id, _claim.c.state == str(ClaimState.ISSUED))
        yield from session.execute(select(_claim.c.post_id).where(issued)).scalars()
    for some in row or ():
        yield from some or ()


def carry_over(session: Session, cadence_ids: Iterable[int | None], owed: Owed) -> int:
    """Write down what the readers of these cadences were told, before they go over to another one. How many those are.

    Who carries something already carries that on; who never was a reader has been told nothing.
    """
    chosen = [_subscription.c.cadence_id == one if one is not None else _subscription.c.cadence_id.is_(null())
              for one in cadence_ids]  # fmt: skip
    was_one = or_(_subscription.c.state == str(SubscriptionState.ACTIVE), _subscription.c.ended_at.is_not(None))
    these = update(_subscription).where(or_(*chosen), was_one, _subscription.c.owed.is_(None))
    return changed_rows(session, these.values(owed=owed_text(owed)))


def _told_up_to(session: Session, issue: Issue, values: Collection[Owed]) -> tuple[Told, ...]:
    """What the issue's line has told in it, and in those others that went out and may matter to one of these."""
    until = min(owed.until for owed in values)
    newest = min((owed.marks[-1].issue for owed in values if owed.marks[-1].issue), default=None)
    later = _issue.c.id > newest if newest else false()
    waiting = sorted({one for owed in values for one in owed.waiting})
    taken = sorted({one for owed in values for one in owed.taken})
    sent = and_(_issue.c.expected.is_not(None), _issue.c.state != str(IssueState.CANCELLED))
    missed = _claim.c.post_id.in_(_same_stories(session, issue.newsletter_id, taken=taken, waiting=waiting))
    here = _claim.c.cadence_id == issue.cadence_id
    followed = {mark.line for owed in values for mark in owed.marks} - {issue.cadence_id}
    elsewhere = (
        and_(_claim.c.cadence_id.in_(sorted(followed)), _never_told_by(issue.cadence_id)) if followed else false()
    )
    query = (
        select(
            _claim.c.post_id, _post.c.seen_at, _claim.c.issue_id, _issue.c.period_end,
            case((here, 0), else_=_claim.c.cadence_id),
        )
        .join(_issue, _issue.c.id == _claim.c.issue_id)
        .join(_post, _post.c.id == _claim.c.post_id)
        .where(
            or_(here, elsewhere),
            _claim.c.state == str(ClaimState.ISSUED),
            _post.c.note.is_(False),
            _issue.c.id != issue.id,
            and_(sent, or_(_issue.c.period_end > until, later, missed)),
        )
    )  # fmt: skip
    # Its own from its content: of a preview nothing is claimed yet. When those were first seen does not matter.
    posts = (*issue.content.posts, *issue.content.more) if issue.content else ()
    own = [Told(post.post_id, post.at, issue.id, issue.period_end) for post in posts]
    return (*own, *(Told._make(row) for row in session.execute(query)))


def _never_told_by(cadence_id: int) -> Any:
    """A claim whose post this line has never had to tell: it was older than the line, or than its source there."""
    same = _claim.alias()
    has_it = exists().where(
        same.c.cadence_id == cadence_id, same.c.post_id == _claim.c.post_id, same.c.state != str(ClaimState.BASELINE)
    )
    return ~has_it


def _same_stories(
    session: Session, newsletter_id: int, *, taken: Collection[int], waiting: Collection[int]
) -> list[int]:
    """Posts that were taken back or are in issues that wait, and those by which another line may have told the same."""
    posts = {*taken, *session.execute(select(_claim.c.post_id).where(_claim.c.issue_id.in_(waiting))).scalars()}
    return sorted(posts.union(*stories_of(session, newsletter_id, posts).values()))


def _places_of(session: Session, newsletter_id: int, post_ids: Collection[int]) -> dict[int, list[Place]]:
    """The newsletter's lines and issues that told these posts as cards of their own."""
    places: dict[int, list[Place]] = {}
    for batch in _batches(post_ids):
        query = (
            select(_claim.c.post_id, _claim.c.cadence_id, _claim.c.issue_id)
            .join(_cadence, _cadence.c.id == _claim.c.cadence_id)
            .where(
                _cadence.c.newsletter_id == newsletter_id,
                _claim.c.post_id.in_(batch),
                _claim.c.state == str(ClaimState.ISSUED),
            )
        )
        for post, line, issue in session.execute(query):
            places.setdefault(post, []).append(Place(line, issue))
    return places


def _log_owed(session: Session, issue: Issue, which: tuple[Any, ...], *, now: datetime) -> None:
    """Why these readers' issue is another one than the others': `digest explain` tells it long after."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    data = (func.json_build_object if is_postgres else func.json_object)("owed", _subscription.c.owed)
    rows = select(
        literal(now, _event.c.at.type), literal("delivery.owed"), literal(issue.newsletter_id), literal(issue.id),
        _subscription.c.subscriber_id, data,
    )  # fmt: skip
    columns = ("at", "kind", "newsletter_id", "issue_id", "subscriber_id", "data")
    session.execute(insert(_event).from_select(columns, rows.where(*which)))


def _batches(ids: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))
