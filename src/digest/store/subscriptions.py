"""Who gets which newsletter, since when, and why we may write to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select, update
from sqlmodel import Session

from digest.core.owed import owed_text, read_owed
from digest.core.people import Consent, Subscription
from digest.core.states import SubscriptionState
from digest.store.people_tables import SubscriptionRow
from digest.store.statements import changed_rows, insert_if_new

_table: Table = SubscriptionRow.__table__  # type: ignore[attr-defined]


def insert_subscription(
    session: Session,
    *,
    newsletter_id: int,
    subscriber_id: int,
    state: SubscriptionState,
    consent: Consent,
    now: datetime,
    cadence_id: int | None = None,
    topics: tuple[str, ...] = (),
) -> bool:
    """Tie a person to a newsletter; False where they are tied already, in whatever state."""
    values = {
        "newsletter_id": newsletter_id,
        "subscriber_id": subscriber_id,
        "state": state,
        "cadence_id": cadence_id,
        "topics": list(topics),
        "created_at": now,
        **consent_columns(consent),
    }
    return insert_if_new(session, _table, values)


def find_subscription(session: Session, *, newsletter_id: int, subscriber_id: int) -> Subscription | None:
    """A person's tie to a newsletter, in whatever state."""
    query = select(_table).where(_table.c.newsletter_id == newsletter_id, _table.c.subscriber_id == subscriber_id)
    row = session.execute(query).mappings().first()
    return subscription_value(row) if row else None


def list_subscriptions(session: Session, subscriber_id: int) -> tuple[Subscription, ...]:
    """Every tie of one person."""
    query = select(_table).where(_table.c.subscriber_id == subscriber_id).order_by(_table.c.id)
    return tuple(subscription_value(row) for row in session.execute(query).mappings())


def end_subscription(session: Session, subscription_id: int, *, why: str, now: datetime) -> bool:
    """From pending or active to ended; False where it had ended already. The consent stays as it was given."""
    values = {"state": SubscriptionState.ENDED, "ended_at": now, "ended_why": why}
    moved = update(_table).where(_table.c.id == subscription_id, _table.c.state != SubscriptionState.ENDED)
    return bool(changed_rows(session, moved.values(values)))


def begin_again(session: Session, subscription_id: int, *, state: SubscriptionState, consent: Consent) -> bool:
    """From ended to pending or active, on a new consent of theirs; False where it had not ended."""
    values = {"state": state, "ended_at": None, "ended_why": None, "paused_until": None, **consent_columns(consent)}
    moved = update(_table).where(_table.c.id == subscription_id, _table.c.state == SubscriptionState.ENDED)
    return bool(changed_rows(session, moved.values(values)))


def update_subscription(session: Session, subscription_id: int, **changes: Any) -> bool:
    """Change cadence_id, topics, hour, paused_until or owed; False where it is gone."""
    if unknown := changes.keys() - {"cadence_id", "topics", "hour", "paused_until", "owed"}:
        raise ValueError(f"a subscription's {', '.join(sorted(unknown))} is not changed like this")
    if "owed" in changes:
        changes["owed"] = owed_text(changes["owed"]) or None
    return bool(changed_rows(session, update(_table).where(_table.c.id == subscription_id).values(changes)))


def consent_columns(consent: Consent) -> dict[str, Any]:
    """A consent as the columns of a row."""
    return {
        "consent_at": consent.at,
        "consent_how": consent.how,
        "consent_origin": consent.origin,
        "consent_text": consent.text,
        "consent_version": consent.version,
        "consent_page": consent.page,
        "confirmed_at": consent.confirmed_at,
    }


def subscription_value(row: Mapping[Any, Any]) -> Subscription:
    """A row as its value."""
    return Subscription(
        id=row["id"],
        newsletter_id=row["newsletter_id"],
        subscriber_id=row["subscriber_id"],
        state=SubscriptionState(row["state"]),
        consent=Consent(
            at=row["consent_at"],
            how=row["consent_how"],
            origin=row["consent_origin"],
            text=row["consent_text"],
            version=row["consent_version"],
            page=row["consent_page"],
            confirmed_at=row["confirmed_at"],
        ),
        cadence_id=row["cadence_id"],
        topics=tuple(row["topics"]),
        hour=row["hour"],
        paused_until=row["paused_until"],
        owed=read_owed(row["owed"] or ""),
        ended_at=row["ended_at"],
        ended_why=row["ended_why"],
    )
