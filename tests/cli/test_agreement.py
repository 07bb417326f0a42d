"""What `plan`, `preview` and `explain` say to whom beforehand, and the mail that then arrives: the same posts, order, words, hour."""

import asyncio
import json
import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests import cast
from tests.actions.test_offered_languages import received
from tests.cli.shell import Shell
from tests.processes import Deployment, Inbox, mail_server

from digest.actions import choices
from digest.actions.admit import admit_posts
from digest.app import App, turn
from digest.clock import system_clock
from digest.config import Settings
from digest.core.states import ClaimState, RuleKind
from digest.core.waves import FIRST_ZONE
from digest.core.zones import say_local
from digest.store import claims
from digest.store.database import Database
from digest.store.topics import add_rule, get_topic

HOUR = timedelta(hours=1)
POSTS = {"soup": ["food"], "clay": ["art"], "news": [], "bread": ["food"], "stew": ["food"]}
READERS = {  # name → topics, language, zone, hour
    "anna": ([], None, FIRST_ZONE, None), "ben": (["food"], "de", "Asia/Tokyo", None),
    "carla": (["food", "art"], "fr", "Europe/Berlin", 23), "dora": (["cars"], None, None, None),
    "emil": ([], "de", "Asia/Tokyo", None), "finn": (["art"], "de", None, None), "gwen": (["art"], None, "Europe/Berlin", None),
    "hana": ([], "de", "Asia/Tokyo", None),
}  # fmt: skip


class Desk:
    """The admin's, in this process; and turns whose clock is ahead."""

    def __init__(self, database: Database, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.database, self.read = database, Shell(capsys, patch)

    def ask(self, *words: str) -> tuple[int, object, str]:
        code, out, err = self.read(*words, "--json")
        return code, json.loads(out) if out else None, err

    def turn_at(self, now: datetime) -> None:
        app = App.open(Settings.load(), clock=lambda: now)
        asyncio.run(turn(app, with_gather=False))
        app.close()


@pytest.fixture
def desk(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    yield Desk(database, capsys, monkeypatch)
    database.close()


def begin(database: Database, now: datetime) -> datetime:
    """Two cadences that close in some hours, five posts of which three are shown in full, eight readers. When they close."""
    wall = (now + 6 * HOUR).astimezone(ZoneInfo(FIRST_ZONE)).replace(minute=0, second=0, microsecond=0)
    before, later = wall - timedelta(days=1), wall + HOUR
    with database.write() as session:
        newsletter = cast.add_newsletter(
            session, zone="Europe/Berlin", languages=["de"], reader_zones=True, max_posts=3, created_at=before
        )
        began = {"zone": FIRST_ZONE, "started_at": before - timedelta(days=9), "last_slot_at": before}
        daily = cast.add_cadence(session, newsletter, "daily", rule=f"daily at {wall:%H:%M}", **began)
        weekly = cast.add_cadence(
            session, newsletter, "weekly", rule=f"weekly on {later:%a} at {later:%H:%M}".lower(), **began
        )
        source = cast.add_source(session, newsletter, created_at=before)
        for number, (name, topics) in enumerate(POSTS.items()):
            card = {"title": name.capitalize(), "link": f"https://blog.example/{name}", "topics": topics}
            cast.add_post(session, source, name, card=card, effective_at=now - HOUR - timedelta(minutes=number))
        old = cast.add_post(session, source, "old", card={"title": "Old"}, effective_at=before, title="Old")
        for line in (daily, weekly):
            cast.add_claim(session, line, old, state=ClaimState.BASELINE, reason="too old")
        for slug in ("food", "art", "cars"):
            cast.add_topic(session, newsletter, slug)
            topic = get_topic(session, newsletter, slug)
            add_rule(session, topic, kind=RuleKind.LABEL, pattern=slug, wanted=True, now=now)
        posts = [one for one in claims.backlog(session, source_id=source) if one.id != old]
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=now)
        for name, (topics, language, zone, hour) in READERS.items():
            person = cast.add_subscriber(session, f"{name}@example.org", language=language, zone=zone)
            line = weekly if name in {"emil", "hana"} else None
            cast.add_subscription(session, newsletter, person, topics=topics, hour=hour, cadence_id=line)
    who = {name: number for number, name in enumerate(READERS, start=1)}
    choices.pause(database, subscriber_id=who["finn"], newsletter_id=1, until=wall + 30 * HOUR, now=now)
    choices.pause(database, subscriber_id=who["gwen"], newsletter_id=1, until=wall + HOUR, now=now)
    choices.choose(database, subscriber_id=who["hana"], newsletter_id=1, cadence_id=daily, now=now)
    return wall


def told(desk: Desk, folder: Path, name: str) -> dict[str, object]:
    """What is said of somebody's next mail, by each command; they agree with each other."""
    address = f"{name}@example.org"
    _, planned, err = desk.ask("plan", "--as", address, "--days", "2")
    assert planned, err
    row = planned[0]
    _, shown, err = desk.ask("preview", "--as", address, "--out", str(folder / name))
    if row["posts"] == 0:
        assert row["theirs"] is None or "skipped, empty" in row["gets"]
        assert "no post of their topics (cars)" in err if name == "dora" else row["gets"].endswith(shown["not_sent"])
        return {"gets": row["gets"], "subject": shown and shown["subject"]}
    posts = links((folder / name / "issue.txt").read_text())
    content = shown["content"]
    full = [post["card"]["title"].lower() for group in content["groups"] for post in group["posts"]]
    assert posts == full + [post["card"]["title"].lower() for post in content["more"]]
    assert (shown["posts"], shown["due"], shown["language"]) == (row["posts"], row["theirs"], row["language"])
    for post in ("clay", "stew"):
        answer = desk.ask("explain", post.capitalize(), "--reader", address)[1]["answers"][-1]["answer"]
        due = f"waits for the next issue, due {say_local(datetime.fromisoformat(row['theirs']), row['reader_zone'])}: "
        place = "in it" if post in full else "in it, as a line of more" if post in posts else "left out for them"
        assert answer.startswith(due + place), (name, post)
        assert answer == due + place or place == "left out for them"
    return {
        "due": row["theirs"],
        "gets": row["gets"],
        "posts": posts,
        "subject": shown["subject"],
        "language": row["language"],
    }


def links(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"https://blog\.example/(\w+)", text)))


