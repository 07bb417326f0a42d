"""Issues and their variants: made once a slot, frozen, moved by compare-and-set."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlmodel import Session

from digest.core.model import Issue, IssueContent, Rendered, Variant
from digest.core.states import IssueState
from digest.core.variants import Wanted
from digest.errors import NotFound
from digest.store.codec import decode, encode
from digest.store.statements import changed_rows, insert_or_ignore
from digest.store.tables import IssueRow, NewsletterRow, VariantRow

_issue = IssueRow.__table__  # type: ignore[attr-defined]
_variant = VariantRow.__table__  # type: ignore[attr-defined]
_newsletter = NewsletterRow.__table__  # type: ignore[attr-defined]


def lock_newsletter(session: Session, newsletter_id: int) -> None:
    """Hold the newsletter's row to the end of the transaction: who closes its periods does so alone.

    On SQLite the writing transaction holds the whole database already.
    """
    session.execute(select(_newsletter.c.id).where(_newsletter.c.id == newsletter_id).with_for_update())


def insert_issue(
    session: Session,
    *,
    newsletter_id: int,
    cadence_id: int,
    slot_key: str,
    period_start: datetime,
    period_end: datetime,
    due_at: datetime,
    state: IssueState,
    now: datetime,
    reason: str | None = None,
) -> int | None:
    """Take a slot. None where somebody has it already: the UNIQUE key decides, and its row count is the truth."""
    query = (
        insert_or_ignore(session, _issue)
        .values(
            newsletter_id=newsletter_id,
            cadence_id=cadence_id,
            slot_key=slot_key,
            period_start=period_start,
            period_end=period_end,
            due_at=due_at,
            state=str(state),
            reason=reason,
            merge_key="",
            sender_refusals=0,
            created_at=now,
        )
        .returning(_issue.c.id)
    )
    found = session.execute(query).scalar_one_or_none()
    return None if found is None else int(found)


def next_number(session: Session, newsletter_id: int) -> int:
    """The number of the newsletter's next issue."""
    query = select(func.max(_issue.c.number)).where(_issue.c.newsletter_id == newsletter_id)
    return int(session.execute(query).scalar_one() or 0) + 1


def save_content(session: Session, *, issue_id: int, content: IssueContent, merge_key: str) -> None:
    """Freeze: the issue has its number and content, and nothing changes them any more."""
    session.execute(
        update(_issue)
        .where(_issue.c.id == issue_id, _issue.c.number.is_(None))
        .values(number=content.number, content=encode(content), merge_key=merge_key, state=str(IssueState.FROZEN))
    )


def waiting_since(session: Session, *, cadence_id: int, before: datetime) -> datetime:
    """The end of the cadence's last period that made an issue; what was skipped after it rolled over.

    Where none was made yet: the beginning of the first period, or `before`.
    """
    made = select(func.max(_issue.c.period_end)).where(
        _issue.c.cadence_id == cadence_id, _issue.c.state != str(IssueState.SKIPPED), _issue.c.period_end <= before
    )
    first = select(func.min(_issue.c.period_start)).where(_issue.c.cadence_id == cadence_id)
    found = session.execute(made).scalar_one() or session.execute(first).scalar_one()
    return before if found is None or found > before else found


