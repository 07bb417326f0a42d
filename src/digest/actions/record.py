"""What a visit brought ─▶ the store: posts, their claims, and what polite fetching remembers, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest.actions.admit import admit_posts, restore_post, withdraw_post
from digest.actions.poll import Visit
from digest.core.matching import Matching, is_flood, match_posts, taken_down
from digest.core.model import ParsedPost, Post
from digest.core.polling import (
    Advice,
    Memory,
    after_failure,
    after_move,
    after_not_modified,
    after_odd_answer,
    after_success,
    host_key,
    warns,
)
from digest.core.states import SourceKind, SourceState
from digest.errors import BadStatus
from digest.store import events, polls, posts
from digest.store.database import Session
from digest.store.sources import source_at

LINKS_CHECKED = 5
"""So many links of posts that look taken down are checked in one poll (S10)."""
MOST_KEPT = timedelta(days=90)

_ALARMS = {
    SourceState.DEAD: "has failed for thirty days: it is asked once a week from now on",
    SourceState.GONE: "is gone, says its server: it is never asked again",
}
ALARM_STEP = "digest source list shows its problem; give its new address, or remove it"
FLOOD_STEP = "digest post list --state held shows them, digest post release POST lets one in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What became of one source."""

    source_id: int
    title: str
    url: str
    new: int = 0
    edited: int = 0
    unchanged: bool = False  # 304, or the same body again
    held: bool = False  # a flood
    problem: str | None = None
    next_step: str | None = None
    alarm: str | None = None  # what the operator is told, once: failing for three days, dead, gone, a flood
    missing: tuple[posts.Waiting, ...] = ()  # look taken down: their links are still to be checked

    @property
    def alarm_step(self) -> str:
        """What to do about the alarm."""
        return FLOOD_STEP if self.held else ALARM_STEP


def record_visit(session: Session, found: Visit, *, now: datetime) -> Polled:
    """Everything or nothing; the caller's transaction."""
    source = found.memory.source
    polled = Polled(source_id=source.id, title=source.title or source.shown, url=source.shown)
    if found.error:
        return _record_failure(session, found, polled, now=now)
    if found.feed is None:
        _save(session, found, _unchanged(found), now=now)
        return replace(polled, unchanged=True)
    if not found.posts and posts.has_posts(session, source.id):
        problem = "; ".join(found.feed.problems) or "the feed has no posts any more"
        after = after_odd_answer(found.memory, problem=problem, advice=_advice(found), now=found.at)
        events.record(session, "source.empty", at=now, source_id=source.id, problem=problem)
        _save(session, found, after, now=now)
        return replace(polled, problem=problem, next_step="nothing to do: what is known is kept")
    return _record_posts(session, found, polled, now=now)


def _record_posts(session: Session, found: Visit, polled: Polled, *, now: datetime) -> Polled:
    memory, source = found.memory, found.memory.source
    matching = _match(session, source.id, found.posts)
    flood = not memory.is_first_look and is_flood(
        matching,
        most_per_poll=memory.most_per_poll,
        interval=timedelta(minutes=source.interval_minutes),
        since_last=found.at - (source.last_success or found.at),
    )
    after = _named(_read(found), found)
    if not (memory.is_first_look or flood):
        after = _busiest(after, len(matching.new), at=found.at)
    if not _save(session, found, after, now=now):
        return replace(polled, unchanged=True)
    edited = _record_known(session, source.id, matching, now=now)
    new = _add_new(session, found, matching, flood=flood, now=now)
    _tell(session, found, matching, edited=edited, flood=flood, now=now)
    present = {known.id for _, known in matching.known} | {post.id for post in new}
    missing = _missing(session, found, present=present, now=now)
    on_disk = source.kind is not SourceKind.FEED
    return replace(
        polled,
        title=after.source.title,
        new=len(new),
        edited=edited,
        unchanged=on_disk and not (new or edited),
        held=flood,
        alarm=f"brought {len(new)} posts at once, far more than ever: they are held" if flood else None,
        problem=after.source.problem if on_disk else None,  # the admin's own file is theirs to mend
        missing=missing,
    )


def _add_new(session: Session, found: Visit, matching: Matching, *, flood: bool, now: datetime) -> tuple[Post, ...]:
    """The posts seen for the first time, with their claims; and the body that they came in."""
    source_id, reply = found.memory.source.id, found.reply
    places = {id(post): place for place, post in enumerate(found.posts)}
    positions = [places[id(post)] for post in matching.new]
    new = posts.add_posts(session, source_id, matching.new, positions=positions, now=now)
    if new:
        first = found.memory.is_first_look
        admit_posts(session, source_id=source_id, posts=new, first_look=first, flood=flood, now=now)
    if reply and found.body:
        polls.keep_body(session, source_id, found.body, content_type=reply.content_type, now=found.at)
    return new


def _match(session: Session, source_id: int, document: Sequence[ParsedPost]) -> Matching:
    known = posts.find_known(session, source_id, document)
    matching = match_posts(document, known)
    if matching.suspicious:
        matching = match_posts(document, known, namesakes=posts.find_namesakes(session, source_id, document))
    return matching


def _record_known(session: Session, source_id: int, matching: Matching, *, now: datetime) -> int:
    """Edits, further keys, and posts that are back. Returns how many were edited."""
    edited = 0
    for post, known in matching.known:
        if post.body_hash != known.body_hash:
            posts.edit_post(session, known.id, post)
            edited += 1
        if further := {post.key, *post.other_keys} - known.keys:
            posts.add_keys(session, source_id, known.id, sorted(further))
        if known.is_missing:
            posts.mark_missing(session, known.id, since=None)
            restore_post(session, post_id=known.id, now=now)
    return edited


