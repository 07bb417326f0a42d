"""Another address for a person: asked on their page, confirmed from the old address and from the new one, then made.

Whether the new address may be had (it is free, and not suppressed) is nobody's business: answer and mail to the old one
are the same. Nobody gets more than one such mail a day, however many ask for their address.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from digest.actions.notices import enqueue
from digest.actions.profile import Profile
from digest.core.addresses import address_hash, address_key, parse_address
from digest.core.limits import whose
from digest.core.model import Newsletter
from digest.core.people import Subscriber
from digest.core.states import NoticeKind
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.moves import Move, drop_move, find_move, put_move, say_yes
from digest.store.newsletters import newsletter_of_id
from digest.store.subscribers import find_subscriber, find_subscriber_by_id, update_subscriber
from digest.store.suppressions import find_suppression
from digest.store.tallies import take

_DAY = timedelta(days=1)


class Stands(Enum):
    """How a change stands after one end has confirmed it."""

    WAITS = "waits"  # for the other end
    MADE = "made"
    REFUSED = "refused"  # somebody else has the address meanwhile, or it is suppressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A change that waits, and whose it is."""

    move: Move
    subscriber: Subscriber
    newsletter: Newsletter

    @property
    def language(self) -> str:
        """That of the pages they see."""
        return self.subscriber.language or self.newsletter.language


def ask_to_move(database: Database, profile: Profile, address: str, *, secret: bytes, now: datetime) -> None:
    """Write to both addresses; to the new one only where it may be had.

    Raises:
        ValueError: it is no address, or the one that they have; in words.
    """
    wanted, person, newsletter = parse_address(address), profile.subscriber, profile.main
    if address_key(wanted) == person.address_key or newsletter is None:
        raise ValueError("it is your address already")
    with database.write() as session:
        ids: dict[str, Any] = {"subscriber_id": person.id, "newsletter_id": newsletter.id}
        put_move(session, address=wanted, now=now, **ids)
        enqueue(session, NoticeKind.MOVE_FROM, now=now, **ids)
        if _is_free(session, wanted, secret) and _may_be_asked(session, wanted, secret, now):
            enqueue(session, NoticeKind.MOVE_TO, now=now, address=wanted, **ids)


def find_moving(session: Session, *, subscriber_id: int, move_id: int) -> Moving | None:
    """The change that a link is about; None where it is made, or another one was asked since."""
    person, move = find_subscriber_by_id(session, subscriber_id), find_move(session, subscriber_id)
    if person is None or move is None or move.id != move_id:
        return None
    return Moving(move=move, subscriber=person, newsletter=newsletter_of_id(session, move.newsletter_id))


def confirm_move(database: Database, moving: Moving, *, is_new: bool, secret: bytes, now: datetime) -> Stands:
    """One end says yes; with the other's yes the address is changed."""
    with database.write() as session:
        say_yes(session, moving.move.id, is_new=is_new, now=now)
        move = find_move(session, moving.subscriber.id)
        if move is None or not move.is_agreed:
            return Stands.WAITS
        drop_move(session, moving.subscriber.id)
        if not _is_free(session, move.address, secret):
            return Stands.REFUSED
        update_subscriber(session, moving.subscriber.id, address=move.address, secret=secret)
        record(session, "subscriber.edited", at=now, subscriber_id=moving.subscriber.id, fields=["address"], how="page")
        return Stands.MADE


def _may_be_asked(session: Session, address: str, secret: bytes, now: datetime) -> bool:
    return take(session, whose(secret, "move/to", address_key(address)), limit=1, per=_DAY, now=now) is None


def _is_free(session: Session, address: str, secret: bytes) -> bool:
    return not find_subscriber(session, address) and not find_suppression(session, address_hash(secret, address))
