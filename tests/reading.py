"""A second reader of messages, independent of the standard library's email package: by the RFCs, by hand."""

import base64
import re
from dataclasses import dataclass


@dataclass
class Part:
    headers: list[tuple[str, str]]
    body: str

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value


@dataclass
class Message(Part):
    parts: list[Part]


def read_message(raw: bytes) -> Message:
    headers, body = _split(raw)
    kind = next(value for name, value in headers if name.lower() == "content-type")
    boundary = re.search(r'boundary="([^"]+)"', kind).group(1).encode()
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert sections[-1] == b"--\r\n", "the closing boundary"
    assert sections[0] == b"", "no preamble"
    parts = []
    for section in sections[1:-1]:
        assert section.startswith(b"\r\n")
        inner, content = _split(section[2:])
        assert dict(inner)["Content-Transfer-Encoding"] == "quoted-printable"
        parts.append(Part(inner, read_quoted_printable(content).decode("utf-8")))
    return Message(headers, "", parts)


def _split(raw: bytes) -> tuple[list[tuple[str, str]], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            lines[-1] += line
        else:
            lines.append(line)
    pairs = [line.split(b":", 1) for line in lines]
    return [(name.decode("ascii"), value.decode("utf-8").removeprefix(" ")) for name, value in pairs], body


def read_quoted_printable(content: bytes) -> bytes:
    lines = content.split(b"\r\n")
    assert all(len(line) <= 76 for line in lines), "RFC 2045: 76 octets a line"
    assert not any(line.startswith(b".") for line in lines), "a line would need dot-stuffing"
    assert not any(line.endswith((b" ", b"\t")) for line in lines), "white space before a line break"
    joined = re.sub(rb"=\r\n", b"", content)
    return re.sub(rb"(?:=[0-9A-F]{2})+", lambda found: bytes.fromhex(found[0].replace(b"=", b"").decode()), joined)


def read_words(value: str) -> str:
    """RFC 2047 decoded, white space between adjacent encoded words dropped."""
    value = re.sub(r"(=\?[^?]+\?[bq]\?[^?]*\?=)\s+(?==\?)", r"\1", value)

    def word(found: re.Match[str]) -> str:
        assert len(found[0]) <= 75, "RFC 2047: 75 characters a word"
        if found[1] == "b":
            return base64.b64decode(found[2]).decode("utf-8")
        plain = found[2].replace("_", " ").encode("ascii")
        return re.sub(rb"=([0-9A-F]{2})", lambda hit: bytes([int(hit[1], 16)]), plain).decode("utf-8")

    return re.sub(r"=\?utf-8\?([bq])\?([^?]*)\?=", word, value)


def read_mailbox(value: str) -> tuple[str, str]:
    """Display name and address of a single mailbox."""
    found = re.fullmatch(r"(?:(.*) )?<([^<>]*)>", value, re.DOTALL)
    if not found:
        return "", value
    name = found[1] or ""
    if name.startswith('"'):
        assert name.endswith('"')
        return re.sub(r"\\(.)", r"\1", name[1:-1]), found[2]
    return read_words(name), found[2]
