"""A Maildir: the transport until a mail server is set up, and the demo's mailbox.

A message is written under tmp/, synced, then renamed into new/, and the folder is synced: it is there as a whole or
not at all. Its name is derived from its Message-ID, so that a retry after a crash between the rename and the ledger's
commit finds the message there and doubles nothing. What was there before is read once, when the transport opens: a
message that comes later comes from this transport, or stands in new/ where one look finds it.
"""

import asyncio
import hashlib
import os
from collections.abc import Awaitable
from contextlib import suppress
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import TypeVar

from digest.core.people import Envelope, Outcome
from digest.core.states import OutcomeKind
from digest.errors import TransportError
from digest.mail.transport import BeforeDot

T = TypeVar("T")

_FOLDERS = ("tmp", "new", "cur")


class MaildirTransport:
    """Delivers into one Maildir, whoever the recipient is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: frozenset[str] | None = None  # what lay in the mailbox when it was opened, read or not

    async def open(self) -> None:
        """Make the folders, and learn what is there.

        Raises:
            TransportError: the folder cannot be made or written.
        """
        try:
            await asyncio.to_thread(self._make_folders)
            self._known = await asyncio.to_thread(self._read_names)
        except OSError as error:
            raise self._trouble(error) from error

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        """Write the message; `before_dot` is awaited between the sync and the rename.

        Raises:
            TransportError: the folder cannot be written, or its disk is full.
        """
        message = envelope.message
        name = file_name(message)
        # The process id keeps two senders of the same message apart until one of them renames.
        draft = self.folder / "tmp" / f"{name}.{os.getpid()}"
        try:
            await _to_the_end(asyncio.to_thread(_write, draft, message))
            if not await before_dot():
                return Outcome(kind=OutcomeKind.UNSENT, phase="body", server="maildir")
            return await _to_the_end(asyncio.to_thread(self._finish, draft, name))
        except OSError as error:
            raise self._trouble(error) from error
        finally:  # it has moved, or it is of no use: a full disk, a message withdrawn, a sender cut off
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    async def close(self) -> None:
        """Nothing stays open."""

    def _make_folders(self) -> None:
        for name in _FOLDERS:
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self.folder / "new", os.W_OK):
            raise PermissionError(13, "Permission denied")

    def _read_names(self) -> frozenset[str]:
        """Names without their flags (what follows the colon). One reading: a look a message would be n² of them."""
        return frozenset(
            entry.name.partition(":")[0] for folder in ("new", "cur") for entry in os.scandir(self.folder / folder)
        )

    def _finish(self, draft: Path, name: str) -> Outcome:
        """Rename into new/, unless the message is there already, read or not."""
        try:
            if self._known is None:
                self._known = self._read_names()
            found = name in self._known or (self.folder / "new" / name).exists()
            if not found:
                draft.rename(self.folder / "new" / name)
                _sync(self.folder / "new")
        except OSError as error:
            reply = f"the mailbox cannot be written: {error.strerror}"
            return Outcome(kind=OutcomeKind.UNSENT, phase="maildir", reply=reply, server="maildir")
        reply = "it was there already" if found else name
        return Outcome(kind=OutcomeKind.ACCEPTED, phase="maildir", reply=reply, server="maildir")

    def _trouble(self, error: OSError) -> TransportError:
        return TransportError(
            f"the mailbox {self.folder} cannot be written: {error.strerror}",
            next_step="check the folder's permissions and disk, then run this again",
        )


async def _to_the_end(work: Awaitable[T]) -> T:
    """What a thread does, finished also where its caller is cut off: the draft is cleared away after the thread."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _write(draft: Path, message: bytes) -> None:
    with draft.open("wb") as file:
        file.write(message.replace(b"\r\n", b"\n"))  # lines end with LF in a Maildir
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_name(message: bytes) -> str:
    """Unique by Message-ID; no colon or slash, which Maildir keeps for flags and folders."""
    message_id = BytesHeaderParser().parsebytes(message.partition(b"\r\n\r\n")[0])["Message-ID"]
    return hashlib.sha256(str(message_id).encode()).hexdigest()[:40] + ".digest"
