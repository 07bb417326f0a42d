"""A database's URL that was given to a command: what is said of the setting is about it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

_SETTING = re.compile(r"\[database\] url( in digest\.toml)?")


@contextmanager
def said_of(words: str) -> Iterator[None]:
    """Say "the URL", or the option, where an error of this block would name `[database] url`."""
    from digest.errors import DigestError

    try:
        yield
    except DigestError as error:
        error.message = _SETTING.sub(words, error.message)
        error.next_step = error.next_step and _SETTING.sub(words, error.next_step)
        raise
