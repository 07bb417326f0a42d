"""What a reader agrees to when they sign up, word by word: it is shown, and it is kept."""

from typing import NamedTuple

from digest.core.model import Newsletter
from digest.render.clean import clean_line
from digest.render.words import words_for

VERSION = 1
"""Another one with every change of these words."""


class ConsentText(NamedTuple):
    """The words as they are shown, and which ones they are: "1-de"."""

    text: str
    version: str


def consent_text(newsletter: Newsletter, *, language: str) -> ConsentText:
    """The words of a newsletter in a language (BCP 47)."""
    words = words_for(language)
    text = words._(
        "Yes, send me {newsletter} by email. {sender} uses my address for nothing else, and I can leave at any time by the link in every issue."
    )
    told = text.format(newsletter=clean_line(newsletter.name), sender=clean_line(newsletter.sender_name))
    return ConsentText(told, f"{VERSION}-{words.language}")
