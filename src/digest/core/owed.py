"""What a reader is owed who changed cadence, paused or came back between two issues (docs/semantics.md S17). Pure.

 follows a line: None ─change, pause, return─▶ Owed ─their next issue: due_of─▶ what of it, what of those before ─after─▶ None

A line tells every post once, so whoever follows one gets each post once. Who leaves a line carries a mark: what it had
told them. Their next issue leaves that out, and adds what was told by issues that they did not get.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a line has served somebody: all that it told in its issues up to this one."""

    line: int  # a cadence
    issue: int  # its newest issue that had gone out; 0: none had
    until: datetime  # the end of that issue's period


@dataclass(frozen=True, slots=True)
class Gap:
    """A pause, half-open; `wanted` where its posts are to come afterwards ("Earlier, while you were away")."""

    start: datetime
    end: datetime
    wanted: bool = False

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a subscription carries from such a change to its next issue."""

    marks: tuple[Mark, ...]  # one a line, the newest last
    waiting: tuple[int, ...] = ()  # issues of these lines up to the marks that had not gone out
    taken: tuple[int, ...] = ()  # posts that were on their way when a pause took them back
    since: datetime | None = (
        None  # of earlier issues nothing comes that was seen before: they joined, or came back, then
    )
    gaps: tuple[Gap, ...] = ()  # oldest first

    @property
    def until(self) -> datetime:
        """An issue whose period ended by then is not for them any more."""
        return self.marks[-1].until

    def paused(self, start: datetime, end: datetime, *, wanted: bool, taken: Iterable[int] = ()) -> "Owed":
        """With a pause from now on; one that runs gets the new end. `taken`: the posts that it took back."""
        running = next((gap for gap in self.gaps if gap.holds(start)), None)
        kept = tuple(gap for gap in self.gaps if gap is not running)
        gap = Gap(running.start if running else start, end, wanted)
        return replace(self.took(taken), gaps=(*kept, gap))

    def took(self, posts: Iterable[int]) -> "Owed":
        """With posts that a pause took back."""
        return replace(self, taken=tuple(sorted({*self.taken, *posts})))

    def resumed(self, at: datetime) -> "Owed":
        """With the pause that runs ended now."""
        cut = (replace(gap, end=min(gap.end, at)) for gap in self.gaps)
        return replace(self, gaps=tuple(gap for gap in cut if gap.start < gap.end))

    def returned(self, at: datetime) -> "Owed":
        """Come back after leaving: what was owed is forfeited, what was told stays told."""
        return replace(self, waiting=(), taken=(), since=at, gaps=())

    def served(self, mark: Mark, *, unsent: Collection[int]) -> "Owed | None":
        """After an issue of this line, whose newest that went out this is: nothing, but where older ones have not yet."""
        if not unsent:
            return None
        others = (one for one in self.marks if one.line != mark.line)
        return replace(self, marks=(*others, mark), waiting=tuple(sorted(unsent)), taken=())


class Told(NamedTuple):
    """A post as a line told it, in full or as a line of "more"."""

    post: int
    seen_at: datetime
    issue: int
    period_end: datetime
    line: int = 0  # another than the issue's, which never tells it: it was older than that line


class Place(NamedTuple):
    """A line, and its issue that told a post."""

    line: int
    issue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What of an issue, and of those before it, somebody gets: post ids, each in one place."""

    own: frozenset[int]  # of this issue
    earlier: frozenset[int] = frozenset()  # of issues before it
    away: frozenset[int] = frozenset()  # of issues before it, first seen in a pause whose posts are wanted


def due_of(
    owed: Owed,
    *,
    issue: int,
    period_end: datetime,
    told: Iterable[Told],
    places: Mapping[int, Collection[Place]],
    stories: Mapping[int, frozenset[int]] = MappingProxyType({}),
) -> Due | None:
    """What an issue is for somebody; None where it is older than what they have: then it is not for them.

    `told` is what its line told in this issue and in others that went out, back to the mark at least, and what other lines
    told that this one never does; `places` say where each post was told by a card of its own, there and elsewhere; `stories`
    which posts are one story, whichever of them a line told. Of the others comes what was told after the mark, or by an
    issue that they did not get, and was first seen while they were there and did not pause; of other lines' only where they
    followed that line.
    """
    if period_end <= owed.until:
        return None
    mark, followed = owed.marks[-1], {0, *(one.line for one in owed.marks)}
    told = [one for one in told if one.line in followed]
    own: set[int] = set()
    before: dict[bool, set[int]] = {False: set(), True: set()}
    for one in told:
        story = stories.get(one.post, frozenset((one.post,)))
        where = [place for post in story for place in places.get(post, ())]
        taken = not story.isdisjoint(owed.taken)
        missed = taken or any(place.issue in owed.waiting for place in where)
        if not taken and _is_done(owed, where):
            continue
        if one.issue == issue:
            own.add(one.post)
        elif missed or one.period_end > mark.until or one.issue > mark.issue > 0:
            wanted = _is_wanted(owed, one.seen_at)
            if wanted is not None:
                before[wanted].add(one.post)
    return Due(own=frozenset(own), earlier=frozenset(before[False] - own), away=frozenset(before[True] - own))


def is_owed(owed: Owed, seen_at: datetime) -> bool:
    """Whether a post of an issue that they did not get comes with a later one, by when it was first seen."""
    return _is_wanted(owed, seen_at) is not None


def owed_text(owed: Owed | None) -> str:
    """Canonical: equal values are equal texts, which SQL compares. "" where nothing is owed."""
    if owed is None:
        return ""
    data: dict[str, Any] = {"marks": [[mark.line, mark.issue, _utc(mark.until)] for mark in owed.marks]}
    for name in ("waiting", "taken"):
        if issues := getattr(owed, name):
            data[name] = list(issues)
    if owed.since:
        data["since"] = _utc(owed.since)
    if owed.gaps:
        data["gaps"] = [[_utc(gap.start), _utc(gap.end), *(["wanted"] if gap.wanted else [])] for gap in owed.gaps]
    return json.dumps(data, separators=(",", ":"))


def read_owed(text: str) -> Owed | None:
    """The value of `owed_text`."""
    if not text:
        return None
    data, at = json.loads(text), datetime.fromisoformat
    return Owed(
        marks=tuple(Mark(line=line, issue=issue, until=at(until)) for line, issue, until in data["marks"]),
        waiting=tuple(data.get("waiting", ())),
        taken=tuple(data.get("taken", ())),
        since=at(data["since"]) if "since" in data else None,
        gaps=tuple(Gap(at(start), at(end), bool(wanted)) for start, end, *wanted in data.get("gaps", ())),
    )


def _is_done(owed: Owed, where: Collection[Place]) -> bool:
    last = {mark.line: mark.issue for mark in owed.marks}
    return any(issue <= last.get(line, 0) and issue not in owed.waiting for line, issue in where)


def _is_wanted(owed: Owed, seen_at: datetime) -> bool | None:
    """Whether a post of an earlier issue is one of a pause whose posts are wanted; None: it does not come."""
    if owed.since and seen_at < owed.since:
        return None
    if gap := next((gap for gap in owed.gaps if gap.holds(seen_at)), None):
        return True if gap.wanted else None
    return False


def _utc(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
