"""Rules about the message: sizes, encodings, parts, headers. Only a whole message can break them, but for the sizes."""

import re
from binascii import b2a_qp
from bisect import bisect_left
from collections.abc import Iterator
from email.errors import HeaderParseError
from html import unescape

from digest.core.digits import without_endless_references
from digest.core.lint.finding import Severity, rule
from digest.core.lint.hit import Hit
from digest.core.lint.mail import Mail

CLIPPED, HEAVY = 100_000, 80_000
_ADDRESS = re.compile(r"https?://\S+")
_ONCE = ("From", "Date", "Message-ID", "Subject")


@rule(
    "html-size", Severity.ERROR, "The HTML part is at most 100,000 bytes as transferred.",
    why="Gmail shows the first 102 KB and hides the rest, the way to unsubscribe with it.",
    mend="Shorten excerpts, send fewer posts, or drop repeated inline styles.",
)  # fmt: skip
def _html_size(mail: Mail) -> Iterator[Hit]:
    octets = mail.html_part.octets if mail.html_part else len(b2a_qp((mail.html or "").encode("utf-8", "replace")))
    if octets > CLIPPED:
        yield Hit(f"the HTML has {octets:,} bytes as transferred")


@rule(
    "html-heavy", Severity.WARNING, "The HTML is at most 80,000 bytes before its encoding.",
    why="Forwarding and link tracking add to it, and Gmail clips near 102 KB.",
    mend="Shorten it before it reaches the limit.",
)  # fmt: skip
def _html_heavy(mail: Mail) -> Iterator[Hit]:
    octets = len((mail.html or "").encode("utf-8", "replace"))
    if octets > HEAVY:
        yield Hit(f"the HTML has {octets:,} bytes")


@rule(
    "charset", Severity.ERROR, "Text is UTF-8.",
    why="RFC 6376 and 2045 leave it open, but other charsets lose letters when a mail is forwarded or shown as a snippet.",
    mend='Write Content-Type: text/html; charset="utf-8".',
)  # fmt: skip
def _charset(mail: Mail) -> Iterator[Hit]:
    for name, part in (("HTML", mail.html_part), ("text", mail.text_part)):
        if part and part.charset not in {"utf-8", "us-ascii"}:
            yield Hit(f"the {name} part is in {part.charset}")
        elif part and part.is_lossy:
            yield Hit(f"the {name} part says {part.charset}, and has bytes that are not")
    if mail.is_lossy:
        yield Hit("the HTML has bytes that are no UTF-8")


@rule(
    "transfer-encoding", Severity.WARNING, "Text travels as quoted-printable, or as it is where it is plain ASCII.",
    why="RFC 2045 6: 8bit needs every relay's consent; base64 text is read by filters as something to hide.",
    mend="Encode text parts as quoted-printable.",
)  # fmt: skip
def _transfer_encoding(mail: Mail) -> Iterator[Hit]:
    for name, part in (("HTML", mail.html_part), ("text", mail.text_part)):
        if part and part.encoding not in {"quoted-printable", "7bit"}:
            yield Hit(f"the {name} part is transferred as {part.encoding}")


@rule(
    "line-length", Severity.ERROR, "No line of the message has more than 998 octets.",
    why="RFC 5322 2.1.1; relays cut longer ones, in the middle of a tag or a link.",
    mend="Encode the part as quoted-printable, which folds lines.",
)  # fmt: skip
def _line_length(mail: Mail) -> Iterator[Hit]:
    lines = (mail.raw or b"").split(b"\n")
    if max(map(len, lines)) <= 998:  # as a rule
        return
    for number, line in enumerate(lines, start=1):
        if len(line.rstrip(b"\r")) > 998:
            yield Hit(f"line {number} has {len(line):,} octets", number, 999)


