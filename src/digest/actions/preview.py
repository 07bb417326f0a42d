"""Preview: an issue as a reader would get it, without claiming, recording or sending anything (docs/semantics.md S15).

existing issue ─┐
├─▶ render ─▶ compose for one reader ─▶ issue.html, issue.txt, issue.eml; page.html for everybody
next, as drafted┘
"""

import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape, unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from digest.actions.choose_newsletter import choose_newsletter
from digest.actions.next_issue import ticket_of
from digest.actions.outlook import Outlook, look_ahead, look_at
from digest.actions.pages import subscribe_address
from digest.actions.publish import apart_from_others, archive_address, render_mail, web_address
from digest.actions.subject_tests import has_two
from digest.core.message import compose, lay_out
from digest.core.model import CadenceLine, Issue, IssueContent, Newsletter, Rendered
from digest.core.people import Envelope, Recipient, Sign, Subscriber
from digest.core.states import ClaimState
from digest.core.zones import zone_among
from digest.errors import DigestError, NotFound, NothingToDo
from digest.render.page import render_page
from digest.store.claims import list_claims
from digest.store.database import Database, Session
from digest.store.issues import find_issue, get_rendered
from digest.store.newsletters import list_cadences
from digest.store.posts import get_post
from digest.store.sources import list_sources
from digest.store.subscribers import find_subscriber

READER = "reader@example.org"

_SOURCE = re.compile(r'(?<= src=")[^"]*(?=")')


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A post that waits for the admin, and why."""

    post_id: int
    title: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One reader's message of an issue, made or as it would be."""

    newsletter: Newsletter
    content: IssueContent
    rendered: Rendered
    envelope: Envelope
    page: str  # the issue on the web, which is nobody's message
    drafted: bool  # it is what the next issue would be
    outlook: Outlook  # what of it is sent to the reader, and when
    zone: str = "UTC"  # the reader's, else the newsletter's
    is_known: bool = True  # the reader is a subscriber; else it is what somebody without choices would get
    second_subject: str | None = None  # they may get it under this one instead, where two are tried
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFiles:
    """Where a preview was written."""

    html: Path
    text: Path
    eml: Path
    page: Path


def preview_issue(
    database: Database,
    *,
    key: bytes,
    link_key: bytes | None = None,
    now: datetime,
    newsletter: str | None = None,
    number: int | None = None,
    cadence: str | None = None,
    reader: str = READER,
    web_base: str | None = None,
    templates: Path | None = None,
    signer: Sign | None = None,
    mark: str = "",
) -> Preview:
    """Issue `number` of a newsletter, else what its next one would be, as `reader` would get it.

    The reader's name is used where the address is known, but links to leave are made for nobody: trying them in a
    preview unsubscribes no one. With a `mark`, such as "[Test] ", the subject begins with it and the message is one to be
    sent: no two of them have the same Message-ID.

    Raises:
        NotFound: no such newsletter, cadence or issue.
        UsageError: no newsletter is named, and there are several.
        NothingToDo: the next issue has no posts yet.
        TemplateError: the theme is broken.
    """
    with database.read() as session:
        chosen = choose_newsletter(session, newsletter)
        known = find_subscriber(session, reader)
        whose = _Reader(reader, known)
        found = (
            _draft(session, chosen, cadence, whose, now)
            if number is None
            else _existing(session, chosen, number, whose, now)
        )
    language = found.language
    rendered = found.rendered or _render(database, found, chosen, web_base=web_base, templates=templates)
    recipient = Recipient(delivery_id=0, subscriber_id=0, address=reader, name=known.name if known else "")
    skeleton = lay_out(
        rendered,
        newsletter=chosen,
        issue_id=found.issue.id,
        merge_key=found.issue.merge_key,
        language=language,
    )
    return Preview(
        newsletter=chosen,
        content=found.content,
        rendered=rendered,
        envelope=compose(
            skeleton,
            recipient,
            key=key,
            link_key=link_key,
            base_url=web_base,
            dated=now,
            subject_prefix=mark,
            copy=secrets.token_hex(8) if mark else "",
        ).signed(signer),
        page=_page(found, chosen, language=language, web_base=web_base, templates=templates),
        drafted=number is None,
        outlook=found.outlook,
        zone=zone_among(known.zone if known else None, chosen.zone),
        is_known=known is not None,
        second_subject=_second_subject(database, found, chosen, web_base=web_base, templates=templates),
        held=found.held,
    )


