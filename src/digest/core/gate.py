"""The last gate: what every outgoing message must be, checked on the bytes themselves."""

import re
from collections import Counter
from collections.abc import Sequence

from digest.errors import MessageError

ONCE = frozenset({"date", "from", "to", "subject", "message-id", "mime-version", "content-type"})
AT_MOST_ONCE = frozenset(
    {"sender", "reply-to", "cc", "bcc", "in-reply-to", "references", "list-id", "list-unsubscribe",
     "list-unsubscribe-post", "feedback-id", "precedence", "content-language", "content-transfer-encoding",
     "auto-submitted"}
)  # fmt: skip

LONGEST_LINE = 998
_FIELD = re.compile(rb"[!-9;-~]+:[ \t]")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTENT = rb"[ \t][\t -~\x80-\xff]{0,900}\r\n(?:[ \t]{1,9}[!-~\x80-\xff][\t -~\x80-\xff]{0,900}\r\n)*"
"""Of a field, its folds included, without a control character."""
_PERSONAL = re.compile(
    b"".join(b"%b:%b" % (name, _CONTENT) for name in (b"Date", b"Message-ID", b"To", b"Subject", b"List-Unsubscribe"))
    + b"(?:List-Unsubscribe-Post:%b)?" % _CONTENT
)
_LINES = re.compile(rb"(?:(?!\.)[\t -~]{0,76}\r\n)*")  # RFC 2045 §6.7: 76 octets
_ENDS = frozenset((b"", b"\r\n"))


def check_message(message: bytes) -> None:
    """Let a message pass, or say why not. Knows nothing of how it was made.

    CRLF is the only line break (SMTP smuggling lives on bare CR and LF), no NUL, lines within 998 octets (RFC 5322
    §2.1.1), a seven-bit body, well-formed headers and exactly one of each singular one (RFC 5322 §3.6).

    Raises:
        MessageError: names the broken rule; never quotes the message.
    """
    breaks = message.count(b"\r\n")
    if message.count(b"\n") != breaks or message.count(b"\r") != breaks:
        raise _fault("it has a bare CR or LF")
    if not message.endswith(b"\r\n"):
        raise _fault("it does not end with a line break")
    if max(map(len, message.split(b"\r\n"))) > LONGEST_LINE:
        raise _fault("a line is longer than 998 octets")
    if b"\x00" in message:
        raise _fault("it holds a NUL")
    head, blank, body = message.partition(b"\r\n\r\n")
    if not blank or not body:
        raise _fault("it has no body")
    if not body.isascii():
        raise _fault("its body is not seven-bit")
    _check_headers(head)


def check_personal(headers: bytes, values: Sequence[bytes]) -> None:
    """Let what is one reader's own pass into a message whose other parts have passed, or say why not.

    `headers` are the fields that only this reader has, each once, in their order and no others; each of `values` stands
    between two line breaks of the body. Stricter than `check_message` on the whole, which costs as much as all the rest
    of making a message.

    Raises:
        MessageError: names the broken rule; never quotes the message.
    """
    if not _PERSONAL.fullmatch(headers):
        raise _fault("a header of its own is not well-formed, or not one of its own")
    # Many are the same in text and HTML. Each ends where a line ends, so all together are whole lines only where each is.
    distinct = set(values)
    if not (_LINES.fullmatch(b"".join(distinct)) and {value[-2:] for value in distinct} <= _ENDS):
        raise _fault("a merge field breaks its lines")


def _check_headers(head: bytes) -> None:
    if _CONTROL.search(head):
        raise _fault("a header holds a control character")
    counts: Counter[str] = Counter()
    for line in head.split(b"\r\n"):
        if line[:1] in {b" ", b"\t"}:
            if not line.strip() or not counts:
                raise _fault("a header is folded onto an empty line")
        elif not _FIELD.match(line):
            raise _fault("a line of its head is no header")
        else:
            counts[line.partition(b":")[0].decode("ascii").lower()] += 1
    for name in ONCE:
        if counts[name] != 1:
            raise _fault(f"it has {counts[name]} {name} headers instead of one")
    for name in AT_MOST_ONCE:
        if counts[name] > 1:
            raise _fault(f"it has {counts[name]} {name} headers")


def _fault(why: str) -> MessageError:
    return MessageError(f"a message was not let out: {why}", next_step="report this with the issue's number")
