"""Random histories of readers against random issues, by the real verbs and the real ledger: nothing lost, nothing twice.

A post counts as got where the message that the ledger says was accepted has its link. `DIGEST_TEST_HISTORIES=200` tries so many
worlds instead of a few; what fails names its seed.
"""

import asyncio
import os
import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.actions import choices, readers
from digest.actions.admit import admit_posts
from digest.actions.deliver import deliver
from digest.actions.newsletters import edit_newsletter
from digest.actions.publish import approve_issue, publish
from digest.actions.subscribe import add_subscriber, edit_subscriber
from digest.core.people import Consent
from digest.core.states import IssueState, RuleKind
from digest.core.waves import FIRST_ZONE
from digest.store import claims, issues, sending
from digest.store.database import Database
from digest.store.newsletters import list_cadences
from digest.store.topics import add_rule, get_topic
from tests import cast
from tests.actions.delivering import Scripted

WORLDS = int(os.environ.get("DIGEST_TEST_HISTORIES", "1"))
MONDAY = datetime(2017, 8, 14, tzinfo=UTC)
STEP = timedelta(hours=6)
STEPS, LAST = 30, 14  # readers do nothing after so many steps, and after so many longer ones all is told
READERS = 16
TOPICS = ("food", "art")
ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles", "")
CADENCES = {"twice": "daily at 06:00 and 18:00", "daily": "daily at 07:00", "slow": "weekly on mon, thu at 08:00"}


@dataclass
class Reader:
    """Somebody, with what has to reach them, kept by the simplest of books."""

    id: int
    topics: tuple[str, ...] = ()
    paused_until: datetime = MONDAY
    catches_up: bool = False
    is_here: bool = True
    must: set[int] = field(default_factory=set)
    away: set[int] = field(default_factory=set)  # of the pause that runs: these come only where it is wanted

    def sees(self, post: int, topics: set[str], now: datetime) -> None:
        if self.is_here and self.wants(topics):
            (self.away if now < self.paused_until else self.must).add(post)

    def wants(self, topics: set[str]) -> bool:
        return not self.topics or bool(topics & set(self.topics))

    def settle_pause(self, now: datetime) -> None:
        if now >= self.paused_until:
            self.must |= self.away if self.catches_up else set()
            self.away = set()


