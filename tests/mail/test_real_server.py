"""An issue goes out by the real commands through Debian's Postfix, over STARTTLS with a login, into a real mailbox."""

import asyncio
import json
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests import cast
from tests.mail.dkim_verifiers import dkimpy_says, opendkim_says
from tests.mail.post_office import PASSWORD, USER, Arrived, PostOffice, post_office
from tests.mail.test_smuggling import ENDS, send_all, smuggling
from tests.reading import read_message
from tests.sample_week import add_week

from digest.cli.main import main
from digest.clock import system_clock
from digest.config import Settings
from digest.core.message import ascii_address, compose, lay_out
from digest.core.people import Recipient
from digest.edges import make_signer
from digest.store.database import Database
from digest.store.deliveries import list_deliveries
from digest.store.issues import get_issue, list_variants
from digest.store.newsletters import get_newsletter

READERS = {
    "anna@example.org": "Anna",
    "ben+news@example.org": 'Ben "B" O\'Neil',
    "jörg@example.net": "Jörg Ärmel",
    "用户@example.net": "李小龍",
    "post@müller.example": "محمد",
    "=ab@example.org": ". \r\nBcc: anna@example.org\r\n\r\n.\r\n",
    "nobody@example.net": "",
}
TOML = """
[database]
url = "sqlite:///digest.db"
[web]
base_url = "https://news.example/d"
[mail]
transport = "smtp"
[smtp]
host = "127.0.0.1"
port = {port}
ca_file = "{ca_file}"
username = "{user}"
[dkim]
sign = true
domain = "example.org"
second_selector = "ed"
"""


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    with post_office() as office:
        yield office


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path, office: PostOffice) -> Iterator[Path]:
    """The sample week, whose slot was a minute ago, its readers, and settings for the post office."""
    home = tmp_path / "news"
    (home / "secrets").mkdir(parents=True, mode=0o700)
    (home / "secrets" / "secret_key").write_bytes(cast.KEY)
    (home / "digest.toml").write_text(TOML.format(port=office.port, ca_file=office.ca_file, user=USER))
    shutil.copyfile(sqlite_template, home / "digest.db")
    database = Database(f"sqlite:///{home}/digest.db")
    with database.write() as session:
        newsletter = add_week(session)
        for address, name in READERS.items():
            cast.add_subscription(session, newsletter, cast.add_subscriber(session, address, name=name))
    database.close()
    slot = system_clock() - timedelta(minutes=1)
    day_before, hour_before = ((slot - timedelta(hours=hours)).replace(tzinfo=None).isoformat(" ") for hours in (20, 1))
    with closing(sqlite3.connect(home / "digest.db", isolation_level=None)) as raw:
        raw.execute("UPDATE cadence SET rule = ?, zone = 'UTC', started_at = ?", [f"daily at {slot:%H:%M}", day_before])
        raw.execute("UPDATE claim SET effective_at = ?", [hour_before])
    yield home
    office.clear()


