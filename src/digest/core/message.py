"""Skeleton + recipient → envelope. Our own bytes: a join per reader, of pieces made once per variant.

 skeleton ─▶ join with a reader's headers and values ─▶ the gate ─▶ envelope

The bytes of one delivery are the same on every attempt: Message-ID and links are keyed hashes, the Date is the ledger's.
"""

import re
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

from digest.core.addresses import ascii_address
from digest.core.gate import check_message, check_personal
from digest.core.links import ListLinks, ReaderLinks, derive_key, keyed_hash, list_headers
from digest.core.mime import clean_line, encode_chunk, encode_clean_phrase, encode_text, fold
from digest.core.model import Newsletter
from digest.core.people import Claimed, Envelope, Recipient
from digest.core.skeleton import Skeleton, lay_out

_MARKUP = re.compile("[&<>\"']")
"""What `html.escape` changes; few values have any, and looking costs a quarter of escaping."""

_NEED_NOT_FOLD = 74
"""Characters of a To that fit into a line of 78 with its name."""

__all__ = ["Composer", "MessageIds", "Skeleton", "ascii_address", "check_message", "compose", "lay_out", "message_id"]


class Composer:
    """Makes the messages of one variant: what is the same for all its readers is worked out once."""

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        key: bytes,
        link_key: bytes | None = None,
        base_url: str | None,
        subject_prefix: str = "",
        copy: str = "",
        to_sign: bool = False,
    ) -> None:
        """`key` makes the Message-ID, `link_key` signs the links; without one `key` signs them.

        `to_sign`: with the body as DKIM reads it, made from pieces that all readers share.
        `copy` tells test copies apart from each other and from the delivery: each has its own Message-ID.
        """
        self._skeleton, self._prefix, self._to_sign = skeleton, subject_prefix, to_sign
        self._ids = MessageIds(skeleton.domain, skeleton.issue_id, key=key, copy=copy)
        self._links = ReaderLinks(
            base_url, key=link_key or key, newsletter_id=skeleton.newsletter.id, reply_to=skeleton.reply_to
        )
        self._subject = None if subject_prefix else skeleton.subject_header
        self._wants_preferences = "preferences_url" in {*skeleton.subject[1::2], *(name for name, _ in skeleton.fields)}

    def __call__(self, recipient: Recipient | Claimed, *, dated: datetime) -> Envelope:
        """The message of one reader, gated. `dated` is aware; the same arguments give the same bytes.

        Raises:
            MessageError: the bytes break a rule of the formats.
        """
        reader, links = recipient.subscriber_id, self._links
        address, name = ascii_address(recipient.address), clean_line(recipient.name)
        leave = links.unsubscribe(reader)
        known = {"name": name, "address": clean_line(recipient.address), "unsubscribe_url": leave.best}
        if self._wants_preferences:
            known["preferences_url"] = links.preferences(reader)
        message_id = self._ids.of(reader)
        subject = self._subject or _subject(self._skeleton, known, self._prefix)
        personal = (
            f"{_date_header(dated)}Message-ID: {message_id}\r\n{_to(name, address)}{subject}{_list_headers(leave)}"
        ).encode()
        values: list[bytes] = []
        for field, in_url in self._skeleton.fields:
            value = quote(known[field], safe="@") if in_url else known[field]
            # For text and for HTML, escaped for its text and double-quoted attributes alike, as the renderer quotes.
            text = encode_chunk(value)
            values += (text, encode_chunk(escape(value)) if _MARKUP.search(value) else text)
        check_personal(personal, values)
        skeleton = self._skeleton
        pieces = skeleton.fill(personal, values)
        relaxed = skeleton.fill_relaxed(values) if self._to_sign else None
        return Envelope(skeleton.sender, address, pieces, message_id, dotless=True, relaxed=relaxed)


def compose(skeleton: Skeleton, recipient: Recipient | Claimed, *, dated: datetime, **shared: Any) -> Envelope:
    """One message alone; what `shared` may hold, see `Composer`.

    Raises:
        MessageError: the bytes break a rule of the formats.
    """
    return Composer(skeleton, **shared)(recipient, dated=dated)


class MessageIds:
    """Issue and keyed hash of the subscriber (RFC 5322 §3.6.4): equal on every attempt, tells nobody who it is."""

    def __init__(self, domain: str, issue_id: int, *, key: bytes, copy: str = "") -> None:
        self._issue_id, self._domain, self._copy = issue_id, domain, copy
        self._key = derive_key(key, "message-id")

    def of(self, subscriber_id: int) -> str:
        """With its angle brackets."""
        tag = keyed_hash(self._key, f"{self._issue_id}:{subscriber_id}:{self._copy}", size=15)
        return f"<{self._issue_id}.{tag.hex()}@{self._domain}>"


def message_id(newsletter: Newsletter, issue_id: int, subscriber_id: int, *, key: bytes, copy: str = "") -> str:
    """That of one message, see `MessageIds`."""
    domain = ascii_address(newsletter.sender_address).rpartition("@")[2]
    return MessageIds(domain, issue_id, key=key, copy=copy).of(subscriber_id)


@lru_cache(maxsize=8)
def _date_header(dated: datetime) -> str:
    return fold("Date", format_datetime(dated))


def _subject(skeleton: Skeleton, known: dict[str, str], prefix: str) -> str:
    parts = (known[part] if number % 2 else part for number, part in enumerate(skeleton.subject))
    return fold("Subject", encode_text(prefix + "".join(parts)))


def _to(name: str, address: str) -> str:
    value = f"{encode_clean_phrase(name)} <{address}>" if name else address
    if len(value) <= _NEED_NOT_FOLD and value.isascii():  # most
        return f"To: {value}\r\n"
    return fold("To", value)


def _list_headers(links: ListLinks) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in list_headers(links)])
