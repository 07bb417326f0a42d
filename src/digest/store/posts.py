"""Posts: rows in, frozen values out. A post enters once; later sightings change what it says, never when it counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from digest.core.admission import effective_at
from digest.core.matching import Known, published
from digest.core.model import Card, ParsedPost, Post
from digest.core.states import ClaimState
from digest.store.codec import decode, encode
from digest.store.statements import insert_or_ignore
from digest.store.tables import ClaimRow, PostKeyRow, PostRow

_post = PostRow.__table__  # type: ignore[attr-defined]
_key = PostKeyRow.__table__  # type: ignore[attr-defined]
_claim = ClaimRow.__table__  # type: ignore[attr-defined]

BATCH = 5_000
"""Values in one statement: SQLite allows 32,766 variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A post that an issue may still take, and the page it stands on."""

    post_id: int
    published: datetime
    link: str | None


def find_known(session: Session, source_id: int, document: Iterable[ParsedPost]) -> tuple[Known, ...]:
    """The stored posts that share any key with the document's."""
    keys = sorted({key for post in document for key in (post.key, *post.other_keys)})
    ids: set[int] = set()
    for part in _batches(keys):
        ids.update(session.execute(
            select(_post.c.id).where(_post.c.source_id == source_id, _post.c.key.in_(part))).scalars())  # fmt: skip
        ids.update(session.execute(
            select(_key.c.post_id).where(_key.c.source_id == source_id, _key.c.key.in_(part))).scalars())  # fmt: skip
    return _known(session, ids)


def find_namesakes(session: Session, source_id: int, document: Iterable[ParsedPost]) -> tuple[Known, ...]:
    """The stored posts of the source with a title of the document's."""
    titles = sorted({post.card.title for post in document if not post.card.title_made})
    ids: set[int] = set()
    for part in _batches(titles):
        query = select(_post.c.id).where(_post.c.source_id == source_id, _post.c.title.in_(part))
        ids.update(session.execute(query).scalars())
    return _known(session, ids)


def is_known(session: Session, source_id: int, post: ParsedPost) -> bool:
    """Whether a post is stored under any of its keys."""
    return bool(find_known(session, source_id, [post]))


def has_posts(session: Session, source_id: int) -> bool:
    """Whether anything of this source was ever stored."""
    return session.execute(select(_post.c.id).where(_post.c.source_id == source_id).limit(1)).first() is not None


def add_posts(
    session: Session, source_id: int, parsed: Sequence[ParsedPost], *, positions: Sequence[int], now: datetime
) -> tuple[Post, ...]:
    """Store posts seen for the first time; `effective_at` is fixed here, for ever (docs/semantics.md S3)."""
    added = []
    for post, position in zip(parsed, positions, strict=True):
        values = {
            **_says(post),
            "source_id": source_id,
            "key": post.key,
            "published": published(post),
            "date_raw": post.date_raw,
            "seen_at": now,
            "effective_at": effective_at(published(post), seen_at=now),
            "note": post.note,
            "position": position,
        }
        post_id = session.execute(insert(_post).values(**values).returning(_post.c.id)).scalar_one()
        add_keys(session, source_id, post_id, post.other_keys)
        added.append(Post(**{**_fields(values), "id": post_id, "card": post.card}))
    return tuple(added)


def edit_post(session: Session, post_id: int, post: ParsedPost) -> None:
    """The latest version of what a stored post says. Its key, dates and place stay (S9)."""
    session.execute(update(_post).where(_post.c.id == post_id).values(**_says(post)))


def add_keys(session: Session, source_id: int, post_id: int, keys: Iterable[str]) -> None:
    """Keys under which a post was seen too. A key that another post has stays with that one."""
    rows = [{"source_id": source_id, "post_id": post_id, "key": key} for key in keys]
    if rows:
        session.execute(insert_or_ignore(session, _key), rows)


def waiting_posts(session: Session, source_id: int) -> tuple[Waiting, ...]:
    """Dated posts of a source with a pending claim whose absence was not looked into yet (S10)."""
    pending = select(_claim.c.post_id).where(_claim.c.state == str(ClaimState.PENDING))
    query = select(_post.c.id, _post.c.published, _post.c.card).where(
        _post.c.source_id == source_id,
        _post.c.published.is_not(None),
        _post.c.missing_since.is_(None),
        _post.c.id.in_(pending),
    )
    rows = session.execute(query.order_by(_post.c.id))
    return tuple(Waiting(post_id=id_, published=at, link=decode(Card, card).link) for id_, at, card in rows)


def mark_missing(session: Session, post_id: int, *, since: datetime | None) -> None:
    """Note that a post was gone from its source, or (None) that it is back."""
    session.execute(update(_post).where(_post.c.id == post_id).values(missing_since=since))


def get_post(session: Session, post_id: int) -> Post | None:
    """One post, or None."""
    row = session.execute(select(_post).where(_post.c.id == post_id)).mappings().first()
    return Post(**{**_fields(dict(row)), "card": decode(Card, row["card"])}) if row else None


def count_posts(session: Session) -> dict[int, int]:
    """Source id → how many posts of it are stored."""
    query = select(_post.c.source_id, func.count().label("posts")).group_by(_post.c.source_id)
    return {row.source_id: row.posts for row in session.execute(query)}


def _known(session: Session, ids: Iterable[int]) -> tuple[Known, ...]:
    wanted = sorted(ids)
    keys: dict[int, set[str]] = {}
    for part in _batches(wanted):
        for post_id, key in session.execute(select(_key.c.post_id, _key.c.key).where(_key.c.post_id.in_(part))):
            keys.setdefault(post_id, set()).add(key)
    columns = [_post.c[name] for name in ("id", "key", "title", "published", "body_hash", "missing_since")]
    return tuple(
        Known(
            id=row.id,
            keys=frozenset({row.key, *keys.get(row.id, ())}),
            title=row.title,
            published=row.published,
            body_hash=row.body_hash,
            is_missing=row.missing_since is not None,
        )
        for part in _batches(wanted)
        for row in session.execute(select(*columns).where(_post.c.id.in_(part)).order_by(_post.c.id))
    )


def _says(post: ParsedPost) -> dict[str, Any]:
    """The columns that an edit changes."""
    return {
        "title": post.card.title,
        "card": encode(post.card),
        "canonical": post.canonical,
        "updated": post.updated,
        "text": post.text,
        "html": post.html,
        "body_hash": post.body_hash,
    }


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    names = Post.__dataclass_fields__
    return {name: value for name, value in row.items() if name in names}


def _batches(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
