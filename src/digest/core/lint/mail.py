"""A mail as the linter takes it: a message of RFC 5322 or HTML alone."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from functools import cached_property

from digest.core.lint.document import Document
from digest.core.lint.leaving import has_way_out

LARGEST = 20_000_000
"""Octets; nobody sends larger mail on purpose."""


class NotAMail(Exception):
    """What was given is neither."""


@dataclass(frozen=True)
class Part:
    """A text of a message: decoded, and as it is transferred."""

    text: str
    octets: int
    charset: str
    encoding: str
    is_lossy: bool = False  # it has bytes that its charset has no letters for


@dataclass(frozen=True)
class Mail:
    """What the rules look at; None for what is not there or not known."""

    html: str | None
    html_part: Part | None = None
    text_part: Part | None = None
    message: EmailMessage | None = None
    raw: bytes | None = None
    to_list: bool | None = None  # as who asks says; None: they say nothing
    is_lossy: bool = False  # HTML alone that was no UTF-8

    @cached_property
    def document(self) -> Document:
        """The HTML, parsed; empty where there is none."""
        return Document(self.html or "")

    @cached_property
    def is_bulk(self) -> bool:
        """Whether it goes to a list, and so needs a way to leave: as is said, else by its headers, else by a link to leave."""
        if self.to_list is not None:
            return self.to_list
        told = _headers_tell(self.message) if self.message is not None else None
        return has_way_out(self.document) if told is None else told


def read_html(html: str, *, to_list: bool | None = None, is_lossy: bool = False) -> Mail:
    """HTML alone, as it would be sent. `is_lossy`: not all of its bytes were UTF-8."""
    return Mail(html=html, to_list=to_list, is_lossy=is_lossy)


def read_message(raw: bytes, *, to_list: bool | None = None) -> Mail:
    """A message, however broken.

    Raises:
        NotAMail: too large, nested too deeply, or nothing in it is a header.
    """
    if len(raw) > LARGEST:
        raise NotAMail(f"it has {len(raw):,} octets; the linter takes {LARGEST:,}")
    try:
        message = message_from_bytes(raw, policy=policy.default)
        html, text = _find(message, "html"), _find(message, "plain")
    except RecursionError:  # the parser of the standard library goes down by calling itself
        raise NotAMail("its parts are nested too deeply") from None
    assert isinstance(message, EmailMessage)
    if not message.keys():
        raise NotAMail("it has no headers, so it is no message")
    return Mail(
        html=html.text if html else None,
        html_part=html,
        text_part=text,
        message=message,
        raw=raw,
        to_list=to_list,
    )


def _find(message: Message, subtype: str) -> Part | None:
    """The first text of this kind that is no attachment."""
    for part in message.walk():
        if part.get_content_type() == f"text/{subtype}" and part.get_content_disposition() != "attachment":
            charset = str(part.get_content_charset() or "us-ascii")
            octets = part.get_payload(decode=True)
            raw = octets if isinstance(octets, bytes) else str(part.get_payload()).encode("utf-8", "replace")
            text, is_lossy = _decoded(raw, charset)
            sent = part.get_payload()
            return Part(
                text=text,
                octets=len(
                    str(sent).encode("utf-8", "surrogateescape").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                ),
                charset=charset.lower(),
                encoding=str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower(),
                is_lossy=is_lossy,
            )
    return None


def _decoded(raw: bytes, charset: str) -> tuple[str, bool]:
    """The text, and whether some of it is lost."""
    try:
        return raw.decode(charset), False
    except UnicodeError:
        return raw.decode(charset, "replace"), True
    except LookupError:
        return raw.decode("utf-8", "replace"), False


def _headers_tell(message: Message) -> bool | None:
    """Whether it goes to a list; None where no header says so. Feedback-ID does not: some services add it to every mail."""
    if str(message.get("Auto-Submitted", "no")).lower().startswith("auto"):
        return False
    kind = str(message.get("Precedence", "")).strip().lower()
    if kind in {"bulk", "list"} or "List-Unsubscribe" in message or "List-Id" in message:
        return True
    return False if "In-Reply-To" in message else None  # an answer may quote a newsletter with its link to leave
