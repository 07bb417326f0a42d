"""The schema: people, the delivery ledger and the event log."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, String, text
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field

from digest.core.states import DeliveryState, SubscriptionState
from digest.store.append_only import make_append_only
from digest.store.base import Row, json_column, long_text, one_of, reference

_PENDING = text("state = 'pending'")


class SubscriberRow(Row, table=True):
    """A person: one row an address. An id is never given twice: the log's lines about an erased person stay theirs."""

    __tablename__ = "subscriber"
    __table_args__: ClassVar[dict[str, Any]] = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True)
    address: str
    address_key: str = Field(unique=True)
    address_hash: str = Field(unique=True)
    name: str = ""
    zone: str | None = None
    language: str | None = None
    created_at: datetime


class SubscriptionRow(Row, table=True):
    """A subscriber's tie to a newsletter, with the consent that made it."""

    __tablename__ = "subscription"
    __table_args__ = (
        Unique("newsletter_id", "subscriber_id"),
        one_of("state", SubscriptionState),
        # Few rows: those that nobody confirms are looked for every hour.
        Index("ix_subscription_pending", "consent_at", sqlite_where=_PENDING, postgresql_where=_PENDING),
    )
    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = reference("newsletter", index=False)
    subscriber_id: int = reference("subscriber")
    state: str
    cadence_id: int | None = reference("cadence", null=True, on_delete="SET NULL")
    topics: list[Any] = json_column(list)  # slugs; empty: all
    hour: int | None = None  # of the day in their zone, at which an issue comes; None: at its slot's time
    paused_until: datetime | None = None  # nothing is sent before; it goes on by itself
    owed: str | None = long_text(null=True)  # core/owed, as its canonical text; NULL: they follow their line
    consent_at: datetime | None = None
    consent_how: str
    consent_origin: str | None = None
    consent_text: str | None = long_text(null=True)
    consent_version: str | None = None
    consent_page: str | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None
    created_at: datetime


class SuppressionRow(Row, table=True):
    """An address never to be mailed again. The keyed hash outlives an erased person."""

    __tablename__ = "suppression"
    id: int | None = Field(default=None, primary_key=True)
    address_hash: str = Field(unique=True)
    reason: str  # "admin", "complaint", "hard bounce", "erased"
    note: str | None = None
    created_at: datetime


# ── the ledger and the log ──────────────────────────────────────────────────────────────────────────────────────────


# ORs, not IN: SQLite makes a temporary table of an IN's list for every row that it writes, and it does not see that one
# of the list implies the whole.
_LEASED = text("state = 'claimed' OR state = 'inflight'")
_UNSERVED = text("state = 'refused' OR state = 'uncertain' OR state = 'skipped' OR state = 'expired'")


class DeliveryRow(Row, table=True):
    """The ledger: one row per issue and subscriber, and one per issue and address. Every move is compare-and-set."""

    __tablename__ = "delivery"
    __table_args__ = (
        Unique("subscriber_id", "issue_id"),  # in this order it also finds what somebody got
        Unique("issue_id", "address_key"),
        one_of("state", DeliveryState),
        # With the state that it is limited to: else SQLite reads every row that it counts.
        Index("ix_delivery_queued", "issue_id", "id", "state", sqlite_where=text("state = 'queued'"),
              postgresql_where=text("state = 'queued'")),
        # By id, which no move changes: a row enters it at the claim and leaves it once, when it is settled.
        Index("ix_delivery_leased", "id", sqlite_where=_LEASED, postgresql_where=_LEASED),
        # Few rows in a good issue, so that counting and listing them never reads the others; accepted is in no index.
        Index("ix_delivery_unserved", "issue_id", "state", "id", sqlite_where=_UNSERVED, postgresql_where=_UNSERVED),
    )  # fmt: skip
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = reference("issue", index=False)
    # NULL once the person is erased: the row stays without a name, so that the issue's numbers still add up.
    subscriber_id: int | None = reference("subscriber", null=True, index=False, on_delete="SET NULL")
    variant_id: int | None = reference("variant", null=True, index=False, on_delete="SET NULL")
    address: str
    address_key: str
    domain: str = ""  # of the key: its destination
    name: str = ""  # with the address, so that the bytes stay the same on every attempt
    state: str = DeliveryState.QUEUED
    owner: str | None = None
    fence: int = 0
    lease_until: datetime | None = None
    not_before: datetime | None = None
    tries: int = 0
    message_id: str | None = None
    dated: datetime | None = None
    trying_since: datetime | None = None
    code: int | None = None
    enhanced: str | None = None
    reply: str | None = Field(default=None, sa_type=String)
    phase: str | None = None
    reason: str | None = None
    settled_at: datetime | None = None


class WaveRow(Row, table=True):
    """When the readers of one zone and hour get an issue (core/waves); made with its deliveries, for the coming ones."""

    __tablename__ = "wave"
    __table_args__ = (Unique("issue_id", "zone", "hour"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = reference("issue", index=False)
    zone: str  # as the reader has it; empty: none
    hour: int  # -1: none
    at: datetime
    readers: int


class DestinationRow(Row, table=True):
    """A domain that defers our mail, since it last accepted any (core/destination). Empty while all goes well."""

    __tablename__ = "destination"
    domain: str = Field(primary_key=True)
    failures: int = 0
    since: datetime
    at: datetime
    not_before: datetime | None = None  # set: its deliveries wait, and then one tries
    answer: str = ""


class AllowanceRow(Row, table=True):
    """A rate that all processes share: until when what was taken of it is used up, in seconds since 1970."""

    __tablename__ = "allowance"
    name: str = Field(primary_key=True)
    used_until: float


class WarmUpRow(Row, table=True):
    """How far the warm-up is; one row."""

    __tablename__ = "warm_up"
    id: int | None = Field(default=None, primary_key=True)
    started_at: datetime
    day: str  # of the last message, in ISO form
    step: int = 0  # days of sending before it
    taken: int = 0  # messages of that day


class EventRow(Row, table=True):
    """The log, append-only by triggers. No foreign keys: it outlives what it tells of. Never an address or a token."""

    __tablename__ = "event"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    kind: str = Field(index=True)
    newsletter_id: int | None = None
    source_id: int | None = None
    post_id: int | None = Field(default=None, index=True)
    issue_id: int | None = Field(default=None, index=True)
    subscriber_id: int | None = Field(default=None, index=True)
    data: dict[str, Any] = json_column(dict)


make_append_only(EventRow.__table__)  # type: ignore[attr-defined]
