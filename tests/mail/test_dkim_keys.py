"""Keys of DKIM: made for their owner only, never replaced, refused in one sentence, and never quoted."""

import base64
import stat
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)
from tests.command import obey_permissions
from tests.mail.dkim_verifiers import ED_KEY, RSA_KEY

from digest.errors import Conflict, SettingsError
from digest.mail.dkim_keys import is_short, load_key, make_key, record_of

PLAIN = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PRIMES = (
    108840181666718823115468359051602821046398947898036568623065610394700415153711,
    98095534274270697993967187980084425707188571461920164349998903952004417857389,
)
"""Of a key of 512 bits: cryptography makes no key that short, other programs do."""


def short_rsa(file: Path, bits: Literal[512, 1024]) -> Path:
    """A file with a key that is too short."""
    key = _of_primes(*PRIMES) if bits == 512 else rsa.generate_private_key(public_exponent=65537, key_size=bits)
    file.write_bytes(key.private_bytes(*PLAIN))
    return file


def _of_primes(p: int, q: int) -> rsa.RSAPrivateKey:
    public = rsa.RSAPublicNumbers(65537, p * q)
    d = rsa.rsa_recover_private_exponent(public.e, p, q)
    parts = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    return rsa.RSAPrivateNumbers(p, q, d, *parts, public).private_key()


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_a_key_is_made_for_its_owner_only_and_read_again(algorithm: str, tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "key.pem"
    made = make_key(algorithm, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["key.pem"]
    assert load_key(file, algorithm).private_bytes(*PLAIN) == made.private_bytes(*PLAIN)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("mine")
    with pytest.raises(Conflict, match="never overwritten"):
        make_key("ed25519", file)
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a file where a folder should be")
    with pytest.raises(SettingsError, match=r"key\.pem cannot be written"):
        make_key("rsa", tmp_path / "secrets" / "key.pem")


def test_the_record_of_an_rsa_key_holds_it_in_strings_of_255_octets() -> None:
    record = record_of(RSA_KEY, selector="s1", domain="news.example")
    assert record.name == "s1._domainkey.news.example"
    assert "".join(record.strings) == record.value
    assert [len(string) for string in record.strings] == [255, len(record.value) - 255]
    public = load_der_public_key(base64.b64decode(record.value.partition("p=")[2]))
    assert public == RSA_KEY.public_key()
    assert record.zone_lines.splitlines()[0] == "s1._domainkey.news.example. IN TXT ("
    assert record.zone_lines.count('"') == 4


def test_the_record_of_an_ed25519_key_holds_its_bare_32_octets() -> None:
    record = record_of(ED_KEY, selector="s2", domain="news.example")
    assert record.value.startswith("v=DKIM1; k=ed25519; p=")
    assert base64.b64decode(record.value.partition("p=")[2]) == ED_KEY.public_key().public_bytes_raw()
    assert len(record.strings) == 1


def refused(file: Path, algorithm: str = "rsa") -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_key(file, algorithm)
    assert str(file) in caught.value.message
    assert caught.value.next_step
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, OSError)
    return caught.value


def test_a_key_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    assert "digest dkim keygen" in str(refused(tmp_path / "none.pem").next_step)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "no private key in PEM"),
        (b"hunter2", "no private key in PEM"),
        (b"\xff\x00", "no private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n", "no private key in PEM"),
        (
            RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "no private key in PEM",
        ),
        (
            RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")),
            "locked with a passphrase",
        ),
        (ec.generate_private_key(ec.SECP256R1()).private_bytes(*PLAIN), "neither RSA nor Ed25519"),
        (ED_KEY.private_bytes(*PLAIN), "of the kind ed25519, where rsa is wanted"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_quotes_nothing(octets: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(octets)
    error = refused(file)
    assert says in error.message
    assert "hunter2" not in f"{error.message}{error.next_step}{error.__cause__}"


def test_an_rsa_key_for_the_second_signature_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(RSA_KEY.private_bytes(*PLAIN))
    assert "where ed25519 is wanted" in refused(tmp_path / "key.pem", "ed25519").message


def test_a_key_under_1024_bits_is_refused_and_one_under_2048_is_short(tmp_path: Path) -> None:
    assert "512 bits" in refused(short_rsa(tmp_path / "a.pem", 512)).message
    assert is_short(load_key(short_rsa(tmp_path / "b.pem", 1024), "rsa"))
    assert not is_short(RSA_KEY)
    assert not is_short(Ed25519PrivateKey.generate())


def test_a_key_that_may_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    make_key("ed25519", file)
    file.chmod(0)
    code = f"""
from pathlib import Path
from digest.errors import SettingsError
from digest.mail.dkim_keys import load_key
try:
    load_key(Path({str(file)!r}), "ed25519")
except SettingsError as error:
    print(error.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=obey_permissions, check=True
    )
    assert done.stdout.endswith("cannot be read: Permission denied\n")
