"""Who gets an issue, and which variant of it: readers' choices, counted, and the deliveries made of them.

 active, unpaused, not suppressed ─▶ choices (one row for all who chose alike) ─▶ each its variant ─▶ INSERT … SELECT

What a choice means is decided once for all who made it: nowhere is there a loop over readers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, and_, case, cast, exists, func, insert, literal, null, or_, select
from sqlmodel import Session

from digest.core.model import Issue, Variant
from digest.core.states import DeliveryState, SubscriptionState
from digest.core.variants import EMPTY, Choice, Finder, Wish, wish_for
from digest.errors import Conflict
from digest.store.conditions import is_unpaused
from digest.store.issues import get_issue, made_variants
from digest.store.owed import dues_of, posts_told, told_owed
from digest.store.people_tables import DeliveryRow, SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.tables import CadenceRow, ChoiceRow
from digest.store.waves import JoinedWaves, ReaderClock, list_clocks, make_waves, waves_of

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_cadence = CadenceRow.__table__  # type: ignore[attr-defined]
_subscriber = SubscriberRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]
_suppression = SuppressionRow.__table__  # type: ignore[attr-defined]
_choice = ChoiceRow.__table__  # type: ignore[attr-defined]

_topics = cast(_subscription.c.topics, Text)
_language = func.coalesce(_subscriber.c.language, "")
_owed = func.coalesce(_subscription.c.owed, "")
"""What tells choices apart: the columns of `choice` as a reader's rows have them."""

LAST_WAVE = timedelta(days=4)
"""After an issue is closed all of its waves have come by then: 26 hours to the last zone, 23 to the latest hour, 24 of quiet at most."""


def count_choices(session: Session, issue: Issue, *, now: datetime) -> tuple[Choice, ...]:
    """What those have chosen who would get an issue of this cadence now, or by its last wave."""
    last = now if waves_of(session, issue).is_one else now + LAST_WAVE
    return _count(session, and_(_gets_it(issue.newsletter_id, issue.cadence_id), is_unpaused(last)))


def wishes_of(session: Session, issue: Issue, choices: Sequence[Choice]) -> tuple[Wish, ...]:
    """What each choice is shown of an issue, and of those before it."""
    dues = dues_of(session, issue, [choice.owed for choice in choices if choice.owed])
    further = {post for due in dues.values() if due for post in due.earlier | due.away}
    return wish_for(issue.content, choices, dues=dues, others=posts_told(session, issue, further))


def reader_clocks(session: Session, *, newsletter_id: int, cadence_id: int) -> tuple[ReaderClock, ...]:
    """The zones and hours of everybody who would get an issue of this cadence now."""
    return list_clocks(session, _gets_it(newsletter_id, cadence_id))


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
    reads = _gets_it(issue.newsletter_id, issue.cadence_id)
    waves = make_waves(session, issue, and_(reads, is_unpaused(now + LAST_WAVE)), now=now)
    # Whose pause is over by their wave gets it: the issue is closed up to a day and more before some of them.
    gets_it = and_(reads, is_unpaused(waves.at if waves else now))
    told = _choose(session, issue, variants, gets_it, waves)
    columns = ["issue_id", "subscriber_id", "variant_id", "address", "address_key", "domain", "name", "state", "reason",
               "settled_at", "fence", "tries"]  # fmt: skip
    query = _rows(session, issue_id, gets_it, default_variant=variants[0].id, now=now)
    if waves:
        query = waves.join(query.add_columns(waves.at))
        columns.append("not_before")
    session.execute(insert(_delivery).from_select(columns, query))
    told_owed(session, issue_id, now=now)
    return told


def _choose(
    session: Session, issue: Issue, variants: Sequence[Variant], gets_it: Any, waves: JoinedWaves | None
) -> dict[str, int]:
    """Write down what these readers have chosen, and which variant that is."""
    rows = []
    told = {"variants": 0, "empty": 0, "more": 0}
    finder = Finder(variants)
    for wish in wishes_of(session, issue, _count(session, gets_it, waves)):
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


def _count(session: Session, gets_it: Any, waves: JoinedWaves | None = None) -> tuple[Choice, ...]:
    # Names of their own: where a column has the name, Postgres would group by that.
    marks = _topics.label("chosen"), _language.label("spoken"), _owed.label("due")
    names = [mark.name for mark in marks]
    query = (
        select(marks[0], func.count().label("readers"), *marks[1:])
        .select_from(_subscriber)
        .join(_subscription, _subscription.c.subscriber_id == _subscriber.c.id)
        .where(gets_it)
        .group_by(*names)
        .order_by(*names)
    )
    return tuple(Choice(*row) for row in session.execute(waves.beside(query) if waves else query).all())


def _rows(session: Session, issue_id: int, gets_it: Any, *, default_variant: int, now: datetime) -> Any:
    """These subscriptions as rows of the ledger."""
    find = func.strpos if session.get_bind().dialect.name == "postgresql" else func.instr
    domain = func.substr(_subscriber.c.address_key, find(_subscriber.c.address_key, "@") + 1)
    # Whose choice is in no row has made it since these were counted: only on Postgres, within this transaction.
    known = _choice.c.id.is_not(None)
    empty = and_(known, _choice.c.variant_id.is_(None))
    return (
        select(
            literal(issue_id),
            _subscriber.c.id,
            case((known, _choice.c.variant_id), else_=default_variant),
            _subscriber.c.address,
            _subscriber.c.address_key,
            domain,
            _subscriber.c.name,
            case((empty, literal(str(DeliveryState.SKIPPED))), else_=literal(str(DeliveryState.QUEUED))),
            case((empty, literal(EMPTY)), else_=null()),
            case((empty, literal(now, _delivery.c.settled_at.type)), else_=null()),
            literal(0),
            literal(0),
        )
        .join(_subscription, _subscription.c.subscriber_id == _subscriber.c.id)
        .outerjoin(
            _choice,
            and_(
                _choice.c.issue_id == issue_id,
                _choice.c.topics == _topics,
                _choice.c.language == _language,
                _choice.c.owed == _owed,
            ),
        )
        # Nor is one in a row whom this issue is not for: who is owed something gets that, or nothing.
        .where(gets_it, or_(known, _owed == ""))
        .order_by(_subscriber.c.id)
    )


def _gets_it(newsletter_id: int, cadence_id: int) -> Any:
    """A subscriber with an active subscription of this cadence, whose address is not suppressed."""
    # A removed one keeps its row for its issues; who named no cadence gets the first of those that are left.
    first_cadence = (
        select(func.min(_cadence.c.id))
        .where(_cadence.c.newsletter_id == newsletter_id, _cadence.c.state == "active")
        .scalar_subquery()
    )
    return and_(
        _subscription.c.newsletter_id == newsletter_id,
        _subscription.c.state == str(SubscriptionState.ACTIVE),
        or_(
            _subscription.c.cadence_id == cadence_id,
            and_(_subscription.c.cadence_id == null(), first_cadence == cadence_id),
        ),
        ~exists().where(_suppression.c.address_hash == _subscriber.c.address_hash),
    )
