"""Bad input by the real command: one sentence of what and where, what to do next, the exit code, the data as it was.

What stands elsewhere is not repeated here: databases and disks in test_bad_databases, lists of people in
test_subscriber, mail servers in test_sending, files that are no feed in test_source_check.
"""

import gzip
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests import cast
from tests.command import obey_permissions, run_digest, small_disk, start_digest
from tests.processes import add_due_period, add_sending_issue, mail_server
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, serving

from digest.store.database import Database

LAUGHS = b'<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("j"))
)
MANY = "9" * 5000
HANGS = 60.0
"""Seconds: a page's addresses, one a second, take 14 as a rule and 26 on a busy machine."""
ANSWERS = {
    "/page": Answer(body=b"<!doctype html><p>No feed here", headers={"Content-Type": "text/html"}),
    "/laughs": Answer(
        body=b"<!DOCTYPE rss [" + LAUGHS + b"]><rss><channel><title>&i;</title></channel></rss>",
        headers={"Content-Type": ATOM},
    ),
    "/large": Answer(body=b"<rss>" + b" " * 20_000_000, headers={"Content-Type": ATOM}),
    "/loop": Answer(301, headers={"Location": "/loop"}),
    "/slow": Answer(stall=30),
    "/fine": Answer(body=b"<rss><channel><title>Fine</title><item><title>One</title></item></channel></rss>"),
}


