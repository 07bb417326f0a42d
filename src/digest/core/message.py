"""Skeleton + recipient → envelope. Our own bytes: a join per reader, of pieces made once per variant.

 skeleton ─▶ join with a reader's headers and values ─▶ the gate ─▶ envelope

The bytes of one delivery are the same on every attempt: Message-ID and links are keyed hashes, the Date is the ledger's.
"""

import re
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from urllib.parse import quote

from digest.core.addresses import ascii_address
from digest.core.gate import check_message, check_personal
from digest.core.links import ListLinks, derive_key, keyed_hash, list_headers, preferences_url, unsubscribe_links
from digest.core.mime import clean_line, encode_chunk, encode_text, header, is_plain_phrase, mailbox
from digest.core.model import Newsletter
from digest.core.people import Envelope, Recipient
from digest.core.skeleton import Skeleton, lay_out

_MARKUP = re.compile("[&<>\"']")
"""What `html.escape` changes; few values have any, and looking costs a quarter of escaping."""

__all__ = ["Skeleton", "ascii_address", "check_message", "compose", "lay_out", "message_id"]


def compose(
    skeleton: Skeleton,
    recipient: Recipient,
    *,
    key: bytes,
    link_key: bytes | None = None,
    base_url: str | None,
    dated: datetime,
    subject_prefix: str = "",
    copy: str = "",
    to_sign: bool = False,
) -> Envelope:
    """The message of one reader, gated. `dated` is aware; the same arguments give the same bytes.

    `key` makes the Message-ID, `link_key` signs the links; without one `key` signs them.
    `to_sign`: with the body as DKIM reads it, made from pieces that all readers share.

    `copy` tells test copies apart from each other and from the delivery: each has its own Message-ID.

    Raises:
        MessageError: the bytes break a rule of the formats.
    """
    address, name = ascii_address(recipient.address), clean_line(recipient.name)
    link_key = link_key or key
    links = unsubscribe_links(
        base_url,
        key=link_key,
        newsletter_id=skeleton.newsletter.id,
        subscriber_id=recipient.subscriber_id,
        reply_to=skeleton.reply_to,
    )

    def value_of(field: str) -> str:
        match field:
            case "name":
                return name
            case "address":
                return clean_line(recipient.address)
            case "unsubscribe_url":
                return links.best
            case _:
                return preferences_url(
                    base_url, key=link_key, subscriber_id=recipient.subscriber_id, reply_to=skeleton.reply_to
                )

    mid = _message_id(skeleton.domain, skeleton.issue_id, recipient.subscriber_id, key=key, copy=copy)
    personal = b"".join(
        (
            _date_header(dated),
            f"Message-ID: {mid}\r\n".encode(),
            _to(name, address),
            _subject(skeleton, value_of, subject_prefix),
            _list_headers(links),
        )
    )
    values = [
        encoded
        for field, in_url in skeleton.fields
        for encoded in _encode(quote(value_of(field), safe="@") if in_url else value_of(field))
    ]
    check_personal(personal, values)
    message = skeleton.join(personal, values)
    relaxed = skeleton.join_relaxed(values) if to_sign else None
    return Envelope(
        sender=skeleton.sender, recipient=address, message=message, message_id=mid, dotless=True, relaxed=relaxed
    )


def message_id(newsletter: Newsletter, issue_id: int, subscriber_id: int, *, key: bytes, copy: str = "") -> str:
    """Issue and keyed hash of the subscriber (RFC 5322 §3.6.4): equal on every attempt, tells nobody who it is."""
    domain = ascii_address(newsletter.sender_address).rpartition("@")[2]
    return _message_id(domain, issue_id, subscriber_id, key=key, copy=copy)


def _message_id(domain: str, issue_id: int, subscriber_id: int, *, key: bytes, copy: str) -> str:
    tag = keyed_hash(derive_key(key, "message-id"), f"{issue_id}:{subscriber_id}:{copy}", size=15)
    return f"<{issue_id}.{tag.hex()}@{domain}>"


@lru_cache(maxsize=8)
def _date_header(dated: datetime) -> bytes:
    return header("Date", format_datetime(dated))


def _subject(skeleton: Skeleton, value_of: Callable[[str], str], prefix: str) -> bytes:
    if skeleton.subject_header and not prefix:
        return skeleton.subject_header
    parts = (value_of(part) if number % 2 else part for number, part in enumerate(skeleton.subject))
    return header("Subject", encode_text(prefix + "".join(parts)))


def _to(name: str, address: str) -> bytes:
    plain = f"To: {name} <{address}>\r\n"  # most names; 80 octets with the line break
    if len(plain) <= 80 and is_plain_phrase(name) and address.isascii():
        return plain.encode()
    return header("To", mailbox(name, address))


def _list_headers(links: ListLinks) -> bytes:
    return b"".join([f"{name}: {value}\r\n".encode() for name, value in list_headers(links)])


def _encode(value: str) -> tuple[bytes, bytes]:
    """For text and for HTML, escaped for its text and double-quoted attributes alike, as the renderer quotes."""
    text = encode_chunk(value)
    return text, encode_chunk(escape(value)) if _MARKUP.search(value) else text
