"""What a reader does about one subscription, known by a signed link: leave, come back, say why.

Each verb is one transaction, durable when it returns, and safe to repeat: a reader who presses twice has left once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from digest.actions import owing
from digest.core.addresses import address_hash
from digest.core.model import Newsletter
from digest.core.people import Subscriber, Subscription
from digest.core.states import NoticeKind, SubscriptionState
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.newsletters import newsletter_of_id
from digest.store.notices import insert_notice
from digest.store.subscribers import find_subscriber_by_id
from digest.store.subscriptions import begin_again, end_subscription, find_subscription
from digest.store.suppressions import find_suppression

UNDO_WITHIN = timedelta(days=30)
"""How long after leaving a reader may take it back without a new confirmation."""

LEFT_BY_LINK = "unsubscribed"


class Reason(StrEnum):
    """Why somebody left, if they say so."""

    TOO_MANY = "too-many"
    NOT_FOR_ME = "not-for-me"
    NEVER_ASKED = "never-asked"
    LOOKS_WRONG = "looks-wrong"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A person, a newsletter, and the tie between them."""

    subscriber: Subscriber
    newsletter: Newsletter
    tie: Subscription

    @property
    def language(self) -> str:
        """That of the pages they see."""
        return self.subscriber.language or self.newsletter.language


def find_reader(session: Session, *, subscriber_id: int, newsletter_id: int) -> Reader | None:
    """Whom a signed link is about; None where they, the newsletter or the tie are gone."""
    person = find_subscriber_by_id(session, subscriber_id)
    tie = find_subscription(session, newsletter_id=newsletter_id, subscriber_id=subscriber_id)
    if person is None or tie is None:
        return None
    return Reader(subscriber=person, newsletter=newsletter_of_id(session, newsletter_id), tie=tie)


def leave(
    database: Database, *, subscriber_id: int, newsletter_id: int, now: datetime, why: str = LEFT_BY_LINK
) -> Reader | None:
    """End a subscription; what is not on the wire yet is not sent. As it then is; None where there is none (erased)."""
    with database.write() as session:
        reader = find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
        if reader is None:
            return None
        if end_subscription(session, reader.tie.id, why=why, now=now):
            _tell(session, "subscription.ended", reader, now, why=why)
            if reader.newsletter.goodbye:
                insert_notice(
                    session, kind=NoticeKind.GOODBYE, newsletter_id=newsletter_id, subscriber_id=subscriber_id, now=now
                )
        return find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)


def take_back(
    database: Database, *, subscriber_id: int, newsletter_id: int, secret: bytes, now: datetime
) -> Reader | None:
    """Undo a leaving by link, with the consent as it was; None where that is not possible (any more)."""
    with database.write() as session:
        reader = find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
        if reader is None or find_suppression(session, address_hash(secret, reader.subscriber.address)):
            return None
        if reader.tie.state is SubscriptionState.ENDED:
            if not _may_take_back(reader.tie, now):
                return None
            owing.undo_leaving(session, reader.tie, now=now)
            begin_again(session, reader.tie.id, state=SubscriptionState.ACTIVE, consent=reader.tie.consent)
            _tell(session, "subscription.begun", reader, now, state="active", how="undo")
        return find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)


def say_why(database: Database, *, subscriber_id: int, newsletter_id: int, reason: Reason, now: datetime) -> None:
    """Why they left, for the newsletter's numbers: an event, once a leaving."""
    with database.write() as session:
        reader = find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
        if reader and reader.tie.state is SubscriptionState.ENDED:
            _tell(session, "subscription.explained", reader, now, reason=str(reason))


def _may_take_back(tie: Subscription, now: datetime) -> bool:
    return tie.ended_why == LEFT_BY_LINK and tie.ended_at is not None and now - tie.ended_at <= UNDO_WITHIN


def _tell(session: Session, kind: str, reader: Reader, now: datetime, **data: Any) -> None:
    record(session, kind, at=now, newsletter_id=reader.newsletter.id, subscriber_id=reader.subscriber.id, **data)
