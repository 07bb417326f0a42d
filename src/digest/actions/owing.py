"""What a subscription carries from a change to its next issue (core/owed), written in the transaction of the change.

Whose subscription is active has called `hold_still` first, so that no issue begins to go out between what is read here and its
commit. To nobody else's an issue can.
"""

from dataclasses import replace
from datetime import datetime

from digest.core.owed import Owed
from digest.core.people import Subscription
from digest.core.states import SubscriptionState
from digest.store.database import Session
from digest.store.newsletters import list_cadences
from digest.store.owed import owed_before, served_by, take_back
from digest.store.subscriptions import update_subscription


def go_over(session: Session, tie: Subscription, cadence_id: int | None, *, now: datetime) -> None:
    """To another cadence, or the same: before the change is written."""
    if _line(session, tie, cadence_id) != _line(session, tie, tie.cadence_id):
        _write(session, tie, _carried(session, tie, now))


def begin_pause(session: Session, tie: Subscription, until: datetime, *, wanted: bool, now: datetime) -> None:
    """What waits to be sent is taken back; `wanted` where the posts of the pause are to come after it."""
    if owed := _carried(session, tie, now):
        ids = {"newsletter_id": tie.newsletter_id, "subscriber_id": tie.subscriber_id}
        taken = take_back(session, **ids, now=now)
        if tie.owed is None and tie.is_paused(
            now
        ):  # made ahead, for a wave after the pause that runs: nothing of it is told
            owed = owed_before(session, **ids, taken_at=now) or owed
        _write(session, tie, owed.paused(now, until, wanted=wanted, taken=taken))


def end_pause(session: Session, tie: Subscription, *, now: datetime) -> None:
    """Now, before it is over."""
    if tie.owed:
        _write(session, tie, tie.owed.resumed(now))


def come_back(session: Session, tie: Subscription, cadence_id: int | None, *, now: datetime) -> None:
    """After leaving, to the same cadence or to another one: what was owed is forfeited, nothing told comes again."""
    stays = _line(session, tie, cadence_id) == _line(session, tie, tie.cadence_id)
    if owed := tie.owed if stays else _carried(session, tie, now):
        _write(session, tie, owed.returned(now))


def undo_leaving(session: Session, tie: Subscription, *, now: datetime) -> None:
    """As if the time between had been a pause whose posts nobody wants."""
    if tie.owed and tie.ended_at:
        _write(session, tie, tie.owed.resumed(tie.ended_at).paused(tie.ended_at, now, wanted=False))


def _carried(session: Session, tie: Subscription, now: datetime) -> Owed | None:
    """What they carry already, or what their line has told them; None who never was a reader."""
    if tie.owed:
        return tie.owed
    line = _line(session, tie, tie.cadence_id)
    if line is None or (tie.state is SubscriptionState.PENDING and tie.ended_at is None):
        return None
    owed = served_by(session, line, now=now)
    begun = max(filter(None, (tie.consent.at, tie.consent.confirmed_at)), default=None)
    return replace(owed, since=begun) if begun and begun > owed.until else owed


def _line(session: Session, tie: Subscription, cadence_id: int | None) -> int | None:
    """Who names no cadence gets the first."""
    if cadence_id is not None:
        return cadence_id
    return next((line.id for line in list_cadences(session, tie.newsletter_id)), None)


def _write(session: Session, tie: Subscription, owed: Owed | None) -> None:
    if owed != tie.owed:
        update_subscription(session, tie.id, owed=owed)
