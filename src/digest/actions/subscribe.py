"""One person at a time: add, end, edit, erase, suppress. Each verb is one transaction and safe to repeat.

What a person decided is stronger than what an admin or a list says: somebody who left comes back only on a new consent
of their own, a suppressed address not before the suppression is lifted.
"""

from datetime import datetime
from typing import Any

from digest.actions import owing
from digest.actions.newsletters import check_language
from digest.core.addresses import address_hash, parse_address
from digest.core.people import Consent, Subscriber, Subscription, Suppression
from digest.core.states import SubscriptionState
from digest.core.subscriber_list import clean_name
from digest.core.zones import canonical_zone
from digest.errors import Conflict, NotFound, NothingToDo, UsageError
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.subscribers import (
    erase_subscriber,
    find_subscriber,
    get_subscriber,
    insert_subscriber,
    update_subscriber,
)
from digest.store.subscriptions import begin_again, find_subscription, insert_subscription
from digest.store.subscriptions import end_subscription as end_tie
from digest.store.suppressions import delete_suppression, find_suppression, insert_suppression


def add_subscriber(
    database: Database,
    address: str,
    *,
    newsletter_id: int,
    secret: bytes,
    now: datetime,
    consent: Consent,
    state: SubscriptionState = SubscriptionState.ACTIVE,
    name: str = "",
    zone: str | None = None,
    language: str | None = None,
    again: bool = False,
) -> Subscription:
    """Subscribe a person, new or known; with `again`, also one who left and has asked to come back.

    Raises:
        UsageError: the address, zone or language is none.
        Conflict: the address is suppressed, or they left and `again` is not given.
        NothingToDo: they are subscribed already.
    """
    address, name, zone = _parse(address), clean_name(name), _check_zone(zone)
    language = check_language(language) if language else None
    with database.write() as session:
        _refuse_suppressed(session, address, secret)
        person = find_subscriber(session, address) or insert_subscriber(
            session, address=address, secret=secret, now=now, name=name, zone=zone, language=language
        )
        tie = find_subscription(session, newsletter_id=newsletter_id, subscriber_id=person.id)
        if tie is None:
            insert_subscription(
                session, newsletter_id=newsletter_id, subscriber_id=person.id, state=state, consent=consent, now=now
            )
        else:
            _come_back(session, person, tie, state=state, consent=consent, again=again, now=now)
        _tell(session, "subscription.begun", now, person, newsletter_id, state=str(state), how=consent.how)
        return _tie(session, newsletter_id, person)


def end_subscription(database: Database, address: str, *, newsletter_id: int, why: str, now: datetime) -> Subscription:
    """Unsubscribe a person, `why` in a few words ("unsubscribed", "asked by letter"); what waits is not sent.

    Raises:
        NotFound: there is no such person, or they were never subscribed.
        NothingToDo: it had ended already.
    """
    with database.write() as session:
        person = get_subscriber(session, address)
        tie = _tie(session, newsletter_id, person)
        if not end_tie(session, tie.id, why=why, now=now):
            raise NothingToDo(f"{person.address} has left already ({tie.ended_why})")
        _tell(session, "subscription.ended", now, person, newsletter_id, why=why)
        return _tie(session, newsletter_id, person)


def edit_subscriber(
    database: Database,
    address: str,
    *,
    secret: bytes,
    now: datetime,
    new_address: str | None = None,
    name: str | None = None,
    zone: str | None = None,
    language: str | None = None,
) -> Subscriber:
    """Change what is given; an empty zone or language goes back to the newsletter's. Consent and history stay.

    An issue that is being sent already still goes to the address that it began with.

    Raises:
        UsageError: the new address, zone or language is none.
        NotFound: there is no such person.
        Conflict: somebody else has the new address, or it is suppressed.
        NothingToDo: it is like that already.
    """
    given = {
        "name": None if name is None else clean_name(name),
        "zone": _check_zone(zone),
        "language": check_language(language) if language else language,
    }
    parsed = _parse(new_address) if new_address else None
    with database.write() as session:
        person = get_subscriber(session, address)
        empty = {"name": "", "zone": None, "language": None}
        wanted = {field: value or empty[field] for field, value in given.items() if value is not None}
        changes = {field: value for field, value in wanted.items() if value != getattr(person, field)}
        moved = parsed if parsed != person.address else None
        if not changes and not moved:
            raise NothingToDo(f"{person.address} is like that already")
        if moved:
            _refuse_suppressed(session, moved, secret)
        update_subscriber(session, person.id, address=moved, secret=secret, **changes)
        _tell(
            session, "subscriber.edited", now, person, None, fields=sorted([*changes, *(["address"] if moved else [])])
        )
        return get_subscriber(session, moved or person.address)


