"""A newsletter's topics: add, remove. Readers choose among them; which posts they hold is not decided here."""

from datetime import datetime

from digest.actions.newsletters import check_slug
from digest.core.lines import is_line
from digest.core.model import Newsletter, Topic
from digest.errors import UsageError
from digest.store import topics as store
from digest.store.database import Database
from digest.store.events import record


def add_topic(database: Database, newsletter: Newsletter, slug: str, *, name: str | None, now: datetime) -> Topic:
    """A new topic; without a name its slug is made one.

    Raises:
        UsageError: the slug cannot stand in a link, or the name is not one printable line.
        Conflict: there is one of this slug.
    """
    check_slug(slug)
    name = slug.replace("-", " ").capitalize() if name is None else name.strip()
    if not is_line(name):
        raise UsageError("the name is empty or not one printable line", next_step='give one like --name "Food"')
    with database.write() as session:
        topic = store.add_topic(session, newsletter.id, slug=slug, name=name, now=now)
        record(session, "topic.added", at=now, newsletter_id=newsletter.id, topic=slug)
        return topic


def remove_topic(database: Database, newsletter: Newsletter, slug: str, *, now: datetime) -> int:
    """Remove a topic; who had chosen it keeps their others, or gets all again. How many had chosen it.

    Raises:
        NotFound: there is none of this slug.
    """
    with database.write() as session:
        count = store.remove_topic(session, store.get_topic(session, newsletter.id, slug))
        record(session, "topic.removed", at=now, newsletter_id=newsletter.id, topic=slug, chosen_by=count)
        return count
