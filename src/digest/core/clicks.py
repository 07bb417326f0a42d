"""Links of an issue by number, so that a click says which and not who: `/c/TOKEN` names issue, post and link.

Where a link leads stands in what the issue froze. A token that anybody made leads nowhere, so nobody is sent to a place of
somebody else's choice.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from digest.core.links import Purpose, sign
from digest.core.model import IssueContent

Place = tuple[int, int]
"""A post's id, and which of its links: 0 is its own, the next are those of "also in"."""

CANARY: Place = (0, 0)
"""The link that no reader sees: what follows it follows all of them."""

SECOND = 1_000
"""Added to a link's number in mail that goes out under the second of two subjects (core/subjects)."""


def plain(place: Place) -> Place:
    """The link itself, whatever the subject of the mail that it stood in."""
    return place[0], place[1] % SECOND


def places_of(content: IssueContent) -> Mapping[Place, str]:
    """Every link of the posts, as they are shown."""
    found: dict[Place, str] = {}
    for post in (*content.posts, *content.more):
        links = (post.card.link, *(also.link for also in post.also_in))
        found |= {(post.post_id, number): link for number, link in enumerate(links) if link}
    return found


def click_url(base_url: str, key: bytes, issue_id: int, place: Place) -> str:
    """The address that counts: the same for every reader."""
    return f"{base_url.rstrip('/')}/c/{sign(key, Purpose.CLICK, issue_id, *place)}"


def tagged(url: str, *, source: str, campaign: str) -> str:
    """The link with the three tags that web statistics read; as it is where it has some, or leads to no page."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return url
    if any(name.startswith("utm_") for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return url
    tags = urlencode({"utm_source": source, "utm_medium": "email", "utm_campaign": campaign})
    return urlunsplit(parts._replace(query=f"{parts.query}&{tags}" if parts.query else tags))
