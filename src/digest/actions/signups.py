"""Joining: a sign-up is kept, decided about off the request, confirmed by its reader, or forgotten.

    form ─▶ ask: counted, kept ─▶ decide: caps ─▶ pending + confirmation ─▶ confirm: active + welcome
                                             └▶ already, or nothing      └▶ two weeks later: forgotten

`ask` does the same work for every address: what is known of it is looked up later, by whoever sends notices.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from digest.actions import owing
from digest.actions.readers import Reader, find_reader
from digest.core.addresses import address_hash
from digest.core.people import Subscriber, Subscription
from digest.core.signups import FORGET_AFTER, Caps, Limit, Signup, decide
from digest.core.states import NoticeKind, SubscriptionState
from digest.errors import DigestError
from digest.store import signups as store
from digest.store import tallies
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.newsletters import newsletter_of_id
from digest.store.notices import insert_notice
from digest.store.owed import hold_still
from digest.store.subscribers import find_subscriber, insert_subscriber, update_subscriber
from digest.store.subscriptions import find_subscription, insert_subscription, list_subscriptions
from digest.store.suppressions import find_suppression

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Sign-ups decided in one transaction."""


@dataclass(slots=True)
class Decided:
    """What became of sign-ups."""

    confirmations: int = 0
    already: int = 0
    nothing: int = 0
    beyond_caps: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.confirmations + self.already + self.nothing + self.beyond_caps


class _BeyondError(Exception):
    """One of the caps is reached: what was counted for it is taken back."""


def ask(database: Database, signup: Signup, *, network: str, caps: Caps, key: bytes) -> timedelta | None:
    """Keep a sign-up, durably; how long to wait where its network (/24, /64) asks too often.

    Which statements run depends on nothing but the network: no reply tells who is known here.
    """
    limit = caps.at_the_door(key, network)
    with database.write() as session:
        wait = tallies.take(session, limit.name, limit=limit.most, per=limit.per, now=signup.asked_at)
        if wait is None:
            store.insert_signup(session, signup)
    return wait


def decide_signups(database: Database, *, caps: Caps, key: bytes, now: datetime) -> Decided:
    """Decide about all that wait. Each is gone in the transaction that decides it, so that nobody else does."""
    done = Decided()
    while _decide_some(database, done, caps=caps, key=key, now=now):
        pass
    if done.beyond_caps:
        log.warning("sign-ups beyond the caps were dropped", extra={"number": done.beyond_caps})
    return done


def confirm(
    database: Database, *, subscriber_id: int, newsletter_id: int, caps: Caps, key: bytes, now: datetime
) -> Reader | None:
    """The reader's own word: from pending to active, with a welcome. Done again, nothing changes.

    As it then is: one who has left since stays so. None where there is nothing to confirm (any more).
    """
    with database.write() as session:
        reader = find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
        if reader is None or find_suppression(session, address_hash(key, reader.subscriber.address)):
            return None
        if store.confirm_subscription(session, reader.tie.id, now=now):
            owing.come_back(session, reader.tie, reader.tie.cadence_id, now=now)
            _tell(session, "subscription.confirmed", now, reader.subscriber.id, newsletter_id)
            insert_notice(
                session, kind=NoticeKind.WELCOME, newsletter_id=newsletter_id, subscriber_id=subscriber_id, now=now
            )
            for limit in caps.of_address(key, reader.subscriber.address):
                tallies.begin_anew(session, limit.name)
        return find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)


