"""DKIM seen from outside: what the DNS says of a key, and what a verifier says of a saved message.

The verifier is dkimpy, which shares nothing with the signer of mail/dkim.py.
"""

import base64
import binascii
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import dkim
from dns import exception, resolver

from digest.errors import TryLater
from digest.mail.dkim_keys import KeyRecord

Texts = Callable[[str], tuple[bytes, ...]]
"""A name's TXT records, the strings of each joined; none where there is no such name. May raise TryLater."""

PATIENCE = 10.0  # seconds for one name, all tries together


class KeyState(StrEnum):
    """How a published key compares with ours."""

    RIGHT = "right"
    TESTING = "testing"
    MISSING = "missing"
    WRONG = "wrong"
    REVOKED = "revoked"
    SEVERAL = "several"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was found where a key should be, in words."""

    record: KeyRecord
    state: KeyState
    meaning: str

    @property
    def is_usable(self) -> bool:
        """Whether receivers find the key; in testing mode they may still take the message as unsigned."""
        return self.state in {KeyState.RIGHT, KeyState.TESTING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of a message and its verdict."""

    domain: str
    selector: str
    algorithm: str
    valid: bool
    meaning: str


class Alignment(StrEnum):
    """Whether a signature speaks for a sender (RFC 7489 §3.1.1: DMARC wants one organisational domain)."""

    ALIGNED = "aligned"
    SIBLING = "sibling"  # only who knows where a registry's names end can tell
    FOREIGN = "foreign"


def alignment_of(sender: str, signing: str) -> Alignment:
    """How the domain after a sender's @ and the one that signs stand to each other; both in ASCII and lower case."""
    if sender == signing or sender.endswith(f".{signing}") or signing.endswith(f".{sender}"):
        return Alignment.ALIGNED
    return Alignment.SIBLING if sender.split(".")[-2:] == signing.split(".")[-2:] else Alignment.FOREIGN


def dns_texts(server: tuple[str, int] | None = None, *, patience: float = PATIENCE) -> Texts:
    """Asks the DNS: this machine's name servers, or the address and port of one; `patience` seconds for a name."""

    def texts(name: str) -> tuple[bytes, ...]:
        try:
            asked = resolver.Resolver(configure=server is None)
            if server:
                asked.nameservers, asked.port = [server[0]], server[1]
            answer = asked.resolve(f"{name}.", "TXT", lifetime=patience, search=False)
        except (resolver.NXDOMAIN, resolver.NoAnswer):
            return ()
        except (exception.DNSException, OSError) as error:
            raise TryLater(
                f"the DNS did not answer for {name}: {_short(error, patience)}",
                next_step="try again, or ask another name server with --resolver ADDRESS:PORT",
            ) from error
        return tuple(b"".join(record.strings) for record in answer)

    return texts


def known_texts(*records: KeyRecord) -> Texts:
    """Answers from our own keys, as if their records were published; asks nobody."""
    known = {record.name: (record.value.encode("ascii"),) for record in records}
    return lambda name: known.get(name.lower(), ())


def look_up(record: KeyRecord, texts: Texts) -> Published:
    """What the DNS has where this record should be.

    Raises:
        TryLater: it did not answer.
    """
    state, meaning = _judge(record, texts(record.name))
    return Published(record=record, state=state, meaning=meaning)


def verify_message(message: bytes, texts: Texts) -> tuple[Signature, ...]:
    """The verdict on every signature of a message, in its order; line ends may be LF, as in a saved file.

    Raises:
        TryLater: the DNS did not answer.
    """
    try:
        count = sum(1 for name, _ in _open(message).headers if name.lower() == b"dkim-signature")
    except dkim.DKIMException:
        return ()
    return tuple(_verdict(message, number, texts) for number in range(count))


def _judge(record: KeyRecord, found: tuple[bytes, ...]) -> tuple[KeyState, str]:
    if not found:
        return KeyState.MISSING, f"there is no TXT record at {record.name}"
    if len(found) > 1:
        return KeyState.SEVERAL, f"{len(found)} TXT records stand there; receivers may take any of them: leave ours"
    tags = _tags(found[0])
    if not _is_key(tags):
        return KeyState.BROKEN, "the TXT record there is no DKIM key: it has no p=, or another v= than DKIM1"
    if not tags["p"]:
        return KeyState.REVOKED, "the key is revoked: p= is empty, and every signature with it fails"
    return _compare(record, tags)


