"""Notices go out once each, to whoever still waits for them; what nobody knows is held."""

import asyncio
import email
import email.policy
import mailbox
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import Scripted
from tests.cast import Cast

from digest.actions.notice_mail import Bureau
from digest.actions.notices import NoticeReport, Post, are_notices_due, enqueue, send_notices
from digest.actions.readers import leave, take_back
from digest.actions.subscribe import erase, suppress
from digest.core.links import Purpose, verify_until
from digest.core.lint.linter import lint
from digest.core.lint.mail import read_message
from digest.core.model import Card, IssueContent, IssueGroup, IssuePost
from digest.core.people import Outcome
from digest.core.states import DeliveryState, IssueState, NoticeKind, OutcomeKind
from digest.errors import NotFound, TransportError
from digest.mail.maildir import MaildirTransport
from digest.store.codec import encode
from digest.store.database import Database
from digest.store.notices import claim_notices, list_notices, mark_notice, requeue_notice

NOW = cast.NOW
WEB = "https://news.example"


@pytest.fixture
def people(database: Database) -> Cast:
    with database.write() as session:
        return cast.assemble(session)


def queue(database: Database, people: Cast, who: int, kind: NoticeKind) -> int:
    with database.write() as session:
        return enqueue(session, kind, newsletter_id=people.newsletter, subscriber_id=who, now=NOW)


def send(database: Database, transport, *, now=NOW, base_url: str | None = WEB, **bureau) -> NoticeReport:
    made = Bureau(key=cast.KEY, link_key=cast.KEY, base_url=base_url, **bureau)
    post = Post(database=database, transport=transport, bureau=made, clock=lambda: now, owner="one")
    return asyncio.run(send_notices(post))


def states(database: Database) -> list[tuple[str, str | None]]:
    with database.read() as session:
        return [(str(one.state), one.reason) for one in reversed(list_notices(session))]


def test_a_confirmation_goes_out_once_with_a_link_for_a_week(database: Database, people: Cast, tmp_path: Path) -> None:
    queue(database, people, people.ben, NoticeKind.CONFIRM)
    assert are_notices_due(database, now=NOW)
    assert send(database, MaildirTransport(tmp_path)).accepted == 1
    assert not are_notices_due(database, now=NOW)
    assert send(database, MaildirTransport(tmp_path)).touched is False
    (arrived,) = mailbox.Maildir(tmp_path, create=False)
    message = email.message_from_bytes(arrived.as_bytes(), policy=email.policy.default)
    assert message["To"] == "Ben <ben@example.org>"
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", None)
    assert (message["List-Unsubscribe"], message["List-Id"]) == (None, None)
    link = next(line for line in message.get_body(("plain",)).get_content().splitlines() if "/confirm/" in line)
    token = link.removeprefix(f"{WEB}/confirm/")
    told = verify_until((cast.KEY,), Purpose.CONFIRM, token, now=NOW + timedelta(days=6))
    assert told is not None
    assert (told.numbers, told.is_over) == ((people.ben, people.newsletter), False)
    late = verify_until((cast.KEY,), Purpose.CONFIRM, token, now=NOW + timedelta(days=8))
    assert late is not None
    assert late.is_over


def test_what_nobody_waits_for_any_more_is_not_sent(database: Database, people: Cast) -> None:
    """Confirmed meanwhile, left, suppressed: at the claim, and at the last moment before the dot."""
    queue(database, people, people.anna, NoticeKind.CONFIRM)  # active already
    queue(database, people, people.carl, NoticeKind.WELCOME)  # suppressed
    queue(database, people, people.ben, NoticeKind.CONFIRM)
    transport = Scripted(during=lambda: suppress(database, "ben@example.org", secret=cast.KEY, now=NOW))
    report = send(database, transport)
    assert (report.skipped, report.accepted, transport.finished) == (1, 0, [])
    assert states(database) == [("skipped", "nobody waits for it any more")] * 3


def test_a_deferred_one_goes_out_later_with_the_same_bytes(database: Database, people: Cast) -> None:
    queue(database, people, people.ben, NoticeKind.CONFIRM)
    deferred = Outcome(kind=OutcomeKind.DEFERRED, phase="dot", code=451, reply="later")
    transport = Scripted(deferred)
    assert send(database, transport).deferred == 1
    assert not are_notices_due(database, now=NOW + timedelta(minutes=1))
    assert send(database, transport, now=NOW + timedelta(hours=1)).accepted == 1
    first, second = transport.finished
    assert first == second
    assert states(database) == [("accepted", None)]


def test_an_unknown_one_is_never_sent_again_but_by_an_admin(database: Database, people: Cast) -> None:
    number = queue(database, people, people.ben, NoticeKind.CONFIRM)
    transport = Scripted(Outcome(kind=OutcomeKind.UNCERTAIN, phase="dot"))
    assert send(database, transport).uncertain == 1
    assert send(database, transport, now=NOW + timedelta(days=1)).touched is False
    with database.write() as session:
        assert requeue_notice(session, number).state is DeliveryState.QUEUED
        with pytest.raises(NotFound):
            requeue_notice(session, 999)
    assert send(database, transport, now=NOW + timedelta(days=1)).accepted == 1


