"""A notice's mail: what its kind says, with the links that its reader needs, as a gated and signed message."""

from dataclasses import dataclass
from pathlib import Path

from digest.actions.publish import web_address
from digest.core.links import (
    ListLinks,
    Purpose,
    preferences_url,
    sign_until,
    unsubscribe_links,
)
from digest.core.model import Issue, Newsletter
from digest.core.notice_message import compose_notice
from digest.core.notices import QueuedNotice
from digest.core.people import Envelope, Sign
from digest.core.states import PUBLIC, NoticeKind
from digest.errors import MessageError
from digest.render.compose_view import LONGEST_TITLE, title_of
from digest.render.headline import clip
from digest.render.notice import Notice, NoticePost, render_notice
from digest.render.words import words_for
from digest.store.database import Database, Session
from digest.store.issues import list_issues
from digest.store.moves import Move, find_move
from digest.store.newsletters import newsletter_of_id

MOST_POSTS = 12
"""Of the latest issue, in a welcome."""

STAYS = frozenset({NoticeKind.WELCOME, NoticeKind.ALREADY})
"""Their readers are subscribed: they can leave, and choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bureau:
    """What mails of notices are made with."""

    key: bytes  # of Message-IDs
    link_key: bytes
    base_url: str | None
    templates: Path | None = None
    signer: Sign | None = None


def mail_of(database: Database, notice: QueuedNotice, bureau: Bureau) -> Envelope:
    """The message of a notice: the same bytes on every attempt, as long as templates and newsletter stay.

    Raises:
        MessageError: no message can be made for this address, or there are no pages that its link could open.
        TemplateError: the theme is broken.
    """
    with database.read() as session:
        newsletter = newsletter_of_id(session, notice.newsletter_id)
        latest = _latest(session, newsletter) if notice.kind is NoticeKind.WELCOME else None
        move = find_move(session, notice.subscriber_id)
    reply_to = newsletter.reply_to or newsletter.sender_address
    leave = unsubscribe_links(
        bureau.base_url, key=bureau.link_key, newsletter_id=newsletter.id, subscriber_id=notice.subscriber_id,
        reply_to=reply_to,
    )  # fmt: skip
    choose = preferences_url(
        bureau.base_url, key=bureau.link_key, subscriber_id=notice.subscriber_id, reply_to=reply_to
    )
    stays = notice.kind in STAYS
    language = _language(notice, newsletter)
    rendered = render_notice(
        Notice(
            kind=notice.kind,
            address=notice.address,
            action_url=_action(notice, newsletter, bureau, leave=leave, choose=choose, latest=latest, move=move),
            unsubscribe_url=leave.best if stays else None,
            preferences_url=choose if stays else None,
            archive_url=_archive(newsletter, bureau),
            posts=_posts(latest, language),
        ),
        newsletter,
        language=language,
        templates=bureau.templates,
    )
    return compose_notice(
        rendered, notice_id=notice.id, newsletter=newsletter, address=notice.address, name=notice.name,
        language=language, key=bureau.key, dated=notice.created_at, links=leave if stays else None,
    ).signed(bureau.signer)  # fmt: skip


def latest_address(session: Session, newsletter: Newsletter, base_url: str | None) -> str | None:
    """The page of the latest issue; None where there is none, or it is private."""
    latest = _latest(session, newsletter)
    return web_address(base_url, newsletter, latest) if latest and base_url and not newsletter.private else None


def _action(
    notice: QueuedNotice,
    newsletter: Newsletter,
    bureau: Bureau,
    *,
    leave: ListLinks,
    choose: str,
    latest: Issue | None,
    move: Move | None,
) -> str | None:
    """Where the button leads. A link that ends does so a week after it was asked for, whenever it goes out."""
    match notice.kind:
        case NoticeKind.CONFIRM:
            if not bureau.base_url:
                raise MessageError("web.base_url is not set: there is no page to confirm on", next_step="docs/web.md")
            token = sign_until(
                bureau.link_key, Purpose.CONFIRM, notice.subscriber_id, newsletter.id, now=notice.created_at
            )
            return f"{bureau.base_url.rstrip('/')}/confirm/{token}"
        case NoticeKind.MOVE_FROM | NoticeKind.MOVE_TO:
            if not bureau.base_url or move is None:
                raise MessageError("the change of address is over, or web.base_url is not set", next_step="docs/web.md")
            is_new = int(notice.kind is NoticeKind.MOVE_TO)
            token = sign_until(
                bureau.link_key, Purpose.MOVE, notice.subscriber_id, move.id, is_new, now=notice.created_at
            )
            return f"{bureau.base_url.rstrip('/')}/move/{token}"
        case NoticeKind.WELCOME:
            return web_address(bureau.base_url, newsletter, latest) if latest and not newsletter.private else None
        case NoticeKind.GOODBYE:
            return leave.https
        case _:
            return choose


def _language(notice: QueuedNotice, newsletter: Newsletter) -> str:
    offered = {newsletter.language, *newsletter.languages}
    return notice.language if notice.language in offered and notice.language else newsletter.language


def _archive(newsletter: Newsletter, bureau: Bureau) -> str | None:
    is_there = bureau.base_url and not newsletter.private
    return f"{(bureau.base_url or '').rstrip('/')}/archive/{newsletter.slug}" if is_there else None


def _latest(session: Session, newsletter: Newsletter) -> Issue | None:
    newest = list_issues(session, newsletter_id=newsletter.id, states=PUBLIC, limit=1)
    return newest[0] if newest else None


def _posts(latest: Issue | None, language: str) -> tuple[NoticePost, ...]:
    if latest is None or latest.content is None:
        return ()
    words, content = words_for(language), latest.content
    return tuple(
        NoticePost(clip(title_of(one, content, words=words), LONGEST_TITLE), one.card.link)
        for one in content.posts[:MOST_POSTS]
    )
