"""The Maildir transport: whole or not at all, and never twice."""

import asyncio
import mailbox
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from digest.core.people import Envelope
from digest.core.states import OutcomeKind
from digest.errors import TransportError
from digest.mail.maildir import MaildirTransport

MESSAGE = b"Message-ID: <1.abc@news.example>\r\nSubject: Hi\r\n\r\nHello\r\n"
ENVELOPE = Envelope(sender="a@news.example", recipient="b@x.example", pieces=(MESSAGE,))


def send(folder: Path, *, finish: bool = True, before: Callable[[], object] = lambda: None):
    """One message; `before` happens just before its mark."""

    async def conversation():
        transport = MaildirTransport(folder)
        await transport.open()

        async def before_dot() -> bool:
            assert list((folder / "tmp").iterdir()), "the message is on disk before the mark"
            before()
            return finish

        outcome = await transport.send(ENVELOPE, before_dot=before_dot)
        await transport.close()
        return outcome

    return asyncio.run(conversation())


def test_a_message_arrives_as_a_reader_of_maildirs_sees_it(tmp_path: Path) -> None:
    assert send(tmp_path / "box").kind is OutcomeKind.ACCEPTED
    (message,) = mailbox.Maildir(tmp_path / "box", create=False)
    assert (message["Message-ID"], message.get_payload()) == ("<1.abc@news.example>", "Hello\n")


def test_the_same_message_again_is_accepted_and_not_doubled_even_after_it_was_read(tmp_path: Path) -> None:
    send(tmp_path)
    assert send(tmp_path).reply == "it was there already"
    (arrived,) = (tmp_path / "new").iterdir()
    arrived.rename(tmp_path / "cur" / f"{arrived.name}:2,S")
    assert send(tmp_path).kind is OutcomeKind.ACCEPTED
    assert not list((tmp_path / "new").iterdir())
    assert not list((tmp_path / "tmp").iterdir())


def test_without_the_mark_nothing_arrives(tmp_path: Path) -> None:
    assert send(tmp_path, finish=False).kind is OutcomeKind.UNSENT
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_in_the_way_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("not a folder")
    with pytest.raises(TransportError, match=r"the mailbox .*box cannot be written"):
        send(tmp_path / "box")


def drafts(folder: Path) -> list[Path]:
    return list((folder / "tmp").iterdir())


def test_a_failed_rename_leaves_no_draft(tmp_path: Path) -> None:
    outcome = send(tmp_path, before=(tmp_path / "new").rmdir)
    assert (outcome.kind, drafts(tmp_path)) == (OutcomeKind.UNSENT, [])


def test_a_full_disk_leaves_no_draft(tmp_path: Path) -> None:
    message = MESSAGE + b"x" * 100_000

    async def conversation() -> None:
        transport = MaildirTransport(tmp_path)
        await transport.open()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # as a full disk: the write itself fails
        try:
            await transport.send(Envelope(sender="a@n.example", recipient="b@x.example", pieces=(message,)),
                                 before_dot=lambda: asyncio.sleep(0, result=True))  # fmt: skip
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    with pytest.raises(TransportError, match="cannot be written"):
        asyncio.run(conversation())
    assert drafts(tmp_path) == []


def test_a_sender_cut_off_leaves_no_draft(tmp_path: Path) -> None:
    async def conversation() -> None:
        transport = MaildirTransport(tmp_path)
        await transport.open()
        at_the_mark = asyncio.Event()

        async def before_dot() -> bool:
            at_the_mark.set()
            await asyncio.sleep(60)
            return True

        sending = asyncio.create_task(transport.send(ENVELOPE, before_dot=before_dot))
        await at_the_mark.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    asyncio.run(conversation())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_mailbox_is_read_once_however_many_messages_come(tmp_path: Path) -> None:
    """Each message used to read all of cur/: a hundred thousand would have cost ten thousand million names."""
    looks: list[str] = []

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event in {"os.scandir", "os.listdir"} and str(arguments[0]).startswith(str(tmp_path)):
            looks.append(str(arguments[0]))

    sys.addaudithook(hear)

    async def conversation() -> None:
        transport = MaildirTransport(tmp_path)
        await transport.open()
        for number in range(20):
            message = MESSAGE.replace(b"<1.", f"<{number}.".encode())
            envelope = Envelope(sender="a@n.example", recipient="b@x.example", pieces=(message,))
            await transport.send(envelope, before_dot=lambda: asyncio.sleep(0, result=True))

    asyncio.run(conversation())
    assert sorted(looks) == [str(tmp_path / "cur"), str(tmp_path / "new")]
    assert len(list((tmp_path / "new").iterdir())) == 20