def test_a_killed_sender_holds_what_it_had_in_flight_and_gives_back_the_rest(database: Database, people: Cast) -> None:
    for _ in range(2):
        queue(database, people, people.ben, NoticeKind.CONFIRM)
    soon = NOW + timedelta(minutes=1)
    with database.write() as session:
        flying, claimed = claim_notices(session, owner="dead", limit=2, now=NOW, lease_until=soon)
        assert mark_notice(session, flying, message_id="<x@y>", now=NOW, lease_until=soon)
    transport = Scripted()
    report = send(database, transport, now=NOW + timedelta(hours=1))
    assert (report.held, report.accepted) == (1, 1)
    assert [state for state, _ in states(database)] == ["uncertain", "accepted"]
    with database.write() as session:  # the dead one wakes up: its claim is gone
        assert not mark_notice(session, claimed, message_id="<x@y>", now=NOW, lease_until=soon)


def test_without_a_server_everything_stays_queued(database: Database, people: Cast) -> None:
    for _ in range(3):
        queue(database, people, people.ben, NoticeKind.CONFIRM)
    report = send(database, Scripted(TransportError("no route")))
    assert isinstance(report.problem, TransportError)
    assert states(database) == [("queued", None)] * 3


def test_a_welcome_carries_the_latest_issue_and_the_way_out(database: Database, people: Cast) -> None:
    with database.write() as session:
        issue = cast.add_issue(session, people, 7, state=IssueState.DONE)
        card = Card(title="How beans climb", link="https://blog.example/beans")
        post = IssuePost(post_id=1, source_id=1, source="A Blog", card=card, at=NOW)
        photo = replace(post, card=Card(title="Photo, 2017-08-13", title_made=True, link="https://blog.example/1"))
        content = IssueContent(
            newsletter="The Weekly", number=7, period_start=NOW, period_end=NOW, zone="UTC", language="en",
            groups=(IssueGroup(kind="day", label="2017-08-13", posts=(post, photo)),),
        )  # fmt: skip
        session.execute(text("UPDATE issue SET content = :c WHERE id = :i"), {"c": _json(encode(content)), "i": issue})
    queue(database, people, people.anna, NoticeKind.WELCOME)
    transport = Scripted()
    assert send(database, transport).accepted == 1
    raw = transport.finished[0].message
    message = email.message_from_bytes(raw, policy=email.policy.default)
    words = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert "In the latest issue" in words
    assert "How beans climb\nhttps://blog.example/beans" in words
    assert "Photo, 14 Aug\nhttps://blog.example/1" in words
    assert f"{WEB}/archive/weekly/7" in words
    assert message["List-Unsubscribe"].startswith(f"<{WEB}/unsubscribe/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [one for one in lint(read_message(raw)) if one.severity != "note"] == []


def test_it_says_so_where_no_message_can_be_made(database: Database, people: Cast, tmp_path: Path) -> None:
    queue(database, people, people.ben, NoticeKind.CONFIRM)
    assert send(database, Scripted(), base_url=None).refused == 1
    broken = tmp_path / "issue" / "editorial"
    broken.mkdir(parents=True)
    (broken / "notice.txt.j2").write_text("{{ nothing.of.that }}")
    queue(database, people, people.ben, NoticeKind.CONFIRM)
    assert send(database, Scripted(), templates=tmp_path).deferred == 1
    (refused, _), (waits, why) = states(database)
    assert (refused, waits) == ("refused", "queued")
    assert "notice.txt.j2" in (why or "")
    assert send(database, Scripted(), now=NOW + timedelta(hours=1)).accepted == 1


def test_a_goodbye_goes_out_where_the_newsletter_says_one(database: Database, people: Cast) -> None:
    ids = {"subscriber_id": people.anna, "newsletter_id": people.newsletter}
    leave(database, **ids, now=NOW)
    take_back(database, **ids, secret=cast.KEY, now=NOW)
    assert states(database) == []
    with database.write() as session:
        session.execute(text("UPDATE newsletter SET goodbye = :yes"), {"yes": True})
    leave(database, **ids, now=NOW)
    leave(database, **ids, now=NOW)
    transport = Scripted()
    assert send(database, transport).accepted == 1
    message = email.message_from_bytes(transport.finished[0].message, policy=email.policy.default)
    assert message["Subject"] == "You have left The Weekly"
    assert f"{WEB}/unsubscribe/" in message.get_body(("plain",)).get_content()


def test_who_is_erased_leaves_no_notice(database: Database, people: Cast) -> None:
    queue(database, people, people.ben, NoticeKind.CONFIRM)
    erase(database, "ben@example.org", secret=cast.KEY, now=NOW)
    assert states(database) == []


def _json(value: object) -> str:
    import json

    return json.dumps(value)
