"""The vocabulary's other half: people, and the mail on its way to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from digest.core.owed import Owed
from digest.core.states import DeliveryState, OutcomeKind, SubscriptionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person."""

    id: int
    address: str
    address_key: str  # normalised: IDNA domain, all in lower case; equal for equal mailboxes
    name: str = ""
    zone: str | None = None
    language: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Why we may write to a person: when, how, from where, which text they agreed to."""

    at: datetime | None
    how: str  # "import", "command", "form"
    origin: str | None = None  # a network address, a file name
    text: str | None = None
    version: str | None = None  # of the text, where it is ours
    page: str | None = None  # where they gave it
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscriber's tie to a newsletter."""

    id: int
    newsletter_id: int
    subscriber_id: int
    state: SubscriptionState
    consent: Consent
    cadence_id: int | None = None  # None: the newsletter's first
    topics: tuple[str, ...] = ()  # slugs; empty: all
    hour: int | None = None  # of the day in their zone; None: the slot's time
    paused_until: datetime | None = None  # nothing is sent before
    owed: Owed | None = None  # None: they follow their line
    ended_at: datetime | None = None
    ended_why: str | None = None

    def is_paused(self, at: datetime) -> bool:
        """Whether nothing is sent at this moment because they asked for a pause."""
        return self.paused_until is not None and at < self.paused_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address never to be mailed again, known by its keyed hash only."""

    id: int
    address_hash: str
    reason: str  # "admin", "complaint", "hard bounce", "erased"
    note: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of a list of people. `state` is of the newsletter asked for, else None."""

    subscriber: Subscriber
    subscription: Subscription | None = None
    suppressed: str | None = None  # the suppression's reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The ledger's row, one per issue and subscriber."""

    id: int
    issue_id: int
    subscriber_id: int | None  # None: the person was erased, the address is empty
    variant_id: int | None
    address: str
    name: str = ""  # the subscriber's when sending began: the bytes are the same on every attempt
    state: DeliveryState
    owner: str | None = None
    fence: int = 0
    lease_until: datetime | None = None
    not_before: datetime | None = None
    tries: int = 0
    message_id: str | None = None
    dated: datetime | None = None  # the Date header, fixed at the first attempt
    trying_since: datetime | None = None  # the first answer since sending began or was resumed: the 48 hours' start
    code: int | None = None  # the reply's, RFC 5321
    enhanced: str | None = None  # RFC 3463
    reply: str | None = None
    phase: str | None = None
    reason: str | None = None


class Claimed(NamedTuple):
    """A delivery in one sender's hands: what sending it needs. A tuple, because there are a million of them."""

    id: int
    issue_id: int
    subscriber_id: int
    variant_id: int | None
    address: str
    name: str
    owner: str
    fence: int
    tries: int
    dated: datetime
    trying_since: datetime | None = None


class Recipient(NamedTuple):
    """What personalising a message needs."""

    delivery_id: int
    subscriber_id: int
    address: str
    name: str = ""


Pieces = Sequence[bytes]
"""Joined they are the whole: most are those of every reader's message, and a join is some 50 KB that wait in no cache."""

Sign = Callable[[Pieces, Pieces | None], bytes]
"""A message in pieces, and its body in relaxed form where that is known, to the signature that goes before it."""


class Envelope(NamedTuple):
    """RFC 5321 sender and recipient, and the RFC 5322 bytes in pieces: CRLF lines, not dot-stuffed."""

    sender: str
    recipient: str
    pieces: Pieces
    message_id: str = ""
    dotless: bool = False  # known that no line begins with a dot, so that nobody need look for one

    relaxed: Pieces | None = None  # the body as DKIM reads it, where somebody signs it

    @property
    def message(self) -> bytes:
        """All of it, joined anew each time: where it is written at once, from and to the same warm memory."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """Octets of the message."""
        return sum(map(len, self.pieces))

    def signed(self, signer: Sign | None) -> Self:
        """The same with its message signed; as it is where nobody signs. No line of a signature begins with a dot."""
        if signer is None:
            return self
        return self._replace(pieces=(signer(self.pieces, self.relaxed), *self.pieces), relaxed=None)


class Outcome(NamedTuple):
    """What the server said, and in which phase of the conversation."""

    kind: OutcomeKind
    phase: str = ""  # "connect", "mail", "rcpt", "data", "body", "dot", "maildir"
    code: int | None = None
    enhanced: str | None = None
    reply: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A line of the append-only log. `data` never holds an address or a token."""

    id: int
    at: datetime
    kind: str  # "post.claimed", "issue.frozen", "subscription.ended", …
    data: dict[str, Any]
    newsletter_id: int | None = None
    source_id: int | None = None
    post_id: int | None = None
    issue_id: int | None = None
    subscriber_id: int | None = None