def erase(database: Database, address: str, *, secret: bytes, now: datetime) -> None:
    """Forget a person: name, address, zone, consent and subscriptions are deleted, the ledger's rows lose their name.

    A keyed hash stays as a suppression ("erased"), so that no import brings them back. It cannot be undone.

    Raises:
        NotFound: there is no such person.
    """
    with database.write() as session:
        person = get_subscriber(session, address)
        erase_subscriber(session, person.id, now=now)
        insert_suppression(session, address_hash(secret, person.address), reason="erased", now=now)
        _tell(session, "subscriber.erased", now, person, None)


def suppress(
    database: Database, address: str, *, secret: bytes, now: datetime, reason: str = "admin", note: str | None = None
) -> None:
    """Never mail this address again, whether or not it is in a list; only its keyed hash is kept.

    Raises:
        UsageError: it is no address.
        NothingToDo: it is suppressed already.
    """
    address = _parse(address)
    with database.write() as session:
        hashed = address_hash(secret, address)
        if not insert_suppression(session, hashed, reason=reason, note=note, now=now):
            found = find_suppression(session, hashed)
            raise NothingToDo(f"{address} is suppressed already ({found.reason if found else reason})")
        if person := find_subscriber(session, address):
            _tell(session, "subscriber.suppressed", now, person, None, reason=reason)


def unsuppress(database: Database, address: str, *, secret: bytes, now: datetime) -> str:
    """Allow the address again; subscriptions that had not ended go on. Returns the reason that it was suppressed for.

    Raises:
        UsageError: it is no address.
        NothingToDo: it is not suppressed.
    """
    address = _parse(address)
    with database.write() as session:
        found = get_suppression(session, address, secret=secret)
        delete_suppression(session, address_hash(secret, address))
        if person := find_subscriber(session, address):
            _tell(session, "subscriber.unsuppressed", now, person, None, reason=found.reason)
        return found.reason


def get_suppression(session: Session, address: str, *, secret: bytes) -> Suppression:
    """Why and since when an address is never mailed.

    Raises:
        UsageError: it is no address.
        NothingToDo: it is not suppressed.
    """
    address = _parse(address)
    if found := find_suppression(session, address_hash(secret, address)):
        return found
    raise NothingToDo(f"{address} is not suppressed")


def _come_back(
    session: Session,
    person: Subscriber,
    tie: Subscription,
    *,
    state: SubscriptionState,
    consent: Consent,
    again: bool,
    now: datetime,
) -> None:
    if tie.state is not SubscriptionState.ENDED:
        step = f"digest subscriber edit {person.address} changes the name, zone or language"
        raise NothingToDo(f"{person.address} is subscribed already ({tie.state})", next_step=step)
    if not again:
        when = f" on {tie.ended_at:%Y-%m-%d}" if tie.ended_at else ""
        raise Conflict(
            f"{person.address} has left{when} ({tie.ended_why})",
            next_step="if they asked to come back, say so: add --again",
        )
    owing.come_back(session, tie, tie.cadence_id, now=now)
    begin_again(session, tie.id, state=state, consent=consent)


def _refuse_suppressed(session: Session, address: str, secret: bytes) -> None:
    if found := find_suppression(session, address_hash(secret, address)):
        raise Conflict(
            f"{address} is suppressed ({found.reason}, {found.created_at:%Y-%m-%d}) and is never mailed",
            next_step=f"if they asked for mail again: digest subscriber unsuppress {address}",
        )


def _tie(session: Session, newsletter_id: int, person: Subscriber) -> Subscription:
    tie = find_subscription(session, newsletter_id=newsletter_id, subscriber_id=person.id)
    if tie is None:
        step = f"digest subscriber show {person.address} tells which newsletters they get"
        raise NotFound(f"{person.address} was never subscribed to this newsletter", next_step=step)
    return tie


def _tell(
    session: Session, kind: str, now: datetime, person: Subscriber, newsletter_id: int | None, **data: Any
) -> None:
    record(session, kind, at=now, newsletter_id=newsletter_id, subscriber_id=person.id, **data)


def _parse(address: str) -> str:
    try:
        return parse_address(address)
    except ValueError as error:
        raise UsageError(f"{address!r} is no address: {error}", next_step="write it like anna@example.org") from None


def _check_zone(zone: str | None) -> str | None:
    return canonical_zone(zone) if zone else zone
