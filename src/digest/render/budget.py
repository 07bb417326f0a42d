"""How large the HTML may be, and what goes first when it is larger.

Gmail shows the first 102 KB of a message's HTML and hides the rest, the way to unsubscribe with it.
"""

from binascii import b2a_qp
from dataclasses import replace

from digest.core.model import Fitted
from digest.render.view import IssueView, LineView, PostView

LIMIT = 100_000  # bytes of the HTML part as transferred
_PLAIN = bytes(range(33, 61)) + bytes(range(62, 127)) + b" "
MERGED = 3_000  # kept free for the merge fields' values, which are longer than their tokens


def transferred(html: str) -> int:
    """The bytes of the HTML as quoted-printable UTF-8 (RFC 2045, 6.7), before merging."""
    return len(b2a_qp(html.encode().replace(b"\n", b"\r\n"), istext=True))


def fits(html: str) -> bool:
    """Whether no known client clips it."""
    octets = html.encode()
    # What is not plain grows to three bytes, and a soft break (=CRLF) ends lines of 76: mostly that tells enough.
    most = (len(octets) + 2 * len(octets.translate(None, _PLAIN))) * 1.05
    return most <= LIMIT - MERGED or transferred(html) <= LIMIT - MERGED


def steps(view: IssueView) -> int:
    """How many times the view can be made smaller."""
    posts = len(view.posts)
    return max(posts + posts // 2 - 1, 0) + posts - 1 + len(view.more) if posts else len(view.more)


def shrink(view: IssueView, step: int) -> IssueView:
    """The view made smaller `step` times, always in the same order; each step is at most as large as the one before.

    From the last post up, posts lose their pictures and quotes; once half of them have, the last ones become lines of
    "more posts", one a step; the first is never less than its words. Then lines go from the end, and are counted: "and
    12 more on the web".
    """
    posts = len(view.posts)
    shortening = min(step, max(posts + posts // 2 - 1, 0))
    full = posts - min(posts, shortening)
    shown = max(posts - max(0, shortening - (posts + 1) // 2), min(posts, 1))
    view = _shortened(view, full=full, shown=shown)
    kept = max(len(view.more) - (step - shortening), 0)
    return replace(view, more=view.more[:kept], left_out=len(view.more) - kept)


def describe(view: IssueView, *, full: int) -> Fitted:
    """What became of the posts of a view that had `full` of them in full."""
    plain = sum(1 for post in view.posts if post.shortened)
    return Fitted(
        full=len(view.posts) - plain, without_pictures=plain, lines=full - len(view.posts), left_out=view.left_out
    )


def _shortened(view: IssueView, *, full: int, shown: int) -> IssueView:
    """The first `full` posts as they are, those up to `shown` without pictures, the others as lines."""
    groups = tuple(
        replace(
            group,
            posts=tuple(post if post.number <= full else _plain(post) for post in group.posts if post.number <= shown),
        )
        for group in view.groups
    )
    lines = tuple(
        LineView(title=post.title, link=post.link, facts=(post.source,)) for post in view.posts if post.number > shown
    )
    return replace(view, groups=tuple(group for group in groups if group.posts), more=(*lines, *view.more))


def _plain(post: PostView) -> PostView:
    return replace(post, image=None, pictures=(), quote="", topics=(), shortened=True)
