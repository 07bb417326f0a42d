"""How every command speaks: a table for people, one JSON document for programs, notes and progress on stderr.

Results go to stdout, everything else to stderr, so that a pipe carries results only. In a pipe nothing is coloured
and no progress bar is drawn. A source's password is never printed.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import typer

from digest.core.discretion import hide_password


def as_json(value: Any) -> Any:
    """Plain JSON values; datetimes as UTC ISO 8601 to the second."""
    if is_dataclass(value) and not isinstance(value, type):
        return as_json(asdict(value))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):  # a NamedTuple: its names, too
        return as_json(value._asdict())
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value if isinstance(value, int | float | bool | None) else hide_password(str(value))


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(as_json(value), ensure_ascii=False, indent=2))


def print_json_line(value: Any) -> None:
    """One JSON object on a line of stdout, at once: the reader of the pipe follows."""
    typer.echo(json.dumps(as_json(value), ensure_ascii=False))
    sys.stdout.flush()


def print_table(rows: Iterable[Sequence[Any]], *, head: Sequence[str], title: str | None = None) -> None:
    """A table on stdout: ruled on a terminal, tab-separated in a pipe."""
    rows = [[_cell(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in ([*head], *rows):
            typer.echo("\t".join(row))
        return
    from digest.cli.ruled import print_ruled

    print_ruled(rows, head=head, title=title)


def print_facts(facts: dict[str, Any]) -> None:
    """Names and values, one a line, on stdout."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        typer.echo(f"{name.replace('_', ' '):<{width}}  {_cell(value) or '-'}")


def note(message: str, *, next_step: str | None = None) -> None:
    """A remark on stderr, with what to do next."""
    typer.echo(hide_password(message), err=True)
    if next_step:
        typer.echo(hide_password(f"next: {next_step}"), err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before what cannot be undone.

    Raises:
        UsageError: not on a terminal, and --yes was not given.
        typer.Abort: the answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        from digest.errors import UsageError

        raise UsageError(f"this needs --yes, as nobody can be asked here: {question}", next_step="add --yes")
    typer.confirm(hide_password(question), abort=True, err=True)


class Progress(Protocol):
    """Counts what is done."""

    def advance(self, steps: int = 1, *, total: int | None = None) -> None:
        """So many more are done; of so many in all, where that is known only now."""

    def begin(self, what: str, *, done: int = 0, total: int | None = None) -> None:
        """Something else is counted from here; so many of it are done already, of so many."""

    def describe(self, what: str) -> None:
        """The same in other words."""


class _Silent:
    def advance(self, steps: int = 1, *, total: int | None = None) -> None:
        """Nobody is watching."""

    def begin(self, what: str, *, done: int = 0, total: int | None = None) -> None:
        """Nobody is watching."""

    def describe(self, what: str) -> None:
        """Nobody is watching."""


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal; silence otherwise."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from digest.cli.speed import SpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        class _Drawn:
            def advance(self, steps: int = 1, *, total: int | None = None) -> None:
                bar.update(task, advance=steps, total=total)

            def begin(self, what: str, *, done: int = 0, total: int | None = None) -> None:
                bar.reset(task, description=what, total=total, completed=done)

            def describe(self, what: str) -> None:
                bar.update(task, description=what)

        yield _Drawn()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, list | tuple):
        return ", ".join(_cell(one) for one in value) or "-"
    return hide_password(" ".join(str(value).split()))
