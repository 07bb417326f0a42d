"""Lines of text → people, or the reason why a row is none. Streams: nothing but the row in hand is kept.

 lines ─▶ delimiter, header ─▶ columns ─▶ cells ─▶ Entry | Rejected

Three shapes are read: a CSV with a header (comma, semicolon, tab or bar), a CSV without one, and plain lines, each an
address or `Name <address>`.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import NamedTuple

from digest.core.addresses import parse_address
from digest.core.languages import canonical_language
from digest.core.list_columns import (
    BLOCKS,
    COMPLAINTS,
    STANDINGS,
    STRICTNESS,
    Columns,
    Standing,
    plain,
    read_columns,
)
from digest.core.spreadsheet import unguard_cell
from digest.core.zones import known_zone
from digest.errors import ListError

MAX_NAME = 200
SAMPLE = 50  # lines looked at to tell the delimiter

_HOUR = re.compile(r"(?P<hour>\d{1,2})(?::00(?::00)?)?")
_NAMED = re.compile(r"""\s*["']?(?P<name>[^<>"]*?)["']?\s*<(?P<address>[^<>]+)>\s*[,;]?\s*""")
_TRUE = frozenset({"true", "yes", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "0", "f", "n"})


class Entry(NamedTuple):
    """A person as a list names them. A tuple, not a dataclass: 100,000 of them are spooled to disk and back."""

    line: int
    address: str
    name: str = ""
    standing: Standing = Standing.ACTIVE
    why: str = ""  # the list's word for someone who left or bounces
    zone: str | None = None
    language: str | None = None
    agreed: datetime | None = None
    confirmed: datetime | None = None
    left: datetime | None = None
    origin: str | None = None
    text: str | None = None
    hour: int | None = None  # of the day, at which they want an issue
    odd_language: bool = False  # it names one that does not exist, and is taken to have none


class Rejected(NamedTuple):
    """A row that cannot be used, as it stands in the file."""

    line: int
    reason: str
    cells: tuple[str, ...]


class SubscriberList:
    """A list being read: `columns` is known at once, the rows come by iterating, once.

    Raises:
        ListError: it is empty, has no column of addresses, or a quotation mark never closes.
        UsageError: the mapping names what does not exist.
    """

    def __init__(
        self, lines: Iterable[str], *, mapping: Mapping[str, str] | None = None, standing: Standing | None = None
    ) -> None:
        self._numbered = enumerate(_unmarked(lines), 1)
        self._standing = standing or Standing.ACTIVE
        sample = _skip_blank(list(islice(self._numbered, SAMPLE)))
        self._delimiter, sample = _find_delimiter(sample)
        if not sample:
            raise ListError("the list is empty", next_step="give a file with an address on each line, or a CSV")
        head = next(csv.reader([sample[0][1]], delimiter=self._delimiter))
        self.has_header = not any("@" in cell for cell in head)
        self._numbered = chain(sample[1:] if self.has_header else sample, self._numbered)  # type: ignore[assignment]
        self.columns = read_columns(head if self.has_header else _unnamed(head), mapping=mapping or {})

    def __iter__(self) -> Iterator[Entry | Rejected]:
        """The rows, in the order of the file."""
        return self._read_records() if self.has_header else self._read_lines()

    def _read_lines(self) -> Iterator[Entry | Rejected]:
        for number, line in self._numbered:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if _NAMED.fullmatch(text):
                cells = [text if role == "address" else "" for role in _order(self.columns)]
            else:
                cells = next(csv.reader([text], delimiter=self._delimiter))
            found = sum("@" in cell for cell in cells)
            if found > 1:
                yield Rejected(number, f"{found} addresses on one line: give each a line of its own", tuple(cells))
            else:
                yield _read_entry(number, cells, self.columns, self._standing)

    def _read_records(self) -> Iterator[Entry | Rejected]:
        lines = _Lines(self._numbered)
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        width = len(self.columns.header)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _broken(lines, error)
                continue
            if not any(cells):
                continue
            if reason := _misfit(cells, width, self.columns):
                yield Rejected(lines.start, reason, tuple(cells))
            else:
                yield _read_entry(lines.start, cells, self.columns, self._standing)


