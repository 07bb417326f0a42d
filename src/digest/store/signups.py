"""Sign-ups that wait for a decision, and the subscriptions that wait for their confirmation."""

from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, exists, insert, select, update
from sqlmodel import Session

from digest.core.people import Consent, Subscription
from digest.core.signups import BY_FORM, Signup
from digest.core.states import SubscriptionState
from digest.store.joining_tables import SignupRow
from digest.store.people_tables import SubscriberRow, SubscriptionRow
from digest.store.statements import changed_rows
from digest.store.subscriptions import consent_columns, subscription_value

_table: Table = SignupRow.__table__  # type: ignore[attr-defined]
_subscriber: Table = SubscriberRow.__table__  # type: ignore[attr-defined]
_subscription: Table = SubscriptionRow.__table__  # type: ignore[attr-defined]

_WHO_ASKS = (SubscriptionState.PENDING, SubscriptionState.ENDED)


def insert_signup(session: Session, signup: Signup) -> None:
    """Keep what somebody typed until it is decided about."""
    values: dict[str, Any] = {name: getattr(signup, name) for name in Signup.__dataclass_fields__}
    session.execute(insert(_table).values(values | {"topics": list(signup.topics)}))


def has_signup(session: Session) -> bool:
    """Whether any waits."""
    return session.execute(select(_table.c.id).limit(1)).first() is not None


def take_signups(session: Session, *, limit: int) -> tuple[Signup, ...]:
    """The oldest so many, no longer there once the caller's transaction is committed; nobody else takes them."""
    oldest = select(_table.c.id).order_by(_table.c.id).limit(limit).with_for_update(skip_locked=True).cte("oldest")
    gone = delete(_table).where(_table.c.id.in_(select(oldest.c.id))).returning(_table)
    rows = sorted(session.execute(gone).mappings(), key=lambda row: row["id"])
    return tuple(
        Signup(**{name: value for name, value in row.items() if name != "id"} | {"topics": tuple(row["topics"])})
        for row in rows
    )


def ask_for_confirmation(
    session: Session, subscription_id: int, *, consent: Consent, cadence_id: int | None, topics: tuple[str, ...]
) -> bool:
    """From ended or pending to pending, with what they ask for now. When and why it had ended stays until they confirm."""
    values = {"state": SubscriptionState.PENDING, "paused_until": None, "cadence_id": cadence_id, "topics": list(topics),
              **consent_columns(consent)}  # fmt: skip
    asked = update(_subscription).where(_subscription.c.id == subscription_id, _subscription.c.state.in_(_WHO_ASKS))
    return bool(changed_rows(session, asked.values(values)))


def confirm_subscription(session: Session, subscription_id: int, *, now: datetime) -> bool:
    """From pending to active; False where it is not pending."""
    values = {"state": SubscriptionState.ACTIVE, "confirmed_at": now, "ended_at": None, "ended_why": None}
    moved = update(_subscription).where(
        _subscription.c.id == subscription_id, _subscription.c.state == SubscriptionState.PENDING
    )
    return bool(changed_rows(session, moved.values(values)))


def list_unconfirmed(session: Session, *, before: datetime, limit: int) -> tuple[Subscription, ...]:
    """Those that were asked for by form before that and never confirmed, the oldest first."""
    query = (
        select(_subscription)
        .where(
            _subscription.c.state == str(SubscriptionState.PENDING),
            _subscription.c.consent_at < before,
            _subscription.c.consent_how == BY_FORM,
        )
        .order_by(_subscription.c.consent_at)
        .limit(limit)
    )
    return tuple(subscription_value(row) for row in session.execute(query).mappings())


def forget_subscription(session: Session, tie: Subscription) -> bool:
    """An unconfirmed one: back to ended where it had been, else deleted. Whether that person is gone, too."""
    this = _subscription.c.id == tie.id
    pending = _subscription.c.state == SubscriptionState.PENDING
    if tie.ended_at is not None:
        session.execute(update(_subscription).where(this, pending).values(state=SubscriptionState.ENDED))
        return False
    session.execute(delete(_subscription).where(this, pending))
    alone = ~exists().where(_subscription.c.subscriber_id == tie.subscriber_id)
    return bool(changed_rows(session, delete(_subscriber).where(_subscriber.c.id == tie.subscriber_id, alone)))
