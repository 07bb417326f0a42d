"""Addresses: what is one (RFC 5321, RFC 6531), and one normal form, by which equal mailboxes are equal.

A list of 100,000 rows has few domains: a domain is judged once by email-validator and remembered, and a plain ASCII
local part is judged by one expression here (27 µs a call fall to 1; the tests hold the two to agree).
"""

import hmac
import re
import unicodedata
from functools import lru_cache

import idna

from digest.errors import MessageError

MAX_LENGTH = 254  # RFC 5321 4.5.3.1.3, without the angle brackets
MAX_LOCAL = 64  # RFC 5321 4.5.3.1.1

# RFC 5322 3.2.3 dot-atom.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff<>()\[\],;:\\\"]")
_ANY_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")


def hide_addresses(words: str) -> str:
    """The same words, every address in them hidden: for logs and reasons, when the words are another machine's."""
    return _ANY_ADDRESS.sub("…", words)


def address_key(address: str) -> str:
    """The normal form: the domain in IDNA 2008 ASCII (RFC 5891), the local part in NFC, everything in lower case.

    RFC 5321 lets a local part be case-sensitive; no mailbox provider is, and one person twice in a list is worse.
    """
    local, _, domain = address.strip().rpartition("@")
    if not local.isascii():
        local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
    return f"{local.lower()}@{_ascii_domain(domain)}"


def domain_of(address: str) -> str:
    """The domain of an address in its normal form: the destination of its mail."""
    return _ascii_domain(address.rpartition("@")[2].strip())


def address_hash(key: bytes, address: str) -> str:
    """Keyed hash of the normal form: what a suppression keeps when the person is erased."""
    return hmac.digest(key, address_key(address).encode("utf-8", "surrogatepass"), "sha256").hex()


def parse_address(text: str) -> str:
    """The address as it will stand on an envelope: spaces around it dropped, the domain in lower case ASCII (IDNA).

    A local part outside ASCII is kept (SMTPUTF8, RFC 6531), in NFC. Quoted local parts, address literals and names
    that no public mail server has (`localhost`, `.test`, `.invalid`) are refused.

    Raises:
        ValueError: it is no address; the message says why, in words fit for a report.
    """
    text = text.strip()
    local, _, domain = text.rpartition("@")
    plain = _PLAIN_LOCAL.fullmatch(local) and len(local) <= MAX_LOCAL
    if not plain or len(text) > MAX_LENGTH:
        return _judge(text)
    return f"{local}@{_judge_domain(domain)}"


def ascii_address(address: str) -> str:
    """A stored address as it stands in a header and on an envelope: its domain in IDNA ASCII, the local part as it is.

    Raises:
        MessageError: it has no domain, or characters that could end the header or command it stands in.
    """
    local, at, domain = address.strip().rpartition("@")
    on_wire = _wire_domain(domain)
    if not (at and local and on_wire) or _UNSAFE.search(local):
        raise MessageError("an address cannot stand in a message header", next_step="correct or remove the address")
    return f"{local}@{on_wire}"


@lru_cache(maxsize=65_536)
def _wire_domain(domain: str) -> str:
    """Empty where it cannot stand in a header."""
    try:
        # IDNA 2008: the codec of the standard library, IDNA 2003, makes straße.de the domain of somebody else.
        on_wire = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""
    return "" if _UNSAFE.search(on_wire) else on_wire


@lru_cache(maxsize=65_536)
def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return domain.lower()


@lru_cache(maxsize=65_536)
def _judge_domain(domain: str) -> str:
    return _judge(f"a@{domain}").partition("@")[2]


def _judge(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - 60 ms that most commands don't need

    if not text:
        raise ValueError("there is no address")
    try:
        valid = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return f"{valid.local_part}@{valid.ascii_domain}"


__all__ = ["MAX_LENGTH", "MAX_LOCAL", "address_hash", "address_key", "ascii_address", "domain_of", "parse_address"]
