"""When the next issues of a newsletter reach its readers, and when one of them gets it: for the admin to see, nothing decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from digest.core.cadence import Slot
from digest.core.model import CadenceLine, Newsletter
from digest.core.people import Subscriber, Subscription
from digest.core.period import coming_slots
from digest.core.states import SubscriptionState
from digest.core.waves import Waves
from digest.core.zones import say_local, zone_among
from digest.errors import UsageError
from digest.store.database import Session
from digest.store.newsletters import list_cadences
from digest.store.subscribers import get_subscriber
from digest.store.subscriptions import find_subscription
from digest.store.suppressions import is_suppressed
from digest.store.waves import ReaderClock

_FAR = 500
"""Slots looked at for one after a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WavesOf:
    """When one slot's issue goes out: to the first of its readers, by the newsletter's own clock, to the last of them."""

    first: datetime
    own: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A reader, and by which cadence they get a newsletter."""

    person: Subscriber
    tie: Subscription
    line: CadenceLine


def waves_of_slot(waves: Waves, slot: Slot, clocks: Iterable[ReaderClock]) -> WavesOf | None:
    """None where everybody gets it as soon as it is made."""
    if waves.is_one and not waves.windows:
        return None
    own = waves.due_at(slot.wall, ready=slot.at)
    dues = ((one, waves.due_at(slot.wall, ready=slot.at, zone=one.zone, hour=one.hour)) for one in clocks)
    every = [due for one, due in dues if one.gets_at(due)] or [own]
    return WavesOf(first=min(every), own=own, last=max(every))


def find_ticket(session: Session, address: str, newsletter: Newsletter) -> Ticket | None:
    """None where they do not get this newsletter.

    Raises:
        NotFound: there is no such subscriber.
    """
    person = get_subscriber(session, address)
    ticket = ticket_of(session, person, newsletter)
    return ticket if ticket and why_no_reader(session, ticket) is None else None


def ticket_of(session: Session, person: Subscriber, newsletter: Newsletter) -> Ticket | None:
    """Whether it is valid or not; None for who has never subscribed."""
    tie = find_subscription(session, newsletter_id=newsletter.id, subscriber_id=person.id)
    lines = list_cadences(session, newsletter.id)
    if tie is None or not lines:
        return None
    return Ticket(person=person, tie=tie, line=next((one for one in lines if one.id == tie.cadence_id), lines[0]))


def why_no_reader(session: Session, ticket: Ticket) -> str | None:
    """Why nothing is sent to them, whatever there is; None: they are a reader."""
    if is_suppressed(session, ticket.person.id):
        return "their address is suppressed"
    if ticket.tie.state is SubscriptionState.ACTIVE:
        return None
    return "they have not confirmed" if ticket.tie.state is SubscriptionState.PENDING else "they have left"


def why_not_this(ticket: Ticket, newsletter: Newsletter, line: CadenceLine, slot: Slot) -> str | None:
    """Why a reader does not get this slot's issue, whatever is in it; None: they do."""
    if ticket.line.id != line.id:
        return f"they get {newsletter.slug} by another cadence, {ticket.line.name}"
    if ticket.tie.paused_until and due_for(ticket, newsletter, slot) is None:
        return f"they have paused until {say_local(ticket.tie.paused_until, zone_among(ticket.person.zone, newsletter.zone))}"
    return None


def due_for(ticket: Ticket, newsletter: Newsletter, slot: Slot) -> datetime | None:
    """When they get a slot's issue as they are now; None where they have paused until after their wave."""
    waves = Waves.of(newsletter, ticket.line.rule)
    due = waves.due_at(slot.wall, ready=slot.at, zone=ticket.person.zone, hour=ticket.tie.hour)
    return None if ticket.tie.is_paused(slot.at if waves.is_one else due) else due


def next_due(session: Session, address: str, newsletter: Newsletter, *, now: datetime) -> datetime | None:
    """When their next issue that is not made yet is due, if anything is published until then."""
    ticket = find_ticket(session, address, newsletter)
    if ticket is None:
        return None
    try:
        for slot in islice((slot for slot in coming_slots(ticket.line) if slot.at > now), _FAR):
            if at := due_for(ticket, newsletter, slot):
                return at
    except UsageError:  # its rule or zone cannot be read: it is held, and told as that
        return None
    return None
