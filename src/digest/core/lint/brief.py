"""One of many mails that are alike, shortened to what an error can be in: a fifth of the time for each variant of an issue.

Most of a mail are tables, texts and colours, in which no rule of severity `error` finds anything. What is left of the
HTML is its head, and of its body the links with what is in them, pictures, style sheets and forms. Nothing in it is hidden any
more, so an error in it may be none in the whole: ask the whole then. No error in it is none in the whole
(tests/core/lint/test_brief.py).
"""

import re
from binascii import a2b_qp
from email import message_from_bytes, policy
from email.message import EmailMessage

from digest.core.lint.leaving import LEAVE
from digest.core.lint.mail import Mail, Part, read_message

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_TELLING = re.compile(
    r"<(?:a\b.*?</a\s*>|(?:style|svg)\b.*?</(?:style|svg)\s*>|(?:img|link|form|html|title|base|iframe|object|embed|area)\b[^>]*>)",
    re.IGNORECASE | re.DOTALL,
)
_SHEET = re.compile(r"<style\b.*?</style\s*>", re.IGNORECASE | re.DOTALL)
_HANDLER = re.compile(r"on[a-z]+\s*=")
_SUBJECT = re.compile(rb"\r\nSubject: [^\r\n]+(?:\r\n[ \t][^\r\n]*)*")
_FIELDS = b"\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"


class Brief:
    """Reads mails that are alike, the variants of an issue: what was in one that had no error is not looked at again."""

    def __init__(self) -> None:
        self._good: dict[str, bool] = {}  # whether it may be the way to leave, which every mail must have
        self._frames: dict[bytes, EmailMessage] = {}

    def read(self, raw: bytes, *, whole: bool = False) -> Mail:
        """A message as core/skeleton lays it out, with the `whole` of its HTML or in short; any other is read as it is."""
        head, _, body = raw.partition(b"\r\n\r\n")
        boundary = body[: body.index(b"\r\n")]
        parts = [one.partition(b"\r\n\r\n") for one in body.split(boundary)[1:3]]
        if [fields for fields, _, _ in parts] != [_FIELDS % b"plain", _FIELDS % b"html"]:
            return read_message(raw)
        text, html = (octets.removesuffix(b"\r\n") for _, _, octets in parts)
        # The message without what its parts say: the standard library's parser reads line by line.
        empty = b"".join(boundary + fields + b"\r\n\r\n\r\n" for fields, _, _ in parts) + boundary + b"--\r\n"
        page = a2b_qp(html).decode("utf-8", "replace")
        return Mail(
            html=page if whole else self._shorten(page),
            html_part=_part(html),
            text_part=_part(text),
            message=self._read_frame(head + b"\r\n\r\n" + empty),
            raw=raw,
        )

    def note_good(self, mail: Mail) -> None:
        """This one has no error; nor has another anything wrong that says the same."""
        new = (one for one in _tell(mail.html or "") if one not in self._good)
        self._good |= {one: one[:2].lower() == "<a" and bool(LEAVE.search(one)) for one in new}

    def _read_frame(self, octets: bytes) -> EmailMessage:
        """Of variants, too, only the subject differs, whose words no error is in, and the language."""
        key = _SUBJECT.sub(b"\r\nSubject: s", octets, count=1)
        if key not in self._frames:
            self._frames[key] = frame = message_from_bytes(octets, policy=policy.default)
            for part in frame.walk():
                for (
                    name,
                    value,
                ) in part.items():  # parsed once: as they come from the parser, each look at one parses it
                    part.replace_header(name, value)
        return self._frames[key]

    def _shorten(self, html: str) -> str:
        """The HTML with what an error can be in; all of it where a script may be."""
        body = _BODY.search(html)
        if body is None or _may_run(html.lower()):
            return html
        told = [one for one in _tell(html[body.end() :]) if self._good.get(one, True)]
        head = _SHEET.sub(lambda found: "" if found[0] in self._good else found[0], html[: body.end()])
        return head + "\n".join(told) + "</body></html>"


def _may_run(html: str) -> bool:
    """Whether a script may be in it, or an attribute that is one. The search begins with a letter, which is ten times as fast."""
    return "<script" in html or any(html[found.start() - 1] in " \t\r\n\f\v\"'/" for found in _HANDLER.finditer(html))


def _tell(html: str) -> list[str]:
    return [found[0] for found in _TELLING.finditer(_COMMENT.sub("", html))]


def _part(octets: bytes) -> Part:
    """Only how it is transferred: no error is looked for in its words."""
    return Part(text="", octets=len(octets), charset="utf-8", encoding="quoted-printable")
