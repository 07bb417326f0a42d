"""What can go wrong, as a tree. An exception means that the verb could not do its work.

    DigestError                 what, where, what to do next; exit 1
    ├── UsageError              the call's words are off; exit 2
    ├── NothingToDo             there was nothing to do; exit 4
    ├── Interrupted             the admin broke it off while mail went out; exit 130
    ├── TryLater                the same call may work later; exit 75
    │   ├── DatabaseBusy        another process holds the database
    │   └── TransportError      the mail server or mailbox cannot take messages now
    │       └── LoginRefused    user name, password or permission (530, 535): pauses the issue
    ├── SettingsError           digest.toml, a DIGEST_ variable or a secret file
    ├── DatabaseError           missing, newer, older, unreadable, disk full
    ├── SourceError             one source; never stops the others
    │   ├── FetchError          the network or the server
    │   │   ├── BadStatus       the server answered 4xx or 5xx
    │   │   ├── TooLarge        more bytes than a feed or page may have
    │   │   └── RefusedAddress  private, loopback, wrong scheme or port
    │   └── NotAFeed            fetched, but no feed
    ├── ListError               a list of people that cannot be read: encoding, quotation marks, no address column
    ├── TemplateError           file, line, column
    ├── MessageError            the gate refused a message's bytes
    ├── NotFound                no such newsletter, source, post, issue, subscriber
    └── Conflict                it exists already, or its state forbids this

Refused recipients and deferred messages are outcomes, not exceptions. Exit 3 (partly done) is a report's, not an
exception's: some rows, feeds or addresses failed and are listed.
"""

from typing import ClassVar


class DigestError(Exception):
    """One clear sentence that says what and where, and a second that says what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class UsageError(DigestError):
    """The call's words are off."""

    exit_code = 2


class NothingToDo(DigestError):
    """There was nothing to do."""

    exit_code = 4


class Interrupted(DigestError):
    """The admin broke it off while mail went out (128 + SIGINT, as shells have it)."""

    exit_code = 130


class TryLater(DigestError):
    """The same call may work later (EX_TEMPFAIL of sysexits)."""

    exit_code = 75


class DatabaseBusy(TryLater):
    """Another process holds the database for longer than the busy timeout."""


class TransportError(TryLater):
    """The mail server or mailbox cannot take messages now; nothing was lost."""


class LoginRefused(TransportError):
    """The server wants other credentials (RFC 4954: 530, 535). Trying again by itself could lock the account."""


class SettingsError(DigestError):
    """digest.toml, a DIGEST_ variable or a secret file is wrong."""


class DatabaseError(DigestError):
    """The database is missing, newer or older than the program, unreadable, or its disk is full."""


class SourceError(DigestError):
    """One source failed; the others go on."""


class FetchError(SourceError):
    """The network or the server failed."""


class BadStatus(FetchError):
    """The server answered 4xx or 5xx; `retry_after` is its header as received (RFC 9110, 10.2.3)."""

    def __init__(
        self, message: str, *, status: int, retry_after: str | None = None, next_step: str | None = None
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.retry_after = retry_after


class TooLarge(FetchError):
    """The body is over the limit. Of a web page, `head` has what was read: feeds are announced at its beginning."""

    def __init__(self, message: str, *, url: str, head: bytes = b"", next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.url = url
        self.head = head


class RefusedAddress(FetchError):
    """The URL leads to an address, scheme or port that is never fetched (RFC 1918 and friends)."""


class NotAFeed(SourceError):
    """It was fetched, but it is no feed."""


class ListError(DigestError):
    """A list of people cannot be read; nothing of it was imported."""


class TemplateError(DigestError):
    """A template is broken; names file, line and column."""

    position: int | None = None  # in the rendered document, where only that is known


class MessageError(DigestError):
    """The gate refused a message's bytes (RFC 5322, RFC 2045)."""


class NotFound(DigestError):
    """No such newsletter, source, post, issue or subscriber."""


class Conflict(DigestError):
    """It exists already, or its state forbids this."""
