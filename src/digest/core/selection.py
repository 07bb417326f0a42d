"""Pending posts ─▶ an issue's content: merge ─▶ rank ─▶ limit ─▶ group. Pure and deterministic.

Reading order (docs/semantics.md S11): by score (core/ranking), which by default is recency alone: the newest post
first; then the order in which the newsletter's sources were added; then the place in the source's document; then the key.

Limits: pinned posts are always shown. Of the others each source shows its first up to its quota, and when there
are more than `max_posts`, every source's first comes before any source's second. What is left out becomes a line
of `more`: claimed like the rest, so nothing is lost and nothing repeated.

Groups: pinned first, then by day, source or topic, then "earlier" for what came late (S5).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from digest.core.likeness import Story, group_stories, read_stories
from digest.core.model import AlsoIn, EditorNote, IssueContent, IssueGroup, IssuePost, Newsletter, Post
from digest.core.ranking import NEUTRAL, Ranked, total, weigh
from digest.core.states import GroupBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A pending post with what its newsletter says of its source."""

    post: Post
    source: str  # the source's title
    rank: int  # the source's place in the newsletter
    quota: int | None = None  # overrides the newsletter's max_per_source
    weight: int | None = None  # the source's, for what leads
    clicks: int = 0  # of earlier issues
    pinned: bool = False
    url: str = ""  # the source's address, as anybody may see it
    topics: tuple[str, ...] = ()  # the newsletter's (core/topics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The period of an issue.

    `waiting_since` is the end of the last one that went out: between it and `start` lie the periods whose posts
    rolled over, and these are not late.
    """

    start: datetime
    end: datetime
    waiting_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an issue says, and what becomes of each candidate."""

    content: IssueContent
    issued: tuple[int, ...]  # post ids: shown, a line of `more`, or the editor's note
    merged: Mapping[int, int]  # post id → the post it was merged into
    notes: tuple[int, ...] = ()  # those among the issued that became the note

    @property
    def stories(self) -> int:
        """How many stories the issue has, in full or as a line."""
        return len(self.content.posts) + len(self.content.more)


def select_posts(
    candidates: Iterable[Candidate],
    *,
    newsletter: Newsletter,
    number: int,
    span: Span,
    note: EditorNote | None = None,
    issued: Sequence[Post] = (),
    others: Mapping[int, Sequence[Post]] | None = None,
) -> Selection:
    """Decide an issue's content.

    `issued` are posts of earlier issues that a candidate might repeat; `others` further posts by source, by which
    its boilerplate is known. Posts that are notes join the editor's note.
    """
    ranked = sorted(candidates, key=_reading_order)
    notes = tuple(candidate.post for candidate in reversed(ranked) if candidate.post.note)
    posts = [candidate for candidate in ranked if not candidate.post.note]
    cards, merged = _merge_copies(posts, issued=issued, others=others, span=span)
    shown, more = _limit(_rank(cards, newsletter=newsletter, span=span), newsletter=newsletter)
    content = IssueContent(
        newsletter=newsletter.name,
        number=number,
        period_start=span.start,
        period_end=span.end,
        zone=newsletter.zone,
        language=newsletter.language,
        groups=_group(shown, newsletter=newsletter),
        more=tuple(card.shown for card in more),
        note=_join_notes(note, notes, newsletter),
    )
    note_ids = tuple(post.id for post in notes)
    return Selection(content=content, issued=tuple(c.shown.post_id for c in cards) + note_ids, merged=merged,
                     notes=note_ids)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Card:
    candidate: Candidate
    shown: IssuePost


def _reading_order(candidate: Candidate) -> tuple[float, int, int, str]:
    post = candidate.post
    return (-post.effective_at.timestamp(), candidate.rank, post.position, post.key)


def _merge_copies(
    posts: Sequence[Candidate],
    *,
    issued: Sequence[Post],
    others: Mapping[int, Sequence[Post]] | None,
    span: Span,
) -> tuple[list[_Card], dict[int, int]]:
    """One card a story, that of its earliest post; the other sources are named with it."""
    by_id = {candidate.post.id: candidate for candidate in posts}
    stories = read_stories((*issued, *(c.post for c in posts)), others=others)
    earliest = sorted(posts, key=lambda c: (not c.pinned, c.post.effective_at, c.rank, c.post.position, c.post.key))
    order = [stories[post.id] for post in (*issued, *(c.post for c in earliest))]
    cards: list[_Card] = []
    merged: dict[int, int] = {}
    for group in group_stories(order):
        head, copies = _split(group, by_id)
        merged.update({copy.post.id: head.post.id for copy in copies})
        if head.post.id in by_id:
            cards.append(_make_card(by_id[head.post.id], copies, span=span))
    return sorted(cards, key=lambda card: _reading_order(card.candidate)), merged


def _split(group: Sequence[Story], by_id: Mapping[int, Candidate]) -> tuple[Story, list[Candidate]]:
    """A group's head, and those candidates that are its copies."""
    return group[0], [by_id[story.post.id] for story in group[1:] if story.post.id in by_id]


def _make_card(candidate: Candidate, copies: Sequence[Candidate], *, span: Span) -> _Card:
    post = candidate.post
    shown = IssuePost(
        post_id=post.id,
        source_id=post.source_id,
        source=candidate.source,
        card=post.card,
        at=post.effective_at,
        also_in=tuple(AlsoIn(source=copy.source, link=copy.post.card.link, post_id=copy.post.id) for copy in copies),
        pinned=candidate.pinned,
        late=_is_late(post, span),
        topics=tuple(dict.fromkeys(topic for one in (candidate, *copies) for topic in one.topics)),
        body_hash=post.body_hash,
    )
    return _Card(candidate, shown)


