"""Due slots ─▶ issues, frozen or skipped: one transaction for each issue that is made.

 lock the newsletter ─▶ what is due? ─▶ take the slot ─▶ claim what waits ─▶ freeze the content ─▶ close the period

What is due is asked again inside the transaction, behind the lock: whoever comes second finds nothing left to do.
The UNIQUE slot stands behind that, so that even a wrong lock could not make an issue twice.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from digest.core.likeness import WINDOW
from digest.core.model import CadenceLine, Issue, IssueContent, Newsletter, TopicRule
from digest.core.period import Due, Period, Verdict, dues_of, open_period
from digest.core.selection import Candidate, Selection, Span, select_posts
from digest.core.states import IssueState
from digest.core.topics import topics_of
from digest.store import candidates as waiting
from digest.store import events, notes
from digest.store import issues as store
from digest.store.claims import BATCH
from digest.store.clicks import clicks_of_posts
from digest.store.database import Database, Session
from digest.store.newsletters import close_period, list_cadences, newsletter_of_id
from digest.store.topics import list_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What closing a period of one cadence needs to know."""

    newsletter: Newsletter
    line: CadenceLine
    now: datetime


def close_periods(database: Database, newsletter: Newsletter, *, now: datetime, hold: bool = True) -> list[Issue]:
    """Close every due period of a newsletter. Returns the issues made or skipped, oldest first of each cadence.

    Where the clock seems to have jumped (core/period), nothing is closed until the admin says so: `hold=False`. A line
    whose rule or zone cannot be read is held until that is mended.
    """
    with database.read() as session:
        lines = list_cadences(session, newsletter.id)
    made: list[Issue] = []
    for line in lines:
        while batch := _close_next(database, line, now=now, hold=hold):
            made += batch
    return made


def draft_content(session: Session, newsletter: Newsletter, cadence: CadenceLine, now: datetime) -> IssueContent:
    """What the cadence's next issue would be as things stand; claims nothing and records nothing (S15)."""
    return draft_selection(session, newsletter, cadence, now).content


def draft_selection(session: Session, newsletter: Newsletter, cadence: CadenceLine, now: datetime) -> Selection:
    """`draft_content` with what would become of each post that waits."""
    turn = _Turn(newsletter=newsletter, line=cadence, now=now)
    due = [
        slot.period
        for slot in dues_of(newsletter, cadence, now=now, hold=False).slots
        if slot.verdict is Verdict.PUBLISH
    ]
    return _select(session, turn, due[0] if due else open_period(cadence)[1], lock=False)


def _close_next(database: Database, seen: CadenceLine, *, now: datetime, hold: bool) -> list[Issue]:
    """The next issue to make of a line, with the slots before it that are skipped or merged into it.

    Newsletter and line are read again behind the lock: what the admin has changed since this turn looked counts.
    """
    with database.write() as session:
        store.lock_newsletter(session, seen.newsletter_id)
        line = next((line for line in list_cadences(session, seen.newsletter_id) if line.id == seen.id), None)
        if line is None:  # removed, or its newsletter
            return []
        turn = _Turn(newsletter=newsletter_of_id(session, line.newsletter_id), line=line, now=now)
        dues = dues_of(turn.newsletter, line, now=now, hold=hold)
        if dues.hold:
            _note_hold(session, turn, dues.hold, slot="" if dues.broken else open_period(line)[0].key)
        return [issue for due in _batch(dues.slots) if (issue := _close_slot(session, turn, due))]


def _batch(dues: Sequence[Due]) -> list[Due]:
    """Up to the first that is published: what is merged into it stands or falls with it."""
    before = list(takewhile(lambda due: due.verdict is not Verdict.PUBLISH, dues))
    return [*before, *dues[len(before) : len(before) + 1]]


def _close_slot(session: Session, turn: _Turn, due: Due) -> Issue | None:
    """Record the slot's issue and move the line on. None where the slot is taken already."""
    published = due.verdict is Verdict.PUBLISH
    issue_id = store.insert_issue(
        session,
        newsletter_id=turn.newsletter.id,
        cadence_id=turn.line.id,
        slot_key=due.slot.key,
        period_start=due.period.start,
        period_end=due.period.end,
        due_at=due.slot.at,
        state=IssueState.FROZEN if published else IssueState.SKIPPED,
        reason=due.reason or None,
        now=turn.now,
    )
    rollovers = turn.line.rollovers
    if issue_id is not None:
        rollovers = _fill(session, turn, due.period, issue_id) if published else rollovers
    close_period(session, turn.line.id, slot_at=due.slot.at, rollovers=rollovers)
    if issue_id is None:
        # Behind the lock only a change of zone leads here: the same wall time came a second time. What waits stays.
        events.record(session, "slot.taken", at=turn.now, newsletter_id=turn.newsletter.id, cadence=turn.line.name,
                      slot=due.slot.key)  # fmt: skip
        return None
    issue = store.get_issue(session, issue_id)
    events.record(session, f"issue.{issue.state}", at=turn.now, newsletter_id=issue.newsletter_id, issue_id=issue.id,
                  slot=issue.slot_key, number=issue.number, reason=issue.reason)  # fmt: skip
    return issue


