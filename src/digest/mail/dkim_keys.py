"""Keys of DKIM: made, read from their files, and told to the world as TXT records (RFC 6376 §3.6.1, RFC 8463 §4).

No sentence, error or log line here quotes a key file: it is private.
"""

import base64
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from digest.errors import Conflict, SettingsError
from digest.mail.dkim import PrivateKey

RSA_BITS = 2048  # the largest that every receiver verifies (RFC 8301 §3.2)
LEAST_BITS = 1024  # receivers take a shorter one for no signature (RFC 8301 §3.2)
STRING = 255  # octets of one string of a TXT record (RFC 1035 §3.3.14)
RSA, ED25519 = "rsa", "ed25519"

_MAKE = "run: digest dkim keygen"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What a key's TXT record must be."""

    selector: str
    domain: str
    algorithm: str  # the record's k=: rsa or ed25519
    bits: int
    value: str

    @property
    def name(self) -> str:
        """Where the record stands, without the dot at the end."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def strings(self) -> tuple[str, ...]:
        """The value in the pieces of a zone file."""
        return tuple(self.value[at : at + STRING] for at in range(0, len(self.value), STRING))

    @property
    def zone_lines(self) -> str:
        """The record as it stands in a zone file (RFC 1035 §5.1)."""
        pieces = "\n".join(f'    "{piece}"' for piece in self.strings)
        return f"{self.name}. IN TXT (\n{pieces}\n)"


def make_key(algorithm: str, file: Path) -> PrivateKey:
    """A new private key in a file that only its owner may read. It is whole or not there; never replaces a file.

    Raises:
        Conflict: the file exists.
        SettingsError: it cannot be written.
    """
    key: PrivateKey
    if algorithm == RSA:
        key = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    else:
        key = Ed25519PrivateKey.generate()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = _write(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except OSError as error:
        raise SettingsError(
            f"the DKIM key {file} cannot be written: {error.strerror}", next_step="check the folder's permissions"
        ) from error
    if not is_new:
        raise Conflict(
            f"{file} exists; a key is never overwritten",
            next_step="for another key name another file and another selector under [dkim]",
        )
    return key


def load_key(file: Path, algorithm: str) -> PrivateKey:
    """The private key of a file in PEM.

    Raises:
        SettingsError: missing, unreadable, no private key, locked, of another kind, or an RSA key under 1024 bits.
    """
    key = _parse(file, _read(file))
    if algorithm_of(key) != algorithm:
        raise SettingsError(
            f"the DKIM key {file} is of the kind {algorithm_of(key)}, where {algorithm} is wanted",
            next_step="dkim.key_file names the RSA key and dkim.second_key_file the Ed25519 key",
        )
    if isinstance(key, RSAPrivateKey) and key.key_size < LEAST_BITS:
        raise SettingsError(
            f"the DKIM key {file} has {key.key_size} bits; receivers ignore RSA keys under {LEAST_BITS}",
            next_step=f"name another file under [dkim], then {_MAKE}",
        )
    return key


def algorithm_of(key: PrivateKey) -> str:
    """Its k= in the record."""
    return RSA if isinstance(key, RSAPrivateKey) else ED25519


def is_short(key: PrivateKey) -> bool:
    """Whether it is allowed but shorter than it should be (RFC 8301 §3.2)."""
    return isinstance(key, RSAPrivateKey) and key.key_size < RSA_BITS


def record_of(key: PrivateKey, *, selector: str, domain: str) -> KeyRecord:
    """The record that publishes a key."""
    algorithm = algorithm_of(key)
    text = base64.b64encode(public_octets(key)).decode("ascii")
    bits = key.key_size if isinstance(key, RSAPrivateKey) else 256
    return KeyRecord(
        selector=selector, domain=domain, algorithm=algorithm, bits=bits, value=f"v=DKIM1; k={algorithm}; p={text}"
    )


def public_octets(key: PrivateKey) -> bytes:
    """The octets behind p=: SubjectPublicKeyInfo of an RSA key, the bare key of Ed25519 (RFC 8463 §4.2)."""
    if isinstance(key, RSAPrivateKey):
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes_raw()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise SettingsError(f"there is no DKIM key {file}", next_step=f"{_MAKE}, or set dkim.sign = false") from None
    except OSError as error:
        raise SettingsError(
            f"the DKIM key {file} cannot be read: {error.strerror}", next_step="check its permissions and its owner"
        ) from error


def _parse(file: Path, octets: bytes) -> PrivateKey:
    """The library's own words are dropped (`from None`): they might quote the file."""
    try:
        key = load_pem_private_key(octets, password=None)
    except TypeError:
        raise SettingsError(
            f"the DKIM key {file} is locked with a passphrase",
            next_step="store it without one (openssl pkey -in OLD -out NEW), readable by its owner only",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(
            f"{file} holds no private key in PEM", next_step=f"name the right file under [dkim], or {_MAKE}"
        ) from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise SettingsError(
            f"the DKIM key {file} is neither RSA nor Ed25519", next_step=f"name another file under [dkim], then {_MAKE}"
        )
    return key


def _write(file: Path, octets: bytes) -> bool:
    """Whole or not at all; whether it was not there before."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(octets)
            handle.flush()
            os.fsync(handle.fileno())
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True