def _missing(session: Session, found: Visit, *, present: set[int], now: datetime) -> tuple[posts.Waiting, ...]:
    """Posts that look taken down (S10). A folder is whole: what it lacks is gone; a feed's pages are asked."""
    waiting = {one.post_id: one for one in posts.waiting_posts(session, found.memory.source.id)}
    absent = {post_id: one for post_id, one in waiting.items() if post_id not in present}
    if found.memory.source.kind is SourceKind.FOLDER:
        for post_id in absent:
            posts.mark_missing(session, post_id, since=now)
            withdraw_post(session, post_id=post_id, now=now)
        return ()
    gone = taken_down(found.posts, {post_id: one.published for post_id, one in absent.items()})
    return tuple(absent[post_id] for post_id in gone if absent[post_id].link)[:LINKS_CHECKED]


def _record_failure(session: Session, found: Visit, polled: Polled, *, now: datetime) -> Polled:
    error, before = found.error, found.memory
    assert error is not None
    status, retry_after = (error.status, error.retry_after) if isinstance(error, BadStatus) else (None, None)
    after = after_failure(before, problem=error.message, now=found.at, status=status, retry_after=retry_after)
    if polls.save_memory(session, before, after):
        source_id = before.source.id
        events.record(session, "source.failed", at=now, source_id=source_id, problem=error.message, status=status)
        if after.source.state is not before.source.state:
            events.record(session, f"source.{after.source.state}", at=now, source_id=source_id)
            polled = replace(polled, alarm=_ALARMS[after.source.state])
        elif warns(before, after, found.at):
            events.record(session, "source.failing", at=now, source_id=source_id, since=str(after.source.failing_since))
            polled = replace(polled, alarm="has failed for three days")
        if status == 429 and after.not_before:
            host = host_key(before.source.url)
            if polls.note_refusal(session, host, url=before.source.url, until=after.not_before, now=found.at):
                events.record(session, "host.rests", at=now, host=host, until=after.not_before.isoformat())
    return replace(polled, problem=error.message, next_step=error.next_step)


def _save(session: Session, found: Visit, after: Memory, *, now: datetime) -> bool:
    """The memory after an answer, a move among it; False where the address was edited meanwhile."""
    before, reply = found.memory, found.reply
    if reply and (found.feed is None or found.posts):
        after = after_move(after, target=reply.permanent_url, now=found.at)
    if after.source.url != before.source.url:
        if source_at(session, after.source.url):  # two of our sources have become one: that is the admin's to decide
            after = replace(after, source=replace(after.source, url=before.source.url), url_history=before.url_history)
            events.record(session, "source.moved_onto_another", at=now, source_id=before.source.id)
        else:
            events.record(session, "source.moved", at=now, source_id=before.source.id, url=after.source.url)
    if reply:
        polls.forget_refusal(session, host_key(before.source.url), url=before.source.url)
    if before.source.failures and not after.source.failures:
        events.record(session, "source.recovered", at=now, source_id=before.source.id)
    return polls.save_memory(session, before, after)


def _unchanged(found: Visit) -> Memory:
    """A 304, or a body that is the same again: then the validators of the new answer stand for it (F16)."""
    reply = found.reply
    settle = after_success if reply and not reply.not_modified else after_not_modified
    return settle(
        found.memory,
        etag=reply.etag if reply else None,
        last_modified=reply.last_modified if reply else None,
        advice=_advice(found),
        now=found.at,
    )


def _read(found: Visit) -> Memory:
    reply = found.reply
    after = after_success(
        found.memory,
        etag=reply.etag if reply else None,
        last_modified=reply.last_modified if reply else None,
        advice=_advice(found),
        now=found.at,
    )
    return replace(after, body_hash=found.body_hash)


def _named(after: Memory, found: Visit) -> Memory:
    """What the feed says of itself fills what the admin left open."""
    feed, source = found.feed, after.source
    assert feed is not None
    named = replace(
        source,
        title=source.title or feed.title or source.shown,
        home=source.home or feed.home,
        language=source.language or feed.language,
        problem="; ".join(feed.problems) or None,
    )
    return replace(after, source=named, hub=feed.hub)


def _busiest(after: Memory, new: int, *, at: datetime) -> Memory:
    """The 90-day maximum of new posts in one poll (S8)."""
    is_stale = after.most_per_poll_at is not None and at - after.most_per_poll_at > MOST_KEPT
    if new and (is_stale or new >= after.most_per_poll):
        return replace(after, most_per_poll=new, most_per_poll_at=at)
    return after


def _advice(found: Visit) -> Advice:
    reply, ttl = found.reply, found.feed.ttl if found.feed else None
    if reply is None:
        return Advice(ttl=ttl)
    return Advice(
        retry_after=reply.retry_after,
        cache_control=reply.cache_control,
        expires=reply.expires,
        date=reply.date,
        ttl=ttl,
    )


def _tell(session: Session, found: Visit, matching: Matching, *, edited: int, flood: bool, now: datetime) -> None:
    source_id, new = found.memory.source.id, len(matching.new)
    if new or edited:
        first = found.memory.is_first_look
        events.record(session, "source.gathered", at=now, source_id=source_id, new=new, edited=edited, first=first)
    if matching.rekeyed:
        events.record(session, "source.rekeyed", at=now, source_id=source_id, posts=matching.rekeyed)
    if flood:
        events.record(session, "source.flood", at=now, source_id=source_id, posts=new)
