"""An issue under the linter: each variant as the message that a reader would get."""

from collections.abc import Collection, Iterator
from datetime import datetime

from digest.actions.choose_newsletter import choose_newsletter
from digest.core.lint.brief import Brief
from digest.core.lint.finding import Severity
from digest.core.lint.linter import lint
from digest.core.lint.mail import Mail, read_message
from digest.core.message import compose, lay_out
from digest.core.model import Issue, Newsletter, Variant
from digest.core.people import Recipient
from digest.errors import MessageError, NotFound
from digest.store.database import Database, Session
from digest.store.events import list_events
from digest.store.issues import find_issue, list_variants

LINTED = "issue.linted"
"""The event of errors that hold an issue; `rules` names them."""
_NOBODY = b"links of a message that nobody gets"
_READER = Recipient(delivery_id=0, subscriber_id=0, address="reader@example.org", name="A reader")


def issue_messages(
    database: Database, *, now: datetime, newsletter: str | None, number: int | None, web_base: str | None
) -> Iterator[tuple[str, bytes]]:
    """The language and the message of each variant of an issue, to a reader that does not exist.

    Raises:
        NotFound: no such newsletter or issue, or it has not been rendered.
        UsageError: no newsletter is named, and there are several.
    """
    with database.read() as session:
        chosen = choose_newsletter(session, newsletter)
        issue = find_issue(session, newsletter_id=chosen.id, number=number or 0)
        variants = list_variants(session, issue.id) if issue else ()
    rendered = [variant for variant in variants if variant.rendered]
    if issue is None or not rendered:
        step = f"digest issue list --newsletter {chosen.slug}"
        raise NotFound(f"{chosen.slug} has no rendered issue {number}", next_step=step)
    for variant in rendered:
        yield variant.language, _message(issue, chosen, variant, now=now, web_base=web_base)


def find_errors(
    issue: Issue, newsletter: Newsletter, variants: tuple[Variant, ...], *, now: datetime, web_base: str | None
) -> tuple[str, ...]:
    """The rules of which a variant has errors: those that a template or the settings break, and no post can.

    One-click is not asked for where there is no public address to click. What looks left over from a template is as a rule
    a post about templates: ours leave nothing, as an unknown field is an error when the message is laid out.
    """
    ignored = {"leftover"} if web_base and web_base.startswith("https://") else {"leftover", "one-click"}
    wrong: dict[str, None] = {}
    brief, whole = Brief(), True
    for variant in variants:
        try:
            message = _message(issue, newsletter, variant, now=now, web_base=web_base)
        except MessageError:  # says so when it is sent, as it always has
            continue
        # The first is read whole; of the others, which are many and like it, one whose short form has an error.
        mail = brief.read(message, whole=whole)
        found = _errors(mail, ignored)
        if not found:
            brief.note_good(mail)
        wrong |= dict.fromkeys(_errors(read_message(message), ignored) if found and not whole else found)
        whole = False
    return tuple(wrong)


def _errors(mail: Mail, ignored: Collection[str]) -> tuple[str, ...]:
    return tuple(one.rule for one in lint(mail, ignore=ignored, only=Severity.ERROR))


def held_by(session: Session, issue_id: int) -> tuple[str, ...]:
    """The rules whose errors hold this issue, by the log."""
    events = list_events(session, kind=LINTED, issue_id=issue_id)
    return tuple(events[-1].data["rules"]) if events else ()


def _message(issue: Issue, newsletter: Newsletter, variant: Variant, *, now: datetime, web_base: str | None) -> bytes:
    assert variant.rendered is not None
    skeleton = lay_out(
        variant.rendered,
        newsletter=newsletter,
        issue_id=issue.id,
        merge_key=issue.merge_key,
        language=variant.language,
    )
    return compose(skeleton, _READER, key=_NOBODY, base_url=web_base, dated=now).message
