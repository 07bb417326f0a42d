"""Files and folders that a command makes all or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Fresh:
    """What was missing when it was named, and so is ours to take away again."""

    def __init__(self) -> None:
        self._missing: list[Path] = []

    def watch(self, *paths: Path) -> None:
        """Before they are made: files before their folders."""
        self._missing += [path for path in paths if not path.exists()]

    def take_away(self) -> None:
        """A folder stays where somebody else has put something into it."""
        for path in self._missing:
            with suppress(OSError):
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()


@contextmanager
def all_or_nothing() -> Iterator[Fresh]:
    """An error, or Ctrl-C, in the block takes away what was watched."""
    fresh = Fresh()
    try:
        yield fresh
    except BaseException:
        fresh.take_away()
        raise
