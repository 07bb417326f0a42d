"""When a source is asked next, and what polite fetching remembers of it (docs/fetching.md F3, F5, F6, F9–F12).

 reply ─▶ advice ─▶ memory ─▶ next check

Pure: the jitter is drawn from a seed, so that a decision can be repeated.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from digest.core.digits import number_of
from digest.core.model import Source
from digest.core.states import SourceState

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONGEST_WAIT = DAY
LONGEST_RETRY_AFTER = 7 * DAY
REFUSED_WAIT = 4 * HOUR  # 429 and 503 without Retry-After
WARN_AFTER = 3 * DAY
DEAD_AFTER = 30 * DAY
DEAD_INTERVAL = 7 * DAY
MOVE_AFTER = DAY
JITTER = 0.1

PLATFORMS = ("blogger.com", "blogspot.com", "medium.com", "substack.com", "tumblr.com", "youtube.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What polite fetching remembers of a source between two polls; stored whole, so that a restart forgets nothing."""

    source: Source
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    hub: str | None = None
    last_check: datetime | None = None
    not_before: datetime | None = None  # the server's own wish (F11): even a forced poll heeds it
    moved_to: str | None = None
    moved_seen_at: datetime | None = None
    url_history: tuple[str, ...] = ()
    most_per_poll: int = 0  # the 90-day maximum of new posts (docs/semantics.md S8)
    most_per_poll_at: datetime | None = None

    @property
    def is_first_look(self) -> bool:
        """Nothing was ever read from it."""
        return self.source.last_success is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a response says about when to come back, headers as received."""

    retry_after: str | None = None
    cache_control: str | None = None
    expires: str | None = None
    date: str | None = None
    ttl: int | None = None  # seconds, from the feed itself

    def wait(self, now: datetime) -> timedelta:
        """The longest of what was asked for, at most a day (F6). `Expires: 0` and no-cache ask for nothing."""
        asked = (_max_age(self.cache_control), self._expiry(now), timedelta(seconds=self.ttl or 0))
        return min(max(*asked, timedelta()), LONGEST_WAIT)

    def _expiry(self, now: datetime) -> timedelta:
        """By the server's own clock where it tells the time: ours may differ."""
        expires = _http_date(self.expires)
        return expires - (_http_date(self.date) or now) if expires else timedelta()


def after_success(
    memory: Memory, *, etag: str | None, last_modified: str | None, advice: Advice, now: datetime
) -> Memory:
    """A 200 that was read, or one with the same body: its validators replace the old ones together (F3)."""
    return replace(_well(memory, advice, now, etag or last_modified), etag=etag, last_modified=last_modified)


def after_not_modified(
    memory: Memory, *, etag: str | None, last_modified: str | None, advice: Advice, now: datetime
) -> Memory:
    """A 304. It refreshes the validators only if it brings every one that we hold: generations never mix (F3)."""
    brings_all = (etag or not memory.etag) and (last_modified or not memory.last_modified)
    kept = replace(memory, etag=etag, last_modified=last_modified) if brings_all and (etag or last_modified) else memory
    return _well(kept, advice, now, kept.etag or kept.last_modified)


def after_odd_answer(memory: Memory, *, problem: str, advice: Advice, now: datetime) -> Memory:
    """Readable but suspicious, such as an empty document: nothing is forgotten, and validators stay (F14)."""
    checked = replace(memory.source, problem=problem, next_check=_next_check(memory, advice, now, validated=True))
    return replace(memory, source=checked, last_check=now)


def after_failure(
    memory: Memory, *, problem: str, now: datetime, status: int | None = None, retry_after: str | None = None
) -> Memory:
    """Keep everything and back off: an hour, doubled each time up to a day (F10); 429 and 503 as they ask (F11)."""
    failing_since = memory.source.failing_since or now
    wait = max(back_off(memory.source.failures), timedelta(minutes=memory.source.interval_minutes))
    not_before, state = None, memory.source.state
    if status in {429, 503}:
        wait = parse_retry_after(retry_after, now) or max(REFUSED_WAIT, wait)
        not_before = now + wait
    if status == 410:
        state = SourceState.GONE
    elif now - failing_since >= DEAD_AFTER:
        state, wait = SourceState.DEAD, max(wait, DEAD_INTERVAL)
    source = replace(
        memory.source,
        state=state,
        failing_since=failing_since,
        failures=memory.source.failures + 1,
        problem=problem,
        next_check=None if state is SourceState.GONE else now + wait,
    )
    return replace(memory, source=source, last_check=now, not_before=not_before)


