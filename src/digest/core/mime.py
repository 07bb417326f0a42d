"""The bytes of RFC 2045 and 2047: quoted-printable with joints, encoded words, folded headers.

Quoted-printable text is made in chunks that may be joined: each starts at the beginning of a line and leaves the
writer at the beginning of the next, by a soft line break where the text goes on. So a merge field stands between
soft breaks, no line passes 76 octets whatever the value is, and no value can make a line that needs dot-stuffing.
"""

import base64
import re
from collections.abc import Iterator
from functools import lru_cache

_LINE = 76
_ROOM = _LINE - 3  # "=" at the end, and two more where the first octet gets guarded
_WORD = 75  # RFC 2047: an encoded word, delimiters included
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NEWLINES = re.compile(r"\r\n|\r|\n")
_AS_IT_IS = re.compile(r"[!-<>-~]+(?: [!-<>-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PRINTABLE = frozenset(range(33, 127)) - {ord("=")} | {ord(" "), ord("\t")}
_QP = {octet: f"={octet:02X}" for octet in range(256) if octet not in _PRINTABLE}
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = [chr(octet) if octet in _Q_SAFE else "_" if octet == ord(" ") else f"={octet:02X}" for octet in range(256)]


def clean_line(text: str) -> str:
    """One line without control characters, lone surrogates or doubled spaces: what a header can hold."""
    if text.isascii() and text.isprintable() and "  " not in text:  # most names
        return text.strip(" ")
    return " ".join(_CONTROLS.sub(" ", text).split())


def encode_chunk(text: str) -> bytes:
    """Quoted-printable UTF-8 (RFC 2045 §6.7) that starts and ends at the beginning of a line; CRLF only."""
    if _AS_IT_IS.fullmatch(text):  # most names and links
        if len(text) <= _ROOM and text[0] not in ".F":
            return f"{text}=\r\n".encode()
        return "".join([_guard(text[start : start + _ROOM]) + "=\r\n" for start in range(0, len(text), _ROOM)]).encode()
    lines = _NEWLINES.split(text.replace("\x00", ""))
    last = lines.pop()
    out = [_wrap(line, hard=True) + "\r\n" for line in lines]
    if last:
        out.append(_wrap(last, hard=False) + "=\r\n")
    return "".join(out).encode("ascii")


def encode_text(text: str) -> str:
    """Unstructured header text (RFC 5322 §2.2.1): as it is where that is plain ASCII and folds, else encoded words."""
    text = clean_line(text)
    plain = text.isascii() and "=?" not in text and all(len(word) <= 60 for word in text.split(" "))
    return text if plain else _encoded_words(text)


def encode_phrase(name: str) -> str:
    """A display name (RFC 5322 `phrase`): atoms, a quoted string, or encoded words."""
    return encode_clean_phrase(clean_line(name))


def encode_clean_phrase(name: str) -> str:
    """The same for a name that `clean_line` has cleaned."""
    if not name.isascii() or "=?" in name or len(name) > 60:  # a longer quoted string would not fold
        return _encoded_words(name)
    return name if _ATOMS.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mailbox(name: str, address: str) -> str:
    """`Anna Ärmel <anna@example.org>` for From, To and Reply-To."""
    name = clean_line(name)
    return f"{encode_clean_phrase(name)} <{address}>" if name else address


def header(name: str, value: str) -> bytes:
    """A field of the message's head."""
    return fold(name, value).encode()


def fold(name: str, value: str) -> str:
    """`Name: value` and CRLF, folded at spaces so that lines stay within 78 octets where the words allow it.

    A value that already holds folds (CRLF and a space) is left as it is: List-Unsubscribe is never touched.
    """
    if "\r\n" in value:
        return f"{name}: {value}\r\n"
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len((line + " " + word).encode()) > 78 and not line.endswith(":"):  # RFC 5322 §2.1.1
            lines.append(line)
            line = ""
        line += " " + word
    return "\r\n".join([*lines, line]) + "\r\n"


@lru_cache(maxsize=8192)  # variants of an issue share nearly all of their lines
def _wrap(line: str, *, hard: bool) -> str:
    """One line of text as lines of at most 76 octets. `hard`: a real line break follows it."""
    encoded = line.encode("utf-8", "replace").decode("latin-1").translate(_QP)
    if hard and encoded.endswith((" ", "\t")):
        encoded = f"{encoded[:-1]}={ord(encoded[-1]):02X}"  # a relay may strip white space before a line break
    return _guard(encoded) if len(encoded) <= _ROOM else "=\r\n".join(map(_guard, _pieces(encoded)))


def _pieces(encoded: str) -> Iterator[str]:
    """Cut so that each piece, its guard and the soft break fit into a line, and no "=XX" is torn."""
    start = 0
    while len(encoded) - start > _ROOM:
        end = start + _ROOM
        end -= next((back for back in (1, 2) if encoded[end - back] == "="), 0)
        yield encoded[start:end]
        start = end
    yield encoded[start:]


def _guard(piece: str) -> str:
    """A leading dot would need stuffing (RFC 5321 §4.5.2); a leading From is mangled by mbox stores."""
    if piece.startswith("."):
        return "=2E" + piece[1:]
    return "=46" + piece[1:] if piece.startswith("From") else piece


def _encoded_words(text: str) -> str:
    """RFC 2047 words, cut between characters, in whichever of B and Q is shorter, joined by spaces to fold at."""
    octets = text.encode("utf-8", "replace")
    as_q = "".join([_Q[octet] for octet in octets])
    kind, room = ("q", _WORD - 12) if len(as_q) <= len(octets) * 4 // 3 + 4 else ("b", (_WORD - 12) // 4 * 3)
    if kind == "q" and len(as_q) <= room:  # most names
        return f"=?utf-8?q?{as_q}?="
    words, word, size = [], bytearray(), 0
    for character in text:
        raw = character.encode("utf-8", "replace")
        cost = len(raw) if kind == "b" else sum(len(_Q[octet]) for octet in raw)
        if size + cost > room:
            words.append(bytes(word))
            word, size = bytearray(), 0
        word += raw
        size += cost
    return " ".join(_encoded_word(kind, part) for part in [*words, bytes(word)])


def _encoded_word(kind: str, octets: bytes) -> str:
    body = base64.b64encode(octets).decode("ascii") if kind == "b" else "".join(_Q[octet] for octet in octets)
    return f"=?utf-8?{kind}?{body}?="
