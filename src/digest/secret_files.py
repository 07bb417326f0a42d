"""Secret files: one secret each, readable by their owner only."""

import os
import secrets
from pathlib import Path

from digest.errors import SettingsError


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