def ask_again(
    database: Database, *, subscriber_id: int, newsletter_id: int, network: str, caps: Caps, key: bytes, now: datetime
) -> timedelta | None:
    """A new link for one that is over: the same sign-up once more, with the consent as it was given then."""
    with database.read() as session:
        reader = find_reader(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
    if reader is None or reader.tie.state is not SubscriptionState.PENDING:
        return None
    given = reader.tie.consent
    signup = Signup(
        newsletter_id=newsletter_id, address=reader.subscriber.address, cadence_id=reader.tie.cadence_id,
        topics=reader.tie.topics, language=reader.subscriber.language, zone=reader.subscriber.zone, asked_at=now,
        network=given.origin, page=given.page, text=given.text or "", version=given.version or "",
    )  # fmt: skip
    return ask(database, signup, network=network, caps=caps, key=key)


def tidy(database: Database, *, now: datetime) -> int:
    """Forget what nobody confirmed, and counts that are over; how many subscriptions were forgotten."""
    forgotten = 0
    with database.write() as session:
        tallies.forget_old(session, now=now)
        for tie in store.list_unconfirmed(session, before=now - FORGET_AFTER, limit=1000):
            store.forget_subscription(session, tie)
            _tell(session, "subscription.forgotten", now, tie.subscriber_id, tie.newsletter_id)
            forgotten += 1
    return forgotten


def has_signups(database: Database) -> bool:
    """Whether any waits."""
    with database.read() as session:
        return store.has_signup(session)


def _decide_some(database: Database, done: Decided, *, caps: Caps, key: bytes, now: datetime) -> bool:
    """Whether there may be more."""
    with database.write() as session:
        taken = store.take_signups(session, limit=AT_ONCE)
        for signup in taken:
            try:
                with session.begin_nested():
                    _decide_one(session, signup, done, caps=caps, key=key, now=now)
            except _BeyondError:
                done.beyond_caps += 1
            except DigestError as fault:  # one that cannot be kept holds no other back
                done.nothing += 1
                log.error("a sign-up cannot be kept", extra={"problem": type(fault).__name__})  # noqa: TRY400
    return len(taken) == AT_ONCE


def _decide_one(session: Session, signup: Signup, done: Decided, *, caps: Caps, key: bytes, now: datetime) -> None:
    """Load, decide, record.

    Raises:
        _BeyondError: a cap is reached; nothing is kept.
    """
    _count(session, caps.of(key, signup.address), now)
    newsletter = newsletter_of_id(session, signup.newsletter_id)
    person = find_subscriber(session, signup.address)
    tie = find_subscription(session, newsletter_id=newsletter.id, subscriber_id=person.id) if person else None
    is_suppressed = find_suppression(session, address_hash(key, signup.address)) is not None
    kind = decide(newsletter, tie, is_suppressed=is_suppressed)
    if kind is None:
        done.nothing += 1
        return
    if kind is NoticeKind.CONFIRM:
        person = _keep(session, signup, person, tie, key=key, now=now)
        done.confirmations += 1
    else:
        done.already += 1
    assert person is not None
    insert_notice(session, kind=kind, newsletter_id=newsletter.id, subscriber_id=person.id, now=now)


def _count(session: Session, limits: tuple[Limit, ...], now: datetime) -> None:
    for limit in limits:
        if tallies.take(session, limit.name, limit=limit.most, per=limit.per, now=now) is not None:
            raise _BeyondError


def _keep(
    session: Session, signup: Signup, person: Subscriber | None, tie: Subscription | None, *, key: bytes, now: datetime
) -> Subscriber:
    """A pending subscription with these wishes. What an active reader chose is nobody else's to change."""
    if person is None:
        person = insert_subscriber(
            session, address=signup.address, secret=key, now=now, zone=signup.zone, language=signup.language
        )
    elif not any(one.state is SubscriptionState.ACTIVE for one in list_subscriptions(session, person.id)):
        update_subscriber(
            session, person.id, zone=signup.zone or person.zone, language=signup.language or person.language
        )
    before: dict[str, Any] = {}
    if tie is None:
        insert_subscription(
            session, newsletter_id=signup.newsletter_id, subscriber_id=person.id, state=SubscriptionState.PENDING,
            consent=signup.consent, now=now, cadence_id=signup.cadence_id, topics=signup.topics,
        )  # fmt: skip
    else:
        hold_still(session, signup.newsletter_id)
        owing.come_back(session, tie, signup.cadence_id, now=now)
        store.ask_for_confirmation(
            session, tie.id, consent=signup.consent, cadence_id=signup.cadence_id, topics=signup.topics
        )
        before = {"before": _earlier(tie)}
    _tell(session, "subscription.asked", now, person.id, signup.newsletter_id, **before)
    return person


def _earlier(tie: Subscription) -> dict[str, Any]:
    """What the new consent replaces, for whoever must show it one day."""
    given = tie.consent
    moments = {"at": given.at, "confirmed_at": given.confirmed_at, "ended_at": tie.ended_at}
    return {"state": str(tie.state), "how": given.how, **{name: at.isoformat() for name, at in moments.items() if at}}


def _tell(session: Session, kind: str, now: datetime, subscriber_id: int, newsletter_id: int, **data: Any) -> None:
    record(session, kind, at=now, newsletter_id=newsletter_id, subscriber_id=subscriber_id, **data)