def parse_time(text: str) -> datetime | None:
    """An ISO 8601 time, in UTC where it names no zone; None for what could be read in two ways ("08/09/2017")."""
    text = text.strip().removesuffix(" UTC")
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def clean_name(text: str) -> str:
    """One line without control characters: a name goes into a header."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} else char for char in text)
    return unicodedata.normalize("NFC", " ".join(kept.split()))


class _Lines:
    """Hands lines to the CSV reader and remembers where the record in hand began."""

    def __init__(self, numbered: Iterator[tuple[int, str]]) -> None:
        self._numbered = numbered
        self.start = self.line = 0
        self._first = True

    def begin(self) -> None:
        self._first = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.line, text = next(self._numbered)
        if self._first:
            self.start, self._first = self.line, False
        return text


def _broken(lines: _Lines, error: csv.Error) -> Rejected:
    if "end of data" in str(error) or "field limit" in str(error):
        raise ListError(
            f"line {lines.start}: a quotation mark opens there and never closes",
            next_step="close it, or write it twice if it belongs to the text",
        ) from None
    where = f"lines {lines.start} to {lines.line}" if lines.line > lines.start else "this line"
    return Rejected(lines.start, f"broken quotation marks: {where} could not be read", ())


def _misfit(cells: Sequence[str], width: int, columns: Columns) -> str | None:
    """Cells that may have slipped into another column are not guessed at: an address or a status could be wrong."""
    if any(cell.strip() for cell in cells[width:]):
        return f"{len(cells)} cells where the header has {width}: a cell with the delimiter in it needs quotation marks"
    if columns.roles.get("status", 0) >= len(cells):
        return f"{len(cells)} cells where the header has {width}: its status is missing"
    return None


def _read_entry(line: int, cells: Sequence[str], columns: Columns, default: Standing) -> Entry | Rejected:
    try:
        address, name = _read_address(columns.cell(cells, "address"))
        language = _known_language(spoken := columns.cell(cells, "language"))
        standing, why = _read_standing(cells, columns, default)
        return Entry(
            line=line,
            address=address,
            name=_read_name(cells, columns, address) or name,
            standing=standing,
            why=why,
            zone=_known_zone(columns.cell(cells, "zone")),
            hour=_read_hour(columns.cell(cells, "hour"), standing),
            language=language,
            odd_language=bool(spoken) and not language,
            agreed=parse_time(columns.cell(cells, "agreed")),
            confirmed=parse_time(columns.cell(cells, "confirmed")),
            left=parse_time(columns.cell(cells, "left")),
            origin=_read_origin(cells, columns),
            text=unguard_cell(columns.cell(cells, "text")) or None,
        )
    except ValueError as error:
        return Rejected(line, str(error), tuple(cells))


def _read_address(cell: str) -> tuple[str, str]:
    cell = unguard_cell(cell)
    named = _NAMED.fullmatch(cell) if "<" in cell else None
    return (parse_address(named["address"]), clean_name(named["name"])) if named else (parse_address(cell), "")


def _read_name(cells: Sequence[str], columns: Columns, address: str) -> str:
    name = columns.cell(cells, "name")
    if not name and ("first" in columns.roles or "last" in columns.roles):
        name = f"{columns.cell(cells, 'first')} {columns.cell(cells, 'last')}"
    name = clean_name(unguard_cell(name))
    if len(name) > MAX_NAME:
        raise ValueError(f"the name has {len(name)} characters; {MAX_NAME} are allowed")
    return "" if name.casefold() == address.casefold() else name


def _read_standing(cells: Sequence[str], columns: Columns, default: Standing) -> tuple[Standing, str]:
    """The strictest of what the row's columns say; an unknown word is refused, never taken for a yes."""
    said = [_read_status(cells, columns)] if "status" in columns.roles else [(default, "")]
    for role, left in (("on", _FALSE), ("off", _TRUE)):
        if columns.cell(cells, role).casefold() in left:
            said.append((Standing.ENDED, "unsubscribed"))
    if "status" not in columns.roles:
        if columns.cell(cells, "left"):
            said.append((Standing.ENDED, "unsubscribed"))
        if columns.cell(cells, "bounced"):
            said.append((Standing.SUPPRESSED, "hard bounce"))
    return max(said, key=lambda pair: STRICTNESS[pair[0]])