def after_move(memory: Memory, *, target: str | None, now: datetime) -> Memory:
    """A permanent redirect is believed when the same target is seen again a day later and was readable (F9).

    The old address goes into the history; ids and keys stay, because they never held the address.
    """
    if target is None or target == memory.source.url:
        return replace(memory, moved_to=None, moved_seen_at=None)
    if target != memory.moved_to or memory.moved_seen_at is None:
        return replace(memory, moved_to=target, moved_seen_at=now)
    if now - memory.moved_seen_at < MOVE_AFTER:
        return memory
    return replace(
        memory,
        source=replace(memory.source, url=target),
        moved_to=None,
        moved_seen_at=None,
        url_history=(*memory.url_history, memory.source.url),
    )


def warns(before: Memory, after: Memory, now: datetime) -> bool:
    """This failure is the first after three days of them: time to tell the operator, once."""
    since = after.source.failing_since
    if since is None or now - since < WARN_AFTER:
        return False
    return before.last_check is None or before.last_check - since < WARN_AFTER


def back_off(failures: int) -> timedelta:
    """How long to wait after one more failure on top of so many."""
    doublings = min(failures, 5)
    return min(HOUR * (1 << doublings), DAY)


def jitter(seed: str) -> float:
    """A factor from 0.9 to 1.1, the same for the same seed: feeds added together drift apart."""
    draw = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") / 2**64
    return 1 + JITTER * (2 * draw - 1)


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3), at most seven days; None where it says nothing usable."""
    text = (value or "").strip()
    if (seconds := number_of(text, most=10**9)) is not None:
        return min(timedelta(seconds=seconds), LONGEST_RETRY_AFTER)
    date = _http_date(text)
    return min(max(date - now, timedelta()), LONGEST_RETRY_AFTER) if date else None


def host_key(url: str) -> str:
    """The host that is paced and may ask to be left alone; a platform counts as one (F12)."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # half an IPv6 address: the fetcher will say so
        return url
    if host.startswith("blogspot.") or ".blogspot." in host:  # blogspot.de and its like are one platform too
        return "blogspot.com"
    return next((name for name in PLATFORMS if host == name or host.endswith("." + name)), host)


def _well(memory: Memory, advice: Advice, now: datetime, validated: str | None) -> Memory:
    is_back = memory.source.state is SourceState.DEAD
    source = replace(
        memory.source,
        state=SourceState.ACTIVE if is_back else memory.source.state,
        next_check=_next_check(memory, advice, now, validated=bool(validated)),
        last_success=now,
        failing_since=None,
        failures=0,
        problem=None,
    )
    asked = parse_retry_after(advice.retry_after, now)
    return replace(memory, source=source, last_check=now, not_before=now + asked if asked else None)


def _next_check(memory: Memory, advice: Advice, now: datetime, *, validated: bool) -> datetime:
    """F5 and F6. A server that gives no validators sends the whole feed each time: once a day is enough."""
    interval = timedelta(minutes=memory.source.interval_minutes) if validated else DAY
    own = min(interval * jitter(f"{memory.source.id} {now.isoformat()}"), LONGEST_WAIT)
    asked = parse_retry_after(advice.retry_after, now) or timedelta()
    return now + max(own, advice.wait(now), asked)


def _max_age(cache_control: str | None) -> timedelta:
    for directive in (cache_control or "").lower().split(","):
        name, _, value = directive.partition("=")
        seconds = number_of(value.strip().strip('"'), most=10**9)
        if name.strip() == "max-age" and seconds is not None:
            return timedelta(seconds=seconds)
    return timedelta()


def _http_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