def got(inbox: Inbox) -> dict[str, dict[str, object]]:
    return {
        name: {
            "posts": links(mail.get_body(("plain",)).get_content()), "subject": mail["Subject"], "language": mail["Content-Language"],
        }
        for name, mail in received(inbox).items()
    }  # fmt: skip


def test_what_is_said_beforehand_is_what_arrives(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = system_clock()
    closes = begin(desk.database, now)
    with mail_server() as (inbox, port):
        for name, value in Deployment(desk.database, tmp_path, port).environment.items():
            monkeypatch.setenv(name, value)
        said = {name: told(desk, tmp_path, name) for name in READERS}
        due = say_local(datetime.fromisoformat(str(said["ben"]["due"])), "Asia/Tokyo")
        for words in (("preview",), ("plan",), ("explain", "Stew")):
            shown = desk.read(*words, "--reader" if words[0] == "explain" else "--as", "ben@example.org")[1]
            assert due in shown, "by the reader's clock, with its name"
        assert "UTC" not in shown
        assert said["dora"]["gets"] == "nothing: no post of their topics (cars): skipped, empty"
        assert str(said["finn"]["gets"]).startswith("nothing: they have paused until ")
        assert said["finn"]["subject"] == "Clay", "what it would be, though it is not sent"
        assert (said["ben"]["posts"], said["ben"]["language"]) == (["soup", "bread", "stew"], "de")
        assert (said["ben"]["gets"], said["anna"]["gets"]) == ("3 posts", "5 posts, 2 of them as lines")
        assert (said["anna"]["posts"], said["gwen"]["posts"]) == ([*POSTS], ["clay"])
        wanted = {name: facts for name, facts in said.items() if "posts" in facts}
        for due in sorted({str(facts["due"]) for facts in wanted.values()}):
            at = datetime.fromisoformat(due)
            if at > closes:
                desk.turn_at(at - timedelta(minutes=1))
            assert set(got(inbox)) == {name for name, facts in wanted.items() if str(facts["due"]) < due}
            desk.turn_at(at)
            assert set(got(inbox)) == {name for name, facts in wanted.items() if str(facts["due"]) <= due}
            if at == closes:
                row, *_ = desk.ask("plan", "--as", "ben@example.org")[1]
                assert (row["remark"], row["theirs"], row["gets"]) == (
                    "issue 1: on its way",
                    said["ben"]["due"],
                    said["ben"]["gets"],
                )
                choices.choose(desk.database, subscriber_id=2, newsletter_id=1, now=at, cadence_id=2)
                row, *_ = desk.ask("plan", "--as", "ben@example.org")[1]
                assert row["cadence"] == "daily", "the one that made it, though he has another now"
                wanted["emil"] = told(desk, tmp_path, "emil")  # his has the same posts: not the same subject, now
                assert str(wanted["emil"]["subject"]).endswith(" · Ausgabe 2")
        assert not inbox.doubled
        held = desk.ask("explain", "Old", "--reader", "ben@example.org")[1]["answers"]
        assert [one["answer"] for one in held] == ["not mailed: too old"]
    arrived = got(inbox)
    assert arrived == {
        name: {key: facts[key] for key in ("posts", "subject", "language")} for name, facts in wanted.items()
    }
