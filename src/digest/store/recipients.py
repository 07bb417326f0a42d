"""Who gets an issue, and which variant of it: readers' choices, counted, and the deliveries made of them.

 readers (store/readers) ─▶ choices (one row for all who chose alike) ─▶ each its variant ─▶ INSERT … SELECT

What a choice means is decided once for all who made it: nowhere is there a loop over readers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import FromClause, Select, and_, case, func, insert, literal, null, select
from sqlmodel import Session

from digest.core.model import Issue, Variant
from digest.core.states import DeliveryState
from digest.core.variants import EMPTY, Choice, Finder, Wish, wish_for
from digest.errors import Conflict
from digest.store.issues import get_issue, made_variants
from digest.store.owed import dues_of, posts_told, told_owed
from digest.store.people_tables import DeliveryRow, SubscriberRow
from digest.store.readers import gathered, is_back, readers_of
from digest.store.tables import ChoiceRow
from digest.store.waves import JoinedWaves, ReaderClock, list_clocks, make_waves, waves_of

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_subscriber = SubscriberRow.__table__  # type: ignore[attr-defined]
_choice = ChoiceRow.__table__  # type: ignore[attr-defined]

LAST_WAVE = timedelta(days=4)
"""After an issue is closed all of its waves have come by then: 26 hours to the last zone, 23 to the latest hour, 24 of quiet at most."""


def count_choices(session: Session, issue: Issue, *, now: datetime) -> tuple[Choice, ...]:
    """What those have chosen who would get an issue of this cadence now, or by its last wave."""
    last = now if waves_of(session, issue).is_one else now + LAST_WAVE
    return _count(session, readers_of(issue.newsletter_id, issue.cadence_id, unpaused_at=last).subquery())


def wishes_of(session: Session, issue: Issue, choices: Sequence[Choice]) -> tuple[Wish, ...]:
    """What each choice is shown of an issue, and of those before it."""
    dues = dues_of(session, issue, [choice.owed for choice in choices if choice.owed])
    further = {post for due in dues.values() if due for post in due.earlier | due.away}
    return wish_for(issue.content, choices, dues=dues, others=posts_told(session, issue, further))


def reader_clocks(session: Session, *, newsletter_id: int, cadence_id: int) -> tuple[ReaderClock, ...]:
    """The zones and hours of everybody who would get an issue of this cadence now."""
    return list_clocks(session, readers_of(newsletter_id, cadence_id).subquery())


def list_choices(session: Session, issue_id: int) -> tuple[tuple[Choice, int | None], ...]:
    """What an issue's readers had chosen when its deliveries were made, each with its variant; None: nothing was for them."""
    columns = [_choice.c[name] for name in (*Choice._fields, "variant_id")]
    query = select(*columns).where(_choice.c.issue_id == issue_id).order_by(_choice.c.id)
    return tuple((Choice(*row[:-1]), row[-1]) for row in session.execute(query).all())


def made_for(session: Session, *, issue_id: int, subscriber_id: int) -> tuple[bool, int | None]:
    """Whether a reader has a delivery of an issue, and of which variant."""
    query = select(_delivery.c.variant_id).where(
        _delivery.c.issue_id == issue_id, _delivery.c.subscriber_id == subscriber_id
    )
    row = session.execute(query).first()
    return row is not None, row.variant_id if row else None


