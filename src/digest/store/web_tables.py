"""The schema: what the readers' pages keep. But for an address that somebody wants to move to, nothing here says who they are."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field

from digest.store.base import Row, reference


class TallyRow(Row, table=True):
    """How often something was taken of a limit, by everybody's processes; gone once its time is over."""

    __tablename__ = "tally"
    name: str = Field(primary_key=True)  # what is limited, and a keyed hash of whom; never an address or a network
    taken: int = 0
    since: datetime
    until: datetime = Field(index=True)


class ClickRow(Row, table=True):
    """How often a link of an issue was followed. A number, and nothing about who."""

    __tablename__ = "click"
    __table_args__ = (Unique("issue_id", "post_id", "link"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = reference("issue", index=False)
    post_id: int
    link: int  # 0: the post's own
    clicks: int = 0


class VisitRow(Row, table=True):
    """A link followed in the last minutes; then it is a number in `click`, or nothing. Post 0 is the canary."""

    __tablename__ = "visit"
    __table_args__ = (Unique("issue_id", "client", "post_id", "link"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = reference("issue", index=False)
    client: str  # a keyed hash of network, program and issue
    post_id: int
    link: int
    at: datetime = Field(index=True)


class MoveRow(Row, table=True):
    """An address change that waits for a word from both ends. It goes with its person, and when it is made."""

    __tablename__ = "move"
    __table_args__: ClassVar[dict[str, Any]] = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(sa_column_args=[ForeignKey("subscriber.id", ondelete="CASCADE")], unique=True)
    newsletter_id: int = reference("newsletter")
    address: str
    asked_at: datetime
    old_said_at: datetime | None = None
    new_said_at: datetime | None = None
