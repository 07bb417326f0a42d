"""Secret files: one secret each, readable by their owner only."""

import logging
import os
import secrets
from pathlib import Path

from digest.errors import SettingsError

log = logging.getLogger(__name__)


class KeyRing:
    """The keys of links: those of a file, the newest first, then the secret key. A changed file is noticed at the next look.

    A look costs one stat. Where the file is gone or cannot be read any more, the keys of before stay: without them nobody
    could leave by an old mail.
    """

    def __init__(self, file: Path, key: bytes) -> None:
        """Read them.

        Raises:
            SettingsError: the file cannot be read.
        """
        self._file, self._key = file, key
        self._stamp = self._look()
        self._keys = (*read_keys(file), key)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The one that signs, then those that still verify."""
        if (stamp := self._look()) != self._stamp:
            self._read_anew()
            self._stamp = stamp
        return self._keys

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read_anew(self) -> None:
        try:
            found = read_keys(self._file)
        except SettingsError as error:
            log.warning("the keys of links stay as they were", extra={"problem": error.message})
            return
        if found:
            self._keys = (*found, self._key)
            log.info("the keys of links were read anew", extra={"keys": len(self._keys)})
        else:
            log.warning(
                "the file with the keys of links is gone: they stay as they were", extra={"file": str(self._file)}
            )


def is_open_to_all(file: Path) -> bool:
    """Whether everybody on this machine may read it: the file, through folders of which none is closed to them.

    Files of another owner are his business: a container gets its secrets so, and could not change them.
    """
    if os.name != "posix":
        return False
    try:
        found = file.stat()
        return bool(
            found.st_uid == os.geteuid()
            and found.st_mode & 0o004
            and all(folder.stat().st_mode & 0o001 for folder in file.resolve().parents)
        )
    except OSError:
        return False


def read_secret(file: Path) -> str | None:
    """A secret without its end of line, None where there is no such file.

    Raises:
        SettingsError: the file cannot be read.
    """
    text = _read_whole(file)
    return None if text is None else text.rstrip("\r\n")


def _read_whole(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret file {file} cannot be read: {reason_of(error)}", next_step="check its permissions"
        ) from error


def read_keys(file: Path) -> tuple[bytes, ...]:
    """One key a line, newest first; none where there is no such file.

    Raises:
        SettingsError: the file cannot be read.
    """
    return tuple(line.strip().encode() for line in (_read_whole(file) or "").splitlines() if line.strip())


def add_key(file: Path) -> None:
    """A new key before those that are there; the file is replaced as a whole.

    Raises:
        SettingsError: the file cannot be read or written.
    """
    kept = [key.decode() for key in read_keys(file)]
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write("\n".join([secrets.token_urlsafe(32), *kept]) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(file)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}", next_step="check its folder") from error


def key_file(file: Path) -> bytes:
    """The secret key in a file, made at its first use.

    Raises:
        SettingsError: it cannot be read or written, or is empty.
    """
    try:
        if not file.exists():
            _make_key(file)
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret key {file} cannot be used: {reason_of(error)}", next_step="check its permissions"
        ) from error
    if not key:
        raise SettingsError(f"the secret key {file} is empty", next_step="put it back from your backup")
    return key.encode()


def _make_key(file: Path) -> None:
    """Whole or not at all: of two processes that start at once, one's key stands and the other reads it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def reason_of(error: OSError | UnicodeDecodeError) -> str:
    """Why a file could not be read, in words."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else f"{error.reason} at byte {error.start}"