def _read_status(cells: Sequence[str], columns: Columns) -> tuple[Standing, str]:
    word = plain(columns.cell(cells, "status"))
    standing = STANDINGS.get(word)
    if standing is None:
        raise ValueError(f"unknown status {columns.cell(cells, 'status')!r}" if word else "it has no status")
    if standing is Standing.SUPPRESSED:
        return standing, "complaint" if word in COMPLAINTS else "blocked" if word in BLOCKS else "hard bounce"
    return standing, word if standing is Standing.ENDED else ""


def _read_origin(cells: Sequence[str], columns: Columns) -> str | None:
    """Where they agreed, as far as the list knows; a time that could be read in two ways is kept word by word."""
    parts = [unguard_cell(columns.cell(cells, "origin"))]
    if ip := columns.cell(cells, "ip"):
        parts.append(f"agreed from {ip}")
    if (at := columns.cell(cells, "agreed")) and parse_time(at) is None:
        parts.append(f"agreed {at}")
    return clean_name(", ".join(part for part in parts if part)) or None


def _read_hour(text: str, standing: Standing) -> int | None:
    """A full hour of the day. Of who gets nothing it does not matter, and must not cost the word that they left."""
    found = _HOUR.fullmatch(text)
    if found and int(found["hour"]) <= 23:
        return int(found["hour"])
    if text and standing in {Standing.ACTIVE, Standing.PENDING}:
        raise ValueError(f"no hour of the day: {text!r}; write 0 to 23")
    return None


def _known_zone(text: str) -> str | None:
    return known_zone(text) if text else None


def _known_language(text: str) -> str | None:
    try:
        return canonical_language(text) if text else None
    except ValueError:
        return None


def _unmarked(lines: Iterable[str]) -> Iterator[str]:
    """The lines without a byte order mark, which an encoding given by hand leaves in the first."""
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def _skip_blank(sample: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Without what stands before the list: blank lines and remarks. A header may begin with a column named #."""
    while sample and (not sample[0][1].strip() or re.match(r"\s*#[^,;\t|]*$", sample[0][1])):
        sample = sample[1:]
    return sample


def _find_delimiter(sample: list[tuple[int, str]]) -> tuple[str, list[tuple[int, str]]]:
    """The delimiter of the first line; Excel's own `sep=;` line names it and goes."""
    if not sample:
        return ",", sample
    first = sample[0][1].strip()
    if re.fullmatch(r"sep=[,;\t|]", first):
        return first[-1], _skip_blank(sample[1:])
    bare = re.sub(r'"[^"]*"', "", first)
    return max(",;\t|", key=bare.count), sample


def _unnamed(first: Sequence[str]) -> list[str]:
    """Names for a list without a header: the cell with the @ is the address; if there are two, the other is the name."""
    names = ["address" if "@" in cell else f"column {number}" for number, cell in enumerate(first, 1)]
    if len(names) == 2 and "address" in names:
        names = [name if name == "address" else "name" for name in names]
    return names


def _order(columns: Columns) -> list[str]:
    """The role of each column of a list without a header, in order."""
    at = columns.roles["address"]
    return ["address" if number == at else "" for number in range(len(columns.header))]
