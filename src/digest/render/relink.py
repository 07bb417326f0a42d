"""Other addresses for the posts' links: those that count clicks, and those that say where a visitor came from."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from digest.render.view import GroupView, IssueView, LineView, LinkView, PostView

Change = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRules:
    """What becomes of a post's link, already clean. Both parts of a mail need not agree."""

    in_html: Change
    in_text: Change
    canary: str | None = None  # a link in the HTML that nobody sees


def relinked(view: IssueView, change: Change, *, canary: str | None = None) -> IssueView:
    """The view with changed links of posts, of "also in" and of "more posts"; all others stay."""

    def link(url: str | None) -> str | None:
        return change(url) if url else None

    def of_post(post: PostView) -> PostView:
        also = tuple(LinkView(text=one.text, link=link(one.link)) for one in post.also_in)
        return replace(post, link=link(post.link), also_in=also)

    groups = tuple(
        GroupView(kind=group.kind, label=group.label, posts=tuple(of_post(post) for post in group.posts))
        for group in view.groups
    )
    more = tuple(LineView(title=line.title, link=link(line.link), facts=line.facts) for line in view.more)
    return replace(view, groups=groups, more=more, canary_url=canary)
