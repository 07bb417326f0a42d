"""What goes out by the ledger is signed: every reader's message, the same bytes on every attempt."""

import asyncio
import logging
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from tests import cast
from tests.actions.delivering import KEY, Scripted, counts, prepare, run
from tests.mail.dkim_verifiers import SIGNER, dkimpy_says
from tests.mail.test_dkim_keys import short_rsa

from digest.actions.deliver import DeliverReport, deliver
from digest.actions.drafts import AT_ONCE
from digest.config import Settings
from digest.core.people import Envelope, Outcome, Pieces
from digest.core.states import OutcomeKind
from digest.edges import make_signer
from digest.errors import SettingsError
from digest.mail.transport import BeforeDot
from digest.settings_sections import DkimSettings
from digest.store import sending
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


@pytest.mark.parametrize(
    ("slow", "sent"), [(b"anna@example.org", 0), (b"reader5@x.example", 6)], ids=["first", "later"]
)
@pytest.mark.parametrize("how", ["stop", "pause"])
def test_a_stop_while_a_signature_is_awaited_finishes_what_is_in_hand_and_gives_back_the_rest(
    sqlite_database: Database, slow: bytes, sent: int, how: str
) -> None:
    """Nor does a message that has its mark wait for another's signature: its dot would come after the pause."""
    issue = prepare(sqlite_database, people=9)
    asked, go_on = threading.Event(), threading.Event()
    transport = Scripted()

    def sign(message: Pieces, _relaxed: Pieces | None) -> bytes:
        if b"<" + slow + b">" in b"".join(message):
            asked.set()
            assert go_on.wait(10)
        return b""

    async def send() -> DeliverReport:
        stop = asyncio.Event()
        going = asyncio.create_task(
            deliver(sqlite_database, transport=transport, key=KEY, base_url=None, clock=lambda: cast.NOW, owner="one",
                    concurrency=1, stop=stop, signer=sign)
        )  # fmt: skip
        try:
            assert await asyncio.to_thread(asked.wait, 10)
            for _ in range(200):
                await asyncio.sleep(0.01)
                if len(transport.finished) == sent:
                    break
            before = len(transport.finished)
            if how == "stop":
                stop.set()
            else:
                await asyncio.to_thread(pause, sqlite_database, issue)
        finally:
            go_on.set()
        report = await going
        assert before == len(transport.finished) == sent
        return report

    report = asyncio.run(send())
    assert (report.accepted, report.problem) == (sent, None)
    assert counts(sqlite_database, issue) == {"queued": 10 - sent} | ({"accepted": sent} if sent else {})


def test_each_signature_is_made_once_however_many_lanes_wait_for_theirs(sqlite_database: Database) -> None:
    """More lanes than are signed for at once: what one has made ahead is not thrown away for the next."""
    prepare(sqlite_database, people=99)
    signed = Counter[bytes]()

    def sign(message: Pieces, _relaxed: Pieces | None) -> bytes:
        signed[b"".join(message)] += 1
        time.sleep(0.001)
        return b""

    report = run(sqlite_database, Scripted(during=lambda: time.sleep(0.001)), signer=sign, concurrency=2 * AT_ONCE)
    assert (report.accepted, len(signed), signed.total()) == (100, 100, 100)


def pause(database: Database, issue: int) -> None:
    with database.write() as session:
        assert sending.pause(session, issue, reason="by the admin", now=cast.NOW)


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