def _fill(session: Session, turn: _Turn, period: Period, issue_id: int) -> int:
    """Freeze the issue's content, or skip it. Returns how many thin periods now lie behind the line (S12)."""
    selection = _select(session, turn, period)
    if selection.stories == 0:
        copies = replace(selection, issued=())  # the editor's note alone makes no issue: it waits
        waiting.settle_claims(session, cadence_id=turn.line.id, issue_id=issue_id, selection=copies)
        what = "all of it was in an earlier issue" if selection.merged else "nothing was published"
        _skip(session, issue_id, f"empty: {what}")
        return 0
    if selection.stories < turn.newsletter.min_posts and turn.line.rollovers < turn.newsletter.max_rollovers:
        _skip(session, issue_id, f"below the minimum: {selection.stories} of {turn.newsletter.min_posts} posts")
        return turn.line.rollovers + 1
    settled = waiting.settle_claims(session, cadence_id=turn.line.id, issue_id=issue_id, selection=selection)
    assert settled == len(selection.issued) + len(selection.merged), "the claims were locked when they were read"
    notes.take_note(session, turn.newsletter.id, issue_id=issue_id)
    store.save_content(session, issue_id=issue_id, content=selection.content, merge_key=secrets.token_hex(8))
    return 0


def _select(session: Session, turn: _Turn, period: Period, *, lock: bool = True) -> Selection:
    newsletter, line = turn.newsletter, turn.line
    found = waiting.pending_candidates(
        session, newsletter_id=newsletter.id, cadence_id=line.id, before=period.end, lock=lock
    )
    found = _with_clicks(session, newsletter, found)
    posts = [candidate.post for candidate in found]
    sources = {post.source_id for post in posts}
    since = store.waiting_since(session, cadence_id=line.id, before=period.start)
    return select_posts(
        name_topics(found, list_rules(session, newsletter.id)),
        newsletter=newsletter,
        number=store.next_number(session, newsletter.id),
        span=Span(start=period.start, end=period.end, waiting_since=since),
        note=notes.waiting_note(session, newsletter.id),
        issued=waiting.posts_repeated(session, cadence_id=line.id, posts=posts, window=WINDOW),
        others=waiting.recent_posts(session, sources) if len(sources) > 1 else None,  # alone it repeats nobody
    )


def name_topics(candidates: Iterable[Candidate], rules: Sequence[TopicRule]) -> tuple[Candidate, ...]:
    """The posts with the newsletter's topics that they are of."""
    if not rules:
        return tuple(candidates)
    return tuple(replace(one, topics=_topics(one, rules)) for one in candidates)


def _topics(one: Candidate, rules: Sequence[TopicRule]) -> tuple[str, ...]:
    post = one.post
    return topics_of(
        rules, post_id=post.id, source_id=post.source_id, source=(one.source, one.url), labels=post.card.topics
    )


def _with_clicks(session: Session, newsletter: Newsletter, found: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Where they are counted and weigh anything: a daily issue tells what a weekly one should lead with."""
    if not (newsletter.measure_clicks and newsletter.weights.get("clicks")):
        return found
    clicks: dict[int, int] = {}
    ids = [candidate.post.id for candidate in found]
    for start in range(0, len(ids), BATCH):
        clicks |= clicks_of_posts(session, newsletter.id, ids[start : start + BATCH])
    return tuple(replace(candidate, clicks=clicks.get(candidate.post.id, 0)) for candidate in found)


def _skip(session: Session, issue_id: int, reason: str) -> None:
    store.move_issue(
        session, issue_id=issue_id, state=IssueState.SKIPPED, from_states=(IssueState.FROZEN,), reason=reason
    )


def _note_hold(session: Session, turn: _Turn, reason: str, *, slot: str) -> None:
    """One line in the log for each period that is held, not one a turn."""
    name = turn.line.name
    if not events.has_event(session, "cadence.held", newsletter_id=turn.newsletter.id, cadence=name, slot=slot):
        events.record(session, "cadence.held", at=turn.now, newsletter_id=turn.newsletter.id, reason=reason,
                      cadence=name, slot=slot)  # fmt: skip
