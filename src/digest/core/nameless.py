"""What a post is called that has neither title nor words: "Photo, 2017-08-11", and its readers' own words for it in a mail."""

import re
from datetime import date
from typing import Literal

from digest.core.model import Card

Kind = Literal["Photo", "Post"]
_NAME = re.compile(r"(Photo|Post)(?:, \d{4}-\d\d-\d\d)?")


def call(kind: Kind, day: date | None) -> str:
    """What the admin sees, and what tells it from the others: what it is and its day."""
    return f"{kind}, {day.isoformat()}" if day else kind


def kind_of(card: Card) -> Kind | None:
    """What it is, if it is called by that; None where the title, or words that it has, say more."""
    found = _NAME.fullmatch(card.title) if card.title_made and not card.lead else None
    return ("Photo" if found[1] == "Photo" else "Post") if found else None
