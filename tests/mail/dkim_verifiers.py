"""Two verifiers that share nothing with the signer: dkimpy, and the opendkim of Debian on an offline table of keys."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from tests.postgres import demanded

from digest.mail.dkim import Signer
from digest.mail.dkim_keys import record_of

DOMAIN, RSA_SELECTOR, ED_SELECTOR = "news.example", "digest", "digest-ed"
RSA_KEY = generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(domain=DOMAIN, selector=RSA_SELECTOR, key=RSA_KEY, second=(ED_SELECTOR, ED_KEY))
RECORDS = (
    record_of(RSA_KEY, selector=RSA_SELECTOR, domain=DOMAIN),
    record_of(ED_KEY, selector=ED_SELECTOR, domain=DOMAIN),
)


class Record(Protocol):
    """What stands in the DNS."""

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> str: ...


def dkimpy_says(message: bytes, number: int = 0, *, records: Sequence[Record] = RECORDS) -> bool:
    """Whether signature `number` from the top is valid by these records."""
    known = {f"{record.name}.".encode(): record.value.encode() for record in records}
    return dkim.DKIM(message).verify(idx=number, dnsfunc=lambda name, timeout: known[name])


def opendkim_says(
    messages: Sequence[bytes], folder: Path, *, records: Sequence[Record] = RECORDS
) -> list[tuple[int, int]]:
    """For each message, how many signatures it has and how many of them are valid. Skips, or fails, without opendkim."""
    program = shutil.which("opendkim", path="/usr/sbin:/usr/bin")
    if program is None:
        why = "no second verifier: install Debian's opendkim"
        if demanded():
            pytest.fail(why)
        pytest.skip(why)
    keys, settings = folder / "keys", folder / "opendkim.conf"
    keys.write_text("".join(f"{record.name} {record.value}\n" for record in records))
    settings.write_text(f"TestDNSData file:{keys}\nMode v\nOn-BadSignature accept\nOn-NoSignature accept\n")
    files = [folder / f"{number}.eml" for number in range(len(messages))]
    for file, message in zip(files, messages, strict=True):
        file.write_bytes(message)
    names = ",".join(map(str, files))
    done = subprocess.run(
        [program, "-x", settings, "-v", "-v", "-t", names], capture_output=True, text=True, check=False
    )
    results = done.stdout.split("### INSHEADER")[1:]
    assert len(results) == len(messages), done.stderr
    signatures = [result.count("\tdkim=") for result in results]
    return [(count, result.count("\tdkim=pass")) for count, result in zip(signatures, results, strict=True)]
