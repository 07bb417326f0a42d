"""Rendered + recipient → envelope. Our own bytes: a skeleton once per variant, then a join per reader.

 rendered ─▶ skeleton (headers, parts, open fields) ─▶ join with a reader's values ─▶ bytes ─▶ the gate

multipart/alternative, text first, quoted-printable UTF-8, CRLF only (RFC 5322, 2045, 2046). The bytes of one delivery
are the same on every attempt: Message-ID and links are keyed hashes, the Date is the ledger's.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape

import idna

from digest.core.gate import check_message
from digest.core.links import ListLinks, derive_key, list_headers, preferences_url, unsubscribe_links
from digest.core.merge import FIELDS
from digest.core.mime import clean_line, encode_chunk, encode_phrase, encode_text, header, mailbox
from digest.core.model import Newsletter, Rendered
from digest.core.people import Envelope, Recipient
from digest.errors import MessageError

__all__ = ["Skeleton", "check_message", "compose", "lay_out", "message_id"]

Piece = str | bytes
"""Bytes as they go out, or the name of an open field."""

_UNSAFE_ADDRESS = re.compile(r"[\x00-\x20\x7f<>()\[\],;:\\\"]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """One variant of an issue as pieces. Nothing in it depends on the reader but the open fields."""

    newsletter: Newsletter
    issue_id: int
    subject: tuple[str, ...]  # literal and field by turns
    head: bytes  # the headers that all readers share
    text: tuple[Piece, ...]
    html: tuple[Piece, ...]
    boundary: bytes
    reply_to: str


def lay_out(rendered: Rendered, *, newsletter: Newsletter, issue_id: int, merge_key: str, language: str) -> Skeleton:
    """The skeleton of a variant. `merge_key` is the issue's: only its fields are open, others are text.

    Raises:
        MessageError: an unknown merge field, or an address that cannot stand in a header.
    """
    digest = hashlib.sha256(f"{merge_key}:{issue_id}:{language}".encode()).hexdigest()
    boundary = f"=_{digest[:24]}"  # "=_" never occurs in quoted-printable, so no part can hold it
    return Skeleton(
        newsletter=newsletter,
        issue_id=issue_id,
        subject=_split(rendered.subject, merge_key),
        head=_shared_headers(newsletter, issue_id, language, boundary),
        text=_pieces(rendered.text, merge_key),
        html=_pieces(rendered.html, merge_key),
        boundary=boundary.encode("ascii"),
        reply_to=ascii_address(newsletter.reply_to or newsletter.sender_address),
    )


def compose(
    skeleton: Skeleton,
    recipient: Recipient,
    *,
    key: bytes,
    base_url: str | None,
    dated: datetime,
    subject_prefix: str = "",
    copy: str = "",
) -> Envelope:
    """The message of one reader, gated. `dated` is aware; the same arguments give the same bytes.

    `copy` tells test copies apart from each other and from the delivery: each has its own Message-ID.

    Raises:
        MessageError: the bytes break a rule of the formats.
    """
    newsletter, address = skeleton.newsletter, ascii_address(recipient.address)
    links = unsubscribe_links(
        base_url,
        key=key,
        newsletter_id=newsletter.id,
        subscriber_id=recipient.subscriber_id,
        reply_to=skeleton.reply_to,
    )
    values = _values(skeleton, recipient, key=key, base_url=base_url, links=links)
    subject = subject_prefix + "".join(
        values[part] if number % 2 else part for number, part in enumerate(skeleton.subject)
    )
    mid = message_id(newsletter, skeleton.issue_id, recipient.subscriber_id, key=key, copy=copy)
    personal = b"".join(
        (
            header("Date", format_datetime(dated)),
            header("Message-ID", mid),
            header("To", mailbox(recipient.name, address)),
            header("Subject", encode_text(subject)),
            *(header(name, value) for name, value in list_headers(links)),
        )
    )
    message = skeleton.head + personal + _body(skeleton, values)
    check_message(message)
    return Envelope(sender=ascii_address(newsletter.sender_address), recipient=address, message=message)


def message_id(newsletter: Newsletter, issue_id: int, subscriber_id: int, *, key: bytes, copy: str = "") -> str:
    """Issue and keyed hash of the subscriber (RFC 5322 §3.6.4): equal on every attempt, tells nobody who it is."""
    tag = hmac.digest(derive_key(key, "message-id"), f"{issue_id}:{subscriber_id}:{copy}".encode(), hashlib.sha256)[:15]
    left = base64.b32encode(tag).decode("ascii").lower()
    return f"<{issue_id}.{left}@{_domain(ascii_address(newsletter.sender_address))}>"


def ascii_address(address: str) -> str:
    """The address with its domain in IDNA ASCII; the local part stays (RFC 6531 where it is not ASCII).

    Raises:
        MessageError: it has no domain, or characters that could end the header or command it stands in.
    """
    local, at, domain = address.strip().rpartition("@")
    try:
        # IDNA 2008: the codec of the standard library, IDNA 2003, makes straße.de the domain of somebody else.
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        ascii_domain = ""
    if not (at and local and ascii_domain) or _UNSAFE_ADDRESS.search(local + ascii_domain):
        raise MessageError("an address cannot stand in a message header", next_step="correct or remove the address")
    return f"{local}@{ascii_domain}"


def _shared_headers(newsletter: Newsletter, issue_id: int, language: str, boundary: str) -> bytes:
    sender = ascii_address(newsletter.sender_address)
    domain = _domain(sender)
    fields = [
        ("From", mailbox(newsletter.sender_name, sender)),
        ("List-Id", f"{encode_phrase(newsletter.name)} <{newsletter.slug}.{domain}>".strip()),
        # Campaign, list, kind, sender: the four fields that feedback loops group by.
        ("Feedback-ID", f"{issue_id}:{newsletter.slug}:digest:{domain}"),
        ("Precedence", "bulk"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        ("Content-Language", language),
    ]
    if newsletter.reply_to:
        fields.insert(1, ("Reply-To", ascii_address(newsletter.reply_to)))
    return b"".join(header(name, value) for name, value in fields)


def _split(text: str, merge_key: str) -> tuple[str, ...]:
    """Literal and field by turns."""
    parts = re.split(f"%%{re.escape(merge_key)}:([A-Za-z_]*)%%", text)
    for field in parts[1::2]:
        if field not in FIELDS:
            raise MessageError(f"the template has an unknown merge field {field!r}", next_step=", ".join(FIELDS))
    return tuple(parts)


def _pieces(text: str, merge_key: str) -> tuple[Piece, ...]:
    if not text.endswith(("\n", "\r")):
        text += "\n"  # the boundary's own line break must not end the text with a soft one
    parts = _split(text, merge_key)
    return tuple(part if number % 2 else encode_chunk(part) for number, part in enumerate(parts))


def _values(
    skeleton: Skeleton, recipient: Recipient, *, key: bytes, base_url: str | None, links: ListLinks
) -> dict[str, str]:
    return {
        "name": clean_line(recipient.name),
        "address": clean_line(recipient.address),
        "unsubscribe_url": links.best,
        "preferences_url": preferences_url(
            base_url, key=key, subscriber_id=recipient.subscriber_id, reply_to=skeleton.reply_to
        ),
    }


def _body(skeleton: Skeleton, values: Mapping[str, str]) -> bytes:
    line = b"\r\n--" + skeleton.boundary
    part = b"\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return b"".join(
        (
            line,
            part % b"plain",
            _fill(skeleton.text, values, _as_text),
            line,
            part % b"html",
            _fill(skeleton.html, values, _as_html),
            line,
            b"--\r\n",
        )
    )


def _fill(pieces: tuple[Piece, ...], values: Mapping[str, str], encode: Callable[[str], bytes]) -> bytes:
    made = {name: encode(values[name]) for name in {piece for piece in pieces if isinstance(piece, str)}}
    return b"".join(made[piece] if isinstance(piece, str) else piece for piece in pieces)


def _as_text(value: str) -> bytes:
    return encode_chunk(value)


def _as_html(value: str) -> bytes:
    """Escaped for text and for double-quoted attributes alike: the renderer quotes every attribute so."""
    return encode_chunk(escape(value, quote=True))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
