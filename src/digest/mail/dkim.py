"""DKIM: a message's bytes → a DKIM-Signature to put before them, or two (RFC 6376, RFC 8463).

 message ─▶ body, relaxed ─▶ bh=  ┐
         └▶ fields, relaxed ──────┴─▶ signed ─▶ DKIM-Signature

Relaxed headers and body, no t= (docs/decisions/0072): the same message and key give the same bytes on every attempt.
"""

import base64
import hashlib
import re
from collections import defaultdict
from functools import lru_cache
from itertools import chain

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from digest.core.people import Pieces
from digest.core.relaxed import relax_body
from digest.errors import MessageError

PrivateKey = RSAPrivateKey | Ed25519PrivateKey

SIGNED = (
    b"from", b"reply-to", b"sender", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references",
    b"mime-version", b"content-type", b"content-transfer-encoding", b"content-language", b"list-id",
    b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id", b"auto-submitted",
)  # fmt: skip
"""What h= names where the message has it: what readers and their programs act on, and RFC 8058's two list fields."""

OVERSIGNED = frozenset((b"from", b"reply-to", b"to", b"subject", b"date", b"content-type"))
"""Named once more than the message has them: one that is added later breaks the signature (RFC 6376 §8.15)."""

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_SPACE = re.compile(rb"[ \t\r\n]+")
_LINE = 76  # characters of a line of the field, by choice; b= may be folded anywhere (RFC 6376 §3.5)
_END = b"\r\n\r\n"


class Signer:
    """Signs for one domain. Holds nothing that changes: many threads may use it at once."""

    def __init__(
        self, *, domain: str, selector: str, key: PrivateKey, second: tuple[str, PrivateKey] | None = None
    ) -> None:
        """`domain` (d=) and the selectors (s=) are in ASCII; `second` is the selector and key of another signature."""
        self.domain = domain
        keys = ((selector, key), *((second,) if second else ()))
        self._keys = tuple((_opening(domain, name, each), each) for name, each in keys)

    def __call__(self, message: Pieces, relaxed: Pieces | None = None) -> bytes:
        """Its signature, above the second one's: fields to put before its own. Lines end with CRLF, as the gate has it.

        `relaxed`: its body in relaxed form, where somebody has made that already from pieces that many messages share.

        Raises:
            MessageError: its head or its last line has no end, or it has no From.
        """
        head = _head(message)
        if head is None or not message[-1].endswith(b"\r\n"):
            # Verifiers disagree on blanks that end a last line without its end.
            raise _fault("whose head or last line has no end")
        if relaxed is None:
            relaxed = (relax_body(b"".join(message)[len(head) + len(_END) :]),)
        digest = hashlib.sha256(b"".join(relaxed)).digest()
        names, fields = _chosen(head)
        fingerprint = base64.b64encode(digest)
        return b"".join([_field(key, opening, names, fields, fingerprint) for opening, key in self._keys])

    def sign(self, message: bytes) -> bytes:
        """The whole message with its signature in front."""
        return self((message,)) + message


def _head(message: Pieces) -> bytes | None:
    """Its fields, without the end of the last; None where nothing ends them. The body need not be joined for that."""
    begun = b""
    for piece in message:
        begun += piece
        if (end := begun.find(_END)) >= 0:
            return begun[:end]
    return None


def relax_field(name: bytes, value: bytes) -> bytes:
    """`name:value` in relaxed form, without the line's end (RFC 6376 §3.4.2)."""
    return name.strip().lower() + b":" + _SPACE.sub(b" ", value).strip(b" ")


def _chosen(head: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """The names for h=, and the fields they stand for."""
    present, fields = zip(*map(_relaxed, _FIELD_END.split(head)), strict=True)
    names, order = _order(present)
    return names, b"".join([fields[number] for number in order])


@lru_cache(maxsize=8)
def _order(present: tuple[bytes, ...]) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """Of a head with these names: those for h=, and which fields they stand for. Of several of one name the last comes first (§5.4.2).

    Worked out once for all messages of a variant.

    Raises:
        MessageError: From is not among them.
    """
    if b"from" not in present:
        raise _fault("without From")
    where: dict[bytes, list[int]] = defaultdict(list)
    for number, name in enumerate(present):
        where[name].insert(0, number)
    names = chain.from_iterable([name] * (len(where[name]) + (name in OVERSIGNED)) for name in SIGNED)
    return tuple(names), tuple(chain.from_iterable(where[name] for name in SIGNED))


@lru_cache(maxsize=64)
def _relaxed(field: bytes) -> tuple[bytes, bytes]:
    """A field's name, and the field in relaxed form with its line's end. Most are those of the message before."""
    name, _, value = field.partition(b":")
    return name.strip().lower(), relax_field(name, value) + b"\r\n"


def _opening(domain: str, selector: str, key: PrivateKey) -> bytes:
    algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
    return f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={domain}; s={selector};".encode("ascii")


def _folded_names(names: tuple[bytes, ...]) -> bytes:
    """` h=from:from:…;` and its line breaks, folded after colons."""
    lines, line = [], b" h="
    for name in names:
        if len(line) + len(name) + 1 > _LINE:
            lines.append(line)
            line = b" "
        line += name + b":"
    return b"\r\n".join([*lines, line[:-1] + b";"]) + b"\r\n"


@lru_cache(maxsize=8)
def _begun(opening: bytes, names: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """The signature field up to bh=, as it stands and in relaxed form."""
    begun = opening + b"\r\n" + _folded_names(names)
    name, _, value = begun.partition(b":")
    return begun, relax_field(name, value)


def _field(key: PrivateKey, opening: bytes, names: tuple[bytes, ...], fields: bytes, fingerprint: bytes) -> bytes:
    """The signature field. What is signed ends with the field itself, its b= empty and without a line's end (§3.7)."""
    begun, relaxed = _begun(opening, names)
    unsigned = b"%b bh=%b;\r\n b=" % (begun, fingerprint)
    content = b"%b%b bh=%b; b=" % (fields, relaxed, fingerprint)
    if isinstance(key, RSAPrivateKey):
        signature = key.sign(content, PKCS1v15(), SHA256())
    else:
        signature = key.sign(hashlib.sha256(content).digest())  # RFC 8463 §3 signs the hash
    text = base64.b64encode(signature)
    cut = _LINE - 3
    return unsigned + b"\r\n ".join(text[at : at + cut] for at in range(0, len(text), cut)) + b"\r\n"


def _fault(which: str) -> MessageError:
    return MessageError(f"a message {which} cannot be signed", next_step="report this with the issue's number")
