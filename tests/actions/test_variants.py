"""Readers choose topics: an issue is rendered once for each set of posts, and each reader gets theirs."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import run
from tests.actions.test_offered_languages import received
from tests.cast import NOW
from tests.processes import Inbox, mail_server

from digest.actions.admit import admit_posts
from digest.actions.choices import choose
from digest.actions.preview import preview_issue
from digest.actions.publish import approve_issue, publish
from digest.actions.variants import view_variants
from digest.core.states import DeliveryState, RuleKind
from digest.errors import NothingToDo
from digest.mail.smtp import SmtpTransport
from digest.store import claims, events, issues, sending
from digest.store.database import Database, Session
from digest.store.newsletters import newsletter_of_id
from digest.store.topics import add_rule, get_topic, list_topics

READERS = {  # name → topics, language
    "anna": ([], None), "ben": (["food"], None), "carla": (["food", "art"], "de"), "dora": (["food"], "de"),
    "emil": (["food", "art", "cars"], None), "finn": (["cars"], None), "gwen": (["art", "food"], "de"),
}  # fmt: skip
POSTS = {"soup": ["Food"], "bread": ["baking"], "clay": ["Art"], "news": []}


def begin(session: Session, **policies) -> int:
    """A newsletter of three topics with a post of food, one of baking, one of art and one of none."""
    newsletter = cast.add_newsletter(session, languages=["de"], **policies)
    cadence = cast.add_cadence(session, newsletter, started_at=NOW - timedelta(days=6))
    source = cast.add_source(session, newsletter)
    for number, (name, labels) in enumerate(POSTS.items()):
        card = {"title": name.capitalize(), "link": f"https://blog.example/{name}", "topics": labels}
        cast.add_post(session, source, name, card=card, effective_at=NOW - timedelta(days=2, hours=number))
    for slug, pattern in (("food", "food"), ("food", "bak*"), ("art", "art"), ("cars", "cars")):
        if slug not in {topic.slug for topic in list_topics(session, newsletter)}:
            cast.add_topic(session, newsletter, slug)
        add_rule(
            session, get_topic(session, newsletter, slug), kind=RuleKind.LABEL, pattern=pattern, wanted=True, now=NOW
        )
    admit_posts(session, source_id=source, posts=claims.backlog(session, source_id=source), first_look=False, now=NOW)
    for name, (topics, language) in READERS.items():
        person = cast.add_subscriber(session, f"{name}@example.org", language=language)
        cast.add_subscription(session, newsletter, person, topics=topics)
    return cadence


def posts_in(inbox: Inbox) -> dict[str, str]:
    """The posts that each reader's mail has, in either part, and its language."""
    told = {}
    for name, mail in received(inbox).items():
        parts = [mail.get_body((kind,)).get_content() for kind in ("plain", "html")]
        shown = [{post for post in POSTS if f"https://blog.example/{post}" in part} for part in parts]
        assert shown[0] == shown[1]
        told[name] = f"{' '.join(post for post in POSTS if post in shown[0])} {mail['Content-Language']}"
    return told


def test_each_reader_is_shown_the_posts_of_their_topics(database: Database) -> None:
    with database.write() as session:
        begin(session)
    (issue,) = publish(database, now=NOW)
    with database.read() as session:
        made = {one.key: one for one in issues.list_variants(session, issue.id)}
    assert len(made) == 6, "the whole, food, and food with art, in two languages each"
    assert {one.language for one in made.values() if one.shown is None} == {"en", "de"}
    with mail_server() as (inbox, port):
        run(database, SmtpTransport(host="127.0.0.1", port=port, security="plain"), now=NOW)
    assert posts_in(inbox) == {
        "anna": "soup bread clay news en", "ben": "soup bread en", "carla": "soup bread clay de",
        "dora": "soup bread de", "emil": "soup bread clay en", "gwen": "soup bread clay de",
    }  # fmt: skip
    with database.read() as session:
        counts = sending.count_deliveries(session, issue.id)
        skipped = session.execute(
            text("SELECT address, reason, variant_id FROM delivery WHERE state = 'skipped'")
        ).all()
        assert issues.get_issue(session, issue.id).state == "done"
    assert counts == {DeliveryState.ACCEPTED: 6, DeliveryState.SKIPPED: 1}
    assert skipped == [("finn@example.org", "empty", None)]