def _compare(record: KeyRecord, tags: dict[str, str]) -> tuple[KeyState, str]:
    """A published key beside ours."""
    public, ours, kind = tags["p"], _tags(record.value.encode("ascii"))["p"], tags.get("k", "rsa")
    if kind != record.algorithm:
        return KeyState.WRONG, f"it is a key of the kind {kind}, ours is {record.algorithm}"
    if public != ours and ours.startswith(public):
        return KeyState.BROKEN, "it is only the beginning of our key: the rest was cut off when it was copied"
    if _octets(public) != _octets(ours):
        return KeyState.WRONG, "it is another key than ours"
    if fault := _restriction(tags):
        return KeyState.BROKEN, fault
    if "y" in tags.get("t", "").split(":"):
        return KeyState.TESTING, "it is our key, in testing mode (t=y): receivers may take the mail as unsigned"
    return KeyState.RIGHT, "it is our key"


def _is_key(tags: dict[str, str]) -> bool:
    return "p" in tags and tags.get("v", "DKIM1") == "DKIM1"


def _restriction(tags: dict[str, str]) -> str | None:
    """What the record forbids although the key is right (RFC 6376 §3.6.1)."""
    if "sha256" not in tags.get("h", "sha256").split(":"):
        return f"it is our key, but h={tags['h']} forbids SHA-256"
    if not {"*", "email"} & set(tags.get("s", "*").split(":")):
        return f"it is our key, but s={tags['s']} forbids email"
    return None


def _verdict(message: bytes, number: int, texts: Texts) -> Signature:
    opened, asked = _open(message), dict[str, bytes | None]()

    def answer(name: bytes, *, timeout: float = PATIENCE) -> bytes | None:  # noqa: ARG001 - dkimpy names it
        plain = name.decode("ascii").rstrip(".")
        asked[plain] = next(iter(texts(plain)), None)
        return asked[plain]

    try:
        valid = bool(opened.verify(idx=number, dnsfunc=answer))
        fault = "" if valid else "a signed header was changed on the way, or it is not this key's"
    except dkim.DKIMException as error:
        valid, fault = False, _meaning(str(error))
    except (UnicodeError, ValueError, KeyError, IndexError, TypeError) as error:  # hostile fields get that far
        valid, fault = False, f"the field is malformed ({type(error).__name__})"
    fields = opened.signature_fields or {}
    tags = {name: fields.get(name, b"").decode("ascii", "replace") for name in (b"d", b"s", b"a")}
    return Signature(
        domain=tags[b"d"],
        selector=tags[b"s"],
        algorithm=tags[b"a"],
        valid=valid,
        meaning="nothing that it covers was changed" + _testing(asked) if valid else _key_fault(asked) or fault,
    )


def _key_fault(asked: dict[str, bytes | None]) -> str:
    """Where the key is the reason: the verifier only says that it did not succeed."""
    for name, text in asked.items():
        if text is None:
            return f"there is no key at {name}"
        if _tags(text).get("p") == "":
            return f"the key at {name} is revoked: p= is empty"
        if not _tags(text).get("p"):
            return f"the TXT record at {name} is no DKIM key"
    return ""


def _testing(asked: dict[str, bytes | None]) -> str:
    modes = (_tags(text).get("t", "").split(":") for text in asked.values() if text)
    return "; its key is in testing mode (t=y)" if any("y" in mode for mode in modes) else ""


def _meaning(fault: str) -> str:
    return "the body was changed on the way" if fault.startswith("body hash mismatch") else fault


def _open(message: bytes) -> dkim.DKIM:
    quiet = logging.getLogger("digest.mail.dkim_check.verifier")
    quiet.setLevel(logging.CRITICAL)  # its faults are in the verdict
    return dkim.DKIM(message, logger=quiet, minkey=1024)


def _tags(text: bytes) -> dict[str, str]:
    """tag=value; …, blanks taken out: none of the tags read here may hold any (RFC 6376 §3.2)."""
    plain = "".join(text.decode("ascii", "replace").split())
    return dict(part.split("=", 1) for part in plain.split(";") if "=" in part)


def _octets(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _short(error: Exception, patience: float) -> str:
    if isinstance(error, exception.Timeout):
        return f"no answer within {patience:g} seconds"
    return str(error).rstrip(".") or type(error).__name__