def make_deliveries(session: Session, issue_id: int, *, now: datetime) -> dict[str, int]:
    """The issue's rows of the ledger, queued, or skipped where nothing in it is for their reader.

    For the log: how many variants have readers, how many readers get nothing, and how many more than they chose.

    Raises:
        Conflict: the issue was never rendered.
    """
    issue = get_issue(session, issue_id)
    variants = made_variants(session, issue_id)
    if not variants:
        raise Conflict(f"issue {issue_id} was never rendered", next_step="run: digest run")
    # Whose pause is over by their wave gets it: the issue is closed up to a day and more before some of them.
    everybody = readers_of(issue.newsletter_id, issue.cadence_id, unpaused_at=now + LAST_WAVE)
    with gathered(session, everybody) as readers:
        waves = make_waves(session, issue, readers, now=now)
        gets_it = is_back(readers, waves.at if waves else now)
        told = _choose(session, issue, variants, _count(session, readers, waves, gets_it))
        columns, query = _rows(session, issue_id, readers, now=now)
        if waves:
            query = waves.join(query.add_columns(waves.at), readers)
            columns.append("not_before")
        session.execute(insert(_delivery).from_select(columns, query.where(gets_it)))
    told_owed(session, issue_id, now=now)
    return told


def _choose(session: Session, issue: Issue, variants: Sequence[Variant], choices: Sequence[Choice]) -> dict[str, int]:
    """Write down what readers have chosen, and which variant that is."""
    rows = []
    told = {"variants": 0, "empty": 0, "more": 0}
    finder = Finder(variants)
    for wish in wishes_of(session, issue, choices):
        found = None if wish.is_empty else finder.find(wish)
        if found is None and wish.exact and not wish.is_empty:
            continue  # they changed something since it was rendered: they keep what they are owed for the next one
        choice = wish.choice
        rows.append({"issue_id": issue.id, **choice._asdict(), "variant_id": found and found.id})
        if found is None:
            told["empty"] += choice.readers
        elif found.shown != wish.shown:
            told["more"] += choice.readers
    if rows:
        session.execute(insert(_choice), rows)
    told["variants"] = len({row["variant_id"] for row in rows} - {None})
    return {name: number for name, number in told.items() if number}


def _count(
    session: Session, readers: FromClause, waves: JoinedWaves | None = None, gets_it: Any = None
) -> tuple[Choice, ...]:
    # Names of their own: where a column has the name, Postgres would group by that.
    marks = [readers.c[name].label(f"chosen_{name}") for name in ("topics", "language", "owed")]
    query = select(marks[0], func.count().label("readers"), *marks[1:]).select_from(readers)
    if gets_it is not None:
        query = (waves.beside(query, readers) if waves else query).where(gets_it)
    names = [mark.name for mark in marks]
    return tuple(Choice(*row) for row in session.execute(query.group_by(*names).order_by(*names)).all())


def _rows(session: Session, issue_id: int, readers: FromClause, *, now: datetime) -> tuple[list[str], Select[Any]]:
    """These readers as rows of the ledger, and the columns that the rows have."""
    find = func.strpos if session.get_bind().dialect.name == "postgresql" else func.instr
    address = _subscriber.c.address_key
    empty = _choice.c.variant_id.is_(None)
    columns: dict[str, Any] = {
        "issue_id": literal(issue_id),
        "subscriber_id": _subscriber.c.id,
        "variant_id": _choice.c.variant_id,
        "address": _subscriber.c.address,
        "address_key": address,
        "domain": func.substr(address, find(address, "@") + 1),
        "name": _subscriber.c.name,
        "state": case((empty, literal(str(DeliveryState.SKIPPED))), else_=literal(str(DeliveryState.QUEUED))),
        "reason": case((empty, literal(EMPTY)), else_=null()),
        "settled_at": case((empty, literal(now, _delivery.c.settled_at.type)), else_=null()),
        "fence": literal(0),
        "tries": literal(0),
    }
    chosen = and_(
        _choice.c.issue_id == issue_id,
        *(_choice.c[name] == readers.c[name] for name in ("topics", "language", "owed")),
    )
    query = (
        select(*columns.values())
        .select_from(readers)
        .join(_subscriber, _subscriber.c.id == readers.c.subscriber_id)
        .join(_choice, chosen)  # whom this issue is not for is in no row: who is owed something gets that, or nothing
        .order_by(readers.c.subscriber_id)
    )
    return list(columns), query