@rule(
    "alternative", Severity.ERROR, "HTML comes with a text part before it, in multipart/alternative.",
    why="RFC 2046 5.1.4: the last part is the best; readers without HTML, watches and filters use the text.",
    mend="Send multipart/alternative: text/plain first, text/html second.",
)  # fmt: skip
def _alternative(mail: Mail) -> Iterator[Hit]:
    if mail.message is None or mail.html_part is None:
        return
    if mail.text_part is None:
        yield Hit("there is no text part")
        return
    kinds = [part.get_content_type() for part in mail.message.walk()]
    if "multipart/alternative" not in kinds or kinds.index("text/plain") > kinds.index("text/html"):
        yield Hit("the text does not come first in multipart/alternative")


@rule(
    "links-in-text", Severity.WARNING, "Every link of the HTML is in the text part, too.",
    why="Who reads the text must be able to read on, and to leave.",
    mend="Write each link on a line of its own in the text part.",
)  # fmt: skip
def _links_in_text(mail: Mail) -> Iterator[Hit]:
    if mail.text_part is None or mail.html is None:
        return
    # In order, to be searched by halves: a stranger's mail may have 100,000.
    written = sorted(set(_ADDRESS.findall(mail.text_part.text)))
    for link in mail.document.all("a"):
        address = unescape(without_endless_references(link.get("href") or "")).strip()
        if not address.startswith(("http://", "https://")):
            continue
        looked_for = address.split(maxsplit=1)[0]
        place = bisect_left(written, looked_for)
        if not (place < len(written) and written[place].startswith(looked_for)):  # a full stop or a bracket may follow
            yield Hit(f"{address} is not in the text part", link.line, link.column, "a")


@rule(
    "from-line", Severity.WARNING, 'No line of the text begins with "From ".',
    why="RFC 4155: mbox files separate mails by such lines, so relays and archives write >From.",
    mend="Begin the line with a space, or encode its F as =46.",
)  # fmt: skip
def _from_line(mail: Mail) -> Iterator[Hit]:
    body = (mail.raw or b"").replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    for number, line in enumerate(body.split(b"\n"), start=1):
        if line.startswith(b"From "):
            yield Hit('a line of the body begins with "From "', number, 1)


@rule(
    "headers", Severity.ERROR, "From, Date, Message-ID and Subject are there, each once.",
    why="RFC 5322 3.6; Gmail refuses mail without Message-ID or with two From fields.",
    mend="Write each of them once.",
)  # fmt: skip
def _headers(mail: Mail) -> Iterator[Hit]:
    if mail.message is None:
        return
    names = [name.lower() for name in mail.message.keys()]  # noqa: SIM118 - a message has a name several times
    for name in _ONCE:
        if (count := names.count(name.lower())) != 1:
            yield Hit(f"there are {count} {name} fields" if count else f"there is no {name} field")


@rule(
    "one-click", Severity.ERROR, "Mail to a list has List-Unsubscribe with an https link, and List-Unsubscribe-Post.",
    why="RFC 8058; Gmail and Yahoo ask for it since 2024 of everybody who sends to many.",
    mend="Add List-Unsubscribe: <https://…> and List-Unsubscribe-Post: List-Unsubscribe=One-Click. digest does once [web] base_url"
    " in digest.toml is an https address.",
)  # fmt: skip
def _one_click(mail: Mail) -> Iterator[Hit]:
    if mail.message is None or not mail.is_bulk:
        return
    leave = _header(mail, "List-Unsubscribe")
    if not leave:
        yield Hit("there is no List-Unsubscribe field")
    elif "<https://" not in leave.lower():
        yield Hit("List-Unsubscribe has no https link")
    elif "list-unsubscribe=one-click" not in _header(mail, "List-Unsubscribe-Post").lower():
        yield Hit("there is no List-Unsubscribe-Post: List-Unsubscribe=One-Click")


def _header(mail: Mail, name: str) -> str:
    assert mail.message is not None
    try:
        return str(mail.message.get(name, ""))
    except (HeaderParseError, ValueError, IndexError, AttributeError):  # the parser gives up on some broken fields
        return ""
