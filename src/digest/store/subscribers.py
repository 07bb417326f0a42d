"""People: one row an address. Lists come in keyset pages, so that a million rows cost what one page costs."""

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, String, Table, cast, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from digest.core.addresses import address_hash, address_key
from digest.core.people import Listed, Subscriber
from digest.core.states import DeliveryState, SubscriptionState
from digest.errors import Conflict, NotFound
from digest.store.joining_tables import SignupRow
from digest.store.people_tables import DeliveryRow, SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.subscriptions import subscription_value

_table: Table = SubscriberRow.__table__  # type: ignore[attr-defined]
_subscription: Table = SubscriptionRow.__table__  # type: ignore[attr-defined]
_suppression: Table = SuppressionRow.__table__  # type: ignore[attr-defined]
_signup: Table = SignupRow.__table__  # type: ignore[attr-defined]
_delivery: Table = DeliveryRow.__table__  # type: ignore[attr-defined]


def insert_subscriber(
    session: Session,
    *,
    address: str,
    secret: bytes,
    now: datetime,
    name: str = "",
    zone: str | None = None,
    language: str | None = None,
) -> Subscriber:
    """Add a person; `address` is one that `core.addresses.parse_address` returned, `secret` keys its hash.

    Raises:
        Conflict: somebody has this address already.
    """
    values = {
        "address": address,
        "address_key": address_key(address),
        "address_hash": address_hash(secret, address),
        "name": name,
        "zone": zone,
        "language": language,
        "created_at": now,
    }
    try:
        with session.begin_nested():
            row = session.execute(insert(_table).values(values).returning(_table)).mappings().one()
    except IntegrityError:
        raise Conflict(f"{address} is in the list already", next_step=f"digest subscriber show {address}") from None
    return _value(row)


def find_subscriber(session: Session, address: str) -> Subscriber | None:
    """The person who has this address, however it is written."""
    row = session.execute(select(_table).where(_table.c.address_key == address_key(address))).mappings().first()
    return _value(row) if row else None


def find_subscriber_by_id(session: Session, subscriber_id: int) -> Subscriber | None:
    """The person of this id; None where they were erased."""
    row = session.execute(select(_table).where(_table.c.id == subscriber_id)).mappings().first()
    return _value(row) if row else None


def get_subscriber(session: Session, address: str) -> Subscriber:
    """The person who has this address, however it is written.

    Raises:
        NotFound: nobody has it.
    """
    if found := find_subscriber(session, address):
        return found
    raise NotFound(f"there is no subscriber {address.strip()}", next_step="digest subscriber list --search PART")


def update_subscriber(
    session: Session, subscriber_id: int, *, address: str | None = None, secret: bytes = b"", **changes: str | None
) -> None:
    """Change name, zone, language; or the address, with the secret that keys its hash.

    Raises:
        Conflict: somebody else has that address.
    """
    values: dict[str, Any] = {name: changes[name] for name in ("name", "zone", "language") if name in changes}
    if address is not None:
        values |= {
            "address": address,
            "address_key": address_key(address),
            "address_hash": address_hash(secret, address),
        }
    if not values:
        return
    try:
        with session.begin_nested():
            session.execute(update(_table).where(_table.c.id == subscriber_id).values(values))
    except IntegrityError:
        raise Conflict(f"somebody else has {address}", next_step=f"digest subscriber show {address}") from None


def erase_subscriber(session: Session, subscriber_id: int, *, now: datetime) -> None:
    """Delete the person with every subscription; the ledger's rows stay, without a name, so that issues still add up.

    What was not sent yet is skipped. Nothing is written about who it was: the caller suppresses the hash if it should
    outlive the person.
    """
    own = _delivery.c.subscriber_id == subscriber_id
    waiting = _delivery.c.state.in_([DeliveryState.QUEUED, DeliveryState.CLAIMED])
    skipped = {"state": DeliveryState.SKIPPED, "reason": "erased", "owner": None, "settled_at": now}
    session.execute(update(_delivery).where(own, waiting).values(skipped))
    # The key stays unique within its issue; a server's reply often repeats the address.
    nameless = {
        "address": "",
        "domain": "",
        "address_key": literal("erased:") + cast(_delivery.c.id, String),
        "reply": None,
        "message_id": None,
    }
    session.execute(update(_delivery).where(own).values(nameless))
    typed = (
        select(_table.c.address)
        .where(_table.c.id == subscriber_id)
        .union(select(_table.c.address_key).where(_table.c.id == subscriber_id))
    )
    session.execute(delete(_signup).where(_signup.c.address.in_(typed)))  # notices go with the person
    session.execute(delete(_table).where(_table.c.id == subscriber_id))


def list_subscribers(
    session: Session,
    *,
    newsletter_id: int | None = None,
    state: SubscriptionState | None = None,
    search: str | None = None,
    after: int = 0,
    limit: int = 1000,
) -> tuple[Listed, ...]:
    """One page in the order of arrival: at most `limit` people whose id is above `after`.

    `state` needs a newsletter. `search` finds a part of the address or name, in any case.
    """
    query = _select_listed(newsletter_id=newsletter_id, state=state, search=search)
    rows = session.execute(query.where(_table.c.id > after).order_by(_table.c.id).limit(limit)).mappings()
    return tuple(_listed(row) for row in rows)


def count_subscribers(
    session: Session,
    *,
    newsletter_id: int | None = None,
    state: SubscriptionState | None = None,
    search: str | None = None,
) -> int:
    """How many people `list_subscribers` would give over all its pages."""
    listed = _select_listed(newsletter_id=newsletter_id, state=state, search=search)
    return int(session.execute(listed.with_only_columns(func.count(), maintain_column_froms=True)).scalar_one())


def _select_listed(
    *, newsletter_id: int | None, state: SubscriptionState | None, search: str | None
) -> Select[tuple[Any, ...]]:
    reason = _suppression.c.reason.label("suppressed")
    joined = _table.outerjoin(_suppression, _suppression.c.address_hash == _table.c.address_hash)
    columns: list[Any] = [*_table.c, reason]
    if newsletter_id is not None:
        joined = joined.join(
            _subscription,
            (_subscription.c.subscriber_id == _table.c.id) & (_subscription.c.newsletter_id == newsletter_id),
        )
        columns += [column.label(f"subscription_{column.name}") for column in _subscription.c]
    query = select(*columns).select_from(joined)
    if state is not None:
        query = query.where(_subscription.c.state == state)
    if search:
        query = query.where(
            _table.c.address_key.icontains(search, autoescape=True) | _table.c.name.icontains(search, autoescape=True)
        )
    return query


def _listed(row: RowMapping) -> Listed:
    tie = {name.removeprefix("subscription_"): row[name] for name in row if name.startswith("subscription_")}
    return Listed(
        subscriber=_value(row), subscription=subscription_value(tie) if tie else None, suppressed=row["suppressed"]
    )


def _value(row: RowMapping) -> Subscriber:
    return Subscriber(
        id=row["id"],
        address=row["address"],
        address_key=row["address_key"],
        name=row["name"],
        zone=row["zone"],
        language=row["language"],
        created_at=row["created_at"],
    )
