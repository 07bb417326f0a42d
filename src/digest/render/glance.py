"""An issue at a glance: what lists and feeds say of it, in words for everybody."""

from dataclasses import dataclass

from digest.core.model import Issue, Newsletter
from digest.render.compose_view import compose_view

PICTURE_WIDTH = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A post in a feed's entry."""

    title: str
    link: str | None
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What an issue is about. Plain text."""

    number: int
    title: str
    span: str
    summary: str
    preheader: str
    language: str
    image: str | None  # the first post's picture
    posts: tuple[Told, ...]  # those of "more posts" too, without leads


def glance_at(issue: Issue, newsletter: Newsletter) -> Glance:
    """The glance, in the issue's own language.

    Raises:
        ValueError: the issue has no frozen content.
    """
    if issue.content is None:
        raise ValueError(f"issue {issue.id} has no content")
    language = issue.content.language or newsletter.language
    view = compose_view(issue.content, newsletter, key=issue.merge_key, language=language, width=PICTURE_WIDTH)
    posts = [Told(title=post.heading, link=post.link, lead=post.lead) for post in view.posts]
    posts += [Told(title=line.title, link=line.link, lead="") for line in view.more]
    return Glance(
        number=view.number, title=view.title, span=view.span, summary=view.summary, preheader=view.preheader,
        language=language, image=next((post.image.src for post in view.posts if post.image), None), posts=tuple(posts),
    )  # fmt: skip
