"""The life of posts under random streams: published, edited, re-dated, renamed, deleted, in outages and crashes, while
cadences and sources change. Whatever happens: every post ends in exactly one state of each cadence, is issued at most
once, nothing is lost, doing a step again changes nothing, and a frozen issue stays as it is (docs/semantics.md S1)."""

import functools
import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from digest.actions.admit import admit_source, exclude_source, withdraw_post
from digest.actions.close import close_periods, draft_content
from digest.actions.curate import Move, curate_post
from digest.actions.newsletters import edit_newsletter
from digest.actions.poll import Visit
from digest.actions.record import record_visit
from digest.core.model import Card, Feed, Issue, ParsedPost
from digest.core.states import CatchUp, ClaimState, IssueState
from digest.errors import Conflict, FetchError
from digest.store import claims, issues, newsletters, polls, posts, sources
from digest.store.base import Row
from digest.store.database import Database
from tests import cast

START = datetime(2026, 3, 16, 9, tzinfo=UTC)  # two weeks before clocks change in Europe
WINDOW = 9  # so many posts a feed shows
HOUR = timedelta(hours=1)
DATES = (-0.1, -0.5, -3, -40, -24 * 9, -24 * 60, 0.02, 6, 24 * 5, 24 * 40, None)  # hours from now
EXAMPLES, STEPS = 12, 40
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # explaining a failure traces every line: minutes
RULES = ("daily at 06:00", "weekly on mon at 08:00", "weekly on tue,fri at 02:30", "daily at 05:00,17:00")


class Crash(Exception):
    """The power goes out before the commit."""


