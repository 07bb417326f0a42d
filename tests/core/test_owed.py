"""What a reader is owed: by examples, and against a world of random lines and readers in which nothing is clever."""

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.owed import Gap, Mark, Owed, Place, Told, due_of, owed_text, read_owed

BEGIN = datetime(2017, 8, 14, tzinfo=UTC)
A, B = 1, 2


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def mark(issue: int, hours: float, line: int = A) -> Mark:
    return Mark(line=line, issue=issue, until=at(hours))


# Line A told post 1 in issue 1 (it ended at 10 h); line B tells posts 1 and 2 in issue 3, post 3 in issue 4.
TOLD = [Told(1, at(5), 3, at(12)), Told(2, at(11), 3, at(12)), Told(3, at(20), 4, at(24))]
PLACES = {1: [Place(A, 1), Place(B, 3)], 2: [Place(B, 3)], 3: [Place(B, 4)]}


def due(owed: Owed) -> tuple[set[int], set[int], set[int]] | None:
    found = due_of(owed, issue=4, period_end=at(24), told=TOLD, places=PLACES)
    return (set(found.own), set(found.earlier), set(found.away)) if found else None


def test_who_goes_over_gets_what_the_new_line_told_since_and_nothing_again() -> None:
    assert due(Owed(marks=(mark(1, 10),))) == ({3}, {2}, set())


def test_a_story_that_two_lines_tell_by_different_posts_is_one() -> None:
    """Line A told post 9, of which line B made post 2 the head."""
    places, story = {**PLACES, 9: [Place(A, 1)]}, frozenset({2, 9})
    for owed, earlier in (
        (Owed(marks=(mark(1, 10),)), set()),
        (Owed(marks=(mark(1, 10),), waiting=(1,)), {1, 2}),
        (Owed(marks=(mark(1, 10),), taken=(9,)), {2}),
    ):
        found = due_of(owed, issue=4, period_end=at(24), told=TOLD, places=places, stories={2: story})
        assert found
        assert (set(found.own), set(found.earlier)) == ({3}, earlier)


def test_what_a_newer_line_never_tells_comes_from_the_line_they_left() -> None:
    """Line A told post 8 after their mark; line B was added later."""
    told, places = [*TOLD, Told(8, at(9), 2, at(20), line=A)], {**PLACES, 8: [Place(A, 2)]}
    for line, earlier in ((A, {2, 8}), (B + 1, {1, 2})):
        owed = Owed(marks=(mark(1, 10, line),))
        found = due_of(owed, issue=4, period_end=at(24), told=told, places=places)
        assert found
        assert set(found.earlier) == earlier


def test_an_issue_older_than_what_they_have_is_not_for_them() -> None:
    assert due(Owed(marks=(mark(9, 24),))) is None


def test_what_was_first_seen_in_a_pause_comes_only_where_it_is_wanted() -> None:
    paused = Owed(marks=(mark(1, 10),)).paused(at(11), at(13), wanted=False)
    assert due(paused) == ({3}, set(), set())
    assert due(paused.paused(at(12), at(14), wanted=True)) == ({3}, set(), {2})


def test_a_pause_that_was_ended_early_holds_nothing_of_what_came_after() -> None:
    paused = Owed(marks=(mark(1, 10),)).paused(at(8), at(23), wanted=False)
    assert due(paused.resumed(at(9))) == ({3}, {2}, set())


def test_who_comes_back_after_leaving_gets_the_next_issue_and_nothing_before_it() -> None:
    assert due(Owed(marks=(mark(1, 10),)).returned(at(15))) == ({3}, set(), set())


def test_what_a_pause_took_back_comes_again() -> None:
    assert due(Owed(marks=(mark(1, 10),)).paused(at(15), at(16), wanted=False, taken=[1])) == ({3}, {1, 2}, set())


