"""`digest source` as people run it, against a real server on loopback."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, atom, serving

from digest import clock
from digest.cli.main import main
from digest.store.database import Database
from digest.store.events import list_events
from digest.store.sources import get_source, list_sources
from digest.store.tables import SourceRow

ONE = ("tag:blog.test,2017:one", "One", "2017-08-11T10:00:00Z")
HOME = b'<!doctype html><link rel="alternate" type="application/atom+xml" href="/feed"><p>Hello'


@dataclass(frozen=True)
class Done:
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


Digest = Callable[..., Done]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as server:
        server.script("/", Answer(body=HOME, headers={"Content-Type": "text/html"}))
        server.script("/feed", Answer(body=atom(ONE), headers={"Content-Type": ATOM}))
        yield server


@pytest.fixture
def digest(
    sqlite_template: Path,
    tmp_path: Path,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Digest:
    """The command by its entry point, in a folder with a newsletter, allowed to fetch from this machine."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    settings = f'[fetch]\nports = [{server.port}]\nallow_private = ["127.0.0.0/8"]\n'
    (tmp_path / "digest.toml").write_text(settings, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["digest", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        done = capsys.readouterr()
        return Done(code, done.out, done.err)

    added = run("newsletter", "add", "week", "--sender", "anna@example.org")
    assert added.returncode == 0, added.stderr
    return run


def test_a_source_lives_from_add_to_remove(digest: Digest, server: ScriptedServer) -> None:
    home = f"http://127.0.0.1:{server.port}/"
    added = digest("source", "add", home, "--quota", "3")
    assert (added.returncode, f"looking at {home}feed" in added.stderr) == (0, True)
    assert "next: digest preview --newsletter week" in added.stderr
    again = digest("source", "add", home + "feed")
    assert (again.returncode, "reads" in again.stderr) == (1, True)
    (listed,) = json.loads(digest("source", "list", "--json").stdout)
    assert (listed["title"], listed["address"], listed["newsletters"]) == ("A blog", home + "feed", ["week"])
    assert listed["posts"] == 1
    assert digest("source", "edit", "1", "--interval", "5").returncode == 2
    assert json.loads(digest("source", "edit", "1", "--interval", "360", "--json").stdout)["interval"] == 360
    weighed = digest("source", "edit", "1", "--quota", "4", "--weight", "8")
    assert (weighed.returncode, "next: digest newsletter edit week --weight source" in weighed.stderr) == (0, True)
    assert "paused" in digest("source", "pause", "A blog").stdout
    assert "active" in digest("source", "resume", "1").stdout
    refused = digest("source", "remove", "1")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    unknown = digest("source", "remove", "1", "--newsletter", "wek", "--yes")
    assert (unknown.returncode, unknown.stderr.splitlines()[0]) == (1, "error: there is no newsletter 'wek'")
    assert digest("source", "remove", "1", "--yes").returncode == 0
    assert json.loads(digest("source", "list", "--json").stdout) == []


def test_a_list_of_feeds_goes_in_and_comes_out(digest: Digest, tmp_path: Path) -> None:
    opml = '<opml version="2.0"><body><outline text="F"><outline type="rss" text="A" xmlUrl="https://a.test/feed"/>'
    opml += '<outline type="rss" text="B" xmlUrl="gopher://b.test/"/></outline></body></opml>'
    (tmp_path / "feeds.opml").write_text(opml, encoding="utf-8")
    tried = digest("source", "import", "feeds.opml", "--dry-run")
    assert (tried.returncode, "1 would be added" in tried.stderr) == (3, True)
    assert digest("source", "export").stdout.count("xmlUrl") == 0
    done = digest("source", "import", "feeds.opml")
    assert (done.returncode, "refused: gopher://b.test/" in done.stderr) == (3, True)
    assert digest("source", "export", "out.opml").returncode == 0
    assert 'xmlUrl="https://a.test/feed"' in (tmp_path / "out.opml").read_text(encoding="utf-8")
    missing = digest("source", "import", "none.opml"), digest("subscriber", "import", "none.csv")
    assert [done.returncode for done in missing] == [1, 1]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("http://127.0.0.1:1/", "port 1 is not allowed"),
        ("http://10.0.0.1:{port}/feed", "leads to a private place"),
        ("http://127.0.0.1:{port}/none", "has nothing there (HTTP 404)"),
        ("file:///etc/passwd", "only http and https are"),
        ("./nowhere", "there is no file or folder ./nowhere"),
        ("posts", "there is no file or folder posts, and "),
        ("not a url", "'not a url' is no web address: it has a space in it"),
        ("ftp://x.y/", "ftp://x.y/ is not fetched: only http and https are"),
    ],
)
def test_a_source_that_cannot_be_had_is_one_clear_sentence(
    digest: Digest, server: ScriptedServer, where: str, sentence: str
) -> None:
    done = digest("source", "add", where.format(port=server.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "next: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_password_is_used_for_fetching_and_told_nobody(
    digest: Digest, server: ScriptedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host = f"127.0.0.1:{server.port}"
    address, shown = f"http://anna:s3cr3t@{host}/feed", f"http://{host}/feed"
    server.script("/feed", Answer(body=atom(ONE).replace(b"A blog", b""), headers={"Content-Type": ATOM}))
    said = [digest("source", "add", address), digest("source", "add", address)]
    assert server.log[-1].headers["authorization"] == "Basic YW5uYTpzM2NyM3Q="
    server.script("/feed", Answer(status=500))
    listed = tmp_path / "in.opml"
    again = address + "?again"
    listed.write_text(f'<opml version="2.0"><body><outline type="rss" text="{again}" xmlUrl="{again}"/></body></opml>')
    for words in (
        "source list", "source list --json", "source edit 1 --interval 60", "source edit 1 --interval 60 --json",
        f"source edit 1 --url {address}?2", f"source edit {shown}?2 --url {address}", f"source add {address}",
        f"source edit {address}x --interval 60", f"source check {address}", "source check http://anna:s3cr3t@[x/",
        "source import in.opml --dry-run --json", "source import in.opml --json", "source export",
        "source export --json", "source export out.opml", "run --dry-run", "run --json", "source list",
        "source pause 1 --json", "run", "source resume 1", "run", "post list --json", "post show 1", "post explain 1",
        "issue list --json", "preview --out seen", "source remove 1", "source remove 1 --yes --json",
    ):  # fmt: skip
        said += [digest(*words.split())]
    assert sum(shown in one.stdout + one.stderr for one in said) > 10
    for one in said:
        assert "s3cr3t" not in one.stdout + one.stderr
    assert "s3cr3t" not in caplog.text
    assert "s3cr3t" not in (tmp_path / "out.opml").read_text()
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    with database.read() as session:
        assert get_source(session, shown).url == address
        assert "s3cr3t" not in str(list_events(session))
        assert "s3cr3t" not in str([one.title for one in list_sources(session, read_only=False)])
    database.close()
    assert not [path for path in tmp_path.rglob("seen/*") if path.is_file() and b"s3cr3t" in path.read_bytes()]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://10.0.0.1:{port}/", "leads to a private place"),
        ("http://127.0.0.1:1/", "port 1 is not allowed"),
        ("ftp://x.y/", "ftp://x.y/ is no web address"),
    ],
)
def test_an_address_that_is_never_fetched_is_refused_when_a_source_is_edited(
    digest: Digest, server: ScriptedServer, url: str, sentence: str
) -> None:
    feed = f"http://127.0.0.1:{server.port}/feed"
    assert digest("source", "add", feed).returncode == 0
    done = digest("source", "edit", "1", "--url", url.format(port=server.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert json.loads(digest("source", "list", "--json").stdout)[0]["address"] == feed


@pytest.mark.parametrize("words", ["check .", "add ."])
def test_a_folder_without_markdown_is_no_source(digest: Digest, words: str) -> None:
    done = digest("source", *words.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no Markdown file" in done.stderr
    assert "next: give a folder with files that end in .md" in done.stderr


def test_a_folder_that_becomes_empty_is_an_error_and_its_posts_stay(digest: Digest, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "one.md").write_text("---\ntitle: One\n---\nHello")
    assert digest("source", "add", "own").returncode == 0
    before = digest("post", "list", "--json").stdout
    (tmp_path / "own" / "one.md").unlink()
    assert "has no Markdown file" in digest("run").stdout
    (listed,) = json.loads(digest("source", "list", "--json").stdout)
    assert "has no Markdown file" in listed["problem"]
    assert digest("post", "list", "--json").stdout == before
    assert json.loads(before)


def test_the_operator_is_told_once_of_a_source_that_fails_for_three_days_and_when_it_is_dead_or_gone(
    digest: Digest, server: ScriptedServer, tmp_path: Path
) -> None:
    assert digest("source", "add", f"http://127.0.0.1:{server.port}/feed").returncode == 0
    server.script("/feed", Answer(status=500))

    def run(*, failing: timedelta) -> str:
        database, now = Database(f"sqlite:///{tmp_path / 'digest.db'}"), clock.system_clock()
        checked = {"last_check": now - timedelta(hours=2), "next_check": None, "not_before": None}
        with database.write() as session:
            session.execute(update(SourceRow).values(failing_since=now - failing, failures=9, **checked))
        database.close()
        return digest("run").stderr

    assert "A blog has" not in run(failing=timedelta(days=2))
    told = run(failing=timedelta(days=3, hours=1))
    assert "warning: A blog has failed for three days\nnext: digest source list shows its problem" in told
    assert "A blog has" not in run(failing=timedelta(days=4))
    assert "warning: A blog has failed for thirty days" in run(failing=timedelta(days=31))
    assert "A blog has" not in run(failing=timedelta(days=32))
    server.script("/feed", Answer(status=410))
    assert "warning: A blog is gone" in run(failing=timedelta(days=33))