@functools.cache
def _empty_database() -> bytes:
    """The file of a database with its tables: making them is a tenth of a life."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "digest.db")
        database = Database(f"sqlite:///{file}")
        Row.metadata.create_all(database.engine)
        database.close()  # the last connection folds the write-ahead log into the file
        return file.read_bytes()


@dataclass
class Blog:
    """A blog out there: what its feed shows, newest first."""

    source: int
    shown: list[ParsedPost] = field(default_factory=list)
    written: int = 0
    down: int = 0  # so many polls from now will fail

    def write(self, published: datetime | None, *, link: str | None = None) -> None:
        self.written += 1
        name = f"{self.source}-{self.written}"
        link = link or f"https://blog{self.source}.example/{name}"
        post = ParsedPost(
            guid=f"http://blog{self.source}.example/?p={self.written}",
            key=f"http://blog{self.source}.example/?p={self.written}",
            other_keys=(f"blog{self.source}.example/?p={self.written}",),
            card=Card(title=f"Post {name}", link=link),
            canonical=link,
            published=published,
            body_hash=name,
            note=self.written % 13 == 0,
        )
        self.shown = [post, *self.shown][:WINDOW]

    def change(self, place: int, **changes) -> None:
        self.shown[place % len(self.shown)] = replace(self.shown[place % len(self.shown)], **changes)


class Life(RuleBasedStateMachine):
    """Two newsletters, three cadences, three blogs."""

    @initialize(
        catch_up=st.sampled_from((CatchUp.MERGE, CatchUp.EACH, CatchUp.LATEST, CatchUp.MERGE, CatchUp.NONE)),
        min_posts=st.integers(1, 3),
        max_posts=st.integers(1, 12),
        quota=st.integers(1, 5),
    )
    def begin(self, catch_up, min_posts, max_posts, quota) -> None:
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.url = f"sqlite:///{self.folder.name}/digest.db"
        Path(self.folder.name, "digest.db").write_bytes(_empty_database())
        self.database = Database(self.url)
        self.now = START
        self.moved_zone = False
        self.read: set[tuple[int, str]] = set()  # (source, title) of every post that a poll brought
        self.frozen: dict[int, str] = {}
        self.issued: dict[tuple[int, int], int] = {}  # cadence, post → issue: for ever
        policies = {"catch_up": catch_up, "min_posts": min_posts, "max_posts": max_posts, "max_per_source": quota,
                    "max_rollovers": 2, "zone": "Europe/Berlin"}  # fmt: skip
        with self.database.write() as session:
            self.newsletters = [cast.add_newsletter(session, slug, **policies) for slug in ("one", "two")]
            for newsletter, name, words in ((0, "main", RULES[1]), (0, "often", RULES[0]), (1, "main", RULES[0])):
                cast.add_cadence(session, self.newsletters[newsletter], name, rule=words, zone="Europe/Berlin",
                                 started_at=START)  # fmt: skip
            one, two = self.newsletters
            self.blogs = [
                Blog(cast.add_source(session, *readers, url=f"https://blog{n}.example/feed"))
                for n, readers in enumerate(((one, two), (one,), (two,)), start=1)
            ]
        for blog in self.blogs:
            for hours in (-300, -30, -2):
                blog.write(START + hours * HOUR)
        self.turn(0.1)

    # ── the world ───────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(blog=st.integers(0, 2), hours=st.sampled_from(DATES))
    def publish(self, blog, hours) -> None:
        self.blogs[blog].write(None if hours is None else self.now + hours * HOUR)

    @rule(blog=st.integers(0, 2), other=st.integers(0, 2), place=st.integers(0, 20))
    def copy_a_story(self, blog, other, place) -> None:
        if blog != other and self.blogs[other].shown:
            shown = self.blogs[other].shown
            self.blogs[blog].write(self.now, link=shown[place % len(shown)].card.link)

    @rule(blog=st.integers(0, 2))
    def flood(self, blog) -> None:
        for number in range(WINDOW + 4):
            self.blogs[blog].write(self.now - number * HOUR)

    @rule(blog=st.integers(0, 2), place=st.integers(0, 20))
    def edit(self, blog, place) -> None:
        if self.blogs[blog].shown:
            self.blogs[blog].change(place, text=f"edited at {self.now}", body_hash=str(self.now))

    @rule(blog=st.integers(0, 2), place=st.integers(0, 20), hours=st.sampled_from(DATES))
    def redate(self, blog, place, hours) -> None:
        if self.blogs[blog].shown:
            self.blogs[blog].change(place, published=None if hours is None else self.now + hours * HOUR)

    @rule(blog=st.integers(0, 2))
    def rename(self, blog) -> None:
        """All ids go from http to https."""
        shown = self.blogs[blog].shown
        renamed = [(post.guid or "").replace("http:", "https:") for post in shown]
        self.blogs[blog].shown = [replace(p, guid=g, key=g) for p, g in zip(shown, renamed, strict=True)]

    @rule(blog=st.integers(0, 2), place=st.integers(0, 20))
    def delete(self, blog, place) -> None:
        if self.blogs[blog].shown:
            del self.blogs[blog].shown[place % len(self.blogs[blog].shown)]

    @rule(blog=st.integers(0, 2))
    def outage(self, blog) -> None:
        self.blogs[blog].down = 2

    # ── the program ─────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(hours=st.sampled_from((0.2, 3, 11, 26)))
    def turn(self, hours) -> None:
        """Time passes; gather and publish; then both again."""
        self.now += hours * HOUR
        was_down = any(blog.down for blog in self.blogs)
        for blog in self.blogs:
            self._poll(blog)
        self._close(hold=True)
        before = self._everything()
        self._close(hold=True)
        for blog in self.blogs:
            if not blog.down:
                self._poll(blog)
        assert self._everything() == before or was_down, "doing it twice changes nothing"

    @rule(days=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(DATES)), min_size=3, max_size=9))
    def days_pass(self, days) -> None:
        """A day's post, and the next morning's turn; again and again."""
        for blog, hours in days:
            self.publish(blog, hours)
            self.turn(24)

    @rule(hours=st.sampled_from((75, 170, 24 * 16)))
    def sleep(self, hours) -> None:
        """The machine is off."""
        self.now += hours * HOUR

    @rule(blog=st.integers(0, 2))
    def poll(self, blog) -> None:
        self.now += timedelta(minutes=1)
        self._poll(self.blogs[blog])

    @rule(blog=st.integers(0, 2))
    def crash_while_gathering(self, blog) -> None:
        self.now += timedelta(minutes=1)
        before = self._everything()
        try:
            self._poll(self.blogs[blog], crash=True)
        except Crash:
            self.database.close()
            self.database = Database(self.url)
        assert self._everything() == before

    @rule()
    def look_at_drafts(self) -> None:
        before = self._everything()
        with self.database.read() as session:
            for line in newsletters.list_cadences(session):
                draft_content(session, newsletters.newsletter_of_id(session, line.newsletter_id), line, self.now)
        assert self._everything() == before

    # ── the admin ───────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(newsletter=st.sampled_from(("one", "two")), words=st.sampled_from(RULES), zone=st.booleans())
    def change_the_cadence(self, newsletter, words, zone) -> None:
        changes = {"zone": "America/New_York"} if zone else {}
        self.moved_zone |= zone  # the same wall time may come twice then: it makes no second issue
        edit_newsletter(self.database, newsletter, cadences=[f"main={words}"], now=self.now, **changes)

    @rule(newsletter=st.sampled_from(("one", "two")), on=st.booleans())
    def go_by_readers_clocks_or_not(self, newsletter, on) -> None:
        edit_newsletter(self.database, newsletter, reader_zones=on, now=self.now)
        self.moved_zone = True

    @rule(newsletter=st.sampled_from(("one", "two")), words=st.sampled_from(RULES))
    def add_or_remove_a_cadence(self, newsletter, words) -> None:
        """What was issued in one that is removed stays issued; a new one of the same name starts afresh."""
        with self.database.read() as session:
            known = newsletters.get_newsletter(session, newsletter)
            there = "extra" in {line.name for line in newsletters.list_cadences(session, known.id)}
        change = {"remove_cadences": ["extra"]} if there else {"cadences": [f"extra={words}"]}
        edit_newsletter(self.database, newsletter, **change, now=self.now)

    @rule(newsletter=st.integers(0, 1), blog=st.integers(0, 2))
    def add_or_remove_a_source(self, newsletter, blog) -> None:
        about = {"newsletter_id": self.newsletters[newsletter], "source_id": self.blogs[blog].source}
        with self.database.write() as session:
            if sources.remove_reading(session, **about):
                exclude_source(session, **about, now=self.now)
            else:
                sources.add_reading(session, **about, now=self.now)
                admit_source(session, **about, now=self.now)

    @rule(move=st.sampled_from(Move), place=st.integers(0, 200))
    def curate(self, move, place) -> None:
        with self.database.write() as session:
            stored = session.execute(text("SELECT id FROM post ORDER BY id DESC LIMIT 30")).scalars().all()
            try:
                curate_post(session, stored[place % len(stored)], move, now=self.now)
            except Conflict:
                return

    @rule()
    def catch_up(self) -> None:
        self._close(hold=False)

    # ── what must always be true ────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_that_was_read_is_lost_or_stored_twice(self) -> None:
        with self.database.read() as session:
            stored = Counter(tuple(row) for row in session.execute(text("SELECT source_id, title FROM post")))
        assert set(stored) == self.read
        assert set(stored.values()) <= {1}

    @invariant()
    def every_post_has_one_claim_in_every_cadence_that_reads_it(self) -> None:
        missing = text("""
            SELECT cadence.id, post.id FROM cadence
            JOIN newsletter_source reads ON reads.newsletter_id = cadence.newsletter_id
            JOIN post ON post.source_id = reads.source_id
            LEFT JOIN claim ON claim.cadence_id = cadence.id AND claim.post_id = post.id
            WHERE claim.id IS NULL AND cadence.state = 'active'""")
        doubled = text("SELECT cadence_id, post_id FROM claim GROUP BY 1, 2 HAVING count(*) > 1")
        with self.database.read() as session:
            assert session.execute(missing).all() == []
            assert session.execute(doubled).all() == []

    @invariant()
    def issues_hold_what_claims_say_and_never_change(self) -> None:
        with self.database.read() as session:
            made = issues.list_issues(session)
            lines = newsletters.list_cadences(session, removed=True)
            placed = {line.id: claims.list_claims(session, cadence_id=line.id) for line in lines}
            raw = dict(session.execute(text("SELECT id, content FROM issue WHERE content IS NOT NULL")).all())
        for issue_id, content in raw.items():
            assert self.frozen.setdefault(issue_id, content) == content
        shown = Counter((i.cadence_id, post) for i in made for post in _post_ids(i))
        assert set(shown.values()) <= {1}, "issued twice"
        issued = {(c.cadence_id, c.post_id): c.issue_id for line in placed.values() for c in line
                  if c.state is ClaimState.ISSUED}  # fmt: skip
        assert self.issued.items() <= issued.items(), "what was issued stays issued"
        self.issued = issued
        assert set(shown) <= set(issued)
        for claim in (c for line in placed.values() for c in line if c.state is ClaimState.MERGED):
            assert (claim.cadence_id, claim.merged_into) in issued, "merged into what a reader got"

    @invariant()
    def periods_lie_end_to_end(self) -> None:
        with self.database.read() as session:
            for line in newsletters.list_cadences(session, removed=True):
                made = issues.list_issues(session, cadence_id=line.id)
                ends = [issue.period_end for issue in made]
                assert ends == sorted(set(ends))
                assert not made or line.last_slot_at == ends[-1] or self.moved_zone
                starts = {issue.period_start for issue in made}  # one that others merged into begins with the first
                for issue, end in zip(made[1:], ends, strict=False):
                    merged = issue.period_start < end and issue.period_start in starts
                    assert issue.period_start == end or merged or self.moved_zone

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()

    # ── steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _poll(self, blog: Blog, *, crash: bool = False) -> None:
        with self.database.read() as session:
            due = polls.due_sources(session, now=self.now + HOUR, force=True, only=[blog.source])
        if not due:
            return  # nobody reads it
        document = tuple(blog.shown)
        body = hashlib.sha256(repr(document).encode()).digest()
        found = Visit(memory=due[0], at=self.now, feed=Feed(title="Blog", url="u"), posts=document, body=body)
        if blog.down:
            blog.down -= 1
            found = Visit(memory=due[0], at=self.now, error=FetchError("no answer"))
        elif found.body_hash == due[0].body_hash:
            found = Visit(memory=due[0], at=self.now, body=body)
        with self.database.write() as session:
            polled = record_visit(session, found, now=self.now)
            for missing in polled.missing:  # its page answers 404
                posts.mark_missing(session, missing.post_id, since=self.now)
                withdraw_post(session, post_id=missing.post_id, now=self.now)
            if crash:
                raise Crash
        if found.feed:
            self.read |= {(blog.source, post.card.title) for post in document}

    def _close(self, *, hold: bool) -> None:
        with self.database.read() as session:
            active = newsletters.list_newsletters(session)
        for newsletter in active:
            for issue in close_periods(self.database, newsletter, now=self.now, hold=hold):
                if issue.state is IssueState.FROZEN:
                    with self.database.read() as session:
                        left = claims.list_claims(session, cadence_id=issue.cadence_id, states=[ClaimState.PENDING])
                    assert all(claim.effective_at >= issue.period_end for claim in left), (
                        "an issue takes all that waited"
                    )

    def _everything(self) -> list[object]:
        with self.database.read() as session:
            return [
                session.execute(text(f"SELECT * FROM {table} ORDER BY id")).all()
                for table in ("post", "post_key", "claim", "issue", "cadence", "note")
            ]


def _post_ids(issue: Issue) -> list[int]:
    content = issue.content
    return [post.post_id for post in (*content.posts, *content.more)] if content else []


@pytest.mark.timeout(300)  # twelve lives of forty steps: two minutes of a core that is shared by four
@pytest.mark.parametrize("half", [1, 2])  # so that two cores share them
@pytest.mark.slow
def test_every_post_ends_in_exactly_one_state_whatever_happens(half: int) -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(max_examples=EXAMPLES // 2, stateful_step_count=STEPS, deadline=None, phases=PHASES),
    )
