"""Newsletters and their cadences: rows in, frozen values out."""

import difflib
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session

from digest.core.model import CadenceLine, Newsletter
from digest.core.states import CatchUp, Door, GroupBy, UseState
from digest.errors import Conflict, NotFound
from digest.store.people_tables import SubscriptionRow
from digest.store.statements import changed_rows
from digest.store.tables import CadenceRow, IssueRow, NewsletterRow

_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_cadence = CadenceRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]

ACTIVE, REMOVED = str(UseState.ACTIVE), str(UseState.REMOVED)
POLICIES = frozenset(field.name for field in fields(Newsletter)) - {"id"}


def add_newsletter(session: Session, *, slug: str, now: datetime, **values: Any) -> Newsletter:
    """A new newsletter; `values` are the fields of `Newsletter`, those not given take its defaults.

    Raises:
        Conflict: the slug is taken.
    """
    if taken := session.execute(select(_newsletter.c.state).where(_newsletter.c.slug == slug)).scalar():
        was = " (removed, but its issues are kept)" if taken == REMOVED else ""
        raise Conflict(f"there is a newsletter {slug!r} already{was}", next_step="choose another slug")
    _known(values)
    newsletter = Newsletter(id=0, slug=slug, **values)
    row = {field.name: getattr(newsletter, field.name) for field in fields(newsletter) if field.name != "id"}
    session.execute(insert(_newsletter).values(**row, created_at=now))
    return get_newsletter(session, slug)


def get_newsletter(session: Session, slug: str) -> Newsletter:
    """The newsletter of this slug, a removed one too.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(select(_newsletter).where(_newsletter.c.slug == slug)).mappings().first()
    if row is None:
        slugs = [newsletter.slug for newsletter in list_newsletters(session)]
        near = difflib.get_close_matches(slug, slugs, n=1)
        step = f"did you mean {near[0]}?" if near else "digest newsletter list shows them"
        raise NotFound(
            f"there is no newsletter {slug!r}", next_step=step if slugs else "run: digest newsletter add SLUG"
        )
    return _as_newsletter(row)


def newsletter_of_id(session: Session, newsletter_id: int) -> Newsletter:
    """The newsletter of this id, a removed one too.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(select(_newsletter).where(_newsletter.c.id == newsletter_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no newsletter number {newsletter_id}")
    return _as_newsletter(row)


def list_newsletters(session: Session, *, removed: bool = False) -> tuple[Newsletter, ...]:
    """The active newsletters, oldest first; with `removed`, all."""
    query = select(_newsletter).order_by(_newsletter.c.id)
    if not removed:
        query = query.where(_newsletter.c.state == ACTIVE)
    return tuple(_as_newsletter(row) for row in session.execute(query).mappings())


def update_newsletter(session: Session, newsletter_id: int, **changes: Any) -> Newsletter:
    """Change fields of a newsletter.

    Raises:
        NotFound: there is none.
    """
    _known(changes)
    if changes:
        session.execute(update(_newsletter).where(_newsletter.c.id == newsletter_id).values(**changes))
    return newsletter_of_id(session, newsletter_id)


def delete_newsletter(session: Session, newsletter_id: int) -> None:
    """Delete a newsletter with all that hangs on it. For one without history: else its state becomes removed."""
    session.execute(delete(_newsletter).where(_newsletter.c.id == newsletter_id))


# ── cadences ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_cadence(
    session: Session, newsletter_id: int, *, name: str, rule: str, zone: str, started_at: datetime
) -> CadenceLine:
    """A new cadence; `rule` is canonical.

    Raises:
        Conflict: the newsletter has one of this name.
    """
    if session.execute(
        select(_cadence.c.id).where(_cadence.c.newsletter_id == newsletter_id, _cadence.c.name == name)
    ).first():
        raise Conflict(
            f"the newsletter has a cadence {name!r} already", next_step=f"give it another name: {name}-2={rule}"
        )
    added = session.execute(
        insert(_cadence)
        .values(newsletter_id=newsletter_id, name=name, rule=rule, zone=zone, started_at=started_at)
        .returning(_cadence.c.id)
    ).scalar_one()
    return get_cadence(session, added)


def get_cadence(session: Session, cadence_id: int) -> CadenceLine:
    """The cadence of this id, a removed one too.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(select(_cadence).where(_cadence.c.id == cadence_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no cadence number {cadence_id}")
    return CadenceLine(**row)


def list_cadences(
    session: Session, newsletter_id: int | None = None, *, removed: bool = False
) -> tuple[CadenceLine, ...]:
    """The active cadences of active newsletters, or of one newsletter; the first of a newsletter is its default."""
    query = select(_cadence).join(_newsletter, _newsletter.c.id == _cadence.c.newsletter_id).order_by(_cadence.c.id)
    if newsletter_id is not None:
        query = query.where(_cadence.c.newsletter_id == newsletter_id)
    if not removed:
        query = query.where(_cadence.c.state == ACTIVE, _newsletter.c.state == ACTIVE)
    return tuple(CadenceLine(**row) for row in session.execute(query).mappings())


def update_cadence(session: Session, cadence_id: int, **changes: Any) -> CadenceLine:
    """Change name, rule, zone, started_at, rollovers or state of a cadence. Its claims stay as they are (S14)."""
    session.execute(update(_cadence).where(_cadence.c.id == cadence_id).values(**changes))
    return get_cadence(session, cadence_id)


def close_period(session: Session, cadence_id: int, *, slot_at: datetime, rollovers: int) -> bool:
    """Move the end of the newest closed period forward, never back; False where another turn has moved it so far."""
    earlier = _cadence.c.last_slot_at.is_(None) | (_cadence.c.last_slot_at < slot_at)
    moved = update(_cadence).where(_cadence.c.id == cadence_id, earlier)
    return bool(changed_rows(session, moved.values(last_slot_at=slot_at, rollovers=rollovers)))


def delete_cadence(session: Session, cadence_id: int) -> None:
    """Delete a cadence and its claims. For one that made no issue: else its state becomes removed."""
    session.execute(delete(_cadence).where(_cadence.c.id == cadence_id))


def count_issues(session: Session, *, newsletter_id: int | None = None, cadence_id: int | None = None) -> int:
    """How many issues a newsletter or a cadence has made, skipped ones too."""
    query = select(func.count()).select_from(_issue)
    if newsletter_id is not None:
        query = query.where(_issue.c.newsletter_id == newsletter_id)
    if cadence_id is not None:
        query = query.where(_issue.c.cadence_id == cadence_id)
    return int(session.execute(query).scalar_one())


def has_history(session: Session, newsletter_id: int) -> bool:
    """Whether a newsletter has made an issue or had a subscription, so that it must be kept."""
    return any(
        session.execute(select(table.c.id).where(table.c.newsletter_id == newsletter_id).limit(1)).first()
        for table in (_issue, _subscription)
    )


def free_subscriptions(session: Session, cadence_id: int) -> int:
    """Give the subscriptions of a cadence to the newsletter's first one. Returns how many those were."""
    moved = update(_subscription).where(_subscription.c.cadence_id == cadence_id).values(cadence_id=None)
    return changed_rows(session, moved)


def _as_newsletter(row: Any) -> Newsletter:
    values = {name: value for name, value in row.items() if name != "created_at"}
    chosen = {"group_by": GroupBy(row["group_by"]), "catch_up": CatchUp(row["catch_up"]), "signup": Door(row["signup"])}
    return Newsletter(**values | chosen)


def _known(values: dict[str, Any]) -> None:
    if unknown := set(values) - POLICIES:
        raise ValueError(f"a newsletter has no {', '.join(sorted(unknown))}")