def write_preview(preview: Preview, folder: Path, *, images: Mapping[str, Path] | None = None) -> PreviewFiles:
    """Write issue.html, issue.txt, issue.eml and page.html into a folder; returns where they are.

    `images` names a local file for the URL of a picture: the HTML files then show a copy of it, for a blog that does
    not exist or a machine without network. The .eml keeps the URLs, as it is what would be sent.

    Raises:
        DigestError: the folder or a file in it cannot be written.
    """
    files = PreviewFiles(
        html=folder / "issue.html", text=folder / "issue.txt", eml=folder / "issue.eml", page=folder / "page.html"
    )
    try:
        _write(preview, files, images or {})
    except OSError as error:
        raise DigestError(f"{folder} cannot be written: {error.strerror}", next_step="choose another folder") from error
    return files


def _write(preview: Preview, files: PreviewFiles, images: Mapping[str, Path]) -> None:
    folder = files.html.parent
    folder.mkdir(parents=True, exist_ok=True)
    message = message_from_bytes(preview.envelope.message, policy=policy.default)
    html = _with_local_pictures(_part(message, "html"), folder, images)
    files.html.write_text(html, encoding="utf-8", newline="\n")
    files.text.write_text(_part(message, "plain"), encoding="utf-8", newline="\n")
    files.eml.write_bytes(preview.envelope.message)
    files.page.write_text(_with_local_pictures(preview.page, folder, images), encoding="utf-8", newline="\n")


def match_pictures(content: IssueContent, folder: Path) -> dict[str, Path]:
    """The URLs of an issue's pictures whose file names a folder has: the `images` of `write_preview`.

    Raises:
        DigestError: the folder cannot be read.
    """
    try:
        files = {file.name: file for file in folder.iterdir() if file.is_file()}
    except OSError as error:
        raise DigestError(
            f"{folder} cannot be read: {error.strerror}", next_step="name a folder of pictures"
        ) from error
    every = (picture for post in (*content.posts, *content.more) for picture in post.card.pictures)
    written = (url for picture in every for url in (picture.src, picture.full) if url)
    urls = {form for url in written for form in (url, url.replace("http://", "https://", 1))}
    named = ((url, unquote(urlsplit(url).path.rpartition("/")[2])) for url in urls)
    return {url: files[name] for url, name in named if name in files}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whose message it is: somebody's, or nobody's in particular."""

    address: str
    known: Subscriber | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An issue to show, what of it is for the reader, and what of that was rendered: it was, or will be, mailed."""

    outlook: Outlook
    content: IssueContent
    language: str
    rendered: Rendered | None = None
    held: tuple[Held, ...] = ()

    @property
    def issue(self) -> Issue:
        return self.outlook.issue


def _draft(session: Session, newsletter: Newsletter, cadence: str | None, reader: _Reader, now: datetime) -> _Found:
    line = _line(session, newsletter, cadence, reader)
    held = _held(session, line)
    outlook = look_ahead(session, newsletter, line, reader.known, now=now)
    whole = outlook.issue.content
    if whole is None or not (whole.posts or whole.more):
        raise _nothing_yet(session, newsletter, held=len(held))
    return _for_reader(session, outlook, newsletter, reader, held=held)


def _existing(session: Session, newsletter: Newsletter, number: int, reader: _Reader, now: datetime) -> _Found:
    issue = find_issue(session, newsletter_id=newsletter.id, number=number)
    if issue is None or issue.content is None:
        step = f"digest issue list --newsletter {newsletter.slug}"
        raise NotFound(f"{newsletter.slug} has no issue {number}", next_step=step)
    return _for_reader(session, look_at(session, issue, newsletter, reader.known, now=now), newsletter, reader)


