"""Claims: the recorded membership of posts in cadences (docs/semantics.md S1). No function here deletes one."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session

from digest.core.admission import Admission
from digest.core.model import CadenceLine, Card, Claim, Post
from digest.core.states import ClaimState, IssueState
from digest.store.newsletters import ACTIVE
from digest.store.statements import changed_rows, insert_or_ignore
from digest.store.tables import CadenceRow, ClaimRow, IssueRow, NewsletterRow, NewsletterSourceRow, PostRow

_claim = ClaimRow.__table__  # type: ignore[attr-defined]
_issue = IssueRow.__table__  # type: ignore[attr-defined]
_post = PostRow.__table__  # type: ignore[attr-defined]
_cadence = CadenceRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]
_reads = NewsletterSourceRow.__table__  # type: ignore[attr-defined]

MAY_GO_OUT = tuple(str(one) for one in (IssueState.FROZEN, IssueState.DRAFT, IssueState.SENDING, IssueState.PAUSED))
"""In these states an issue whose deliveries are not made yet is still to come."""
BATCH = 5_000
"""Ids in one statement: SQLite allows 32,766 variables."""


def lines_reading(session: Session, source_id: int) -> tuple[CadenceLine, ...]:
    """Every active cadence of every active newsletter that reads this source, in order of id."""
    query = (
        select(_cadence)
        .join(_newsletter, _newsletter.c.id == _cadence.c.newsletter_id)
        .join(_reads, _reads.c.newsletter_id == _newsletter.c.id)
        .where(_reads.c.source_id == source_id, _newsletter.c.state == ACTIVE, _cadence.c.state == ACTIVE)
        .order_by(_cadence.c.id)
    )
    return tuple(CadenceLine(**row) for row in session.execute(query).mappings())


def unclaimed(session: Session, *, cadence_id: int, post_ids: Iterable[int]) -> frozenset[int]:
    """Those of the posts that have no claim in this cadence yet."""
    wanted = sorted(post_ids)
    claimed: set[int] = set()
    for start in range(0, len(wanted), BATCH):
        query = select(_claim.c.post_id).where(
            _claim.c.cadence_id == cadence_id, _claim.c.post_id.in_(wanted[start : start + BATCH])
        )
        claimed.update(session.execute(query).scalars())
    return frozenset(wanted) - claimed


def add_claims(session: Session, *, cadence_id: int, admissions: Iterable[Admission]) -> None:
    """Record claims; a post that has one in this cadence keeps it."""
    rows = [
        {
            "cadence_id": cadence_id,
            "post_id": admission.post_id,
            "state": str(admission.state),
            "effective_at": admission.effective_at,
            "reason": admission.reason,
            "pinned": False,
        }
        for admission in admissions
    ]
    if rows:
        session.execute(insert_or_ignore(session, _claim), rows)


def claims_of(session: Session, *, post_id: int) -> tuple[Claim, ...]:
    """A post's claims, one per cadence."""
    query = select(_claim).where(_claim.c.post_id == post_id).order_by(_claim.c.cadence_id)
    return tuple(_as_claim(row) for row in session.execute(query).mappings())


def list_claims(session: Session, *, cadence_id: int, states: Sequence[ClaimState] = ()) -> tuple[Claim, ...]:
    """A cadence's claims in order of their posts' dates, of these states only where any are named."""
    query = select(_claim).where(_claim.c.cadence_id == cadence_id)
    if states:
        query = query.where(_claim.c.state.in_([str(state) for state in states]))
    rows = session.execute(query.order_by(_claim.c.effective_at, _claim.c.post_id)).mappings()
    return tuple(_as_claim(row) for row in rows)


def move_claim(
    session: Session, *, claim_id: int, state: ClaimState, from_states: Sequence[ClaimState], reason: str | None
) -> bool:
    """Compare-and-set: move a claim if it stands in one of `from_states`. False where it does not."""
    moved = update(_claim).where(_claim.c.id == claim_id, _claim.c.state.in_([str(s) for s in from_states]))
    return bool(changed_rows(session, moved.values(state=str(state), reason=reason)))


def pin_claim(session: Session, *, claim_id: int, pinned: bool) -> bool:
    """Put a post at the head of its issue, or take it down again. False once its issue is frozen."""
    waiting = [str(ClaimState.PENDING), str(ClaimState.HELD)]
    moved = update(_claim).where(_claim.c.id == claim_id, _claim.c.state.in_(waiting))
    return bool(changed_rows(session, moved.values(pinned=pinned)))


def source_ids(session: Session, newsletter_id: int) -> tuple[int, ...]:
    """The sources that a newsletter reads, in the order they were added."""
    query = select(_reads.c.source_id).where(_reads.c.newsletter_id == newsletter_id).order_by(_reads.c.id)
    return tuple(session.execute(query).scalars())


def claims_by_source(
    session: Session, *, newsletter_id: int, source_id: int, states: Sequence[ClaimState]
) -> tuple[Claim, ...]:
    """The claims of one source's posts in all cadences of a newsletter that stand in one of these states."""
    query = (
        select(_claim)
        .join(_post, _post.c.id == _claim.c.post_id)
        .join(_cadence, _cadence.c.id == _claim.c.cadence_id)
        .where(
            _cadence.c.newsletter_id == newsletter_id,
            _post.c.source_id == source_id,
            _claim.c.state.in_([str(s) for s in states]),
        )
        .order_by(_claim.c.id)
    )
    return tuple(_as_claim(row) for row in session.execute(query).mappings())


def untold(session: Session, *, newsletter_id: int, besides: int) -> frozenset[int]:
    """Posts that other cadences of a newsletter are still to tell: they wait, or are in an issue that has not gone out."""
    coming = and_(_issue.c.expected.is_(None), _issue.c.state.in_(MAY_GO_OUT))
    query = (
        select(_claim.c.post_id)
        .join(_cadence, _cadence.c.id == _claim.c.cadence_id)
        .outerjoin(_issue, _issue.c.id == _claim.c.issue_id)
        .where(_cadence.c.newsletter_id == newsletter_id, _cadence.c.state == ACTIVE, _cadence.c.id != besides)
        .where(or_(_claim.c.state == str(ClaimState.PENDING), coming))
    )
    return frozenset(session.execute(query).scalars())


def backlog(session: Session, *, source_id: int) -> tuple[Post, ...]:
    """All posts ever seen of a source, newest first, with what admission looks at: no text, no pictures."""
    columns = [_post.c[name] for name in ("id", "source_id", "key", "title", "canonical", "published", "updated",
                                          "seen_at", "effective_at", "note", "position")]  # fmt: skip
    query = select(*columns).where(_post.c.source_id == source_id).order_by(_post.c.effective_at.desc(), _post.c.id)
    rows = (dict(row) for row in session.execute(query).mappings())
    return tuple(Post(card=Card(title=row.pop("title")), **row) for row in rows)


def _as_claim(row: Any) -> Claim:
    return Claim(**{**row, "state": ClaimState(row["state"])})
