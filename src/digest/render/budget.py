"""How large the HTML may be, and what goes first when it is larger.

Gmail shows the first 102 KB of a message's HTML and hides the rest, the way to unsubscribe with it.
"""

from binascii import b2a_qp
from dataclasses import replace

from digest.render.view import IssueView, LineView

LIMIT = 100_000  # bytes of the HTML part as transferred
MERGED = 3_000  # kept free for the merge fields' values, which are longer than their tokens

_PLAIN, _WORDLESS = 1, 2  # steps


def transferred(html: str) -> int:
    """The bytes of the HTML as quoted-printable UTF-8 (RFC 2045, 6.7), before merging."""
    return len(b2a_qp(html.encode().replace(b"\n", b"\r\n"), istext=True))


def fits(html: str) -> bool:
    """Whether no known client clips it."""
    return transferred(html) <= LIMIT - MERGED


def steps(view: IssueView) -> int:
    """How many times the view can be made smaller."""
    return _WORDLESS + max(len(view.posts) - 1, 0) + len(view.more) + max(len(view.posts) - 1, 0)


def shrink(view: IssueView, step: int) -> IssueView:
    """The view made smaller `step` times, always in the same order; each step is at most as large as the one before.

    Further pictures go first, then excerpts and quotes, then posts become lines of "more posts" from the last one
    up, then lines go and are counted: "and 12 more on the web".
    """
    if step >= _PLAIN:
        view = _each_post(view, pictures=())
    if step >= _WORDLESS:
        view = _each_post(view, lead="", quote="", topics=())
    lined = min(max(step - _WORDLESS, 0), max(len(view.posts) - 1, 0))
    cut = max(step - _WORDLESS - lined, 0)
    view = _to_lines(view, len(view.posts) - lined) if lined else view
    kept = max(len(view.more) - cut, 0)
    return replace(view, more=view.more[:kept], left_out=len(view.more) - kept)


def _each_post(view: IssueView, **changes: object) -> IssueView:
    groups = tuple(
        replace(group, posts=tuple(replace(post, **changes) for post in group.posts))  # type: ignore[arg-type]
        for group in view.groups
    )
    return replace(view, groups=groups)


def _to_lines(view: IssueView, shown: int) -> IssueView:
    """Only the first `shown` posts in full."""
    groups = tuple(
        replace(group, posts=tuple(post for post in group.posts if post.number <= shown)) for group in view.groups
    )
    lines = tuple(
        LineView(title=post.title, link=post.link, facts=(post.source,)) for post in view.posts if post.number > shown
    )
    return replace(view, groups=tuple(group for group in groups if group.posts), more=(*lines, *view.more))