def _for_reader(
    session: Session, outlook: Outlook, newsletter: Newsletter, reader: _Reader, *, held: tuple[Held, ...] = ()
) -> _Found:
    if outlook.variant is None or outlook.content is None:
        raise NothingToDo(
            f"issue {outlook.issue.number} of {newsletter.slug} has nothing for {reader.address}: {outlook.why}",
            next_step="digest topic list shows which posts are of which topic",
        )
    rendered = get_rendered(session, outlook.variant.id) if outlook.variant.id else None
    return _Found(
        outlook=outlook, content=outlook.content, language=outlook.variant.language, rendered=rendered, held=held
    )


def _nothing_yet(session: Session, newsletter: Newsletter, *, held: int) -> NothingToDo:
    if not list_sources(session, newsletter_id=newsletter.id):
        step = f"digest source add URL --newsletter {newsletter.slug}"
        return NothingToDo(f"{newsletter.slug} reads no source yet, so its next issue has no posts", next_step=step)
    waiting = f"; {held} held" if held else ""
    return NothingToDo(
        f"the next issue of {newsletter.slug} has no posts yet{waiting}",
        next_step="digest post list shows the posts; digest post release POST lets an older one in",
    )


def _line(session: Session, newsletter: Newsletter, cadence: str | None, reader: _Reader) -> CadenceLine:
    """The one that is named, else the reader's, else the first."""
    lines = list_cadences(session, newsletter.id)
    ticket = ticket_of(session, reader.known, newsletter) if reader.known else None
    own = ticket.line.id if ticket else None
    named = [line for line in lines if cadence in {None, line.name}]
    if not named:
        names = ", ".join(line.name for line in lines) or "none"
        raise NotFound(f"{newsletter.slug} has no cadence {cadence or ''}".strip(), next_step=f"it has: {names}")
    return next((line for line in named if line.id == own), named[0])


def _held(session: Session, line: CadenceLine) -> tuple[Held, ...]:
    claims = list_claims(session, cadence_id=line.id, states=(ClaimState.HELD,))
    pairs = [(claim, get_post(session, claim.post_id)) for claim in claims]
    return tuple(Held(post_id=post.id, title=post.card.title, reason=claim.reason) for claim, post in pairs if post)


def _second_subject(
    database: Database, found: _Found, newsletter: Newsletter, *, web_base: str | None, templates: Path | None
) -> str | None:
    """Of an issue whose deliveries are not made yet: after that it is decided who gets which."""
    if found.issue.expected is not None or not has_two(found.issue, newsletter, counts=web_base is not None):
        return None
    return _render(database, found, newsletter, web_base=web_base, templates=templates, second=True).subject


def _render(
    database: Database,
    found: _Found,
    newsletter: Newsletter,
    *,
    web_base: str | None,
    templates: Path | None,
    second: bool = False,
) -> Rendered:
    """As it will be sent: under another subject where an earlier issue had this one."""
    mail = render_mail(
        replace(found.issue, content=found.content),
        newsletter,
        language=found.language,
        web_base=web_base,
        templates=templates,
        second=second,
    )
    with database.read() as session:
        (mail,) = apart_from_others(session, found.issue, [mail], languages=[found.language])
    return mail


def _page(found: _Found, newsletter: Newsletter, *, language: str, web_base: str | None, templates: Path | None) -> str:
    web, archive = web_address(web_base, newsletter, found.issue), archive_address(web_base, newsletter)
    return render_page(
        found.issue, newsletter, language=language, url=web, archive_url=archive,
        subscribe_url=subscribe_address(web_base, newsletter), templates=templates,
    ).html  # fmt: skip


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()).replace("\r\n", "\n") if body else ""


def _with_local_pictures(html: str, folder: Path, images: Mapping[str, Path]) -> str:
    def local(found: re.Match[str]) -> str:
        file = images.get(unescape(found[0]))
        if file is None:
            return found[0]
        copy = folder / "images" / file.name
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, copy)
        # The linter looks at the address that the mail has.
        return f'{escape(f"images/{file.name}")}" data-mailed="{found[0]}'

    return _SOURCE.sub(local, html)
