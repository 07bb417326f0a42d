"""One issue in several languages: each reader gets the one they chose, where the newsletter offers it."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests import cast
from tests.actions.delivering import KEY, run
from tests.cast import NOW, Cast
from tests.processes import Inbox, mail_server

from digest.actions.admit import admit_posts
from digest.actions.preview import preview_issue
from digest.actions.publish import approve_issue, publish
from digest.mail.smtp import SmtpTransport
from digest.store import claims, issues
from digest.store.database import Database, Session


def begin(session: Session, **policies) -> Cast:
    """A newsletter whose week has three posts, and readers of German, Persian, Italian and no language in particular."""
    newsletter = cast.add_newsletter(session, **policies)
    cadence = cast.add_cadence(session, newsletter, started_at=NOW - timedelta(days=6))
    source = cast.add_source(session, newsletter, url="https://blog.example/feed")
    for number in range(3):
        cast.add_post(session, source, f"post {number}", effective_at=NOW - timedelta(days=2, hours=number))
    admit_posts(session, source_id=source, posts=claims.backlog(session, source_id=source), first_look=False, now=NOW)
    for name, language in (("dora", "de"), ("farid", "fa"), ("ida", "it"), ("anna", None)):
        person = cast.add_subscriber(session, f"{name}@example.org", language=language)
        cast.add_subscription(session, newsletter, person)
    return Cast(newsletter=newsletter, cadence=cadence, anna=0, ben=0, carl=0, dora=0)


def received(inbox: Inbox) -> dict[str, EmailMessage]:
    mails = [message_from_bytes(octets, policy=policy.default) for octets in inbox.messages]
    return {str(mail["To"]).partition("@")[0].lstrip("<"): mail for mail in mails}


def languages_of(database: Database, issue: int) -> list[str]:
    with database.read() as session:
        return [one.language for one in issues.list_variants(session, issue) if one.rendered]


def test_each_reader_gets_their_language_or_the_newsletters(database: Database) -> None:
    with database.write() as session:
        begin(session, languages=["de", "fa", "fr"])
    (issue,) = publish(database, now=NOW)
    assert languages_of(database, issue.id) == ["de", "en", "fa"], "nobody reads French"
    with mail_server() as (inbox, port):
        run(database, SmtpTransport(host="127.0.0.1", port=port, security="plain"), now=NOW)
    mails = received(inbox)
    texts = {name: mail.get_body(("plain",)).get_content() for name, mail in mails.items()}
    assert {name: mail["Content-Language"] for name, mail in mails.items()} == {
        "anna": "en", "dora": "de", "farid": "fa", "ida": "en"
    }  # fmt: skip
    assert "und 1 weiterer" in mails["dora"]["Subject"]
    assert "و ۱ نوشتهٔ دیگر" in mails["farid"]["Subject"]
    assert "Abbestellen" in texts["dora"]
    assert "لغو اشتراک" in texts["farid"]
    assert "Unsubscribe" in texts["ida"]
    for name, word in (("dora", "Abbestellen"), ("ida", "Unsubscribe")):
        shown = preview_issue(database, key=KEY, now=NOW, number=issue.number, reader=f"{name}@example.org")
        assert word in shown.rendered.text, "the preview is what was sent"


def test_a_language_that_is_not_offered_is_not_rendered(database: Database) -> None:
    with database.write() as session:
        begin(session)
    (issue,) = publish(database, now=NOW)
    assert languages_of(database, issue.id) == ["en"]


def test_readers_who_cannot_get_it_ask_for_no_language(database: Database) -> None:
    with database.write() as session:
        company = begin(session, languages=["de", "fa", "fr", "ja"])
        cast.add_suppression(session, "dora@example.org")
        left = cast.add_subscriber(session, "luc@example.org", language="fr")
        cast.add_subscription(session, company.newsletter, left, state="ended", ended_at=NOW)
        elsewhere = cast.add_subscriber(session, "yuki@example.org", language="ja")
        other = cast.add_newsletter(session, slug="other", name="Other")
        cast.add_subscription(session, other, elsewhere)
    (issue, *_) = publish(database, now=NOW)
    assert languages_of(database, issue.id) == ["en", "fa"]


def test_who_joins_while_a_draft_waits_gets_it_in_their_language(database: Database) -> None:
    with database.write() as session:
        company = begin(session, languages=["de", "fa", "fr"], approval=True)
    (issue,) = publish(database, now=NOW)
    with database.write() as session:
        luc = cast.add_subscriber(session, "luc@example.org", language="fr")
        cast.add_subscription(session, company.newsletter, luc)
    publish(database, now=NOW + timedelta(minutes=1))
    assert languages_of(database, issue.id) == ["de", "en", "fa", "fr"]
    with database.write() as session:
        approve_issue(session, issues.get_issue(session, issue.id), now=NOW)
    with mail_server() as (inbox, port):
        run(database, SmtpTransport(host="127.0.0.1", port=port, security="plain"), now=NOW)
    assert {name: mail["Content-Language"] for name, mail in received(inbox).items()}["luc"] == "fr"