def bomb() -> Answer:
    """A hundred megabytes. A fifth of a second to make, so not where each process of the tests collects."""
    body = gzip.compress(b"<rss>" + b" " * 100_000_000, 1)
    return Answer(body=body, headers={"Content-Type": ATOM, "Content-Encoding": "gzip"})


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path) -> Path:
    """A folder with an empty database and the secret key of the cast."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "secret_key").write_bytes(cast.KEY)
    return tmp_path


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{home}/digest.db")
    yield opened
    opened.close()


@pytest.fixture
def web() -> Iterator[ScriptedServer]:
    with serving() as server:
        for path, answer in ANSWERS.items():
            server.script(path, answer)
        inside = f"http://192.168.0.1:{server.port}/feed"
        server.script("/inside", Answer(302, headers={"Location": inside}))
        yield server


def dump(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "digest.db")) as raw:
        return [line for line in raw.iterdump() if "key_fingerprint" not in line]


def count(home: Path, statement: str) -> int:
    with closing(sqlite3.connect(home / "digest.db")) as raw:
        return int(raw.execute(statement).fetchone()[0])


def assert_told(done: subprocess.CompletedProcess[str], *, code: int, words: str, next_step: str) -> None:
    told, then = done.stderr.splitlines()[-2:]
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert told.startswith("error: ")
    assert words in told
    assert then.startswith("next: ")
    assert next_step in then
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "words", "next_step"),
    [
        ("newsletter edit weekly --signup maybe", "--signup: 'maybe' is not one of: open, closed", "choose one of them"),
        ("newsletter edit weekly --max-posts many", "--max-posts: 'many' is not a whole number", "digest newsletter edit --help"),
        ("plan --days 9999", "--days: '9999' is not at most 3660", "digest plan --help"),
        ("issue page first", "NUMBER: 'first' is not a whole number", "digest issue page --help"),
    ],
)  # fmt: skip
def test_a_value_that_an_option_cannot_take(home: Path, command: str, words: str, next_step: str) -> None:
    done = run_digest(*command.split(), cwd=home)
    assert_told(done, code=2, words=words, next_step=next_step)


@pytest.mark.parametrize(
    ("words", "code", "said", "next_step"),
    [
        (["source", "add", ""], 1, "the address is empty", "give a feed, a home page, a file or a folder"),
        (["subscriber", "import", "."], 1, ". is a folder, not a file", "give one file"),
        (["subscriber", "edit", "anna@example.org", "--hour", MANY], 2, "999…' is no hour", "from 0 to 23"),
        (["dkim", "check", "--resolver", f"127.0.0.1:{MANY}"], 2, "999…' is no address and port", "127.0.0.1:5353"),
        (["explain", ""], 1, "no post has the id, link or title ''", "digest post list"),
        (
            ["subscriber", "edit", "anna@example.org", "--pause-until", "tomorrow"],
            2,
            "that is no day",
            "write a coming day",
        ),
    ],
)
def test_what_names_nothing_is_refused(
    home: Path, database: Database, words: list[str], code: int, said: str, next_step: str
) -> None:
    with database.write() as session:
        cast.assemble(session)
    (home / "a.md").write_text("# A post in the folder that one happens to be in\n")
    assert_told(run_digest(*words, cwd=home), code=code, words=said, next_step=next_step)


def test_a_dash_is_the_standard_output(home: Path, database: Database) -> None:
    with database.write() as session:
        cast.assemble(session)
    for words in (["source", "export"], ["subscriber", "export", "-o"]):
        done = run_digest(*words, "-", cwd=home)
        assert (done.returncode, done.stderr, (home / "-").exists()) == (0, "", False)
        assert done.stdout.startswith(("<?xml", '"address"')), done.stdout[:40]


def allow(*ports: int) -> dict[str, str]:
    return {"DIGEST_FETCH__PORTS": str(list(ports)), "DIGEST_FETCH__ALLOW_PRIVATE": '["127.0.0.0/8"]'}


# ── settings ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "words", "next_step"),
    [
        (b'[smtp]\nhots = "x"', "digest.toml: unknown setting smtp.hots", "did you mean smtp.host?"),
        (b'[smtp]\nport = "many"', "digest.toml: smtp.port: it must be a whole number", "docs/settings.md"),
        (b"[smtp\n", "digest.toml is not valid TOML: ", "mend that line"),
        (b'name = "\xff"', "digest.toml cannot be read: ", "encoding"),
    ],
)
def test_settings_that_cannot_be_used_stop_the_command(home: Path, text: bytes, words: str, next_step: str) -> None:
    (home / "digest.toml").write_bytes(text)
    before = dump(home)
    assert_told(run_digest("run", cwd=home), code=1, words=words, next_step=next_step)
    assert dump(home) == before


# ── sources ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "words", "next_step"),
    [
        pytest.param(  # each address that it tries waits for its host's turn
            "/page", "no feed was found for", "give the address of the feed itself", marks=pytest.mark.slow
        ),
        ("/large", "is larger than 5 MiB", "ask its owner for a feed of fewer posts"),
        ("/bomb", "is larger than 5 MiB", "ask its owner for a feed of fewer posts"),
        ("/loop", "redirects in a loop", "tell the site's owner"),
        ("/inside", "leads to a private place", "fetch.allow_private"),
    ],
)
def test_a_bad_feed_is_not_added(
    home: Path, database: Database, web: ScriptedServer, path: str, words: str, next_step: str
) -> None:
    with database.write() as session:
        cast.add_newsletter(session)
    if path == "/bomb":
        web.script(path, bomb())
    before = dump(home)
    began = time.monotonic()
    done = run_digest("source", "add", f"http://127.0.0.1:{web.port}{path}", cwd=home, env=allow(web.port))
    assert_told(done, code=1, words=words, next_step=next_step)
    assert time.monotonic() - began < HANGS
    assert dump(home) == before


def test_entities_that_would_grow_for_ever_do_not(home: Path, database: Database, web: ScriptedServer) -> None:
    with database.write() as session:
        cast.add_newsletter(session)
    began = time.monotonic()
    done = run_digest("source", "add", f"http://127.0.0.1:{web.port}/laughs", cwd=home, env=allow(web.port))
    assert (done.returncode, len(done.stdout) < 1000) == (0, True), done.stderr  # a feed, and empty
    assert time.monotonic() - began < HANGS


def test_a_dead_host_is_not_added(home: Path, database: Database) -> None:
    with database.write() as session:
        cast.add_newsletter(session)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = dump(home)
    done = run_digest("source", "add", f"http://127.0.0.1:{port}/", cwd=home, env=allow(port))
    assert_told(done, code=1, words="127.0.0.1 cannot be reached", next_step="try its address in a browser")
    assert dump(home) == before


def test_a_source_that_fails_is_listed_and_the_issue_still_goes_out(
    home: Path, database: Database, web: ScriptedServer
) -> None:
    add_due_period(database, 2)
    with database.write() as session:
        cast.add_source(session, 1, url=f"http://127.0.0.1:{web.port}/loop", title="Round and round")
    done = run_digest("run", cwd=home, env=allow(web.port))
    assert done.returncode == 3, done.stderr
    assert "gather\tRound and round\t" in done.stdout
    assert "2 accepted of 2; done" in done.stdout


def test_a_quiet_run_says_only_what_went_wrong(home: Path, database: Database, web: ScriptedServer) -> None:
    add_due_period(database, 2)
    done = run_digest("run", "--quiet", cwd=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run_digest("run", "--quiet", cwd=home)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "")
    with database.write() as session:
        cast.add_source(session, 1, url=f"http://127.0.0.1:{web.port}/loop", title="Round and round")
        cast.add_source(session, 1, url=f"http://127.0.0.1:{web.port}/fine", title="Fine")
    assert run_digest("run", "--dry-run", "--no-gather", cwd=home).returncode == 4, "none would be polled"
    done = run_digest("run", "--quiet", cwd=home, env=allow(web.port))
    assert (done.returncode, [line.split("\t")[1] for line in done.stdout.splitlines()[1:]]) == (3, ["Round and round"])


# ── templates ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<mj-section>\n  <mj-colum>", "post.mjml.j2, line 2, column 3: there is no component <mj-colum>"),
        ("<mj-section>\n{% if %}", "post.mjml.j2, line 2"),
        ("<mj-section>\n{{ psot.title }}", "post.mjml.j2, line 2"),
    ],
)
def test_a_broken_template_stops_the_issue_until_it_is_mended(
    home: Path, database: Database, template: str, words: str
) -> None:
    add_due_period(database, 2)
    own = home / "templates" / "issue" / "editorial" / "post.mjml.j2"
    own.parent.mkdir(parents=True)
    own.write_text(template, encoding="utf-8")
    done = run_digest("run", "--no-gather", cwd=home)
    for _ in "once", "again":  # a cron line tells it until it is mended
        assert done.returncode == 3, done.stderr
        told, step = done.stderr.splitlines()
        assert told.startswith("issue 1 of weekly is not rendered: ")
        assert words in told
        assert step == "next: mend that; the next run tries again"
        done = run_digest("run", "--no-gather", cwd=home)
    assert count(home, "SELECT count(*) FROM delivery WHERE state = 'accepted'") == 0
    own.unlink()
    done = run_digest("run", "--no-gather", cwd=home)
    assert (done.returncode, "2 accepted of 2; done" in done.stdout) == (0, True), done.stderr


# ── the mailbox ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mailbox_that_cannot_be_written_keeps_everything_queued(home: Path, database: Database) -> None:
    add_sending_issue(database, 3)
    shut = home / "shut"
    shut.mkdir(mode=0o555)
    env = {"DIGEST_MAIL__MAILDIR": "shut/mailbox"}
    done = run_digest("run", "--no-gather", cwd=home, env=env, preexec_fn=obey_permissions)
    assert_told(done, code=75, words="shut/mailbox", next_step="permissions")
    assert count(home, "SELECT count(*) FROM delivery WHERE state = 'queued'") == 3


def test_a_full_disk_keeps_what_was_not_delivered(home: Path, database: Database) -> None:
    add_sending_issue(database, 30)
    with small_disk(home / "disk", 60) as options:
        if options:
            pytest.skip("no small disk can be mounted, and a limit of one file's size does not fill a mailbox")
        env = {"DIGEST_MAIL__MAILDIR": "disk/mailbox"}
        done = run_digest("run", "--no-gather", cwd=home, env=env)
        kept = [file for file in (home / "disk" / "mailbox" / "new").iterdir() if file.is_file()]
    assert done.returncode == 75, done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert count(home, "SELECT count(*) FROM delivery WHERE state = 'accepted'") == len(kept)
    assert count(home, "SELECT count(*) FROM delivery") == 30


# ── Ctrl-C ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def interrupt(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ctrl-C, and what it answers; soon."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert "Traceback" not in words
    return process.returncode, words


def wait_for_request(web: ScriptedServer) -> None:
    for _ in range(1200):
        if web.log:
            return
        time.sleep(0.05)
    pytest.fail("nothing was asked")


@pytest.mark.parametrize("command", ["add", "run", "serve"])
def test_ctrl_c_while_a_slow_feed_is_read_changes_nothing(
    home: Path, database: Database, web: ScriptedServer, command: str
) -> None:
    slow = f"http://127.0.0.1:{web.port}/slow"
    with database.write() as session:
        newsletter = cast.add_newsletter(session)
        if command != "add":
            cast.add_source(session, newsletter, url=slow)
    words = ("source", "add", slow) if command == "add" else (command,)
    with start_digest(*words, cwd=home, env=allow(web.port)) as process:
        wait_for_request(web)
        code, told = interrupt(process)
    assert code == {"add": 130, "run": 130, "serve": 0}[command], told
    assert count(home, "SELECT count(*) FROM post") == 0
    assert count(home, "SELECT count(*) FROM source") == (0 if command == "add" else 1)


@pytest.mark.parametrize("command", ["run", "serve"])
def test_ctrl_c_while_mail_goes_out_finishes_what_is_in_hand(home: Path, database: Database, command: str) -> None:
    add_sending_issue(database, 40)
    with mail_server(seconds=0.2) as (inbox, port):
        env = {"DIGEST_MAIL__TRANSPORT": "smtp", "DIGEST_SMTP__HOST": "127.0.0.1", "DIGEST_SMTP__PORT": str(port),
               "DIGEST_SMTP__SECURITY": "plain"}  # fmt: skip
        with start_digest(command, cwd=home, env=env) as process:
            inbox.wait_for(3)
            code, told = interrupt(process)
        arrived = len(inbox.log)
        assert code == 0, told
        assert 3 <= arrived < 40
        assert count(home, "SELECT count(*) FROM delivery WHERE state = 'accepted'") == arrived
        assert count(home, "SELECT count(*) FROM delivery WHERE state IN ('claimed', 'inflight', 'uncertain')") == 0


def slow_mail(port: int) -> dict[str, str]:
    return {"DIGEST_MAIL__TRANSPORT": "smtp", "DIGEST_SMTP__HOST": "127.0.0.1", "DIGEST_SMTP__PORT": str(port),
            "DIGEST_SMTP__SECURITY": "plain"}  # fmt: skip


def test_a_second_ctrl_c_breaks_the_mail_off_and_says_what_is_true(home: Path, database: Database) -> None:
    add_sending_issue(database, 40)
    with mail_server(seconds=3) as (inbox, port), start_digest("run", cwd=home, env=slow_mail(port)) as process:
        inbox.wait_for(1)
        time.sleep(1)  # every lane is in the middle of its second message
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        code, told = interrupt(process)
    assert code == 130
    assert told.endswith("\ninterrupted; what was sent is recorded\nnext: run it again to go on\n"), told
    assert "Traceback" not in told


def test_ctrl_c_in_one_of_two_runs_leaves_the_rest_to_the_other(home: Path, database: Database) -> None:
    issue = add_sending_issue(database, 100)
    with mail_server(seconds=0.1) as (inbox, port):
        with start_digest("run", cwd=home, env=slow_mail(port)) as first:
            inbox.wait_for(3)  # before that it may be loading still, and end with 130
            with start_digest("run", cwd=home, env=slow_mail(port)) as second:
                inbox.wait_for(9)
                code, told = interrupt(first)
                assert code in (0, 4), told
                second.communicate(timeout=60)
        run_digest("run", cwd=home, env=slow_mail(port))  # what the first gave back after the second had looked
        recipients = [one for one, _ in inbox.log]
    assert (len(recipients), len(set(recipients))) == (100, 100)
    assert count(home, f"SELECT count(*) FROM issue WHERE id = {issue} AND state = 'done'") == 1


def test_ctrl_c_ends_a_served_preview(home: Path, database: Database) -> None:
    add_due_period(database, 1)
    with start_digest("preview", "--serve", "0", cwd=home) as process:
        assert process.stderr
        assert "http://127.0.0.1:" in process.stderr.readline()
        code, told = interrupt(process)
    assert (code, told.strip()) in {(0, ""), (130, "interrupted; nothing half-done was kept")}
