"""What a source gave of one post → the post with its card (docs/sources.md, Cards).

markup ─▶ tame ─▶ blocks, pictures ─▶ lead, title, quote, minutes
               └▶ allow-list ─▶ html
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from digest.core.model import Card, ParsedPost, Picture
from digest.sources.body import Body, read_body
from digest.sources.clean import clean_html, collapse, tame
from digest.sources.excerpt import detect_language, language_tag, lead, made_title, quote, reading_minutes
from digest.sources.links import canonical_link, clean_link, is_web
from digest.sources.pictures import rank


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPost:
    """One item before its markup is read. Every format's reader makes these."""

    guid: str | None = None
    title: str = ""  # text on one line, empty where there is none
    link: str | None = None  # as written, absolute where a base is known
    direct: str | None = None  # past a proxy such as FeedBurner's, where the source says so
    markup: str = ""
    bases: tuple[str | None, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    date_raw: str | None = None
    author: str | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None
    extras: tuple[Picture, ...] = ()  # pictures beside the body, used where it has none
    leading: Picture | None = None  # a picture that its author chose to lead
    note: bool = False

    @property
    def shown(self) -> str | None:
        """The address that readers get; never a relative one or another scheme."""
        link = self.direct or self.link
        return link if link and is_web(link) else None

    @property
    def is_empty(self) -> bool:
        """Nothing to show and nothing to know it by (P5)."""
        return not (self.title or self.link or self.guid or self.markup.strip())


def make_post(raw: RawPost, *, key: str, other_keys: tuple[str, ...], home: str | None, zone: str) -> ParsedPost:
    """Read the body once; all that a reader sees comes from there."""
    body = read_body(raw.markup, *raw.bases)
    text = body.text
    card = _card(raw, body, text, home=home, zone=zone)
    return ParsedPost(
        guid=raw.guid,
        key=key,
        other_keys=other_keys,
        card=card,
        link=raw.link,
        canonical=canonical_link(raw.shown, home=home, keep_fragment=not raw.title) if raw.shown else None,
        published=raw.published,
        updated=raw.updated,
        date_raw=raw.date_raw,
        text=body.letter if raw.note else text,
        html=clean_html(tame(raw.markup), *raw.bases) if raw.note else "",  # nothing else of it is mailed as markup
        body_hash=_hash(card.title, card.link, text),
        note=raw.note,
    )


def _card(raw: RawPost, body: Body, text: str, *, home: str | None, zone: str) -> Card:
    language = language_tag(raw.language) or detect_language(text)
    pictures = _pictures(raw, body)
    title = raw.title or made_title(
        body, pictures=pictures, at=raw.published or raw.updated, zone=zone, language=language
    )
    return Card(
        title=title,
        title_made=not raw.title,
        link=clean_link(raw.shown, home=home) if raw.shown else None,
        author=raw.author,
        topics=_distinct(raw.topics),
        language=language,
        lead=lead(body, language=language, title=raw.title),
        quote=quote(body),
        pictures=pictures,
        minutes=reading_minutes(text),
    )


def _pictures(raw: RawPost, body: Body) -> tuple[Picture, ...]:
    """The lead first, then every captioned one."""
    ranked = rank(body.found) or raw.extras[:1]
    if raw.leading is None:
        return ranked
    return (raw.leading, *(one for one in ranked if one.caption and one.src != raw.leading.src))


def _distinct(topics: tuple[str, ...]) -> tuple[str, ...]:
    """Each topic once, however it is capitalised, in the order given."""
    seen: dict[str, str] = {}
    for topic in map(collapse, topics):
        if topic:
            seen.setdefault(topic.casefold(), topic)
    return tuple(seen.values())


def _hash(*parts: str | None) -> str:
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()
