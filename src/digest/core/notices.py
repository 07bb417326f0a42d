"""Notices as values: mails to one person about one subscription."""

from dataclasses import dataclass
from datetime import datetime

from digest.core.states import DeliveryState, NoticeKind, SubscriptionState

DEMANDS = {
    NoticeKind.CONFIRM: SubscriptionState.PENDING,
    NoticeKind.WELCOME: SubscriptionState.ACTIVE,
    NoticeKind.ALREADY: SubscriptionState.ACTIVE,
    NoticeKind.GOODBYE: SubscriptionState.ENDED,
}
"""What the subscription must still be when a notice goes out. A kind that is not here demands nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedNotice:
    """A notice's row. `address` is where it goes: the subscriber's, unless it is about another one."""

    id: int
    kind: NoticeKind
    newsletter_id: int
    subscriber_id: int
    address: str
    name: str
    language: str | None  # the subscriber's
    created_at: datetime
    state: DeliveryState
    owner: str | None = None
    fence: int = 0
    not_before: datetime | None = None
    tries: int = 0
    trying_since: datetime | None = None
    message_id: str | None = None
    code: int | None = None
    enhanced: str | None = None
    reply: str | None = None
    phase: str | None = None
    reason: str | None = None
    settled_at: datetime | None = None
