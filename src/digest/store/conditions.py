"""Who may get a message: the conditions that every move towards the final dot demands, as clauses on the ledger's rows.

States are written out, not bound. Only then can the planner use a partial index, and beside one SQLite would compile the
statement anew for each row that is bound (measured: 275 µs a message of the ledger's time instead of 105).
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, exists, literal_column, not_, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from digest.core.states import DeliveryState, IssueState, SubscriptionState
from digest.store.people_tables import DeliveryRow, DestinationRow, SubscriberRow, SubscriptionRow, SuppressionRow
from digest.store.tables import IssueRow

_delivery = DeliveryRow.__table__  # type: ignore[attr-defined]
_destination = DestinationRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_subscription = SubscriptionRow.__table__  # type: ignore[attr-defined]
_subscriber = SubscriberRow.__table__  # type: ignore[attr-defined]
_suppression = SuppressionRow.__table__  # type: ignore[attr-defined]

LONGEST = timedelta(days=1)
"""Far longer than any lease is given, or a wait that `is_past` is asked of."""


def is_in(state: DeliveryState) -> ColumnElement[bool]:
    """The delivery's state."""
    return and_(_delivery.c.state == literal_column(f"'{state}'"))


class _Unindexed(FunctionElement[str]):
    """A column that Postgres finds by no index."""

    type = String()
    inherit_cache = True


def is_in_by_key(state: DeliveryState) -> ColumnElement[bool]:
    """As `is_in`, of deliveries that are named by id.

    Postgres would begin with the partial index of those that are held: by its figures, which are of before the issue began,
    there are none.
    """
    return _Unindexed(_delivery.c.state) == literal_column(f"'{state}'")


def is_held() -> ColumnElement[bool]:
    """Claimed or in flight, in the words of the partial index: SQLite does not see that one of them implies it."""
    return or_(is_in(DeliveryState.CLAIMED), is_in(DeliveryState.INFLIGHT))


def is_past(time: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    """A lease's end, or a wait's; or further ahead than any is given, and so written by a clock that was set back since."""
    return or_(time <= now, time > now + LONGEST)


def is_unserved() -> ColumnElement[bool]:
    """At rest without an acceptance, in the words of the partial index."""
    states = (DeliveryState.REFUSED, DeliveryState.UNCERTAIN, DeliveryState.SKIPPED, DeliveryState.EXPIRED)
    return or_(*map(is_in, states))


def issue_is(state: IssueState) -> ColumnElement[bool]:
    """The delivery's issue."""
    return _looked_up(_issue.c.id == _delivery.c.issue_id, _issue.c.state == literal_column(f"'{state}'"))


def is_welcome(delivery: Any = _delivery, *, at: Any = None) -> ColumnElement[bool]:
    """Its destination does not wait; with `at`, or may be tried again by then. The table is tiny, or empty."""
    waiting = select(_destination.c.domain).where(_destination.c.not_before.is_not(None))
    if at is not None:
        waiting = waiting.where(_destination.c.not_before > at)
    welcome: ColumnElement[bool] = delivery.c.domain.not_in(waiting)
    return welcome


def is_unpaused(at: Any) -> ColumnElement[bool]:
    """A subscription that is not paused at this moment."""
    return or_(_subscription.c.paused_until.is_(None), _subscription.c.paused_until <= at)


def is_subscribed(at: Any = None) -> ColumnElement[bool]:
    """Its reader still wants this newsletter; with `at`, and has not asked for a pause until after that."""
    wants = [
        _issue.c.id == _delivery.c.issue_id,
        _subscription.c.newsletter_id == _issue.c.newsletter_id,
        _subscription.c.subscriber_id == _delivery.c.subscriber_id,
        _subscription.c.state == literal_column(f"'{SubscriptionState.ACTIVE}'"),
    ]
    return _looked_up(*wants, *([] if at is None else [is_unpaused(at)]))


def is_suppressed() -> ColumnElement[bool]:
    """Its address is never to be mailed again."""
    return _looked_up(
        _subscriber.c.id == _delivery.c.subscriber_id, _suppression.c.address_hash == _subscriber.c.address_hash
    )


def is_eligible(at: Any) -> ColumnElement[bool]:
    """Subscribed, not paused and not suppressed, at this moment."""
    return and_(is_subscribed(at), not_(is_suppressed()))


def _looked_up(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """EXISTS, looked up by index for each delivery.

    Postgres would make a join of it, and begin that where it takes the fewest rows to be: with statistics from before the
    issue began, it read the whole list for each claim that was held (240 ms a mark, 2 ms so). OFFSET keeps it from that.
    """
    found: Select[Any] = select(literal_column("1")).where(*conditions)
    # The delivery is that of the statement around it.
    return exists(found.correlate(_delivery).suffix_with("OFFSET 0", dialect="postgresql"))


@compiles(_Unindexed)
def _write_column(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_Unindexed, "postgresql")
def _write_expression(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} || '')"
