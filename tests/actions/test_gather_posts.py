"""What becomes of posts that change, move, disappear, come back, or come in floods (docs/semantics.md S3, S8–S10)."""

import asyncio
import json
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.actions.polling import claim, memory, poll, setup, stored, titles
from tests.command import start_digest
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, atom, serving

from digest.actions.gather import gather
from digest.core.polling import DAY, HOUR
from digest.core.states import ClaimState
from digest.store import events, polls
from digest.store.database import Database

OLD = ("tag:blog.test,2017:old", "Old", "2017-08-08T10:00:00Z")
ONE = ("tag:blog.test,2017:one", "One", "2017-08-14T10:00:00Z")
TWO = ("tag:blog.test,2017:two", "Two", "2017-08-14T11:00:00Z")


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def feed(*posts: tuple[str, str, str]) -> Answer:
    return Answer(body=atom(*posts), headers={"Content-Type": ATOM, "ETag": f'"{hash(posts)}"'}, conditional=True)


def many(count: int, *, prefix: str = "n", title: str = "Post", day: int = 15) -> list[tuple[str, str, str]]:
    return [(f"tag:blog.test,2017:{prefix}{n}", f"{title} {n}", f"2017-08-{day}T{n:02}:00:00Z") for n in range(count)]


def kinds(database: Database, prefix: str) -> list[str]:
    with database.read() as session:
        return [event.kind for event in events.list_events(session) if event.kind.startswith(prefix)]


def wait_for_request(server: ScriptedServer) -> None:
    deadline = time.monotonic() + 30
    while not server.log and time.monotonic() < deadline:
        time.sleep(0.02)


def test_gather_works_on_either_database(request: pytest.FixtureRequest, now: datetime) -> None:
    for name in ("sqlite_database", "postgres_database"):
        database: Database = request.getfixturevalue(name)
        with serving() as server:
            server.script("/feed", feed(OLD), feed(TWO, ONE, OLD))
            server.script("/gone", Answer(404))
            _, (source, gone) = setup(database, server.url("/feed"), server.url("/gone"))
            poll(database, server, now)
            report = poll(database, server, now + DAY)
            assert (report.new, [one.source_id for one in report.failed]) == (2, [gone])
            assert titles(database, source) == ["Old", "Two", "One"]
            states = [claim(database, post.id).state for post in stored(database, source)]
            assert states == [ClaimState.BASELINE, ClaimState.PENDING, ClaimState.PENDING]


def test_characters_that_a_database_refuses_are_left_out(request: pytest.FixtureRequest, now: datetime) -> None:
    database: Database = request.getfixturevalue("postgres_database")
    item = {"id": "a\0b", "title": "T\0", "url": "https://a.test/\0", "content_text": "x\0", "date_published": "\0",
            "authors": [{"name": "\0"}], "tags": ["\0"]}  # fmt: skip
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "A\0", "language": "\0", "items": [item]}
    with serving() as server:
        server.script("/feed", Answer(body=json.dumps(document).encode()))
        _, (source,) = setup(database, server.url("/feed"))
        assert poll(database, server, now).failed == ()
    assert [(post.key, post.card.title) for post in stored(database, source)] == [("ab", "T")]