def get_issue(session: Session, issue_id: int) -> Issue:
    """An issue with its content.

    Raises:
        NotFound: there is no such issue.
    """
    row = session.execute(select(_issue).where(_issue.c.id == issue_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no issue with id {issue_id}", next_step="see: digest issue list")
    return _as_issue(row)


def find_issue(session: Session, *, newsletter_id: int, number: int) -> Issue | None:
    """A newsletter's issue of this number."""
    query = select(_issue).where(_issue.c.newsletter_id == newsletter_id, _issue.c.number == number)
    row = session.execute(query).mappings().one_or_none()
    return _as_issue(row) if row else None


def list_issues(
    session: Session,
    *,
    newsletter_id: int | None = None,
    cadence_id: int | None = None,
    states: Sequence[IssueState] = (),
    limit: int | None = None,
) -> tuple[Issue, ...]:
    """Issues, oldest slot first; with a limit the newest so many, newest first."""
    query = select(_issue)
    if newsletter_id is not None:
        query = query.where(_issue.c.newsletter_id == newsletter_id)
    if cadence_id is not None:
        query = query.where(_issue.c.cadence_id == cadence_id)
    if states:
        query = query.where(_issue.c.state.in_([str(state) for state in states]))
    if limit is not None:
        query = query.order_by(_issue.c.due_at.desc(), _issue.c.id.desc()).limit(limit)
    else:
        query = query.order_by(_issue.c.due_at, _issue.c.id)
    return tuple(_as_issue(row) for row in session.execute(query).mappings())


def move_issue(
    session: Session, *, issue_id: int, state: IssueState, from_states: Sequence[IssueState], **fields: Any
) -> bool:
    """Compare-and-set: move an issue that stands in one of `from_states`, and set these columns. False where not."""
    moved = update(_issue).where(_issue.c.id == issue_id, _issue.c.state.in_([str(s) for s in from_states]))
    return bool(changed_rows(session, moved.values(state=str(state), **fields)))


def add_variants(session: Session, issue_id: int, wanted: Iterable[Wanted]) -> None:
    """Ask for variants, to be rendered, in this order; the same key twice is one."""
    rows = [
        {
            "issue_id": issue_id, "key": one.key, "language": one.language, "second": one.second,
            "shown": None if one.shown is None else sorted(one.shown),
            "earlier": sorted(one.earlier) or None, "away": sorted(one.away) or None,
        }
        for one in wanted
    ]  # fmt: skip
    if rows:
        session.execute(insert_or_ignore(session, _variant), rows)


def list_variants(session: Session, issue_id: int) -> tuple[Variant, ...]:
    """An issue's variants, rendered or not, by key."""
    query = select(_variant).where(_variant.c.issue_id == issue_id).order_by(_variant.c.key)
    return tuple(_as_variant(row) for row in session.execute(query).mappings())


def made_variants(session: Session, issue_id: int, *, second: bool = False) -> tuple[Variant, ...]:
    """An issue's rendered variants without what they say, in the order in which they were asked for.

    With `second` those under the second of two subjects, too.
    """
    columns = [_variant.c[name] for name in ("id", "issue_id", "key", "language", "shown", "earlier", "away", "second")]
    query = select(*columns).where(_variant.c.issue_id == issue_id, _variant.c.html.is_not(None))
    if not second:
        query = query.where(_variant.c.second.is_(False))
    return tuple(
        _as_variant({**row, "html": None}) for row in session.execute(query.order_by(_variant.c.id)).mappings()
    )


def get_rendered(session: Session, variant_id: int) -> Rendered | None:
    """What a variant says; None where it was not rendered yet."""
    row = session.execute(select(_variant).where(_variant.c.id == variant_id)).mappings().one()
    return _as_variant(row).rendered


def taken_subjects(session: Session, subjects: Iterable[str], *, issue: Issue) -> frozenset[str]:
    """Those of these subjects that mail of another issue of the newsletter has. Reads all of its variants: once for many."""
    query = (
        select(_variant.c.subject)
        .join(_issue, _issue.c.id == _variant.c.issue_id)
        .where(
            _issue.c.newsletter_id == issue.newsletter_id,
            _issue.c.id != issue.id,
            _variant.c.subject.in_(list(subjects)),
        )
    )
    return frozenset(session.execute(query).scalars())


def save_rendered(session: Session, rendered: Mapping[int, Rendered]) -> None:
    """Keep what was rendered, by variant. Where another process was first, the first rendering stays."""
    parts = ("subject", "preheader", "html", "text")
    first = update(_variant).where(_variant.c.id == bindparam("variant"), _variant.c.html.is_(None))
    rows = [{"variant": number} | {name: getattr(one, name) for name in parts} for number, one in rendered.items()]
    if rows:
        session.execute(first.values({name: bindparam(name) for name in parts}), rows)


def _as_issue(row: Any) -> Issue:
    content = None if row["content"] is None else decode(IssueContent, row["content"])
    return Issue(**{**row, "state": IssueState(row["state"]), "content": content})


def _as_variant(row: Any) -> Variant:
    done = row["html"] is not None
    parts: dict[str, Any] = {name: row[name] or "" for name in ("subject", "preheader", "html", "text")} if done else {}
    return Variant(
        id=row["id"],
        issue_id=row["issue_id"],
        key=row["key"],
        language=row["language"],
        shown=None if row["shown"] is None else frozenset(row["shown"]),
        earlier=frozenset(row["earlier"] or ()),
        away=frozenset(row["away"] or ()),
        second=row["second"],
        rendered=Rendered(**parts) if done else None,
    )
