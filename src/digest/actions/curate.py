"""The editor's hand on a post before its issue is frozen: hold, release, exclude, pin.

 pending ─hold─▶ held ─release─▶ pending          pending | held ─exclude─▶ excluded ─release─▶ pending
 baseline ─release─▶ pending                      pending | held: pinned or not

Each acts on the post's claims in every cadence, or in those of one newsletter. What an issue has taken stays taken.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from digest.core.states import ClaimState
from digest.errors import Conflict
from digest.store import claims, events
from digest.store.database import Session
from digest.store.places import Place, list_places


class Move(StrEnum):
    """What the editor may do with a post."""

    HOLD = "hold"
    RELEASE = "release"
    EXCLUDE = "exclude"
    PIN = "pin"
    UNPIN = "unpin"


_FROM = {
    Move.HOLD: (ClaimState.PENDING,),
    Move.RELEASE: (ClaimState.HELD, ClaimState.BASELINE, ClaimState.EXCLUDED, ClaimState.WITHDRAWN),
    Move.EXCLUDE: (ClaimState.PENDING, ClaimState.HELD),
    Move.PIN: (ClaimState.PENDING, ClaimState.HELD),
    Move.UNPIN: (ClaimState.PENDING, ClaimState.HELD),
}
_TO = {Move.HOLD: ClaimState.HELD, Move.RELEASE: ClaimState.PENDING, Move.EXCLUDE: ClaimState.EXCLUDED}
_REASON = {Move.HOLD: "held by the editor", Move.RELEASE: None, Move.EXCLUDE: "excluded by the editor"}


def curate_post(
    session: Session, post_id: int, move: Move, *, newsletter_id: int | None = None, now: datetime
) -> tuple[Place, ...]:
    """Move a post's claims. Returns those that this moved, as they stand now; run twice, the second moves nothing.

    Raises:
        Conflict: no claim of the post can be moved like this, and none stands there already.
    """
    before = list_places(session, post_id=post_id, newsletter_id=newsletter_id)
    moved = {place.claim_id for place in before if _move(session, place, move)}
    for place in before:
        if place.claim_id in moved:
            events.record(session, f"post.{move}", at=now, post_id=post_id, newsletter=place.newsletter,
                          cadence=place.cadence, was=str(place.state))  # fmt: skip
    if not moved and not any(_is_there(place, move) for place in before):
        raise _conflict(before, move)
    after = list_places(session, post_id=post_id, newsletter_id=newsletter_id)
    return tuple(place for place in after if place.claim_id in moved)


def _move(session: Session, place: Place, move: Move) -> bool:
    if move in {Move.PIN, Move.UNPIN}:
        wanted = move is Move.PIN
        return place.pinned is not wanted and claims.pin_claim(session, claim_id=place.claim_id, pinned=wanted)
    return claims.move_claim(
        session, claim_id=place.claim_id, state=_TO[move], from_states=_FROM[move], reason=_REASON[move]
    )


def _is_there(place: Place, move: Move) -> bool:
    if move in _TO:
        return place.state is _TO[move]
    return place.state in _FROM[move] and place.pinned is (move is Move.PIN)


def _conflict(places: Sequence[Place], move: Move) -> Conflict:
    if not places:
        return Conflict(
            "no newsletter reads the source of this post", next_step="digest source list shows who reads it"
        )
    where = "; ".join(f"{place.state} in {place.newsletter} ({place.cadence})" for place in places)
    return Conflict(f"cannot {move} a post that is {where}", next_step=f"digest explain {places[0].post_id}")