@given(
    st.builds(
        Owed,
        marks=st.tuples(st.builds(mark, st.integers(0, 9), st.integers(0, 9), st.integers(1, 3))),
        waiting=st.sampled_from([(), (1, 2)]),
        taken=st.sampled_from([(), (3,)]),
        since=st.none() | st.just(at(3.5)),
        gaps=st.sampled_from([(), (Gap(at(1), at(2)), Gap(at(3), at(4), wanted=True))]),
    )
)
def test_a_text_is_its_value(owed: Owed) -> None:
    assert read_owed(owed_text(owed)) == owed
    assert owed_text(read_owed(owed_text(owed))) == owed_text(owed)


# ── the world ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Issue:
    id: int
    line: int
    end: int
    posts: list[int]
    send_at: int
    is_sent: bool = False


@dataclass
class Row:
    issue: Issue
    posts: set[int]
    due: int
    state: str = "queued"


@dataclass
class World:
    """Some lines that tell every post once, each in its own time, and one reader."""

    every: dict[int, int]  # line → hours between its issues
    now: int = 0
    seen: dict[int, int] = field(default_factory=dict)  # post → when first seen
    effective: dict[int, int] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    closed: Counter[int] = field(default_factory=Counter)  # line → the end of its last period
    line: int = A
    is_active: bool = False
    paused_until: int = 0
    owed: Owed | None = None
    rows: list[Row] = field(default_factory=list)
    must: set[int] = field(default_factory=set)  # posts that have to reach them
    wants: bool = False

    # what the world does

    def see(self, late: int) -> None:
        post = len(self.seen)
        self.seen[post], self.effective[post] = self.now, max(self.now - late, 0)
        if self.is_active and (self.now >= self.paused_until or self.wants):
            self.must.add(post)

    def close(self, line: int, *, delay: int) -> None:
        end = self.now // self.every[line] * self.every[line]
        if end <= self.closed[line]:
            return
        self.closed[line] = end
        told = {post for issue in self.issues if issue.line == line for post in issue.posts}
        posts = [post for post, counts in self.effective.items() if counts < end and post not in told]
        if len(posts) > 1:  # else thin: they roll over
            self.issues.append(Issue(len(self.issues) + 1, line, end, posts, self.now + delay))

    def send(self, wave: int) -> None:
        for issue in self.issues:
            if issue.is_sent or issue.send_at > self.now:
                continue
            issue.is_sent = True
            if not self.is_active or self.now < self.paused_until or issue.line != self.line:
                continue
            posts = self.due(issue)
            if posts is not None:
                self.rows.append(Row(issue, posts, self.now + wave))

    def deliver(self) -> None:
        for row in self.rows:
            if row.state == "queued" and row.due <= self.now:
                row.state = "sent" if self.is_active and self.now >= self.paused_until else "skipped"

    # what the ledger does

    def due(self, issue: Issue) -> set[int] | None:
        if self.owed is None:
            return set(issue.posts)
        told = [
            Told(post, at(self.seen[post]), one.id, at(one.end))
            for one in self.issues
            if one.line == issue.line and one.is_sent
            for post in one.posts
        ]
        places: dict[int, list[Place]] = {}
        for one in self.issues:
            for post in one.posts:
                places.setdefault(post, []).append(Place(one.line, one.id))
        found = due_of(self.owed, issue=issue.id, period_end=at(issue.end), told=told, places=places)
        if found is None:
            return None
        last, waiting = self.newest(issue.line)
        self.owed = self.owed.served(last, unsent=waiting)
        assert not found.own & found.earlier
        assert not (found.own | found.earlier) & found.away
        return set(found.own | found.earlier | found.away)

    def newest(self, line: int) -> tuple[Mark, tuple[int, ...]]:
        sent = [one for one in self.issues if one.line == line and one.is_sent]
        if not sent:
            return mark(0, -1, line), ()
        last = max(sent, key=lambda one: one.id)
        waiting = [one.id for one in self.issues if one.line == line and one.id < last.id and not one.is_sent]
        return mark(last.id, last.end, line), tuple(waiting)

    def carried(self) -> Owed:
        if self.owed:
            return self.owed
        last, waiting = self.newest(self.line)
        return Owed(marks=(last,), waiting=waiting)

    # what the reader does

    def act(self, what: str, number: int) -> None:
        getattr(self, f"do_{what}")(number)

    def do_nothing(self, _number: int) -> None:
        pass

    def do_change(self, number: int) -> None:
        line = sorted(self.every)[number % len(self.every)]
        if line != self.line and self.is_active:
            self.owed, self.line = self.carried(), line

    def do_pause(self, number: int) -> None:
        if not self.is_active:
            return
        taken = [row for row in self.rows if row.state == "queued"]
        for row in taken:
            row.state = "taken back"
        self.wants = number % 2 == 0
        if not self.wants and self.now < self.paused_until:  # what was wanted until now is not any more
            since = next(gap.start for gap in self.carried().gaps if gap.holds(at(self.now)))
            self.must -= {post for post, hour in self.seen.items() if at(hour) >= since}
        self.paused_until = self.now + 1 + number * 3
        self.owed = self.carried().paused(
            at(self.now), at(self.paused_until), wanted=self.wants, taken={post for row in taken for post in row.posts}
        )

    def do_resume(self, _number: int) -> None:
        if self.is_active and self.now < self.paused_until:
            self.owed, self.paused_until = self.carried().resumed(at(self.now)), self.now

    def do_leave(self, _number: int) -> None:
        self.is_active, self.paused_until = False, 0
        self.must.clear()

    def do_join(self, number: int) -> None:
        if self.is_active:
            return
        line = sorted(self.every)[number % len(self.every)]
        if self.owed or line != self.line:
            self.owed = self.carried().returned(at(self.now))
        self.is_active, self.line = True, line


