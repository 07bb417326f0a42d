"""Replies of RFC 5321 §4.2, read from a stream however it is cut."""

import re
from dataclasses import dataclass

LONGEST = 32_768
"""A whole reply; bounds memory against a server that never ends its line."""

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class BrokenReply(Exception):
    """What came is no reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A code, its enhanced code (RFC 2034) and the words."""

    code: int
    enhanced: str | None
    text: str

    @property
    def kind(self) -> int:
        """The first digit: 2 done, 3 go on, 4 later, 5 no."""
        return self.code // 100


class ReplyReader:
    """Fed with bytes, gives whole replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that these bytes complete.

        Raises:
            BrokenReply: they cannot be one.
        """
        self._buffer += data
        if len(self._buffer) + sum(map(len, self._lines)) > LONGEST:
            raise BrokenReply("the server's reply never ends")
        found = []
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            if reply := self._take(line):
                found.append(reply)
        return found

    def _take(self, line: bytes) -> Reply | None:
        if not re.match(rb"[2-5]\d\d(?:[ -]|$)", line):
            raise BrokenReply("the server's answer is no SMTP reply")
        self._lines.append(line[4:].decode("utf-8", "replace").strip())
        if line[3:4] == b"-":
            return None
        text, self._lines = " ".join(self._lines).strip(), []
        match = _ENHANCED.match(text)
        return Reply(code=int(line[:3]), enhanced=match[1] if match else None, text=text)
