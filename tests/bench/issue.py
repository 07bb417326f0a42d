"""The issue that every sender of the delivery benchmark sends: twenty posts, HTML and text, about 53 KB as a message.

One template for all: digest gets it rendered once with merge tokens, the naive sender renders it for each reader.
"""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import mjml
from sqlalchemy import insert

from digest.clock import system_clock
from digest.core.addresses import address_hash
from digest.core.merge import FIELDS, token
from digest.core.states import IssueState, SubscriptionState
from digest.store.database import Database
from digest.store.people_tables import SubscriberRow, SubscriptionRow
from tests import cast

POSTS = 20
MERGE_KEY = "k3y"
NAMES = (
    "Anna Berg",
    "Ben Okafor",
    "Émile Durand",
    "Zoë Łukasz",
    "Ирина Петрова",
    "José Ñandú",
    "Siân Rhys",
    "D'Arcy O'Neill",
)
_WORDS = [
    "bean",
    "cane",
    "plot",
    "weather",
    "garden",
    "river",
    "stone",
    "letter",
    "morning",
    "harvest",
    "copper",
    "lantern",
    "orchard",
    "window",
    "bridge",
    "paper",
    "winter",
    "kitchen",
    "bread",
    "meadow",
    "harbour",
    "engine",
    "music",
    "market",
    "signal",
    "forest",
    "pencil",
    "thunder",
    "corner",
    "summer",
]
_CHUNK = 5_000
_FOLDER = Path(__file__).parent


def templates() -> tuple[jinja2.Template, jinja2.Template]:
    """The MJML and the text, compiled."""
    loader = jinja2.FileSystemLoader(_FOLDER)
    as_markup = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    as_text = jinja2.Environment(loader=loader, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return as_markup.get_template("issue.mjml.j2"), as_text.get_template("issue.txt.j2")


def posts() -> list[dict[str, str]]:
    """Twenty, the same each time."""
    dice = random.Random(3)

    def say(words: int) -> str:
        return " ".join(dice.choice(_WORDS) for _ in range(words)).capitalize()

    return [
        {
            "title": say(6),
            "link": f"https://blog.example/2026/11/{number}-{dice.randrange(10**9)}.html",
            "picture": f"https://blog.example/pictures/{dice.randrange(10**9)}.jpg",
            "byline": f"{say(2)} · {number + 1} November · {say(1)}",
            "excerpt": say(29) + ".",
        }
        for number in range(POSTS)
    ]


def render(reader: Mapping[str, str]) -> tuple[str, str]:
    """HTML and text for one reader, or for all where the reader is made of tokens."""
    markup, text = templates()
    given: dict[str, Any] = {"reader": reader, "posts": posts()}
    return mjml.mjml2html(markup.render(given)), text.render(given)


def prepare(database: Database, recipients: int) -> int:
    """A migrated database gets the issue, rendered and `sending`, and its subscribers. The issue's id."""
    now = system_clock()
    html, text = render({field: token(MERGE_KEY, field) for field in FIELDS})
    with database.write() as session:
        newsletter = cast.add_newsletter(session, created_at=now)
        cadence = cast.add_cadence(session, newsletter, started_at=now)
        company = cast.Cast(newsletter=newsletter, cadence=cadence, anna=0, ben=0, carl=0, dora=0)
        issue = cast.add_issue(
            session, company, state=IssueState.SENDING, due_at=now, created_at=now, merge_key=MERGE_KEY
        )
        cast.add_variant(session, issue, subject="The Weekly: twenty posts", html=html, text=text)
    for first in range(0, recipients, _CHUNK):
        numbers = range(first, min(first + _CHUNK, recipients))
        _add_subscribers(database, newsletter, numbers)
    return issue


def _add_subscribers(database: Database, newsletter: int, numbers: range) -> None:
    now = system_clock()
    with database.write() as session:
        people = insert(SubscriberRow.__table__).returning(SubscriberRow.__table__.c.id)
        ids = session.execute(people, [_person(number) | {"created_at": now} for number in numbers]).scalars()
        tie = {
            "newsletter_id": newsletter,
            "state": str(SubscriptionState.ACTIVE),
            "topics": [],
            "consent_at": now,
            "consent_how": "form",
            "confirmed_at": now,
            "created_at": now,
        }
        session.execute(insert(SubscriptionRow.__table__), [tie | {"subscriber_id": found} for found in ids])


def _person(number: int) -> dict[str, str]:
    address = f"reader{number}@mail{number % 500}.example"
    return {
        "address": address,
        "address_key": address,  # what addresses.address_key would make of it
        "address_hash": address_hash(cast.KEY, address),
        "name": NAMES[number % len(NAMES)],
    }
