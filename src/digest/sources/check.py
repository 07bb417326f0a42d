"""A feed as plain values: what was understood of a source, for people and programs to judge."""

from datetime import UTC, datetime
from typing import Any

from digest.core.model import Feed, ParsedPost, Picture


def describe_feed(feed: Feed) -> dict[str, Any]:
    """The feed's title and its posts in document order; dates in UTC to the second, unknown values null."""
    return {
        "title": feed.title,
        "url": feed.url,
        "home": feed.home,
        "format": feed.format,
        "language": feed.language,
        "problems": list(feed.problems),
        "posts": [describe_post(post) for post in feed.posts],
    }


def describe_post(post: ParsedPost) -> dict[str, Any]:
    """One post. `link` is as the source wrote it, made absolute; mails show it without tracking parameters."""
    card = post.card
    return {
        "id": post.guid or post.key,
        "title": card.title,
        "title_made": card.title_made,
        "link": post.link,
        "published": _utc(post.published),
        "updated": _utc(post.updated),
        "author": card.author,
        "topics": list(card.topics),
        "language": card.language,
        "lead": card.lead,
        "image": _picture(card.image) if card.image else None,
        "minutes": card.minutes,
    }


def _picture(picture: Picture) -> dict[str, Any]:
    """The lead picture as the post shows it; an alt text that the caption stands in for is none of the post's."""
    return {
        "src": picture.src,
        "width": picture.width,
        "height": picture.height,
        "alt": "" if picture.alt_made else picture.alt,
        "caption": picture.caption,
        "full": picture.full,
    }


def _utc(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
