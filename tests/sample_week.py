"""The sample blog's week in a database: the newsletter, its cadence, its posts with their claims."""

from datetime import UTC, datetime

from sqlmodel import Session

from digest.actions.admit import admit_posts
from digest.paths import sample
from digest.sources.feed import parse_feed
from digest.store.posts import add_posts
from tests import cast

FEED = "https://lowermillplots.blogspot.com/feeds/posts/default"
SATURDAY = datetime(2017, 8, 12, 20, tzinfo=UTC)
MONDAY = datetime(2017, 8, 14, 7, 5, tzinfo=UTC)


def add_week(session: Session, *, now: datetime = SATURDAY) -> int:
    """The sample's posts as seen at `now` for the newsletter "weekly" of `tests.cast`; returns its id."""
    newsletter = cast.add_newsletter(session)
    cast.add_cadence(session, newsletter, started_at=datetime(2017, 8, 9, tzinfo=UTC))
    feed = parse_feed(sample("blogger-sample.atom").read_bytes(), url=FEED)
    source = cast.add_source(session, newsletter, url=FEED, title=feed.title)
    posts = add_posts(session, source, feed.posts, positions=range(len(feed.posts)), now=now)
    admit_posts(session, source_id=source, posts=posts, first_look=False, now=now)
    return newsletter
