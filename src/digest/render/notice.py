"""Mails about a subscription, in the newsletter's design: please confirm, welcome, goodbye.

They go to one person each, so they are rendered for that person: there is nothing left to merge.
"""

from dataclasses import dataclass, field
from pathlib import Path

from digest.core.model import Newsletter, Rendered
from digest.core.states import NoticeKind
from digest.render.clean import clean_line, clean_link
from digest.render.headline import SHORTEST_PREHEADER, clip
from digest.render.look import look_of
from digest.render.trace import lay_out
from digest.render.view import LinkView, NoticeView
from digest.render.words import Words, words_for

__all__ = ["Notice", "NoticeKind", "NoticePost", "render_notice"]

HTML_TEMPLATE, TEXT_TEMPLATE = "notice.mjml.j2", "notice.txt.j2"


@dataclass(frozen=True, slots=True)
class NoticePost:
    """A post of the latest issue, in a welcome."""

    title: str
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a notice says, and to whom. `action_url` is the button's: confirm, read the latest issue, come back."""

    kind: NoticeKind
    address: str = field(repr=False)
    action_url: str | None = field(default=None, repr=False)  # without one there is no button
    unsubscribe_url: str | None = field(default=None, repr=False)
    preferences_url: str | None = field(default=None, repr=False)
    archive_url: str | None = None
    posts: tuple[NoticePost, ...] = ()  # of the latest issue


def render_notice(notice: Notice, newsletter: Newsletter, *, language: str, templates: Path | None = None) -> Rendered:
    """The notice in a language (BCP 47), without open merge fields; `templates` is the user's own folder of them.

    Raises:
        TemplateError: the theme is unknown, a variable wrong, a template broken.
    """
    look = look_of(newsletter.theme, newsletter.theme_variables, templates)
    words = words_for(language)
    view = _compose(notice, newsletter, words)
    values = {"issue": view, **words.names}
    html = lay_out(look, HTML_TEMPLATE, values)
    text = look.fill(TEXT_TEMPLATE, values)
    return Rendered(subject=view.subject, preheader=view.preheader, html=html, text=text)


def _compose(notice: Notice, newsletter: Newsletter, words: Words) -> NoticeView:
    names = {"newsletter": clean_line(newsletter.name), "address": clean_line(notice.address)}
    subject, heading, said, button, small, why = (text.format(**names) for text in _texts(notice.kind, words))
    link = clean_link(notice.action_url)
    return NoticeView(
        language=words.language,
        direction=words.direction,
        name=names["newsletter"],
        subject=subject,
        preheader=clip(said if len(said) >= SHORTEST_PREHEADER else f"{heading}: {said}", 130),
        heading=heading,
        words=said,
        button=LinkView(text=button, link=link) if link else None,
        posts_heading=words._("In the latest issue") if notice.posts else "",
        posts=tuple(LinkView(text=clean_line(one.title), link=clean_link(one.link)) for one in notice.posts),
        small=small,
        why=why,
        sender=clean_line(newsletter.sender_name),
        postal_address=clean_line(newsletter.postal_address),
        site_url=clean_link(newsletter.site_url),
        archive_url=clean_link(notice.archive_url),
        unsubscribe_url=clean_link(notice.unsubscribe_url),
        preferences_url=clean_link(notice.preferences_url),
    )


def _texts(kind: NoticeKind, words: Words) -> tuple[str, str, str, str, str, str]:
    """Subject, heading, words, button, small print, why it came; their fields open."""
    asked = words._("You get this email because a subscription to {newsletter} was asked for with {address}.")
    if kind is NoticeKind.CONFIRM:
        return (
            words._("Please confirm: {newsletter}"),
            words._("One more step"),
            words._(
                "Somebody, we hope you, asked to get {newsletter} at {address}. Nothing is sent to you until you confirm it."
            ),
            words._("Confirm subscription"),
            words._("If it was not you, do nothing: we forget this address within two weeks."),
            asked,
        )
    if kind is NoticeKind.WELCOME:
        return (
            words._("Welcome to {newsletter}"),
            words._("Welcome to {newsletter}"),
            words._(
                "You are subscribed to {newsletter} with {address}. The next issue comes by itself; you can leave or change it at any time."
            ),
            words._("Read the latest issue"),
            "",
            words._("You get this email because you subscribed to {newsletter} with {address}."),
        )
    if kind in {NoticeKind.MOVE_FROM, NoticeKind.MOVE_TO}:
        return (
            words._("Please confirm your new address"),
            words._("One more step"),
            words._(
                "Somebody, we hope you, asked that {newsletter} come to another address. It is changed once you have confirmed it from your old address and from the new one."
            ),
            words._("Confirm the change"),
            words._("If it was not you, do nothing: nothing is changed."),
            words._("You get this email because somebody asked to change the address for {newsletter}."),
        )
    if kind is NoticeKind.ALREADY:
        return (
            words._("You get {newsletter} already"),
            words._("You are subscribed already"),
            words._(
                "Somebody, we hope you, asked to get {newsletter} at {address}. You get it already, and nothing has changed."
            ),
            words._("Change preferences"),
            words._("If it was not you, do nothing."),
            asked,
        )
    return (
        words._("You have left {newsletter}"),
        words._("Goodbye"),
        words._("No more issues of {newsletter} will come to {address}. If that was a mistake, you can come back."),
        words._("Subscribe again"),
        "",
        words._("You get this email because {address} was unsubscribed from {newsletter}."),
    )
