"""Rendered notice + person → envelope. One message for one person: nothing is shared, so the whole passes the gate.

Auto-Submitted (RFC 3834) keeps holiday replies away; List-Unsubscribe is there where there is something to leave. The
bytes are the same on every attempt.
"""

import hashlib
from datetime import datetime
from email.utils import format_datetime

from digest.core.addresses import ascii_address
from digest.core.gate import check_message
from digest.core.links import ListLinks, derive_key, keyed_hash, list_headers
from digest.core.mime import clean_line, encode_chunk, encode_phrase, encode_text, header, mailbox
from digest.core.model import Newsletter, Rendered
from digest.core.people import Envelope


def compose_notice(
    rendered: Rendered,
    *,
    notice_id: int,
    newsletter: Newsletter,
    address: str,
    name: str,
    language: str,
    key: bytes,
    dated: datetime,
    links: ListLinks | None = None,
) -> Envelope:
    """The message, gated. `links`: how they leave, where they are subscribed; `dated` is aware.

    Raises:
        MessageError: the bytes break a rule of the formats.
    """
    sender, recipient = ascii_address(newsletter.sender_address), ascii_address(address)
    domain = sender.rpartition("@")[2]
    tag = keyed_hash(derive_key(key, "notice-id"), str(notice_id), size=15).hex()
    message_id = f"<n{notice_id}.{tag}@{domain}>"
    boundary = f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:24]}"  # "=_" never occurs in quoted-printable
    head = [header(field, value) for field, value in _headers(newsletter, sender, links)]
    head += [
        header("Date", format_datetime(dated)),
        header("Message-ID", message_id),
        header("To", mailbox(clean_line(name), recipient)),
        header("Subject", encode_text(rendered.subject)),
        header("Content-Language", language),
        header("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        *(header(field, value) for field, value in (list_headers(links) if links else ())),
    ]
    message = b"".join([*head, *_body(rendered, boundary.encode("ascii"))])
    check_message(message)
    return Envelope(sender=sender, recipient=recipient, pieces=(message,), message_id=message_id, dotless=True)


def _headers(newsletter: Newsletter, sender: str, links: ListLinks | None) -> list[tuple[str, str]]:
    domain = sender.rpartition("@")[2]
    fields = [("From", mailbox(newsletter.sender_name, sender))]
    if newsletter.reply_to:
        fields.append(("Reply-To", ascii_address(newsletter.reply_to)))
    if links:
        fields.append(("List-Id", f"{encode_phrase(newsletter.name)} <{newsletter.slug}.{domain}>".strip()))
    return [*fields, ("Auto-Submitted", "auto-generated"), ("MIME-Version", "1.0")]


def _body(rendered: Rendered, boundary: bytes) -> list[bytes]:
    part = b"\r\n--%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    pieces = []
    for kind, text in ((b"plain", rendered.text), (b"html", rendered.html)):
        # The boundary's own line break must not end the text with a soft one.
        pieces += [part % (boundary, kind), encode_chunk(text if text.endswith("\n") else text + "\n")]
    return [*pieces, b"\r\n--%s--\r\n" % boundary]
