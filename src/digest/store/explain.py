"""What `digest explain` reads about a person: every issue of a newsletter beside what became of it for them."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import and_, or_, select
from sqlmodel import Session

from digest.core.explain import Reading
from digest.core.model import Issue
from digest.core.owed import Owed, read_owed
from digest.core.people import Delivery
from digest.core.states import ClaimState, DeliveryState, IssueState
from digest.store.events import list_events
from digest.store.people_tables import DeliveryRow
from digest.store.tables import ClaimRow, IssueRow, VariantRow

_issue = IssueRow.__table__  # type: ignore[attr-defined]
_claim = ClaimRow.__table__  # type: ignore[attr-defined]
_variant = VariantRow.__table__  # type: ignore[attr-defined]
_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An issue, without its content, and one person's delivery of it."""

    issue: Issue
    delivery: Delivery | None
    shown: int | None = None  # so many posts of it, those of their topics; None: all
    owed: int = 0  # so many of other issues


def issues_for(
    session: Session, *, newsletter_id: int, address_key: str, number: int | None = None, limit: int = 10
) -> tuple[Sent, ...]:
    """A newsletter's newest issues, or the one of a number, with this person's delivery; newest first."""
    ours = [_issue.c[f.name].label(f"issue_{f.name}") for f in fields(Issue) if f.name != "content"]
    theirs = [_delivery.c[f.name].label(f"delivery_{f.name}") for f in fields(Delivery)]
    query = (
        select(*ours, *theirs, _variant.c.shown, _variant.c.earlier, _variant.c.away)
        .outerjoin(_delivery, and_(_delivery.c.issue_id == _issue.c.id, _delivery.c.address_key == address_key))
        .outerjoin(_variant, _variant.c.id == _delivery.c.variant_id)
        .where(_issue.c.newsletter_id == newsletter_id)
        .order_by(_issue.c.due_at.desc(), _issue.c.id.desc())
        .limit(limit)
    )
    if number is not None:
        query = query.where(_issue.c.number == number)
    return tuple(_as_sent(dict(row)) for row in session.execute(query).mappings())


def readings_of(session: Session, *, newsletter_id: int, address_key: str, post_id: int) -> tuple[Reading, ...]:
    """The issues of a newsletter that told a post, or whose mail to this person has it; oldest first."""
    ours = [_issue.c[f.name].label(f"issue_{f.name}") for f in fields(Issue) if f.name != "content"]
    theirs = [_delivery.c[f.name].label(f"delivery_{f.name}") for f in fields(Delivery)]
    told = and_(_claim.c.issue_id == _issue.c.id, _claim.c.post_id == post_id, _claim.c.state == str(ClaimState.ISSUED))
    query = (
        select(*ours, *theirs, _claim.c.id.label("told"), _variant.c.shown, _variant.c.earlier, _variant.c.away)
        .outerjoin(_delivery, and_(_delivery.c.issue_id == _issue.c.id, _delivery.c.address_key == address_key))
        .outerjoin(_variant, _variant.c.id == _delivery.c.variant_id)
        .outerjoin(_claim, told)
        .where(_issue.c.newsletter_id == newsletter_id)
        .where(or_(_claim.c.id.is_not(None), _variant.c.earlier.is_not(None), _variant.c.away.is_not(None)))
        .order_by(_issue.c.due_at, _issue.c.id)
    )
    rows = (dict(row) for row in session.execute(query).mappings())
    found = ((_as_sent(row), row["told"], _how(row, post_id)) for row in rows)
    return tuple(
        Reading(issue=sent.issue, delivery=sent.delivery, how=how, owed=_owed_then(session, sent))
        for sent, told, how in found
        if told or how
    )


def _how(row: dict[str, Any], post_id: int) -> str | None:
    if row["delivery_id"] is None or row["delivery_state"] == str(DeliveryState.SKIPPED):
        return None
    if row["told"] and (row["shown"] is None or post_id in row["shown"]):
        return "own"
    return next((kind for kind in ("earlier", "away") if post_id in (row[kind] or ())), None)


def _owed_then(session: Session, sent: Sent) -> Owed | None:
    if sent.delivery is None or sent.delivery.subscriber_id is None:
        return None
    about = {"issue_id": sent.issue.id, "subscriber_id": sent.delivery.subscriber_id}
    said = list_events(session, kind="delivery.owed", **about)
    return read_owed(said[0].data["owed"]) if said else None


def _as_sent(row: dict[str, Any]) -> Sent:
    shown = row["shown"]
    issue = {name.removeprefix("issue_"): value for name, value in row.items() if name.startswith("issue_")}
    delivery = {name.removeprefix("delivery_"): value for name, value in row.items() if name.startswith("delivery_")}
    issue["state"] = IssueState(str(issue["state"]))
    if delivery["id"] is None:
        return Sent(issue=Issue(**issue), delivery=None)
    delivery["state"] = DeliveryState(str(delivery["state"]))
    posts = None if shown is None else len(shown)
    owed = len(row["earlier"] or ()) + len(row["away"] or ())
    return Sent(issue=Issue(**issue), delivery=Delivery(**delivery), shown=posts, owed=owed)
