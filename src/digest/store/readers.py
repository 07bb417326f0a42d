"""Who an issue is for, as rows: what they chose, where and when they read. Gathered once where deliveries are made of them.

 active, of this cadence, not suppressed ─▶ a row each ─▶ counted by choice, counted by clock, made deliveries

The rules for who gets an issue are looked up for each reader once; what follows reads a narrow table of this transaction alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    FromClause,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
)  # fmt: skip
from sqlalchemy.schema import CreateTable, DropTable
from sqlmodel import Session

from digest.core.states import SubscriptionState
from digest.store.conditions import is_unpaused
from digest.store.people_tables import SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.tables import CadenceRow

_cadence = CadenceRow.__table__  # type: ignore[attr-defined]
_subscriber = SubscriberRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]
_suppression = SuppressionRow.__table__  # type: ignore[attr-defined]

_reader = Table(
    "reader",
    MetaData(),
    Column("subscriber_id", _subscriber.c.id.type, primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("topics", "language", "owed", "zone")),
    Column("hour", Integer, nullable=False),
    Column("paused_until", _subscription.c.paused_until.type),
    prefixes=["TEMPORARY"],
)
NO_HOUR = -1
"""The hour of who chose none."""
ZONE = func.coalesce(_subscriber.c.zone, literal_column("''"))
"""A reader's zone; empty where they have none."""


def readers_of(newsletter_id: int, cadence_id: int, *, unpaused_at: Any = None) -> Select[Any]:
    """A row for each subscriber with an active subscription of this cadence, whose address is not suppressed.

    With `unpaused_at`, of those whose pause is over by then. No column is NULL but `paused_until`.
    """
    # A removed one keeps its row for its issues; who named no cadence gets the first of those that are left.
    first_cadence = (
        select(func.min(_cadence.c.id))
        .where(_cadence.c.newsletter_id == newsletter_id, _cadence.c.state == "active")
        .scalar_subquery()
    )
    gets_it = and_(
        _subscription.c.newsletter_id == newsletter_id,
        _subscription.c.state == str(SubscriptionState.ACTIVE),
        or_(
            _subscription.c.cadence_id == cadence_id,
            and_(_subscription.c.cadence_id == null(), first_cadence == cadence_id),
        ),
        ~exists().where(_suppression.c.address_hash == _subscriber.c.address_hash),
    )
    columns = (
        _subscriber.c.id.label("subscriber_id"),
        cast(_subscription.c.topics, Text).label("topics"),
        func.coalesce(_subscriber.c.language, literal_column("''")).label("language"),
        func.coalesce(_subscription.c.owed, literal_column("''")).label("owed"),
        ZONE.label("zone"),
        func.coalesce(_subscription.c.hour, literal_column(str(NO_HOUR))).label("hour"),
        _subscription.c.paused_until.label("paused_until"),
    )
    query = select(*columns).join(_subscription, _subscription.c.subscriber_id == _subscriber.c.id).where(gets_it)
    return query if unpaused_at is None else query.where(is_unpaused(unpaused_at))


@contextmanager
def gathered(session: Session, readers: Select[Any]) -> Iterator[FromClause]:
    """These readers as a table of their own, which is gone at the end of the block, or with its transaction."""
    session.execute(CreateTable(_reader))
    session.execute(insert(_reader).from_select(list(_reader.c.keys()), readers))
    yield _reader
    session.execute(DropTable(_reader))


def is_back(readers: FromClause, at: Any) -> Any:
    """Of these readers, one who is not paused at this moment."""
    return or_(readers.c.paused_until.is_(None), readers.c.paused_until <= at)
