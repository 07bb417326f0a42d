"""New posts ─▶ claims, in the transaction that stores them.

 gather saves posts ─▶ admit_posts ─▶ one claim for each cadence that reads the source
 a source joins a newsletter ─▶ admit_source         a newsletter gets a cadence ─▶ admit_cadence
 a source leaves a newsletter ─▶ exclude_source      a post is taken down ─▶ withdraw_post

Each is safe to run twice: a post that has a claim in a cadence keeps it. Two newsletters claim independently.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from digest.core.admission import Admission, Opening, admit_backlog, admit_new
from digest.core.cadence import parse, slot_at_or_before, slots_after
from digest.core.model import CadenceLine, Post
from digest.core.period import open_period
from digest.core.states import ClaimState
from digest.errors import UsageError
from digest.store import claims as store
from digest.store import events
from digest.store.database import Session
from digest.store.newsletters import list_cadences

SOURCE_REMOVED = "its source was removed"
TAKEN_DOWN = "taken down at its source"
_WAITING = (ClaimState.PENDING, ClaimState.HELD)


def admit_posts(
    session: Session, *, source_id: int, posts: Sequence[Post], first_look: bool, flood: bool = False, now: datetime
) -> None:
    """Claims for posts just stored, in every cadence of every active newsletter that reads the source.

    `first_look`: nothing of this source was ever stored before, so its backlog is taken as seen (S7).
    `flood`: far more new posts than this source ever had at once; all are held (S8).
    """
    for line in store.lines_reading(session, source_id):
        opening = _opening(line, now)
        if first_look:
            admissions = admit_backlog(posts, opening=opening)
        else:
            admissions = admit_new(posts, opening=opening, flood=flood, now=now)
        _record(session, line, source_id=source_id, admissions=admissions, now=now)


def admit_source(
    session: Session, *, newsletter_id: int, source_id: int, now: datetime, include_last: int | None = None
) -> None:
    """Claims for all that is stored of a source that a newsletter begins to read (S7, S14).

    A source that comes back gets back what its removal excluded. `include_last` also takes the newest so many
    posts out of the baseline.
    """
    for line in list_cadences(session, newsletter_id):
        _admit_stored(session, line, source_id=source_id, now=now, include_last=include_last)


def admit_cadence(session: Session, *, line: CadenceLine, now: datetime) -> None:
    """Claims for all that is stored of a newsletter's sources in a cadence it has just got (S14).

    What its other cadences are still to tell waits in this one, too: who goes over to it would never hear of it.
    """
    untold = store.untold(session, newsletter_id=line.newsletter_id, besides=line.id)
    for source_id in store.source_ids(session, line.newsletter_id):
        _admit_stored(session, line, source_id=source_id, now=now, include_last=None, untold=untold)


def exclude_source(session: Session, *, newsletter_id: int, source_id: int, now: datetime) -> int:
    """What still waits of a source that a newsletter stops reading is excluded, with a line in the log (S14).

    Returns how many claims that were. What was issued stays issued.
    """
    waiting = store.claims_by_source(session, newsletter_id=newsletter_id, source_id=source_id, states=_WAITING)
    for claim in waiting:
        store.move_claim(
            session, claim_id=claim.id, state=ClaimState.EXCLUDED, from_states=_WAITING, reason=SOURCE_REMOVED
        )
        events.record(session, "post.excluded", at=now, newsletter_id=newsletter_id, source_id=source_id,
                      post_id=claim.post_id, cadence_id=claim.cadence_id, reason=SOURCE_REMOVED)  # fmt: skip
    return len(waiting)


def withdraw_post(session: Session, *, post_id: int, now: datetime) -> int:
    """A post that its author took down before an issue took it (S10). Returns how many cadences lose it."""
    # What is held stays held: were it to come back, it must not come back as pending.
    return _move(
        session, post_id, state=ClaimState.WITHDRAWN, from_states=(ClaimState.PENDING,), reason=TAKEN_DOWN, now=now
    )


def restore_post(session: Session, *, post_id: int, now: datetime) -> int:
    """A post taken down that is back: it waits again. Returns how many cadences have it back."""
    return _move(session, post_id, state=ClaimState.PENDING, from_states=(ClaimState.WITHDRAWN,), reason=None, now=now)


def _opening(line: CadenceLine, now: datetime) -> Opening:
    try:
        cadence = parse(line.rule)
        start = slot_at_or_before(cadence, line.zone, now).at
        end = next(iter(slots_after(cadence, line.zone, now))).at
    except UsageError:  # it is held (core/period); its posts wait, and other newsletters get theirs
        return Opening(since=line.last_slot_at or line.started_at, length=timedelta(days=7))
    return Opening(since=open_period(line)[1].start, length=end - start)


def _admit_stored(
    session: Session,
    line: CadenceLine,
    *,
    source_id: int,
    now: datetime,
    include_last: int | None,
    untold: Collection[int] = (),
) -> None:
    posts = store.backlog(session, source_id=source_id)
    admissions = tuple(
        replace(one, state=ClaimState.PENDING, reason=None) if one.post_id in untold else one
        for one in admit_backlog(posts, opening=_opening(line, now), include_last=include_last)
    )
    _record(session, line, source_id=source_id, admissions=admissions, now=now)
    if include_last is not None:
        _reopen(session, line, admissions, state=ClaimState.BASELINE, reason=None)
    _reopen(session, line, admissions, state=ClaimState.EXCLUDED, reason=SOURCE_REMOVED)


def _record(
    session: Session, line: CadenceLine, *, source_id: int, admissions: Iterable[Admission], now: datetime
) -> None:
    by_post = {admission.post_id: admission for admission in admissions}
    new = store.unclaimed(session, cadence_id=line.id, post_ids=by_post)
    fresh = [admission for post_id, admission in by_post.items() if post_id in new]
    store.add_claims(session, cadence_id=line.id, admissions=fresh)
    for admission in fresh:
        if admission.state is ClaimState.HELD:
            events.record(session, "post.held", at=now, newsletter_id=line.newsletter_id, source_id=source_id,
                          post_id=admission.post_id, cadence=line.name, reason=admission.reason)  # fmt: skip
    baseline = sum(admission.state is ClaimState.BASELINE for admission in fresh)
    if baseline:
        events.record(session, "source.baseline", at=now, newsletter_id=line.newsletter_id, source_id=source_id,
                      cadence=line.name, posts=baseline)  # fmt: skip


def _reopen(
    session: Session, line: CadenceLine, admissions: Iterable[Admission], *, state: ClaimState, reason: str | None
) -> None:
    """Decide again about claims in this state; of this reason only, where one is named."""
    old = {claim.post_id: claim for claim in store.list_claims(session, cadence_id=line.id, states=(state,))}
    for admission in admissions:
        claim = old.get(admission.post_id)
        if claim and admission.state is not state and reason in {None, claim.reason}:
            store.move_claim(
                session, claim_id=claim.id, state=admission.state, from_states=(state,), reason=admission.reason
            )


def _move(
    session: Session,
    post_id: int,
    *,
    state: ClaimState,
    from_states: Sequence[ClaimState],
    reason: str | None,
    now: datetime,
) -> int:
    moved = 0
    for claim in store.claims_of(session, post_id=post_id):
        if store.move_claim(session, claim_id=claim.id, state=state, from_states=from_states, reason=reason):
            events.record(session, f"post.{state}", at=now, post_id=post_id, cadence_id=claim.cadence_id, reason=reason)
            moved += 1
    return moved
