"""A list of people on disk → checked and spooled, before the database is touched.

The slow part of an import is reading and judging rows; the database's one writer should not wait for it. So the whole
list is read first: what is broken is known before anything is written, and the transaction that follows is short.
"""

import io
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from digest.actions.rejected_rows import RejectedRows
from digest.core.addresses import address_hash, address_key
from digest.core.import_policy import is_stricter
from digest.core.list_columns import STRICTNESS, Columns, Standing
from digest.core.list_encoding import Encoding, detect_encoding
from digest.core.subscriber_list import Entry, Rejected, SubscriberList
from digest.errors import ListError, UsageError

BATCH = 1000
IN_MEMORY = 8 << 20  # bytes of the spool before it goes to disk
SHOWN = 20  # rejected rows kept for the screen; all of them are in the file

Row = tuple[Entry, str, str]  # with the key and the hash of its address
_RANKS = {rank: standing for standing, rank in STRICTNESS.items()}


@dataclass(slots=True, kw_only=True)
class CheckedList:
    """A list whose every row was judged. Rows come from the spool in batches, each address once."""

    file: str
    provider: str
    encoding: Encoding
    rows: int = 0  # usable ones, duplicates among them
    duplicates: int = 0
    rejected: int = 0
    odd_languages: int = 0  # rows with a language that does not exist: taken without one
    rejected_file: Path | None = None
    first_rejected: list[Rejected] = field(default_factory=list)
    _spool: IO[bytes]
    _winners: dict[str, int] = field(default_factory=dict)  # key → line << 2 | strictness

    @property
    def people(self) -> int:
        """How many different addresses it holds."""
        return self.rows - self.duplicates

    def batches(self) -> Iterator[list[Row]]:
        """The people, in the order of the file."""
        self._spool.seek(0)
        with suppress(EOFError):
            while True:
                # Our own temporary file, which nobody else can open.
                batch: list[Row] = pickle.load(self._spool)  # noqa: S301
                yield [row for row in batch if self._winners[row[1]] >> 2 == row[0].line]

    def add(self, batch: list[Row]) -> None:
        """Spool some rows; of two with one address the stricter counts, else the first."""
        for entry, key, _ in batch:
            kept = self._winners.get(key)
            self.duplicates += kept is not None
            if kept is None or is_stricter(entry.standing, _RANKS[kept & 3]):
                self._winners[key] = entry.line << 2 | STRICTNESS[entry.standing]
        self.rows += len(batch)
        pickle.dump(batch, self._spool, protocol=pickle.HIGHEST_PROTOCOL)


@contextmanager
def check_list(
    path: Path,
    *,
    secret: bytes,
    mapping: Mapping[str, str] | None = None,
    standing: Standing | None = None,
    encoding: str | None = None,
    rejected_file: Path | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[CheckedList]:
    """Read and judge a whole list; write the rejected rows to `rejected_file`, whole or not at all.

    Raises:
        ListError: unreadable, empty, broken encoding, no column of addresses, quotation marks that never close.
        DigestError: the file for the rejected rows cannot be written.
        UsageError: the mapping or encoding names what does not exist.
    """
    with _readable(path), tempfile.SpooledTemporaryFile(IN_MEMORY) as spool, RejectedRows(rejected_file) as rejects:
        known = Encoding(name=_codec(encoding)) if encoding else _detect(path)
        with path.open(encoding=known.name, newline="") as lines:
            people = SubscriberList(_decoded(lines, path, known), mapping=mapping, standing=standing)
            _refuse_strangers(path, people.columns, standing)
            checked = CheckedList(file=path.name, provider=people.columns.provider, encoding=known, _spool=spool)
            for batch in _judged(people, checked, rejects, secret):
                checked.add(batch)
                advance(len(batch))
        checked.rejected_file = rejects.finish()
        yield checked


def _judged(people: SubscriberList, checked: CheckedList, rejects: RejectedRows, secret: bytes) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in people:
        if isinstance(row, Rejected):
            checked.rejected += 1
            rejects.write(row, people.columns)
            checked.first_rejected += [row] if checked.rejected <= SHOWN else []
            continue
        checked.odd_languages += row.odd_language
        batch.append((row, address_key(row.address), address_hash(secret, row.address)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    if path.is_dir():
        raise ListError(f"{path} is a folder, not a file", next_step="give one file; import several one by one")
    if path.exists() and not path.is_file():
        step = "give a file; what a pipe gives, write into one first"
        raise ListError(f"{path} is not a regular file", next_step=step)
    if not path.is_file():
        raise ListError(f"there is no file {path}", next_step="check the path")
    try:
        yield
    except ListError as error:
        raise ListError(f"{path.name}: {error.message}", next_step=error.next_step) from None
    except OSError as error:
        step = "check its permissions" if error.filename == str(path) else "free some space for temporary files"
        raise ListError(f"{path} cannot be read: {error.strerror}", next_step=step) from error


def _detect(path: Path) -> Encoding:
    with path.open("rb") as lines:
        return detect_encoding(lines)


def _codec(name: str) -> str:
    try:
        "".encode(name)
        codec = io.TextIOWrapper(io.BytesIO(), encoding=name).encoding
    except LookupError:
        raise UsageError(f"there is no encoding {name!r}", next_step="try utf-8, cp1252, cp1251, latin-2 …") from None
    return "utf-8-sig" if codec.lower().replace("_", "-") in {"utf-8", "utf8"} else codec


def _decoded(lines: Iterable[str], path: Path, encoding: Encoding) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeError:
        raise ListError(
            f"line {_broken_line(path, encoding.name)}: broken encoding: not {encoding.name}",
            next_step="save the file as UTF-8, or name its encoding, as in --encoding cp1251",
        ) from None


def _broken_line(path: Path, encoding: str) -> int:
    """The first line that does not decode: the decoder itself reads far ahead."""
    number = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8" if encoding == "utf-8-sig" else encoding)
            except UnicodeError:
                if "16" not in encoding and "32" not in encoding:
                    return number
    return number


def _refuse_strangers(path: Path, columns: Columns, standing: Standing | None) -> None:
    """Mailchimp's third file holds customers who never subscribed, and no column says so."""
    if columns.provider == "Mailchimp" and path.name.lower().startswith("nonsubscribed") and standing is None:
        raise UsageError(
            f"{path.name} holds people who never subscribed", next_step="leave it out, or add --status if they did"
        )