def test_s9_an_edit_changes_what_a_post_says_and_nothing_else(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    renamed = (ONE[0], "One, renamed", "2017-08-20T10:00:00Z")
    server.script("/feed", feed(OLD), feed(ONE, OLD), feed(renamed, OLD))
    _, (source,) = setup(database, server.url("/feed"))
    for days in (0, 1, 2):
        report = poll(database, server, now + days * DAY)
    assert (report.new, report.edited) == (0, 1)
    _, one = stored(database, source)
    assert (one.card.title, one.effective_at.isoformat()) == ("One, renamed", "2017-08-14T10:00:00+00:00")
    assert claim(database, one.id).effective_at == one.effective_at


def test_s8_a_feed_that_moves_to_https_brings_nothing_twice(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    def rss(scheme: str) -> Answer:
        items = "".join(
            f"<item><title>Post {n}</title><link>{scheme}://blog.test/{n}</link>"
            f"<guid>{scheme}://blog.test/?p={n}</guid>"
            f"<pubDate>Tue, {n + 1:02} Aug 2017 10:00:00 GMT</pubDate></item>"
            for n in range(12)
        )
        body = f'<rss version="2.0"><channel><title>A blog</title>{items}</channel></rss>'
        return Answer(body=body.encode(), headers={"ETag": f'"{scheme}"'})

    server.script("/feed", rss("http"), rss("https"), rss("http"))
    _, (source,) = setup(database, server.url("/feed"))
    reports = [poll(database, server, now + days * DAY) for days in range(3)]
    assert [report.new for report in reports] == [12, 0, 0]
    assert len(stored(database, source)) == 12


def test_s8_a_feed_that_changes_every_id_is_rekeyed_silently(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    before = many(20, day=10)
    after = [(f"urn:new:{n}", title, at) for n, (_, title, at) in enumerate(before)]
    server.script("/feed", feed(*before), feed(("urn:new:x", "News", "2017-08-15T01:00:00Z"), *after), feed(*after))
    setup(database, server.url("/feed"))
    reports = [poll(database, server, now + days * DAY) for days in range(3)]
    assert [report.new for report in reports] == [20, 1, 0]
    assert kinds(database, "source.re") == ["source.rekeyed"]


def test_s8_a_flood_is_held_and_told(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/feed", feed(OLD), feed(ONE, OLD), feed(*many(24), ONE))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    poll(database, server, now + HOUR * 2)
    report = poll(database, server, now + HOUR * 4)
    (told,) = report.alarms
    assert told.held
    assert told.alarm == "brought 24 posts at once, far more than ever: they are held"
    assert "digest post list --state held" in told.alarm_step
    assert [claim(database, post.id).state for post in stored(database, source)[2:]] == [ClaimState.HELD] * 24
    assert "source.flood" in kinds(database, "source.")
    assert memory(database, source).most_per_poll == 1


def test_s8_after_an_outage_of_ours_nothing_is_held(database: Database, server: ScriptedServer, now: datetime) -> None:
    server.script("/feed", feed(OLD), feed(*many(24), OLD))
    _, (source,) = setup(database, server.url("/feed"))
    poll(database, server, now)
    poll(database, server, now + 8 * DAY)
    assert {claim(database, post.id).state for post in stored(database, source)[1:]} == {ClaimState.PENDING}


@pytest.mark.parametrize(("status", "state"), [(404, ClaimState.WITHDRAWN), (410, ClaimState.WITHDRAWN),
                                               (200, ClaimState.PENDING), (500, ClaimState.PENDING)])  # fmt: skip
def test_s10_a_post_gone_from_the_document_is_withdrawn_if_its_page_is_gone(
    database: Database, now: datetime, status: int, state: ClaimState
) -> None:
    with serving() as server:

        def document(*posts: tuple[str, str, str]) -> Answer:
            body = atom(*posts).replace(b"http://blog.test/", server.url("/").encode())
            return Answer(body=body, headers={"ETag": f'"{len(posts)}"'})

        server.script("/feed", document(OLD), document(TWO, ONE, OLD), document(TWO, OLD), document(TWO, OLD, OLD))
        server.script("/one.html", Answer(status, body=b"x" * 1000))
        _, (source,) = setup(database, server.url("/feed"))
        for days in range(4):
            poll(database, server, now + days * DAY)
        one = next(post for post in stored(database, source) if post.card.title == "One")
        assert claim(database, one.id).state is state
        assert server.paths().count("/one.html") == 1
        assert kinds(database, "post.withdrawn") == ["post.withdrawn"] * (state is ClaimState.WITHDRAWN)
        server.script("/feed", document(TWO, ONE, OLD))
        poll(database, server, now + 5 * DAY)
        assert claim(database, one.id).state is ClaimState.PENDING


def test_s10_falling_off_the_end_of_the_document_is_no_removal(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/feed", feed(OLD), feed(ONE, OLD), feed(TWO))
    _, (source,) = setup(database, server.url("/feed"))
    for days in range(3):
        poll(database, server, now + days * DAY)
    assert set(server.paths()) == {"/feed"}
    assert claim(database, stored(database, source)[1].id).state is ClaimState.PENDING


def test_s10_a_file_taken_out_of_a_folder_is_withdrawn(
    database: Database, server: ScriptedServer, now: datetime, tmp_path: Path
) -> None:
    def write(name: str, date: str) -> Path:
        file = tmp_path / "posts" / f"{name}.md"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"---\ntitle: {name}\ndate: {date}\n---\nWords.\n", encoding="utf-8")
        return file

    write("first", "2017-08-01")
    _, (source,) = setup(database, str(tmp_path / "posts"), kind="folder")
    poll(database, server, now)
    second = write("second", "2017-08-14")
    poll(database, server, now + HOUR)
    second.unlink()
    poll(database, server, now + 2 * HOUR)
    assert claim(database, stored(database, source)[1].id).state is ClaimState.WITHDRAWN


def test_a_cancelled_gather_keeps_nothing_half_done_and_lets_the_next_turn_poll(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    server.script("/slow", Answer(body=b"x", stall=1.0), feed(ONE))
    _, (source,) = setup(database, server.url("/slow"))

    async def interrupted() -> None:
        task = asyncio.create_task(gather(database, fetcher=server.fetcher(), now=now))
        await asyncio.to_thread(wait_for_request, server)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert stored(database, source) == ()
    assert poll(database, server, now).new == 1


def test_a_gather_killed_by_the_system_leaves_the_source_to_others_after_its_lease(
    database: Database, server: ScriptedServer, now: datetime
) -> None:
    """kill -9 in a real process, while the server is answering."""
    server.script("/feed", Answer(body=b"x", stall=1.0), feed(ONE))
    _, (source,) = setup(database, server.url("/feed", host="127.0.0.1"))
    code = (
        "import asyncio, sys\n"
        "from datetime import datetime\n"
        "from digest.actions.gather import gather\n"
        "from digest.sources.fetch import Fetcher\n"
        "from digest.sources.guard import Guard, parse_networks\n"
        "from digest.store.database import Database\n"
        "guard = Guard(ports=frozenset({int(sys.argv[2])}), allow_private=parse_networks(['127.0.0.0/8']))\n"
        "now = datetime.fromisoformat(sys.argv[3])\n"
        "asyncio.run(gather(Database(sys.argv[1]), fetcher=Fetcher(guard=guard), now=now))\n"
    )
    url = database.url.render_as_string()
    process = start_digest(url, str(server.port), now.isoformat(), code=code, cwd=Path.cwd())
    wait_for_request(server)
    process.kill()
    process.communicate()
    assert len(server.log) == 1
    poll(database, server, now + timedelta(minutes=5))
    assert len(server.log) == 1, "a restart causes no extra request"
    assert poll(database, server, now + polls.LEASE + timedelta(minutes=1)).new == 1
    assert [seen.is_conditional for seen in server.log] == [False, False]
    assert titles(database, source) == ["One"]
