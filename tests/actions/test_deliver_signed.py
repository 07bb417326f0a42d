"""What goes out by the ledger is signed: every reader's message, the same bytes on every attempt."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from tests import cast
from tests.actions.delivering import Scripted, prepare, run
from tests.mail.dkim_verifiers import SIGNER, dkimpy_says
from tests.mail.test_dkim_keys import short_rsa

from digest.config import Settings
from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.edges import make_signer
from digest.errors import SettingsError
from digest.mail.transport import BeforeDot
from digest.settings_sections import DkimSettings
from digest.store.database import Database


class Remembering(Scripted):
    """Keeps what it was handed, whatever it answered."""

    def __init__(self, *answers: Outcome | Exception) -> None:
        super().__init__(*answers)
        self.handed: list[bytes] = []

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        self.handed.append(envelope.message)
        return await super().send(envelope, before_dot=before_dot)


def test_every_message_is_signed_and_the_same_on_the_next_attempt(sqlite_database: Database) -> None:
    prepare(sqlite_database, people=2)
    later = Outcome(kind=OutcomeKind.DEFERRED, phase="rcpt", code=450, reply="greylisted")
    transport = Remembering(later, later, later)
    run(sqlite_database, transport, signer=SIGNER, concurrency=1)
    first = sorted(transport.handed)
    transport.handed.clear()
    run(sqlite_database, transport, signer=SIGNER, now=cast.NOW + timedelta(hours=1), owner="two")
    assert len(first) == 3
    assert sorted(transport.handed) == first
    assert all(dkimpy_says(message, number) for message in first for number in (0, 1))


def test_nobody_signs_unless_the_settings_say_so(sqlite_database: Database) -> None:
    prepare(sqlite_database)
    transport = Scripted()
    run(sqlite_database, transport, signer=make_signer(Settings()))
    assert [b"DKIM-Signature" in envelope.message for envelope in transport.finished] == [False]


def test_signing_without_a_domain_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"dkim\.domain is not set"):
        make_signer(Settings(dkim=DkimSettings(sign=True)))


def test_a_short_key_signs_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = short_rsa(tmp_path / "key.pem", 1024)
    settings = Settings(dkim=DkimSettings(sign=True, domain="news.example", key_file=file))
    with caplog.at_level(logging.WARNING, logger="digest"):
        assert make_signer(settings)
    assert "the DKIM key is short" in caplog.text
    assert file.read_text().splitlines()[1] not in caplog.text
