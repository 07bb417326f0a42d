"""The editor's commands: posts before the freeze, issues after it, and the reasons for both."""

import json
import mailbox
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests import cast
from tests.cast import NOW
from tests.cli.test_sending import smtp
from tests.processes import mail_server

from digest.actions.admit import admit_posts
from digest.actions.publish import publish
from digest.actions.scores import score_of
from digest.cli.main import main
from digest.core.states import DeliveryState, IssueState
from digest.store import claims, issues, newsletters, sending
from digest.store.database import Database
from digest.store.people_tables import DestinationRow
from digest.store.places import find_post, list_places

MIDNIGHT = datetime(2017, 8, 14, 7, tzinfo=UTC)


class Run:
    """What a command answered."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


Digest = Callable[..., Run]


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Digest:
    """The command in a folder of its own, by its real entry point."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Run:
        monkeypatch.setattr(sys, "argv", ["digest", *words])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        done = capsys.readouterr()
        return Run(code, done.out, done.err)

    return run


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """A newsletter with three posts in the week that ended at MIDNIGHT, one of them far back-dated."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        people = cast.assemble(session, now=MIDNIGHT - timedelta(days=5))
        newsletters.update_newsletter(session, people.newsletter, approval=True)
        source = cast.add_source(session, people.newsletter)
        for key, days in (("Harbour lights", 2), ("Clay", 3), ("Old tales", 400)):
            at = MIDNIGHT - timedelta(days=days)
            cast.add_post(session, source, key, effective_at=at, seen_at=MIDNIGHT - timedelta(days=1))
        posts = claims.backlog(session, source_id=source)
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=MIDNIGHT - timedelta(days=1))
    yield database
    database.close()


def states(digest: Digest) -> dict[str, str]:
    return {place["title"]: place["state"] for place in digest("post", "list", "--json").json}


def test_posts_are_listed_with_their_state_and_reason(home: Database, digest: Digest) -> None:
    assert states(digest) == {"Post Harbour lights": "pending", "Post Clay": "pending", "Post Old tales": "held"}
    (held,) = digest("post", "list", "--state", "held", "--newsletter", "weekly", "--json").json
    assert held["reason"].startswith("back-dated: ")
    shown = digest("post", "show", "harbour")
    assert "https://blog.example/Harbour lights" in shown.out
    assert "pending" in shown.out


def test_the_editor_holds_releases_excludes_and_pins(home: Database, digest: Digest) -> None:
    assert digest("post", "hold", "clay").code == 0
    assert digest("post", "release", "Old tales").code == 0
    assert digest("post", "exclude", "https://blog.example/Clay").code == 0
    assert digest("post", "pin", "1", "--newsletter", "weekly").code == 0
    assert states(digest) == {"Post Harbour lights": "pending", "Post Clay": "excluded", "Post Old tales": "pending"}
    (issue,) = publish(home, now=NOW)
    assert [(g.kind, [p.card.title for p in g.posts]) for g in issue.content.groups] == [
        ("pinned", ["Post Harbour lights"]),
        ("earlier", ["Post Old tales"]),
    ]


def test_the_same_again_is_nothing_to_do_and_the_impossible_is_said(home: Database, digest: Digest) -> None:
    assert digest("post", "pin", "clay").code == 0
    again = digest("post", "pin", "clay")
    assert (again.code, "stands there already" in again.err) == (4, True)
    assert digest("post", "unpin", "clay").code == 0
    publish(home, now=NOW)
    taken = digest("post", "hold", "clay")
    assert (taken.code, "cannot hold a post that is issued in weekly (weekly)" in taken.err) == (1, True)


def test_words_that_name_no_post_or_several_are_refused(home: Database, digest: Digest) -> None:
    nothing, several = digest("post", "hold", "nonsense"), digest("post", "hold", "Post")
    assert (nothing.code, "no post has the id, link or title 'nonsense'" in nothing.err) == (1, True)
    assert (several.code, "names several posts" in several.err) == (2, True)
    assert set(states(digest).values()) == {"pending", "held"}


def test_an_issue_is_listed_shown_and_approved(home: Database, digest: Digest) -> None:
    publish(home, now=NOW)
    (listed,) = digest("issue", "list", "--newsletter", "weekly", "--json").json
    assert (listed["number"], listed["state"], listed["posts"]) == (1, "draft", 2)
    shown = digest("issue", "show")
    assert shown.out == digest("issue", "show", "1", "-n", "weekly").out
    assert shown.out.index("Harbour lights") < shown.out.index("Clay")
    assert digest("issue", "approve", "1").code == 0
    again = digest("issue", "approve", "1")
    assert (again.code, "does not wait for approval: it is sending" in again.err) == (1, True)
    missing = digest("issue", "show", "7")
    assert (missing.code, "weekly has no issue 7" in missing.err) == (1, True)


def test_an_issue_shows_its_waves(home: Database, digest: Digest) -> None:
    with home.write() as session:
        newsletters.update_newsletter(session, 1, reader_zones=True)
        for number, zone in enumerate(("Asia/Tokyo", "Asia/Seoul", "Pacific/Palau", "Asia/Dili", "America/Lima")):
            who = cast.add_subscriber(session, f"reader{number}@x.example", zone=zone)
            cast.add_subscription(session, 1, who)
    (issue,) = publish(home, now=NOW)
    assert digest("issue", "show", "--json").json["waves"] == []
    digest("issue", "approve", "1")
    with home.write() as session:
        sending.start_sending(session, issue.id, now=MIDNIGHT - timedelta(hours=21))
    at = ["2017-08-13T15:00:00Z", "2017-08-14T05:00:00Z", "2017-08-14T07:00:00Z"]
    waves = digest("issue", "show", "1", "--json").json["waves"]
    assert [(wave["at"], wave["readers"]) for wave in waves] == [(at[0], 4), (at[1], 1), (at[2], 1)]
    assert waves[0]["zones"] == ["Asia/Dili", "Asia/Seoul", "Asia/Tokyo", "Pacific/Palau"]
    _, table = digest("issue", "show", "1").out.split("due\treaders\tzones\n")
    assert table.splitlines() == [
        "2017-08-13 08:00 America/Los_Angeles\t4\tAsia/Dili, Asia/Seoul, Asia/Tokyo, …", "2017-08-13 22:00 America/Los_Angeles\t1\tAmerica/Lima",
        "2017-08-14 00:00 America/Los_Angeles\t1\t",
    ]  # fmt: skip


def test_the_editors_note_is_written_in_markdown_and_cleaned(home: Database, digest: Digest, tmp_path: Path) -> None:
    words = tmp_path / "note.md"
    words.write_text("Hello *all*\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))", encoding="utf-8")
    assert digest("issue", "note", "--file", str(words), "--author", "Mara").code == 0
    assert digest("issue", "note").out.startswith("Hello all")
    (issue,) = publish(home, now=NOW)
    assert issue.content.note.author == "Mara"
    assert "<em>all</em>" in issue.content.note.html
    assert "<script" not in issue.content.note.html
    assert 'href="javascript' not in issue.content.note.html
    gone = digest("issue", "note", "--clear")
    assert (gone.code, "no note waits" in gone.err) == (4, True)


def test_a_note_that_cannot_be_read_or_says_nothing_is_refused(home: Database, digest: Digest, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"\xff\xfe\x00")
    assert digest("issue", "note", "--file", "bad.md").code == 1
    assert digest("issue", "note", "--text", "  ").code == 2
    assert digest("issue", "note", "--text", "a", "--file", "bad.md").code == 2
    assert digest("issue", "note").code == 4


def test_a_test_copy_is_the_next_issue_until_one_is_made_and_leaves_everything_alone(
    home: Database, digest: Digest, tmp_path: Path
) -> None:
    def copies() -> list[str]:
        return sorted(copy["Subject"] for copy in mailbox.Maildir(tmp_path / "mailbox", create=False))

    first = digest("issue", "test", "--to", "editor@x.example")
    assert first.code == 0, first.err
    (kept,) = (tmp_path / "mailbox" / "new").iterdir()
    assert first.err == f"a copy of issue 1 of weekly as it would be now is in {kept.parent}: {kept.name}\n"
    assert states(digest)["Post Clay"] == "pending", "nothing is claimed"
    publish(home, now=NOW)
    second = digest("issue", "test", "--to", "editor@x.example", "--json")
    assert (second.code, second.json["drafted"], second.json["number"]) == (0, False, 1)
    assert digest("issue", "test", "1", "--to", "editor@x.example", "--newsletter", "weekly").code == 0
    assert len(copies()) == 3, "each copy is a message of its own"
    assert all(subject.startswith("[Test] ") for subject in copies())
    refused = digest("issue", "test", "--to", "not an address")
    assert (refused.code, len(copies())) == (2, 3)
    assert "'not an address' is no email address" in refused.err
    assert digest("issue", "test", "7", "--to", "editor@x.example").code == 1
    assert not digest("delivery", "list", "1", "--json").json


@pytest.mark.parametrize(
    ("said", "code", "step"),
    [
        ("530 5.7.0 Authentication required", 75, "set smtp.username in digest.toml and write secrets/smtp_password"),
        ("554 5.7.1 not from you", 1, "ask the server's provider which senders and messages it takes"),
        ("451 4.3.0 busy", 75, "try again later"),
    ],
)
def test_a_test_copy_that_is_not_taken_says_why_and_whom_to_ask(
    said: str, code: int, step: str, home: Database, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server() as (inbox, port):
        inbox.refusal = said
        for name, value in smtp(port).items():
            monkeypatch.setenv(f"DIGEST_{name}", str(value))
        refused = digest("issue", "test", "--to", "me@x.example")
    assert (refused.code, refused.err.splitlines()) == (code, [
        f"error: 127.0.0.1:{port} did not take the copy: {said}", f"next: {step}"
    ])  # fmt: skip


def test_where_there_is_nothing_to_send_a_test_says_so(home: Database, digest: Digest) -> None:
    for words in ("Harbour lights", "Clay"):
        assert digest("post", "exclude", words).code == 0
    none = digest("issue", "test", "--to", "editor@x.example")
    assert (none.code, none.out) == (4, "")
    assert none.err.splitlines() == [
        "the next issue of weekly has no posts yet; 1 held",
        "next: digest post list shows the posts; digest post release POST lets an older one in",
    ]


def test_a_newsletter_that_reads_nothing_is_told_to_add_a_source(home: Database, digest: Digest) -> None:
    with home.write() as session:
        cast.add_cadence(session, cast.add_newsletter(session, "new"))
    none = digest("issue", "test", "--to", "editor@x.example", "--newsletter", "new")
    assert (none.code, none.err.splitlines()) == (4, [
        "new reads no source yet, so its next issue has no posts", "next: digest source add URL --newsletter new"
    ])  # fmt: skip


def test_explain_says_why_a_post_is_or_is_not_in_an_issue(home: Database, digest: Digest) -> None:
    def answer(words: str) -> str:
        return digest("explain", words, "--json").json["answers"][0]["answer"]

    assert answer("clay") == "waits for the next issue"
    assert "back-dated" in answer("old tales")
    assert digest("newsletter", "edit", "weekly", "--weight", "length=0.5", "--weight", "image=").code == 0
    told = digest("explain", "clay", "--json").json["answers"][0]["score"]
    with home.read() as session:  # not by the clock of this machine, whose last slot may be the due one
        (place,) = list_places(session, post_id=find_post(session, "clay").id)
        waiting = score_of(session, place, now=NOW)
    publish(home, now=NOW)
    assert answer("clay") == "in issue 1 of weekly (draft)"
    assert "Post Clay" in digest("explain", "clay").out
    assert digest("explain", "clay", "--json").json["answers"][0]["score"] == waiting
    assert re.fullmatch(r"0\.\d\d = recency 0\.\d\d \+ length 0\.00; \d of 2", told), told


def test_explain_says_why_a_person_did_or_did_not_get_an_issue(home: Database, digest: Digest) -> None:
    (issue,) = publish(home, now=NOW)

    def answer(name: str) -> str:
        done = digest("explain", f"{name}@example.org", "--newsletter", "weekly", "--issue", "1", "--json")
        return done.json["answers"][0]["answer"]

    assert answer("anna") == "the issue waits for approval"
    with home.write() as session:
        issues.move_issue(session, issue_id=issue.id, state=IssueState.SENDING, from_states=(IssueState.DRAFT,),
                          sending_at=NOW, expected=1)  # fmt: skip
        cast.add_delivery(session, issue.id, 1, state=DeliveryState.ACCEPTED, code=250, enhanced="2.0.0")
    assert answer("anna") == "accepted by the mail server (250 2.0.0)"
    assert answer("ben") == "never confirmed the subscription"
    assert answer("dora").startswith("had left on ")


def test_explain_shows_the_subscriptions_before_any_issue_was_due(home: Database, digest: Digest) -> None:
    shown = digest("explain", "ben@example.org")
    assert (
        "weekly\tpending\t2017-07-15 00:05 America/Los_Angeles\tform (192.0.2.7)\tSend me the weekly digest."
        in shown.out
    )
    assert shown.err == "no issue was due yet\n"
    (tie,) = digest("explain", "dora@example.org", "--json").json["subscriptions"]
    assert (tie["state"], tie["since"]) == ("ended (unsubscribed)", "2017-08-09T07:00:00Z")


def test_explain_says_of_what_nobody_knows_what_to_do_next(home: Database, digest: Digest) -> None:
    nobody, nothing = digest("explain", "nobody@example.org"), digest("explain", "nonsense")
    assert (nobody.code, nobody.out, nobody.err.splitlines()) == (1, "", [
        "error: nothing is known of nobody@example.org: never added, or erased",
        "next: digest subscriber list --search PART, or digest subscriber add",
    ])  # fmt: skip
    assert (nothing.code, nothing.err.splitlines()) == (1, [
        "error: no post has the id, link or title 'nonsense'", "next: digest post list shows them"
    ])  # fmt: skip


def test_explain_tells_of_refusals_and_of_a_domain_that_waits(home: Database, digest: Digest) -> None:
    (issue,) = publish(home, now=NOW)
    with home.write() as session:
        gone = {"state": DeliveryState.REFUSED, "code": 550, "enhanced": "5.1.1", "phase": "rcpt", "settled_at": NOW}
        cast.add_delivery(session, issue.id, 1, **gone)
        session.add(DestinationRow(domain="example.org", failures=3, since=NOW, at=NOW, not_before=NOW,
                                   answer="421 4.7.0 at rcpt"))  # fmt: skip
    facts = digest("explain", "anna@example.org", "--json").json
    assert facts["refused"] == f"once, on {NOW:%Y-%m-%d}; if that goes on, the address is suppressed"
    assert facts["its_domain"].startswith("example.org defers all mail (421 4.7.0 at rcpt): tried again at ")
    digest("subscriber", "suppress", "anna@example.org", "--note", "refused 2 times")
    told = digest("explain", "anna@example.org", "--json").json
    assert re.fullmatch(r"since \w+ [-0-9]+ [0-9:]+ America/Los_Angeles: admin \(refused 2 times\)", told["suppressed"])
    assert "refused" not in told
