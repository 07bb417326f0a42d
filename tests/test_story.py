"""The life of a newsletter, told week by week: the README as a program.

Monday 16 March 2026 to Monday 6 April, in Berlin, through the change of clocks on 29 March.
"""

import asyncio
import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from digest.actions.newsletters import add_newsletter
from digest.actions.sources import add_source
from digest.actions.subscribe import add_subscriber, end_subscription
from digest.app import App, Report, connect, turn
from digest.config import Settings
from digest.core.people import Consent
from digest.errors import TransportError
from digest.store.schema import upgrade
from tests.processes import mail_server
from tests.reading import read_message

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(day: str, clock: str = "08:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN).astimezone(ZoneInfo("UTC"))


@dataclass
class Life:
    """One deployment in a folder, and the clock on its wall."""

    app: App
    folder: Path
    newsletter: int
    now: datetime

    def write_post(self, title: str, words: str) -> None:
        head = f"---\ntitle: {title}\ndate: {self.now:%Y-%m-%dT%H:%M:%SZ}\n---\n\n"
        (self.folder / "posts" / f"{title.lower().replace(' ', '-')}.md").write_text(head + words + "\n")

    def join(self, address: str, name: str) -> None:
        consent = Consent(at=self.now, how="form", text="Send me the weekly digest.", confirmed_at=self.now)
        add_subscriber(
            self.app.database, address, newsletter_id=self.newsletter, secret=self.app.key, now=self.now,
            consent=consent, name=name,
        )  # fmt: skip

    def leave(self, address: str) -> None:
        end_subscription(self.app.database, address, newsletter_id=self.newsletter, why="unsubscribed", now=self.now)

    def turn_at(self, now: datetime, **options: object) -> Report:
        self.now = now
        return asyncio.run(turn(self.app, **options))

    @property
    def mail(self) -> list[tuple[str, str]]:
        """Whom the mailbox holds mail for, and with which subject."""
        box = self.folder / "mailbox"
        return sorted((m["To"], m["Subject"]) for m in mailbox.Maildir(box, create=False)) if box.exists() else []

    @property
    def issues(self) -> list[tuple[int | None, str, str]]:
        with self.app.database.read() as session:
            rows = session.execute(text("SELECT number, slot_key, state FROM issue ORDER BY id"))
            return [tuple(row) for row in rows]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """Monday 16 March, after breakfast: a folder of posts, a weekly newsletter, two readers."""
    (tmp_path / "digest.toml").write_text('[web]\nbase_url = "https://news.example"\n')
    settings = Settings.load(tmp_path / "digest.toml")
    database = connect(settings)
    upgrade(database)
    database.close()
    told: list[Life] = []
    app = App.open(settings, clock=lambda: told[0].now)
    life = Life(app, tmp_path, 0, berlin("2026-03-16", "09:00"))
    told.append(life)
    (tmp_path / "posts").mkdir()
    life.write_post("Before our time", "Written before anybody subscribed.")
    life.newsletter = add_newsletter(
        app.database, slug="harbour", now=life.now, cadences=["weekly on mon at 08:00"], name="Harbour Notes",
        sender_name="Harbour Notes", sender_address="notes@news.example", zone="Europe/Berlin",
        postal_address="1 Quay Street, Harbour",
    ).newsletter.id  # fmt: skip
    asyncio.run(
        add_source(app.database, str(tmp_path / "posts"), fetcher=app.fetcher(), now=life.now, newsletter="harbour")
    )
    life.join("anna@example.org", "Anna")
    life.join("ben@example.org", "Ben")
    yield life
    app.close()


def test_the_life_of_a_newsletter(life: Life) -> None:
    # A week with two posts becomes one issue, once each.
    life.now = berlin("2026-03-18", "12:00")
    life.write_post("Lamps on the pier", "The lamps were painted green this year.")
    life.now = berlin("2026-03-20", "17:00")
    life.write_post("A new ferry", "The new ferry takes forty people and their bicycles.")
    assert life.turn_at(berlin("2026-03-23", "07:59")).issues == ()
    assert life.mail == []
    first = life.turn_at(berlin("2026-03-23", "08:01"))
    assert [issue.number for issue in first.issues] == [1]
    assert [to for to, _ in life.mail] == ["Anna <anna@example.org>", "Ben <ben@example.org>"]
    assert life.turn_at(berlin("2026-03-23", "08:06")).delivered.accepted == 0
    assert len(life.mail) == 2

    # What is in it: both posts, the reader's own way out, the text part first.
    message = next(iter(mailbox.Maildir(life.folder / "mailbox", create=False)))
    ours = read_message(message.as_bytes().replace(b"\n", b"\r\n"))
    for part in ours.parts:
        assert "Lamps on the pier" in part.body
        assert "A new ferry" in part.body
        assert "https://news.example/unsubscribe/" in part.body
        assert "%%" not in part.body
    assert ours.one("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"

    # Ben leaves, Chloé joins; the clocks change; eight in the morning stays eight in the morning.
    life.now = berlin("2026-03-25", "10:00")
    life.leave("ben@example.org")
    life.join("chloe@example.org", "Chloé")
    life.write_post("Herring season", "The herring are back, and so are the gulls.")
    assert life.turn_at(berlin("2026-03-30", "07:59")).issues == ()

    # At the slot the mail server is away: the issue is made, everything waits.
    away = life.turn_at(berlin("2026-03-30", "08:01"), transport=server_that_is_away())
    assert isinstance(away.delivered.problem, TransportError)
    assert life.issues[-1] == (2, "2026-03-30T08:00", "sending")
    assert len(life.mail) == 2

    # Ten minutes later it is back.
    life.turn_at(berlin("2026-03-30", "08:11"))
    assert [to for to, _ in life.mail] == [
        "=?utf-8?q?Chlo=C3=A9?= <chloe@example.org>", "Anna <anna@example.org>", "Anna <anna@example.org>",
        "Ben <ben@example.org>",
    ]  # fmt: skip

    # A week without a post sends nothing, and says so.
    life.turn_at(berlin("2026-04-06", "08:01"))
    assert life.issues == [
        (1, "2026-03-23T08:00", "done"), (2, "2026-03-30T08:00", "done"), (None, "2026-04-06T08:00", "skipped")
    ]  # fmt: skip
    assert len(life.mail) == 4
    later = life.turn_at(berlin("2026-04-06", "08:01") + timedelta(minutes=5))
    assert (later.issues, later.delivered.issues) == ((), [])


def test_sources_are_read_after_the_mail_is_out_and_what_they_bring_is_in_the_next_issue(life: Life) -> None:
    life.write_post("Lamps on the pier", "The lamps were painted green this year.")

    def write_while_mail_goes_out(*_messages: int) -> None:
        life.now += timedelta(minutes=1)
        life.write_post(f"Written at {life.now:%H %M}", "A gull took the editor's sandwich.")

    report = life.turn_at(berlin("2026-03-23", "08:01"), on_progress=write_while_mail_goes_out)
    assert (report.delivered.accepted, report.gathered.new) == (2, 3)  # one by the last call, two after the mail
    (issue,) = life.turn_at(berlin("2026-03-30", "08:01")).issues
    assert sorted(post.card.title for post in issue.content.posts) == ["Written at 07 02", "Written at 07 03"]


def server_that_is_away():
    from digest.mail.smtp import SmtpTransport

    with mail_server() as (_, port):
        pass
    return SmtpTransport(host="127.0.0.1", port=port, security="plain")