@pytest.fixture
def digest(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The command by its real entry point: everything that it prints. Its exit code must be `code`."""
    monkeypatch.chdir(home)

    def run(*words: str, code: int = 0) -> str:
        ended = 0
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["digest", *words])
            try:
                main()
            except SystemExit as stop:
                ended = int(stop.code or 0)
        done = capsys.readouterr()
        assert ended == code, done.out + done.err
        return done.out + done.err

    return run


def set_password(home: Path, password: str) -> None:
    (home / "secrets" / "smtp_password").write_text(f"{password}\n")


def composed(home: Path) -> dict[str, bytes]:
    """By recipient, what the ledger's rows make of the issue."""
    settings = Settings.load(home / "digest.toml")
    database, signer = Database(f"sqlite:///{home}/digest.db"), make_signer(settings)
    with database.read() as session:
        issue, (variant,) = get_issue(session, 1), list_variants(session, 1)
        newsletter, deliveries = get_newsletter(session, "weekly"), list_deliveries(session, 1)
    database.close()
    skeleton = lay_out(
        variant.rendered, newsletter=newsletter, issue_id=1, merge_key=issue.merge_key, language=variant.language
    )
    made = {}
    for row in deliveries:
        reader = Recipient(delivery_id=row.id, subscriber_id=row.subscriber_id, address=row.address, name=row.name)
        envelope = compose(
            skeleton, reader, key=settings.key(), base_url=settings.web.base_url, dated=row.dated
        ).signed(signer)
        made[envelope.recipient] = envelope.message
    return made


def test_an_issue_arrives_once_at_each_reader_signed_and_unchanged(
    digest: Callable[..., str], home: Path, office: PostOffice
) -> None:
    digest("dkim", "keygen")
    set_password(home, "wrong")
    told = digest("run", "--no-gather", code=75)
    assert f"127.0.0.1:{office.port} refused the user name or password: 535 5.7.8" in told
    assert "issue weekly 1 is paused\nnext: mend that, then run: digest issue resume 1 --newsletter weekly" in told
    assert "refused the user name or password" in digest("issue", "show", "1")
    digest("run", "--no-gather", code=4)
    assert office.arrived() == []

    set_password(home, PASSWORD)
    digest("issue", "resume", "1")
    assert f"{len(READERS)} accepted of {len(READERS)}; done" in digest("run", "--no-gather")
    arrived = office.wait_for(len(READERS))
    wanted = composed(home)
    assert Counter(each.recipient for each in arrived) == Counter(map(ascii_address, READERS))
    assert [each.recipient for each in arrived if not each.is_unchanged(wanted[each.recipient])] == []
    assert [each.recipient for each in arrived if not each.was_encrypted_and_logged_in] == []
    check_signatures(digest, home, arrived)
    check_leaving(arrived, wanted)

    assert "nothing is due" in digest("run", "--no-gather", code=4)
    assert len(office.wait_for(len(READERS))) == len(READERS)


def check_signatures(digest: Callable[..., str], home: Path, arrived: list[Arrived]) -> None:
    """Two verifiers and our own command, on what lies in the mailbox."""
    records = [SimpleNamespace(**each) for each in json.loads(digest("dkim", "record", "--json"))]
    assert [dkimpy_says(each.octets, number, records=records) for each in arrived for number in (0, 1)] == [True] * 14
    folder = home / "opendkim"
    folder.mkdir()
    assert opendkim_says([each.octets for each in arrived], folder, records=records) == [(2, 2)] * len(arrived)
    verdicts = json.loads(digest("dkim", "check", str(arrived[0].file), "--offline", "--json"))
    assert [each["valid"] for each in verdicts] == [True, True]


def check_leaving(arrived: list[Arrived], wanted: dict[str, bytes]) -> None:
    """List-Unsubscribe octet for octet, unfolded by nobody, and another for each reader."""
    seen = set()
    for each in arrived:
        field = b"\r\nList-Unsubscribe: " + each.octets.split(b"\r\nList-Unsubscribe: ")[1].split(b"\r\nList-")[0]
        assert field in wanted[each.recipient]
        assert field.startswith(b"\r\nList-Unsubscribe: <https://news.example/d/unsubscribe/")
        seen.add(field)
        trace = each.octets.removesuffix(wanted[each.recipient])
        assert read_message(each.octets.removeprefix(trace)).one("List-Unsubscribe-Post") == (
            "List-Unsubscribe=One-Click"
        )
    assert len(seen) == len(READERS)


def test_what_looks_like_the_end_of_a_message_arrives_in_one(office: PostOffice) -> None:
    """This Postfix ends a message at a dot after a bare LF, too."""
    office.clear()
    envelopes = {f"r{number}@example.org": smuggling(end, f"r{number}@example.org") for number, end in enumerate(ENDS)}
    given = {"security": "starttls", "ca_file": office.ca_file, "username": USER, "password": PASSWORD}
    asyncio.run(send_all(office.port, list(envelopes.values()), **given))
    arrived = office.wait_for(len(ENDS))
    assert sorted(each.recipient for each in arrived) == sorted(envelopes)
    assert [each.recipient for each in arrived if not each.is_unchanged(envelopes[each.recipient].message)] == []
    office.clear()
