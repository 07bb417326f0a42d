"""Two readers of one newsletter and one week: what each chose, and the mail that each gets. The picture in README is taken of it."""

from collections.abc import Mapping
from datetime import timedelta

from digest.actions.admit import admit_posts
from digest.actions.preview import preview_issue
from digest.actions.publish import publish
from digest.actions.topics import add_topic
from digest.store import claims, schema
from digest.store.database import Database, Session
from digest.store.newsletters import newsletter_of_id
from tests import cast
from tests.cast import NOW

READERS: Mapping[str, tuple[list[str], str]] = {
    "anna": (["garden", "kitchen"], "en"),
    "jonas": (["repairs", "walks"], "de"),
}
"""Topics and language."""
HOST = "https://2.bp.blogspot.com/-Zp4xHn7Theap/s1600"
WEEK = (  # title, topic, lead, picture
    ("Why the compost went cold", "garden", "Eleven degrees, in August. We turned it, we watered it, and found what was missing: air.",
     ("heap-thermometer.jpg", 1600, 1200)),
    ("A new roof for the shed", "repairs", "Four of us, two ladders and one afternoon. The felt is down, the battens are on, the kettle was next.",
     ("shed-roof-felt.jpg", 1600, 1067)),
    ("Runner beans, three ways", "kitchen", "Picked in the morning, eaten at noon: with lemon, with tomatoes, and cold with mustard.", None),
    ("Along the mill stream at dawn", "walks", "An hour, flat, no stiles. The kingfisher was there on two mornings of three.", None),
    ("Sharpening shears without a grindstone", "repairs", "A diamond file, a vice and ten minutes; and the one angle that matters.", None),
    ("Ladybirds that came for it", "garden", "The blackfly was thick on the broad beans. A week later there was nothing left to spray.",
     ("ladybird.jpg", 1200, 1200)),
    ("Bread in a cast-iron pot", "kitchen", "No kneading, one night of patience, and a crust that sings when it cools.", None),
    ("The old railway path, all of it", "walks", "Fourteen miles, two tunnels, one café. Take a lamp.", None),
)  # fmt: skip


def two_mails(database: Database) -> dict[str, str]:
    """The HTML that each of the two is sent of the same issue, by name."""
    schema.upgrade(database)
    with database.write() as session:
        newsletter = cast.add_newsletter(
            session, name="The Lower Mill Week", languages=["de"], zone="Europe/London", group_by="topic"
        )
    with database.read() as session:
        owner = newsletter_of_id(session, newsletter)
    for slug in dict.fromkeys(topic for _, topic, _, _ in WEEK):
        add_topic(database, owner, slug, name=None, now=NOW)
    with database.write() as session:
        _fill(session, newsletter)
    (issue,) = publish(database, now=NOW)
    mails = {}
    for name in READERS:
        made = preview_issue(
            database,
            key=cast.KEY,
            now=NOW,
            number=issue.number,
            reader=f"{name}@example.org",
            web_base="https://news.example",
        )
        mails[name] = made.rendered.html
    return mails


def _fill(session: Session, newsletter: int) -> None:
    cast.add_cadence(session, newsletter, started_at=NOW - timedelta(days=6))
    source = cast.add_source(session, newsletter, title="Lower Mill Notes")
    for number, (title, topic, lead, picture) in enumerate(WEEK):
        pictures = (
            [{"src": f"{HOST}/{picture[0]}", "width": picture[1], "height": picture[2], "alt": title}]
            if picture
            else []
        )
        card = {"title": title, "link": f"https://blog.example/{number}", "topics": [topic.capitalize()], "lead": lead, "minutes": 3 + number % 4,
                "pictures": pictures}  # fmt: skip
        cast.add_post(
            session, source, title, title=title, card=card, effective_at=NOW - timedelta(hours=9 + 14 * number)
        )
    admit_posts(session, source_id=source, posts=claims.backlog(session, source_id=source), first_look=False, now=NOW)
    for name, (topics, language) in READERS.items():
        person = cast.add_subscriber(session, f"{name}@example.org", name=name.capitalize(), language=language)
        cast.add_subscription(session, newsletter, person, topics=topics)
