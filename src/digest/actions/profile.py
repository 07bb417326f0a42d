"""A person's own page: what is theirs, and what they change about themselves, known by a signed link.

Each verb is one transaction and safe to repeat; None where the person is gone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digest.actions import owing
from digest.actions.subscribe import edit_subscriber
from digest.core.addresses import address_hash
from digest.core.model import CadenceLine, Newsletter, Topic
from digest.core.people import Consent, Subscriber, Subscription
from digest.core.signups import has_door
from digest.core.states import SubscriptionState
from digest.errors import NothingToDo
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.newsletters import list_cadences, list_newsletters
from digest.store.signups import confirm_subscription
from digest.store.subscribers import find_subscriber_by_id
from digest.store.subscriptions import begin_again, find_subscription, insert_subscription, list_subscriptions
from digest.store.suppressions import find_suppression
from digest.store.topics import list_topics

HOW = "preferences"
"""The consent of who subscribes on their own page: the link to it came to their address, which confirms it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A newsletter of this sender as one person may choose it."""

    newsletter: Newsletter
    tie: Subscription | None  # None: never subscribed
    cadences: tuple[CadenceLine, ...]
    topics: tuple[Topic, ...]

    @property
    def is_active(self) -> bool:
        """Whether it is sent to them, now or after a pause."""
        return self.tie is not None and self.tie.state is SubscriptionState.ACTIVE

    @property
    def cadence_id(self) -> int | None:
        """By which cadence they get it."""
        first = self.cadences[0].id if self.cadences else None
        return self.tie.cadence_id or first if self.tie else first


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A person, and every newsletter of this sender; theirs first."""

    subscriber: Subscriber
    choices: tuple[Choice, ...]
    is_suppressed: bool = False

    @property
    def main(self) -> Newsletter | None:
        """The newsletter in whose look their page comes: the first that they get, or ever got."""
        ranked = sorted(self.choices, key=lambda one: (not one.is_active, one.tie is None))
        return ranked[0].newsletter if ranked else None

    @property
    def language(self) -> str:
        """That of the pages they see."""
        return self.subscriber.language or (self.main.language if self.main else "en")

    def choice_of(self, slug: str) -> Choice | None:
        """Their choice of the newsletter with this slug."""
        return next((one for one in self.choices if one.newsletter.slug == slug), None)


def find_profile(session: Session, *, subscriber_id: int, secret: bytes) -> Profile | None:
    """Whom a preferences link is about."""
    person = find_subscriber_by_id(session, subscriber_id)
    if person is None:
        return None
    ties = {tie.newsletter_id: tie for tie in list_subscriptions(session, person.id)}
    choices = [
        Choice(
            newsletter=one,
            tie=ties.get(one.id),
            cadences=list_cadences(session, one.id),
            topics=list_topics(session, one.id),
        )
        for one in list_newsletters(session)
        if one.id in ties or has_door(one)
    ]
    choices.sort(key=lambda one: (not one.is_active, one.tie is None))
    suppressed = find_suppression(session, address_hash(secret, person.address)) is not None
    return Profile(subscriber=person, choices=tuple(choices), is_suppressed=suppressed)


def describe(
    database: Database, profile: Profile, *, secret: bytes, now: datetime, name: str, language: str, zone: str
) -> None:
    """Change how a person is called, their language and zone; empty ones are the newsletter's.

    Raises:
        UsageError: the zone or language is none.
    """
    try:
        edit_subscriber(
            database, profile.subscriber.address, secret=secret, now=now, name=name, language=language, zone=zone
        )
    except NothingToDo:
        return


def subscribe(database: Database, profile: Profile, choice: Choice, *, text: str, origin: str, now: datetime) -> bool:
    """Subscribe to another newsletter of the sender, on these words; False where the address is suppressed."""
    if profile.is_suppressed:
        return False
    ids: dict[str, Any] = {"newsletter_id": choice.newsletter.id, "subscriber_id": profile.subscriber.id}
    consent = Consent(at=now, how=HOW, origin=origin, text=text, confirmed_at=now)
    active = SubscriptionState.ACTIVE
    with database.write() as session:
        if find_subscriber_by_id(session, profile.subscriber.id) is None:
            return False
        tie = find_subscription(session, **ids)
        if tie is None:
            begun = insert_subscription(session, **ids, state=active, consent=consent, now=now)
        elif tie.state is SubscriptionState.PENDING:
            owing.come_back(session, tie, tie.cadence_id, now=now)
            if confirm_subscription(session, tie.id, now=now):
                record(session, "subscription.confirmed", at=now, **ids, how=HOW)
            return True
        else:
            owing.come_back(session, tie, tie.cadence_id, now=now)
            begun = begin_again(session, tie.id, state=active, consent=consent)
        if begun:
            record(session, "subscription.begun", at=now, **ids, state=str(active), how=HOW)
    return True
