"""A variant of an issue as pieces: all that its readers share, laid out and gated once.

 rendered ─▶ skeleton (shared headers, body with holes) ─▶ core/message: a join with a reader's values

multipart/alternative, text first, quoted-printable UTF-8, CRLF only (RFC 5322, 2045, 2046). Every literal of the body
ends with a line break and every value fills whole lines, so what holds for the pieces holds for their join.
"""

import hashlib
import re
from dataclasses import dataclass

from digest.core.addresses import ascii_address
from digest.core.gate import check_message
from digest.core.merge import FIELDS
from digest.core.mime import encode_chunk, encode_phrase, encode_text, fold, header, mailbox
from digest.core.model import Newsletter, Rendered
from digest.core.relaxed import relax_lines
from digest.errors import MessageError

_SAMPLE = b"Date: d\r\nMessage-ID: m\r\nTo: t\r\nSubject: s\r\nList-Unsubscribe: u\r\nList-Unsubscribe-Post: p\r\n"
"""Stands for a reader's own headers while the rest is gated."""

TEXT, HTML = 0, 1
"""The parts of the body, each with an encoding of its own."""

_IN_URL = {
    TEXT: re.compile(r"""(?:https?://|mailto:)[^\s<>"]*\Z"""),
    HTML: re.compile(r"""\s(?:href|src|action|background)\s*=\s*(?:"[^"]*|'[^']*)\Z""", re.IGNORECASE),
}
"""What stands before a field that is in a URL."""
_LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """One variant of an issue as pieces. Nothing in it depends on the reader but the open fields."""

    newsletter: Newsletter
    issue_id: int
    sender: str  # as the envelope has it
    domain: str  # the sender's
    reply_to: str
    head: bytes  # the headers that all readers share
    subject: tuple[str, ...]  # literal and field by turns
    subject_header: str | None  # where it has no field
    body: tuple[bytes, ...]  # literal and open field by turns; those are empty
    relaxed: tuple[bytes, ...]  # the same pieces as DKIM reads them, without the line break that ends the head
    fields: tuple[tuple[str, bool], ...]  # the values that the body needs; True where it is a piece of a URL
    holes: tuple[int, ...]  # which of the values fills each open field

    def fill(self, personal: bytes, values: list[bytes]) -> list[bytes]:
        """The pieces of a message: with a reader's headers, and the values of `fields`, each for TEXT, then for HTML."""
        pieces = [self.head, personal, *self.body]
        pieces[3::2] = [values[number] for number in self.holes]
        return pieces

    def fill_relaxed(self, values: list[bytes]) -> list[bytes]:
        """Those of its body in DKIM's relaxed form: only the reader's own lines are relaxed anew."""
        pieces, own = list(self.relaxed), [relax_lines(value) for value in values]
        pieces[1::2] = [own[number] for number in self.holes]
        return pieces


def lay_out(rendered: Rendered, *, newsletter: Newsletter, issue_id: int, merge_key: str, language: str) -> Skeleton:
    """The skeleton of a variant. `merge_key` is the issue's: only its fields are open, others are text.

    Raises:
        MessageError: an unknown merge field, an address that cannot stand in a header, or bytes that break a rule.
    """
    digest = hashlib.sha256(f"{merge_key}:{issue_id}:{language}".encode()).hexdigest()
    boundary = f"=_{digest[:24]}"  # "=_" never occurs in quoted-printable, so no part can hold it
    sender = ascii_address(newsletter.sender_address)
    head = _shared_headers(newsletter, issue_id, language, boundary)
    subject = _split(rendered.subject, merge_key)
    body, holes = _lay_body(rendered, merge_key, boundary)
    fields = tuple(sorted({field for field, _ in holes}))
    check_message(head + _SAMPLE + b"".join(body))
    return Skeleton(
        newsletter=newsletter,
        issue_id=issue_id,
        sender=sender,
        domain=sender.rpartition("@")[2],
        reply_to=ascii_address(newsletter.reply_to or sender),
        head=head,
        subject=subject,
        subject_header=fold("Subject", encode_text(subject[0])) if len(subject) == 1 else None,
        body=body,
        relaxed=tuple(map(relax_lines, (body[0][2:], *body[1:]))),
        fields=fields,
        holes=tuple(2 * fields.index(field) + part for field, part in holes),
    )


def _shared_headers(newsletter: Newsletter, issue_id: int, language: str, boundary: str) -> bytes:
    sender = ascii_address(newsletter.sender_address)
    domain = sender.rpartition("@")[2]
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


def _lay_body(
    rendered: Rendered, merge_key: str, boundary: str
) -> tuple[tuple[bytes, ...], list[tuple[tuple[str, bool], int]]]:
    """The pieces, literal and open field by turns; and field and part of each one that is open."""
    pieces = [b""]
    holes: list[tuple[tuple[str, bool], int]] = []
    line = b"\r\n--" + boundary.encode("ascii")
    part = b"\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    for kind, name, text in ((TEXT, b"plain", rendered.text), (HTML, b"html", rendered.html)):
        pieces[-1] += line + part % name
        # The boundary's own line break must not end the text with a soft one.
        whole = text if text.endswith(("\n", "\r")) else text + "\n"
        before = ""
        for number, piece in enumerate(_split(whole, merge_key)):
            if number % 2:
                holes.append(((piece, _is_in_url(piece, before, kind)), kind))
                pieces += (b"", b"")
            else:
                pieces[-1] += encode_chunk(piece)
            before = before[-_LONGEST_URL:] + piece
    pieces[-1] += line + b"--\r\n"
    return tuple(pieces), holes


def _is_in_url(field: str, before: str, kind: int) -> bool:
    """Whether the field is a piece of a URL, after this text; one that is a whole URL, alone in its place, is not."""
    found = _IN_URL[kind].search(before[-_LONGEST_URL:])
    if found is None:
        return False
    begins_it = kind == HTML and found[0].endswith(('"', "'"))
    return not (begins_it and field.endswith("_url"))


def _split(text: str, merge_key: str) -> tuple[str, ...]:
    """Literal and field by turns."""
    parts = re.split(f"%%{re.escape(merge_key)}:([A-Za-z_]*)%%", text)
    for field in parts[1::2]:
        if field not in FIELDS:
            raise MessageError(f"the template has an unknown merge field {field!r}", next_step=", ".join(FIELDS))
    return tuple(parts)
