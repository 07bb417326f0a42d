"""The schema: sign-ups that wait for a decision, and the notices around a subscription."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, String, text
from sqlmodel import Field

from digest.core.states import DeliveryState, NoticeKind
from digest.store.base import Row, json_column, long_text, one_of, reference


class SignupRow(Row, table=True):
    """What somebody typed into the form, until it is decided about, which takes seconds; then it is deleted."""

    __tablename__ = "signup"
    __table_args__: ClassVar[dict[str, Any]] = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = reference("newsletter")
    address: str
    cadence_id: int | None = reference("cadence", null=True, on_delete="SET NULL")
    topics: list[Any] = json_column(list)
    language: str | None = None
    zone: str | None = None
    asked_at: datetime
    network: str | None = None  # the network address that asked
    page: str | None = None  # where the form stood
    text: str = long_text()
    version: str


_OPEN = text("state = 'queued' OR state = 'claimed' OR state = 'inflight'")


class NoticeRow(Row, table=True):
    """A mail about one subscription, on its way or gone. It goes where its subscriber's row says, and goes with it.

    The states and moves are the ledger's. An id is never given twice: the Message-ID is made of it.
    """

    __tablename__ = "notice"
    __table_args__ = (
        one_of("kind", NoticeKind),
        one_of("state", DeliveryState),
        # With the state and the time: what is due is found in the index alone.
        Index("ix_notice_open", "state", "not_before", sqlite_where=_OPEN, postgresql_where=_OPEN),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    newsletter_id: int = reference("newsletter")
    subscriber_id: int = reference("subscriber")
    address: str | None = None  # where it goes instead: an address that they want to move to
    created_at: datetime
    state: str = DeliveryState.QUEUED
    owner: str | None = None
    fence: int = 0
    lease_until: datetime | None = None
    not_before: datetime | None = None
    tries: int = 0
    trying_since: datetime | None = None
    message_id: str | None = None
    code: int | None = None
    enhanced: str | None = None
    reply: str | None = Field(default=None, sa_type=String)
    phase: str | None = None
    reason: str | None = None
    settled_at: datetime | None = None
