"""People by the thousand: looked up and written in bulk, inside the one transaction of an import."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, select, text, update
from sqlmodel import Session

from digest.core.import_policy import Known, Step
from digest.core.people import Consent
from digest.core.states import SubscriptionState
from digest.core.subscriber_list import Entry
from digest.store.people_tables import SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.statements import insert_or_ignore
from digest.store.subscriptions import consent_columns

_people: Table = SubscriberRow.__table__  # type: ignore[attr-defined]
_ties: Table = SubscriptionRow.__table__  # type: ignore[attr-defined]
_suppressed: Table = SuppressionRow.__table__  # type: ignore[attr-defined]

IMPORT_LOCK = 0x6469676573740001  # the key of a Postgres advisory lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A row of a list with what was decided for it."""

    entry: Entry
    key: str
    hash: str
    known: Known
    step: Step
    consent: Consent


def lock_imports(session: Session) -> None:
    """Two imports write one after the other: at once they could wait for each other's rows. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({IMPORT_LOCK})"))


def find_known(session: Session, *, newsletter_id: int, people: Sequence[tuple[str, str]]) -> list[Known]:
    """What is known of each (key, hash), in their order; at most a few thousand at once."""
    tied = (_ties.c.subscriber_id == _people.c.id) & (_ties.c.newsletter_id == newsletter_id)
    columns = (_ties.c.id.label("subscription_id"), _ties.c.state, _ties.c.consent_at, _ties.c.confirmed_at)
    query = select(*_people.c, *columns).select_from(_people.outerjoin(_ties, tied))
    rows = session.execute(query.where(_people.c.address_key.in_([key for key, _ in people]))).mappings()
    found = {row["address_key"]: row for row in rows}
    reasons = _find_reasons(session, [hashed for _, hashed in people])
    return [_known(found.get(key), reasons.get(hashed)) for key, hashed in people]


def write_steps(session: Session, plans: Sequence[Planned], *, newsletter_id: int, note: str, now: datetime) -> None:
    """Do what was decided; `note` says of a suppression where it came from. Nobody is revived even if they left since: existing ties are never inserted again."""
    _insert_people(session, [plan for plan in plans if plan.step.subscribe and not plan.known.subscriber_id], now)
    _insert_ties(session, [plan for plan in plans if plan.step.subscribe], newsletter_id=newsletter_id, now=now)
    _update_people(session, [plan for plan in plans if plan.step.changes and plan.known.subscriber_id])
    _end_ties(session, [plan for plan in plans if plan.step.end and plan.known.subscription_id], now)
    suppressed = [
        {"address_hash": plan.hash, "reason": plan.step.suppress, "note": note, "created_at": now}
        for plan in plans
        if plan.step.suppress
    ]
    if suppressed:
        session.execute(insert_or_ignore(session, _suppressed), suppressed)


def _find_reasons(session: Session, hashes: list[str]) -> dict[str, str]:
    query = select(_suppressed.c.address_hash, _suppressed.c.reason).where(_suppressed.c.address_hash.in_(hashes))
    return {row.address_hash: row.reason for row in session.execute(query)}


def _known(row: Any, reason: str | None) -> Known:
    if row is None:
        return Known(suppressed=reason)
    return Known(
        subscriber_id=row["id"],
        name=row["name"],
        zone=row["zone"],
        language=row["language"],
        subscription_id=row["subscription_id"],
        state=SubscriptionState(row["state"]) if row["state"] else None,
        agreed=max(filter(None, (row["consent_at"], row["confirmed_at"])), default=None),
        suppressed=reason,
    )


def _insert_people(session: Session, plans: Sequence[Planned], now: datetime) -> None:
    rows = [
        {
            "address": plan.entry.address,
            "address_key": plan.key,
            "address_hash": plan.hash,
            "name": plan.entry.name,
            "zone": plan.entry.zone,
            "language": plan.entry.language,
            "created_at": now,
        }
        for plan in plans
    ]
    if rows:
        session.execute(insert_or_ignore(session, _people), rows)


def _insert_ties(session: Session, plans: Sequence[Planned], *, newsletter_id: int, now: datetime) -> None:
    if not plans:
        return
    query = select(_people.c.address_key, _people.c.id).where(_people.c.address_key.in_([plan.key for plan in plans]))
    ids = {row.address_key: row.id for row in session.execute(query)}
    rows = [
        {
            "newsletter_id": newsletter_id,
            "subscriber_id": ids[plan.key],
            "state": plan.step.subscribe,
            "topics": [],
            "hour": plan.entry.hour,
            **consent_columns(plan.consent),
            "ended_at": (plan.entry.left or now) if plan.step.end else None,
            "ended_why": plan.step.end,
            "created_at": now,
        }
        for plan in plans
    ]
    session.execute(insert_or_ignore(session, _ties), rows)


def _update_people(session: Session, plans: Sequence[Planned]) -> None:
    for plan in plans:
        session.execute(update(_people).where(_people.c.id == plan.known.subscriber_id).values(dict(plan.step.changes)))


def _end_ties(session: Session, plans: Sequence[Planned], now: datetime) -> None:
    ended = update(_ties).where(_ties.c.id == bindparam("tie"), _ties.c.state != SubscriptionState.ENDED)
    rows = [{"tie": plan.known.subscription_id, "at": plan.entry.left or now, "why": plan.step.end} for plan in plans]
    if rows:
        values = {"state": SubscriptionState.ENDED, "ended_at": bindparam("at"), "ended_why": bindparam("why")}
        session.connection().execute(ended.values(values), rows)