def test_a_preview_is_what_that_reader_gets(database: Database) -> None:
    with database.write() as session:
        begin(session, approval=True)

    def subject(name: str, number: int | None) -> tuple[str, list[str]]:
        shown = preview_issue(database, key=cast.KEY, now=NOW, number=number, reader=f"{name}@example.org")
        return shown.rendered.subject, [post.card.title for post in shown.content.posts]

    before = {name: subject(name, None) for name in READERS if name != "finn"}
    with pytest.raises(
        NothingToDo, match=r"nothing for finn@example\.org: no post of their topics \(cars\): skipped, empty"
    ):
        subject("finn", None)
    (issue,) = publish(database, now=NOW)
    with database.write() as session:
        approve_issue(session, issue, now=NOW)
    with mail_server() as (inbox, port):
        run(database, SmtpTransport(host="127.0.0.1", port=port, security="plain"), now=NOW)
    sent = {name: str(mail["Subject"]) for name, mail in received(inbox).items()}
    assert before == {name: subject(name, 1) for name in before}
    assert sent == {name: subject for name, (subject, _) in before.items()}
    assert before["ben"] == ("Soup and Bread", ["Soup", "Bread"])
    with pytest.raises(NothingToDo):
        subject("finn", 1)


def test_the_rarest_choices_get_a_variant_that_shows_more(database: Database) -> None:
    with database.write() as session:
        begin(session, max_variants=3)
    (issue,) = publish(database, now=NOW)
    with database.read() as session:
        newsletter = newsletter_of_id(session, issue.newsletter_id)
        planned = view_variants(session, issue, newsletter, now=NOW)
    with database.write() as session:
        sending.start_sending(session, issue.id, now=NOW)
    with database.read() as session:
        assert view_variants(session, issues.get_issue(session, issue.id), newsletter, now=NOW) == planned
    assert {(one.language, one.posts): (one.readers, set(one.chosen)) for one in planned.variants} == {
        ("en", 4): (3, {"all", "food", "art, cars, food"}), ("de", 3): (3, {"art, food", "food"}), ("de", 4): (0, set()),
    }, "the smallest that has all of theirs"  # fmt: skip
    assert (planned.empty, planned.more) == (1, 3)
    with database.read() as session:
        (event,) = events.list_events(session, kind="issue.sending", issue_id=issue.id)
    assert event.data == {"expected": 7, "variants": 2, "empty": 1, "more": 3}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_draft_that_waits_while_readers_choose_anew_keeps_to_the_cap(database: Database) -> None:
    with database.write() as session:
        begin(session, max_variants=5, approval=True)
    (issue,) = publish(database, now=NOW)
    rounds = [("art",), ("cars", "art"), ("food",), ("art",), ()]
    for number, topics in enumerate(rounds):
        for who in range(1, 8):
            chosen = rounds[(who + number) % len(rounds)] if who % 2 else topics
            choose(database, subscriber_id=who, newsletter_id=1, topics=chosen, now=NOW)
        publish(database, now=NOW)
        with database.read() as session:
            assert len(issues.list_variants(session, issue.id)) <= 5, number
    with database.write() as session:
        approve_issue(session, issue, now=NOW)
    with mail_server() as (inbox, port):
        run(database, SmtpTransport(host="127.0.0.1", port=port, security="plain"), now=NOW)
    wanted = {"art": {"clay"}, "cars": set(), "food": {"soup", "bread"}}
    with database.read() as session:
        topics = session.execute(
            text("SELECT s.address, t.topics FROM subscriber s JOIN subscription t ON t.subscriber_id = s.id")
        )
        theirs = {address.partition("@")[0]: set().union(*(wanted[one] for one in json.loads(chosen))) if chosen != "[]" else {*POSTS}
                  for address, chosen in topics}  # fmt: skip
    for name, told in posts_in(inbox).items():
        assert theirs[name] <= set(told.split()), "more than they chose at worst, never less"
