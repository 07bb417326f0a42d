"""`digest dkim`, and an issue that goes out signed: the real command, against a name server of this machine."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from tests import cast
from tests.command import run_digest
from tests.mail.dns_server import Table, name_server

from digest.store.database import Database

TOML = """
[dkim]
domain = "News.Example"
second_selector = "ed"
"""


def digest(*words: str | Path, cwd: Path, code: int = 0, **env: str) -> tuple[str, str]:
    done = run_digest(*words, cwd=cwd, env=env)
    assert done.returncode == code, done.stdout + done.stderr
    assert "PRIVATE" not in done.stdout + done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "digest.toml").write_text(TOML)
    return tmp_path


def private_parts(folder: Path) -> list[str]:
    """Pieces of the private keys as they stand in their files."""
    lines = [line for file in (folder / "secrets").glob("dkim_*") for line in file.read_text().splitlines()]
    return [line for line in lines if not line.startswith("-----")]


def test_keys_are_made_once_published_and_found(folder: Path) -> None:
    zone, told = digest("dkim", "keygen", cwd=folder)
    assert zone.splitlines()[0] == "digest._domainkey.news.example. IN TXT ("
    assert "ed._domainkey.news.example. IN TXT (" in zone
    assert "digest dkim check" in told
    files = sorted((folder / "secrets").iterdir())
    assert [file.name for file in files] == ["dkim_ed25519.pem", "dkim_rsa.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    before = [file.read_bytes() for file in files]
    assert "never overwritten" in digest("dkim", "keygen", cwd=folder, code=1)[1]
    assert [file.read_bytes() for file in files] == before
    assert digest("dkim", "record", cwd=folder)[0] == zone
    records = json.loads(digest("dkim", "record", "--json", cwd=folder)[0])
    table = {each["name"]: [" ".join(f'"{part}"' for part in each["strings"])] for each in records}
    with name_server(table) as where:
        shown, told = digest("dkim", "check", "--resolver", where, cwd=folder)
        as_json = json.loads(digest("dkim", "check", "--resolver", where, "--json", cwd=folder)[0])
    assert shown.count("it is our key") == 2
    assert "sign = true" in told
    assert [each["state"] for each in as_json] == ["right", "right"]
    with name_server({}) as where:
        shown, told = digest("dkim", "check", "--resolver", where, cwd=folder, code=1)
    assert shown.count("missing") == 2
    assert "digest dkim record" in told


def test_only_the_key_that_is_missing_is_made(folder: Path) -> None:
    digest("dkim", "keygen", cwd=folder)
    first = (folder / "secrets" / "dkim_rsa.pem").read_bytes()
    (folder / "secrets" / "dkim_ed25519.pem").unlink()
    zone, _ = digest("dkim", "keygen", "--json", cwd=folder)
    assert [each["algorithm"] for each in json.loads(zone)] == ["ed25519"]
    assert (folder / "secrets" / "dkim_rsa.pem").read_bytes() == first


def test_a_private_key_is_never_told(folder: Path) -> None:
    said = "".join(digest("dkim", "keygen", cwd=folder))
    said += "".join(digest("dkim", "record", "--json", cwd=folder))
    with name_server({}) as where:
        said += "".join(digest("dkim", "check", "--resolver", where, "--json", cwd=folder, code=1, DIGEST_DEBUG="1"))
        (folder / "secrets" / "dkim_rsa.pem").write_text(
            "-----BEGIN PRIVATE KEY-----\n" + "\n".join(private_parts(folder)) + "\n-----END PRIVATE KEY-----\n"
        )
        said += "".join(digest("dkim", "check", "--resolver", where, cwd=folder, code=1, DIGEST_DEBUG="1"))
    parts = [part for part in private_parts(folder) if len(part) > 20]
    assert len(parts) > 20
    assert [part for part in parts if part in said] == []


def test_what_cannot_work_says_what_to_do_next(folder: Path) -> None:
    assert "next: run: digest dkim keygen" in digest("dkim", "record", cwd=folder, code=1)[1]
    assert "127.0.0.1:5353" in digest("dkim", "check", "--resolver", "ns:53", cwd=folder, code=2)[1]
    assert "--offline verifies a FILE" in digest("dkim", "check", "--offline", cwd=folder, code=2)[1]
    assert "none.eml cannot be read" in digest("dkim", "check", "none.eml", cwd=folder, code=1)[1]
    (folder / "digest.toml").write_text("")
    assert "set domain under [dkim]" in digest("dkim", "keygen", cwd=folder, code=1)[1]


@pytest.mark.parametrize(
    ("sender", "code", "says"),
    [
        ("ana@mail.News.example", 0, ""),
        (
            "ana@other.example",
            1,
            "weekly sends from other.example, for which a signature of news.example does not speak",
        ),
        ("ana@büro.example", 1, 'set domain = "xn--bro-hoa.example" under [dkim]'),
    ],
)
def test_a_sender_that_the_domain_cannot_speak_for_is_told(
    folder: Path, sqlite_template: Path, sender: str, code: int, says: str
) -> None:
    shutil.copyfile(sqlite_template, folder / "digest.db")
    database = Database(f"sqlite:///{folder}/digest.db")
    with database.write() as session:
        cast.add_newsletter(session, sender_address=sender)
    database.close()
    table = published(folder)
    with name_server(table) as where:
        told = digest("dkim", "check", "--resolver", where, cwd=folder, code=code)[1]
    assert says in told
    assert ("DMARC" in told) is (code == 1)


def test_without_a_database_only_the_records_are_compared(folder: Path) -> None:
    with name_server(published(folder)) as where:
        told = digest("dkim", "check", "--resolver", where, cwd=folder)[1]
    assert "the newsletters' senders were not looked at: there is no database" in told


def published(folder: Path) -> Table:
    """The DNS with the records of new keys in it."""
    records = json.loads(digest("dkim", "keygen", "--json", cwd=folder)[0])
    return {each["name"]: [" ".join(f'"{part}"' for part in each["strings"])] for each in records}


def test_a_key_that_others_may_read_is_told(folder: Path) -> None:
    digest("dkim", "keygen", cwd=folder)
    (folder / "secrets" / "dkim_rsa.pem").chmod(0o644)
    with name_server({}) as where:
        assert "chmod 600" in digest("dkim", "check", "--resolver", where, cwd=folder, code=1)[1]


def test_what_goes_out_is_signed_where_the_settings_say_so(tmp_path: Path) -> None:
    """The demo's issue to its readers, a test copy and a preview; unsigned before, and refused without a key."""
    digest("demo", cwd=tmp_path)
    home = tmp_path / "digest-demo"
    for message in (home / "mailbox" / "new").iterdir():
        assert b"DKIM-Signature" not in message.read_bytes()
        assert "no DKIM signature" in digest("dkim", "check", message, "--offline", cwd=home, code=1, **sign(home))[1]
    with (home / "digest.toml").open("a") as settings:
        settings.write(TOML + "sign = true\n")
    (home / "secrets" / "dkim_rsa.pem").rename(home / "kept.pem")
    for words in (("issue", "test", "--to", "x@y.example"), ("preview",), ("run",), ("serve",)):
        assert "there is no DKIM key" in digest(*words, cwd=home, code=1)[1]
    (home / "kept.pem").rename(home / "secrets" / "dkim_rsa.pem")
    before = set((home / "mailbox" / "new").iterdir())
    digest("issue", "test", "--to", "x@y.example", cwd=home)
    digest("preview", "--issue", "1", cwd=home)
    copies = set((home / "mailbox" / "new").iterdir()) - before
    assert len(copies) == 1
    for message in (*copies, home / "preview" / "issue.eml"):
        verdicts = json.loads(digest("dkim", "check", message, "--offline", "--json", cwd=home)[0])
        assert [(each["algorithm"], each["valid"]) for each in verdicts] == [
            ("rsa-sha256", True),
            ("ed25519-sha256", True),
        ]


def sign(home: Path) -> dict[str, str]:
    """Settings of DKIM by variables, with keys made once."""
    env = {"DIGEST_DKIM__DOMAIN": "news.example", "DIGEST_DKIM__SECOND_SELECTOR": "ed"}
    if not (home / "secrets" / "dkim_rsa.pem").exists():
        digest("dkim", "keygen", cwd=home, **env)
    return env
