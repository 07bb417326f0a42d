"""The sample issue as files, in any theme and language: to look at a theme without a database or a blog."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digest.actions.notice_mail import STAYS
from digest.actions.outlook import Outlook
from digest.actions.preview import Preview, PreviewFiles, match_pictures, write_preview
from digest.core.links import ListLinks
from digest.core.message import compose, lay_out
from digest.core.model import Newsletter
from digest.core.notice_message import compose_notice
from digest.core.people import Recipient
from digest.errors import DigestError, UsageError
from digest.paths import sample
from digest.render.catalogues import languages, speaks
from digest.render.issue import render_issue
from digest.render.notice import Notice, NoticeKind, render_notice
from digest.render.page import Neighbour, render_page
from digest.render.sample import MERGE_KEY, sample_issue, sample_newsletter
from digest.render.templates import theme_names

WEB = "https://news.lowermill.example/lower-mill"
READER = "reader@example.org"
_KEY = b"the sample is nobody's and its links lead nowhere"
_LEAVE = f"{WEB}/unsubscribe/example"
_DATED = datetime(2017, 8, 14, 7, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One theme in one language, written."""

    theme: str
    language: str
    subject: str
    octets: int  # of the message
    files: PreviewFiles


def preview_sample(theme: str, language: str, *, templates: Path | None = None) -> Preview:
    """The sample issue as a message to a reader.

    Raises:
        TemplateError: the theme is not there, or broken.
    """
    newsletter, issue = sample_newsletter(theme, language=language), sample_issue(language)
    rendered = render_issue(
        issue, newsletter, language=language, web_url=f"{WEB}/12", archive_url=WEB, templates=templates
    )
    skeleton = lay_out(rendered, newsletter=newsletter, issue_id=issue.id, merge_key=MERGE_KEY, language=language)
    reader = Recipient(delivery_id=0, subscriber_id=1, address=READER, name="Anna")
    envelope = compose(skeleton, reader, key=_KEY, base_url="https://news.lowermill.example", dated=_DATED)
    assert issue.content is not None
    page = render_page(
        issue,
        newsletter,
        language=language,
        url=f"{WEB}/12",
        archive_url=WEB,
        previous=Neighbour(number=11, url=f"{WEB}/11"),
        following=Neighbour(number=13, url=f"{WEB}/13"),
        subscribe_url="https://news.lowermill.example/subscribe/lower-mill",
        templates=templates,
    ).html
    return Preview(
        newsletter=newsletter,
        content=issue.content,
        rendered=rendered,
        envelope=envelope,
        page=page,
        drafted=True,
        outlook=Outlook(issue=issue, content=issue.content),
    )


def write_samples(
    folder: Path, *, themes: Sequence[str] = (), spoken: Sequence[str] = (), templates: Path | None = None
) -> Iterator[Sample]:
    """Each theme in each language, in folders of their own: issue.html, .txt, .eml, page.html, and beside them the notices alike.

    All themes, or all languages, where none are named.

    Raises:
        TemplateError: a theme is not there, or broken.
        UsageError: there are no words in a language.
        DigestError: the folder cannot be written.
    """
    if strange := [tag for tag in spoken if not speaks(tag)]:
        raise UsageError(
            f"digest has no words in {strange[0]!r}",
            next_step=f"there are: {', '.join(languages())}; docs/recipes/a-language.md tells how to add them",
        )
    for theme in themes or theme_names(templates):
        for language in spoken or languages():
            made = preview_sample(theme, language, templates=templates)
            home = folder / theme / language
            files = write_preview(made, home, images=match_pictures(made.content, sample("images")))
            _write_notices(home, made.newsletter, language, templates)
            yield Sample(
                theme=theme,
                language=language,
                subject=made.rendered.subject,
                octets=len(made.envelope.message),
                files=files,
            )


def sample_notice(kind: NoticeKind) -> Notice:
    """What the reader of the sample is told; who is subscribed may leave."""
    stays = kind in STAYS
    return Notice(
        kind=kind,
        address=READER,
        action_url=f"{WEB}/{kind}/example",
        unsubscribe_url=_LEAVE if stays else None,
        preferences_url=f"{WEB}/preferences/example" if stays else None,
        archive_url=WEB,
    )


def _write_notices(folder: Path, newsletter: Newsletter, language: str, templates: Path | None) -> None:
    links = ListLinks(https=_LEAVE, mailto=f"mailto:{newsletter.sender_address}?subject=unsubscribe")
    for number, kind in enumerate(NoticeKind, start=1):
        rendered = render_notice(sample_notice(kind), newsletter, language=language, templates=templates)
        envelope = compose_notice(
            rendered, notice_id=number, newsletter=newsletter, address=READER, name="Anna", language=language, key=_KEY,
            dated=_DATED, links=links if kind in STAYS else None,
        )  # fmt: skip
        try:
            (folder / f"{kind}.html").write_text(rendered.html, encoding="utf-8", newline="\n")
            (folder / f"{kind}.txt").write_text(rendered.text, encoding="utf-8", newline="\n")
            (folder / f"{kind}.eml").write_bytes(envelope.message)
        except OSError as error:
            raise DigestError(
                f"{folder} cannot be written: {error.strerror}", next_step="choose another folder"
            ) from error