Hour = tuple[str, int, list[int], int, int, int]
HOUR = st.tuples(
    st.sampled_from(["nothing"] * 4 + ["change", "change", "pause", "resume", "leave", "join"]),
    st.integers(0, 7),  # which line, for how long
    st.lists(st.integers(0, 3), max_size=2),  # posts that are seen, each so many hours late
    st.integers(0, 2),  # how late periods are closed: nothing is closed in this hour where it is not 0
    st.sampled_from([0, 0, 0, 1, 5]),  # how long what is closed now waits for approval
    st.sampled_from([0, 0, 2]),  # how long what is sent now waits for its wave
)


@settings(max_examples=int(os.environ.get("DIGEST_TEST_HISTORIES", "100")), deadline=None)
@given(st.tuples(*[st.integers(1, 9)] * 3), st.lists(HOUR, max_size=40))
def test_each_post_at_most_once_and_those_of_their_time_exactly_once(
    every: tuple[int, int, int], hours: list[Hour]
) -> None:
    world = World(dict(zip((A, B, 3), every, strict=True)))
    for what, number, posts, busy, delay, wave in hours:
        world.act(what, number)
        for late in posts:
            world.see(late)
        run(world, busy=busy, delay=delay, wave=wave)
        world.now += 1
    got = Counter(post for row in world.rows if row.state == "sent" for post in row.posts)
    assert not {post for post, times in got.items() if times > 1}
    if not world.is_active:
        return
    world.do_resume(0)
    for post in range(30):  # until all is told and sent; the last posts carry out what is thin
        world.effective[-post - 1] = world.seen[-post - 1] = world.now
        run(world, busy=0, delay=0, wave=0)
        world.now += 1
    got = Counter(post for row in world.rows if row.state == "sent" for post in row.posts)
    assert not {post for post, times in got.items() if times > 1}
    assert world.must <= set(got), (world.must - set(got), world.owed)


def run(world: World, *, busy: int, delay: int, wave: int) -> None:
    for line in world.every:
        if busy != line:
            world.close(line, delay=delay)
    world.send(wave)
    world.deliver()