def _is_late(post: Post, span: Span) -> bool:
    waited = post.seen_at < span.start and post.effective_at >= span.waiting_since
    return post.effective_at < span.start and not waited


def _rank(cards: Sequence[_Card], *, newsletter: Newsletter, span: Span) -> list[_Card]:
    """By score; between equals the reading order stays."""
    known = [
        Ranked(
            source_id=card.shown.source_id,
            at=card.shown.at,
            source_weight=NEUTRAL if card.candidate.weight is None else card.candidate.weight,
            minutes=card.shown.card.minutes,
            has_image=card.shown.card.image is not None,
            carried=len({also.source for also in card.shown.also_in}),
            clicks=card.candidate.clicks,
        )
        for card in cards
    ]
    sums = weigh(known, weights=newsletter.weights, start=span.start, end=span.end)
    scored = [replace(card, shown=replace(card.shown, points=points)) for card, points in zip(cards, sums, strict=True)]
    return sorted(scored, key=lambda card: -total(card.shown.points))


def _limit(cards: Sequence[_Card], *, newsletter: Newsletter) -> tuple[list[_Card], list[_Card]]:
    places: Counter[int] = Counter()
    wanted: list[tuple[int, int]] = []  # (place within its source, place in reading order)
    for at, card in enumerate(cards):
        source = card.shown.source_id
        quota = newsletter.max_per_source if card.candidate.quota is None else card.candidate.quota
        if not card.shown.pinned:
            if places[source] < quota:
                wanted.append((places[source], at))
            places[source] += 1
    pinned = {at for at, card in enumerate(cards) if card.shown.pinned}
    room = max(0, newsletter.max_posts - len(pinned))
    chosen = pinned | {at for _, at in sorted(wanted)[:room]}
    shown = [card for at, card in enumerate(cards) if at in chosen]
    return shown, [card for at, card in enumerate(cards) if at not in chosen]


def _group(cards: Sequence[_Card], *, newsletter: Newsletter) -> tuple[IssueGroup, ...]:
    posts = [card.shown for card in cards]
    pinned = [post for post in posts if post.pinned]
    current = [post for post in posts if not post.pinned and not post.late]
    earlier = [post for post in posts if post.late and not post.pinned]
    ranks = {card.shown.source_id: card.candidate.rank for card in cards}
    groups = arrange(current, group_by=newsletter.group_by, zone=newsletter.zone, ranks=ranks)
    if pinned:
        groups = [IssueGroup(kind="pinned", label="", posts=tuple(pinned)), *groups]
    if earlier:
        groups = [*groups, IssueGroup(kind="earlier", label="", posts=tuple(earlier))]
    return tuple(groups)


def arrange(posts: Sequence[IssuePost], *, group_by: GroupBy, zone: str, ranks: Mapping[int, int]) -> list[IssueGroup]:
    """Ranked posts in their groups; `ranks` are the places of their sources."""
    if group_by is GroupBy.SOURCE:
        last = len(ranks)
        by_rank = sorted(posts, key=lambda post: ranks.get(post.source_id, last))  # stable: keeps the order within
        return _collect("source", [(post.source_id, post.source, post) for post in by_rank])
    if group_by is GroupBy.TOPIC:
        return _by_topic(posts)
    place = ZoneInfo(zone)
    days = [(post.at.astimezone(place).date().isoformat(), post) for post in posts]
    groups = _collect("day", [(day, day, post) for day, post in days])
    return sorted(groups, key=lambda group: group.label, reverse=True)


def _by_topic(posts: Sequence[IssuePost]) -> list[IssueGroup]:
    """Each post under that of its topics which most posts share; large topics first, posts without one last."""
    counts = Counter(topic for post in posts for topic in {t.casefold() for t in post.card.topics})

    def shared(post: IssuePost) -> str:
        return min(post.card.topics, key=lambda t: (-counts[t.casefold()], t.casefold()), default="")

    groups = _collect("topic", [(shared(post).casefold(), shared(post), post) for post in posts])
    return sorted(groups, key=lambda group: (not group.label, -len(group.posts), group.label.casefold()))


def _collect(kind: str, entries: Iterable[tuple[object, str, IssuePost]]) -> list[IssueGroup]:
    """Groups in order of their first post; (what tells groups apart, label, post)."""
    groups: dict[object, IssueGroup] = {}
    for mark, label, post in entries:
        group = groups.setdefault(mark, IssueGroup(kind=kind, label=label, posts=()))
        groups[mark] = replace(group, posts=(*group.posts, post))
    return list(groups.values())


def _join_notes(note: EditorNote | None, posts: Sequence[Post], newsletter: Newsletter) -> EditorNote | None:
    """The editor's words: what was written for this issue, then note posts, oldest first."""
    parts = [note] if note else []
    parts += [EditorNote(text=post.text, html=post.html, author=post.card.author) for post in posts]
    if not parts:
        return None
    author = next((part.author for part in parts if part.author), newsletter.editor)
    return EditorNote(
        text="\n\n".join(part.text for part in parts), html="\n".join(part.html for part in parts), author=author
    )
