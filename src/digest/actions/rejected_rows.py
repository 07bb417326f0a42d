"""The rows of a list that cannot be used, in a file of their own: whole or not at all, and fit to be mended."""

import csv
import filecmp
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any, Self

from digest.core.list_columns import Columns
from digest.core.spreadsheet import guard_cell
from digest.core.subscriber_list import Rejected
from digest.errors import DigestError


class RejectedRows:
    """The file of rejected rows: opened with the first, moved into place with the last."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)

    def write(self, row: Rejected, columns: Columns) -> None:
        """Add a row; the columns are those of the list, so that a mended file can be imported as it is.

        Raises:
            DigestError: the file cannot be written.
        """
        if not self._path:
            return
        if not self._file:
            self._open(self._path, columns)
        with _writable(self._path):
            self._writer.writerow(guard_cell(cell) for cell in (str(row.line), row.reason, *row.cells))

    def finish(self) -> Path | None:
        """Put the file into place; None where no row was rejected.

        What an earlier run left may be half mended: it stays, and this file gets a number (people.rejected-2.csv).

        Raises:
            DigestError: the file cannot be written.
        """
        if not self._file or not self._path:
            return None
        with _writable(self._path):
            self._file.close()
            made = Path(self._file.name)
            place = next(place for place in _places(self._path) if _is_free(place) or _is_same(place, made))
            made.replace(place)
        return place

    def _open(self, path: Path, columns: Columns) -> None:
        with _writable(path):
            if path.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by finish and __exit__
                "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8", newline=""
            )
        self._writer = csv.writer(self._file)
        self._writer.writerow(guard_cell(name) for name in ("line", "reason", *columns.header))


def _places(path: Path) -> Iterator[Path]:
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def _is_free(path: Path) -> bool:
    """Whether nothing stood there; now something does, so that of two imports at once each has its own."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _is_same(path: Path, made: Path) -> bool:
    return path.is_file() and filecmp.cmp(path, made, shallow=False)


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DigestError(
            f"the file for rejected rows {path} cannot be written: {error.strerror}",
            next_step="name another: --report PATH",
        ) from error
