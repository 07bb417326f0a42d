"""How the whole deployment stands, in counts: cheap enough to be asked for every few seconds.

The ledger is counted by its partial indexes (queued, held, at rest without an acceptance); accepted is what is left of the
number of deliveries that were made. No row of an accepted delivery is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal_column, or_, select
from sqlmodel import Session

from digest.core.states import DeliveryState, IssueState, SourceState
from digest.store.conditions import is_held, is_in, is_unserved, is_welcome
from digest.store.joining_tables import NoticeRow, SignupRow
from digest.store.people_tables import DeliveryRow, SubscriptionRow, SuppressionRow
from digest.store.tables import IssueRow, NewsletterRow, SourceRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_notice = NoticeRow.__table__  # type: ignore[attr-defined]
_signup = SignupRow.__table__  # type: ignore[attr-defined]
_source = SourceRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]
_suppression = SuppressionRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Counts by state."""

    deliveries: Mapping[str, int]
    issues: Mapping[str, int]
    sources: Mapping[str, int]
    failing: int  # active sources whose last looks failed
    subscriptions: Mapping[tuple[str, str], int]  # by newsletter and state
    suppressions: int
    due_since: datetime | None  # the longest that a delivery which could go out now has been waiting
    notices: Mapping[str, int]  # those that are not at rest
    signups: int  # that wait to be decided about


def read_standing(session: Session, *, now: datetime) -> Standing:
    """The counts of this moment."""
    active = _source.c.state == str(SourceState.ACTIVE)
    failing = select(func.count()).select_from(_source).where(active, _source.c.failing_since.is_not(None))
    by_newsletter = (
        select(_newsletter.c.slug, _subscription.c.state, func.count())
        .join(_newsletter, _newsletter.c.id == _subscription.c.newsletter_id)
        .group_by(_newsletter.c.slug, _subscription.c.state)
    )
    rows: Any = session.execute(by_newsletter)
    return Standing(
        deliveries=_count_deliveries(session),
        issues=_count(session, _issue),
        sources=_count(session, _source),
        failing=session.execute(failing).scalar_one(),
        subscriptions={(slug, state): number for slug, state, number in rows},
        suppressions=session.execute(select(func.count()).select_from(_suppression)).scalar_one(),
        due_since=find_due_since(session, now=now),
        notices=_count_notices(session),
        signups=session.execute(select(func.count()).select_from(_signup)).scalar_one(),
    )


def find_due_since(session: Session, *, now: datetime) -> datetime | None:
    """Since when the longest waiting of all deliveries that could go out now waits; None where nothing waits.

    Those whose issue is paused, whose own time has not come or whose destination waits are not due.
    """
    sending = select(_issue.c.id, _issue.c.sending_at, _issue.c.resumed_at).where(
        _issue.c.state == str(IssueState.SENDING)
    )
    found = []
    for issue_id, sending_at, resumed_at in session.execute(sending):
        began = resumed_at or sending_at
        mine = (_delivery.c.issue_id == issue_id, is_in(DeliveryState.QUEUED), is_welcome(at=now))
        fresh = select(_delivery.c.id).where(*mine, _delivery.c.not_before.is_(None)).limit(1)
        later = select(func.min(_delivery.c.not_before)).where(*mine, _delivery.c.not_before <= now)
        if session.execute(fresh).first():
            found.append(began)
        elif again := session.execute(later).scalar():
            found.append(max(again, began) if began else again)
    return min((at for at in found if at), default=None)


def _count_deliveries(session: Session) -> Mapping[str, int]:
    def count(where: Any) -> dict[str, int]:
        rows: Any = session.execute(select(_delivery.c.state, func.count()).where(where).group_by(_delivery.c.state))
        return dict(rows.all())

    found = count(is_in(DeliveryState.QUEUED)) | count(is_held()) | count(is_unserved())
    made = session.execute(select(func.coalesce(func.sum(_issue.c.expected), 0))).scalar_one()
    found[str(DeliveryState.ACCEPTED)] = max(0, int(made) - sum(found.values()))
    return {str(state): found.get(str(state), 0) for state in DeliveryState}


def _count_notices(session: Session) -> Mapping[str, int]:
    """In the words of the partial index."""
    states = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.INFLIGHT)
    is_open = or_(*(_notice.c.state == literal_column(f"'{state}'") for state in states))
    rows: Any = session.execute(select(_notice.c.state, func.count()).where(is_open).group_by(_notice.c.state))
    found = dict(rows.all())
    return {str(state): found.get(str(state), 0) for state in states}


def _count(session: Session, table: Any) -> Mapping[str, int]:
    rows: Any = session.execute(select(table.c.state, func.count()).group_by(table.c.state))
    return dict(rows.all())
