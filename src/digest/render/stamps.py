"""Files that are read once, and again when they have changed."""

import os
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

Stamp = tuple[str, int, int, int]
"""A file as it stands: path, modification in nanoseconds, bytes, inode."""


def stamps_of(places: Iterable[Path]) -> tuple[Stamp, ...]:
    """Of these files, and of every one under these folders; what cannot be looked at has none."""
    return tuple(stamp for place in places for stamp in _walk(str(place)))


def read_toml(file: Path) -> dict[str, Any]:
    """What a TOML file says. The tables in it are shared by all who ask: read them only.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError, tomllib.TOMLDecodeError: it is no TOML.
    """
    return dict(_parsed(_stamp(str(file), file.stat())))


@lru_cache(maxsize=128)
def _parsed(stamp: Stamp) -> dict[str, Any]:
    return tomllib.loads(Path(stamp[0]).read_text(encoding="utf-8"))


def _walk(folder: str) -> list[Stamp]:
    found: list[Stamp] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):  # a loop of links has no end
                        found += _walk(entry.path)
                    else:
                        found.append(_stamp(entry.path, entry.stat()))
                except OSError:  # a link that leads nowhere: who reads it is told
                    continue
    except NotADirectoryError:
        return [_stamp(folder, Path(folder).stat())]
    except OSError:
        return found
    return sorted(found)


def _stamp(path: str, stat: os.stat_result) -> Stamp:
    return path, stat.st_mtime_ns, stat.st_size, stat.st_ino