class World:
    def __init__(self, database: Database, templates: Path, seed: int) -> None:
        self.database, self.templates, self.dice = database, templates, random.Random(seed)
        self.now = MONDAY
        self.posts: dict[int, set[str]] = {}
        self.echoed: set[int] = set()
        by_zone = self.dice.random() < 0.5
        zone = FIRST_ZONE if by_zone else "UTC"
        with database.write() as session:
            self.newsletter = cast.add_newsletter(
                session, zone="UTC", theme="bare", approval=self.dice.random() < 0.5, max_late_hours=999, max_variants=4,
                reader_zones=by_zone, min_posts=self.dice.choice([1, 3]), max_posts=self.dice.choice([2, 30]), catch_up="each",
            )  # fmt: skip
            self.lines = [
                cast.add_cadence(session, self.newsletter, name, rule=rule, zone=zone, started_at=MONDAY)
                for name, rule in CADENCES.items()
            ]
            self.source = cast.add_source(session, self.newsletter)
            self.echo = cast.add_source(session, self.newsletter, url="https://echo.example/feed")
            for slug in TOPICS:
                cast.add_topic(session, self.newsletter, slug)
                topic = get_topic(session, self.newsletter, slug)
                add_rule(session, topic, kind=RuleKind.LABEL, pattern=slug, wanted=True, now=MONDAY)
            self.readers = []
            for number in range(READERS):
                person = cast.add_subscriber(session, f"reader{number}@example.org", created_at=MONDAY)
                line = self.dice.choice([None, *self.lines])
                cast.add_subscription(session, self.newsletter, person, cadence_id=line)
                self.readers.append(Reader(person))

    def turn(self, *, quiet: bool = False) -> None:
        """Six hours: what readers do, what is published, what is closed, rendered, approved and sent."""
        for reader in self.readers:
            reader.settle_pause(self.now)
        if not quiet:
            for reader in self.readers:
                if self.dice.random() < 0.3:
                    self.act(reader)
            if self.dice.random() < 0.1 and len(self.lines) < 5:
                self.grow()
        for _ in range(1 if quiet else self.dice.choice([0, 0, 1, 1, 2])):
            self.tell()
        if not quiet and self.posts and self.dice.random() < 0.5:
            self.repeat()
        publish(self.database, now=self.now, templates=self.templates)
        self.approve(everything=quiet)
        self.begin_sending()
        if quiet or self.dice.random() < 0.6:  # else what is queued waits
            self.deliver()
        self.now += STEP * (2 if quiet else 1)

    def grow(self) -> None:
        """The newsletter gets another cadence, to which readers may go over."""
        name = f"new{len(self.lines)}"
        rule = self.dice.choice([*CADENCES.values()])
        edit_newsletter(self.database, "weekly", cadences=[f"{name}={rule}"], now=self.now)
        with self.database.read() as session:
            self.lines.append(list_cadences(session, self.newsletter)[-1].id)

    def tell(self) -> None:
        post = len(self.posts) + 1
        self.posts[post] = {topic for topic in TOPICS if self.dice.random() < 0.5}
        card = {"title": f"Post {post}", "link": f"https://blog.example/{post}/", "topics": sorted(self.posts[post])}
        self.add(self.source, post, card, late=self.dice.choice([0, 0, 1, 9]))
        for reader in self.readers:
            reader.sees(post, self.posts[post], self.now)

    def repeat(self) -> None:
        """The second source carries a story of the last days, by its date before the first or after it: nobody is to hear of it twice."""
        post = self.dice.randint(max(1, len(self.posts) - 5), len(self.posts))
        if post not in self.echoed:
            self.echoed.add(post)
            card = {
                "title": f"Post {post}",
                "link": f"https://echo.example/{post}/",
                "topics": sorted(self.posts[post]),
            }
            self.add(self.echo, post, card, late=self.dice.choice([0, 9, 30]))

    def add(self, source: int, post: int, card: dict, *, late: int) -> None:
        with self.database.write() as session:
            added = cast.add_post(session, source, str(post), card=card, seen_at=self.now, canonical=f"story {post}",
                                  effective_at=max(self.now - timedelta(hours=late), MONDAY))  # fmt: skip
            new = [one for one in claims.backlog(session, source_id=source) if one.id == added]
            admit_posts(session, source_id=source, posts=new, first_look=False, now=self.now)

    def approve(self, *, everything: bool) -> None:
        with self.database.write() as session:
            for issue in issues.list_issues(session, states=(IssueState.DRAFT,)):
                if everything or self.dice.random() < 0.5:
                    approve_issue(session, issue, now=self.now)

    def begin_sending(self) -> None:
        with self.database.read() as session:
            waiting = sending.sending_issues(session)
        for issue in waiting:
            with self.database.write() as session:
                sending.start_sending(session, issue, now=self.now)

    def deliver(self) -> None:
        report = asyncio.run(
            deliver(self.database, transport=Scripted(), key=cast.KEY, base_url="https://n.example",
                    clock=lambda: self.now, owner=f"at {self.now}", concurrency=1)
        )  # fmt: skip
        assert report.problem is None

    # what readers do

    def act(self, reader: Reader) -> None:
        if not reader.is_here:
            self.come_back(reader)
            return
        kinds = [self.change] * 5 + [self.pause] * 3 + [self.resume, self.topics, self.move, self.leave]
        self.dice.choice(kinds)(reader)

    def ids(self, reader: Reader) -> dict:
        return {"subscriber_id": reader.id, "newsletter_id": self.newsletter, "now": self.now}

    def change(self, reader: Reader) -> None:
        choices.choose(self.database, **self.ids(reader), cadence_id=self.dice.choice(self.lines))

    def pause(self, reader: Reader) -> None:
        reader.paused_until = self.now + STEP * self.dice.choice([1, 2, 5, 9, 20])
        reader.catches_up = self.dice.random() < 0.5
        choices.pause(self.database, **self.ids(reader), until=reader.paused_until, catch_up=reader.catches_up)

    def resume(self, reader: Reader) -> None:
        choices.resume(self.database, **self.ids(reader))
        reader.paused_until = min(self.now, reader.paused_until)
        reader.settle_pause(self.now)

    def topics(self, reader: Reader) -> None:
        reader.topics = self.dice.choice([(), ("food",), ("art",), ("food", "art")])
        choices.choose(self.database, **self.ids(reader), topics=reader.topics)
        for some in (reader.must, reader.away):  # of what they chose all the time until it came
            some.intersection_update({post for post in some if reader.wants(self.posts[post])})

    def move(self, reader: Reader) -> None:
        address, zone = f"reader{reader.id - 1}@example.org", self.dice.choice(ZONES)
        with self.database.read() as session:
            where = session.execute(text("SELECT zone FROM subscriber WHERE id = :id"), {"id": reader.id}).scalar()
        if (where or "") != zone:
            edit_subscriber(self.database, address, secret=cast.KEY, now=self.now, zone=zone)

    def leave(self, reader: Reader) -> None:
        reader.is_here, reader.must, reader.away = False, set(), set()
        readers.leave(self.database, **self.ids(reader))

    def come_back(self, reader: Reader) -> None:
        reader.is_here, reader.paused_until = True, self.now
        if self.dice.random() < 0.5:
            assert readers.take_back(self.database, **self.ids(reader), secret=cast.KEY)
            return
        add_subscriber(
            self.database, f"reader{reader.id - 1}@example.org", newsletter_id=self.newsletter, secret=cast.KEY,
            now=self.now, consent=Consent(at=self.now, how="command"), again=True,
        )  # fmt: skip

    # what came of it

    def got(self, reader: Reader) -> Counter[int]:
        """The posts in the messages that were accepted for somebody."""
        query = text(
            "SELECT v.text FROM delivery d JOIN variant v ON v.id = d.variant_id "
            "WHERE d.subscriber_id = :who AND d.state = 'accepted'"
        )
        with self.database.read() as session:
            mails = session.execute(query, {"who": reader.id}).scalars()
            return Counter(int(post) for mail in mails for post in re.findall(r"(?:blog|echo)\.example/(\d+)/", mail))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Templates of the least that the linter lets through: many issues are rendered here."""
    folder = tmp_path_factory.mktemp("templates")
    theme = folder / "issue" / "bare"
    theme.mkdir(parents=True)
    words = "{{ issue.postal_address }} {{ issue.unsubscribe_url }}"
    posts = "{% for post in issue.posts %}{{ post.link }} {% endfor %}{% for line in issue.more %}{{ line.link }} {% endfor %}"
    (theme / "issue.txt.j2").write_text(f"{posts}\n{words}\n", encoding="utf-8")
    (theme / "issue.mjml.j2").write_text(
        '<mjml lang="{{ issue.language }}"><mj-head><mj-title>{{ issue.title }}</mj-title></mj-head><mj-body><mj-section><mj-column><mj-text>{{ issue.title }} '
        f'{posts}<a href="{{{{ issue.unsubscribe_url }}}}">Unsubscribe</a> {words}</mj-text></mj-column></mj-section></mj-body></mjml>',
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize("seed", range(1, WORLDS + 1))
def test_nothing_is_lost_and_nothing_comes_twice(
    sqlite_template: Path, tmp_path_factory, bare: Path, seed: int
) -> None:
    file = tmp_path_factory.mktemp("world") / "digest.db"
    shutil.copyfile(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    world = World(database, bare, seed)
    for _ in range(STEPS):
        world.turn()
    for reader in world.readers:
        if reader.is_here:
            world.resume(reader)
    told = len(world.posts)
    for _ in range(LAST):
        world.turn(quiet=True)
    for reader in world.readers:
        got = world.got(reader)
        assert not {post: times for post, times in got.items() if times > 1}, reader
        if reader.is_here:
            assert not {post for post in reader.must if post <= told} - set(got), reader
    database.close()
