"""One issue in several languages: each reader gets the one they chose, where the newsletter offers it."""

import mailbox
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path

from tests import cast
from tests.actions.delivering import KEY, run
from tests.cast import NOW, Cast

from digest.actions.admit import admit_posts
from digest.actions.preview import preview_issue
from digest.actions.publish import publish
from digest.mail.maildir import MaildirTransport
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


def received(folder: Path) -> dict[str, EmailMessage]:
    box = mailbox.Maildir(folder, factory=lambda file: policy.default.message_factory and _read(file), create=False)
    return {str(message["To"]).partition("@")[0].lstrip("<"): message for message in box}


def _read(file) -> EmailMessage:
    from email import message_from_binary_file

    return message_from_binary_file(file, policy=policy.default)


def test_each_reader_gets_their_language_or_the_newsletters(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        begin(session, languages=["de", "fa"])
    (issue,) = publish(database, now=NOW)
    with database.read() as session:
        assert [one.language for one in issues.list_variants(session, issue.id)] == ["de", "en", "fa"]
    run(database, MaildirTransport(tmp_path / "box"), now=NOW)
    mails = received(tmp_path / "box")
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
    with database.read() as session:
        assert [one.language for one in issues.list_variants(session, issue.id)] == ["en"]
