"""README's five minutes as they stand there: every command, against a blog and a mail server of this machine."""

import os
import re
import shlex
import signal
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult

from digest.clock import system_clock
from tests.cli.terminal import type_to_digest
from tests.command import run_digest, start_digest
from tests.listening import MailController
from tests.processes import Inbox, mail_server
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, atom, serving

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SECTION = README.split("## Your own newsletter in five minutes")[1].split("\n## ")[0]
HOME = b'<!doctype html><link rel="alternate" type="application/atom+xml" href="/feed"><p>Hello'
POSTS = [(f"tag:blog.test,2017:{n}", f"Old post {n}", f"2017-08-1{n}T10:00:00Z") for n in range(5)]
PEOPLE = ["anna@reader.example", "ben@reader.example", "carla@reader.example"]


def read_commands() -> list[list[str]]:
    """Every `uv run digest …` of the section, without its remark."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", SECTION, flags=re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for kind, block in blocks if not kind for line in block.splitlines()]
    return [line[3:] for line in lines if line[:3] == ["uv", "run", "digest"]]


def edit_settings(file: Path) -> None:
    """What README says to edit: its lines stand in the file already, perhaps with a # before them."""
    text = file.read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```", SECTION, flags=re.MULTILINE | re.DOTALL)
    for part in re.split(r"\n(?=\[)", block.strip()):
        head, *lines = part.splitlines()
        before, section = text.split(f"\n{head}", 1)
        for line in filter(None, lines):
            name = line.split(" = ")[0]
            section, changed = re.subn(rf"^(# )?{name} =.*", line, section, count=1, flags=re.MULTILINE)
            assert changed == 1, f"{head} {name} is not in digest.toml"
        text = f"{before}\n{head}{section}"
    file.write_text(text, encoding="utf-8")


def make_the_week_end(database: Path) -> None:
    """A slot was a minute ago, and what waits for it came before: nobody wants to wait for Monday."""
    slot = system_clock() - timedelta(minutes=1)
    hours = [(slot - timedelta(hours=number)).replace(tzinfo=None).isoformat(" ") for number in (20, 1)]
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        raw.execute("UPDATE cadence SET rule = ?, zone = 'UTC', started_at = ?", [f"daily at {slot:%H:%M}", hours[0]])
        raw.execute("UPDATE claim SET effective_at = ?", [hours[1]])


@pytest.fixture
def blog() -> Iterator[ScriptedServer]:
    with serving() as server:
        server.script("/", Answer(body=HOME, headers={"Content-Type": "text/html"}))
        server.script("/feed", Answer(body=atom(*POSTS), headers={"Content-Type": ATOM}))
        yield server


@pytest.fixture
def post_office(tmp_path: Path) -> Iterator[tuple[Inbox, int]]:
    """STARTTLS and a login, as providers have it: `you`, with the password `secret`."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def check(server, session, envelope, mechanism, data) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"you", b"secret"), handled=False)

    with mail_server() as (inbox, port):
        pass
    options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": check}
    controller = MailController(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    yield inbox, port
    controller.stop()


def test_the_five_minutes_end_in_three_mailboxes(
    tmp_path: Path, blog: ScriptedServer, post_office: tuple[Inbox, int]
) -> None:
    inbox, port = post_office
    env = {"DIGEST_FETCH__PORTS": f"[{blog.port}]", "DIGEST_FETCH__ALLOW_PRIVATE": '["127.0.0.0/8"]', "BROWSER": "true",
           "DIGEST_SMTP__HOST": "127.0.0.1", "DIGEST_SMTP__PORT": str(port),
           "DIGEST_SMTP__CA_FILE": str(tmp_path / "ca.pem")}  # fmt: skip
    init, source, people, preview, test, plan, serve = read_commands()
    code, shown = type_to_digest(*init, cwd=tmp_path, answers=["", "gate", "", "me@example.org", "", "", "", "", ""])
    assert code == 0, shown
    home = tmp_path / "news"
    (home / "people.csv").write_text("\n".join(PEOPLE), encoding="utf-8")
    url = f"http://127.0.0.1:{blog.port}/"
    done = run_digest(*[word.replace("https://your-blog.example/", url) for word in source], cwd=home, env=env)
    assert (done.returncode, f"looking at {url}feed" in done.stderr) == (0, True), done.stderr
    for words, says in ((people, "new         3"), (preview, "Old post 4")):
        done = run_digest(*words, cwd=home, env=env)
        assert (done.returncode, says in done.stdout) == (0, True), done.stdout + done.stderr
    edit_settings(home / "digest.toml")
    (home / "secrets" / "smtp_password").write_text("secret\n", encoding="utf-8")
    for words, says in ((test, "a copy of issue 1 of gate as it would be now"), (plan, "gate\tweekly\tMon ")):
        done = run_digest(*words, cwd=home, env=env)
        assert (done.returncode, says in done.stdout + done.stderr) == (0, True), done.stdout + done.stderr
    make_the_week_end(home / "digest.db")
    with start_digest(*serve, cwd=home, env=env) as process:
        inbox.wait_for(4)
        os.kill(process.pid, signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert sorted(address for address, _ in inbox.log) == [*PEOPLE, "you@your-domain.example"]
