"""`digest db`: upgrade, check, tidy, back up and copy the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import open_database
from digest.cli.given_url import said_of
from digest.cli.options import AsJson
from digest.cli.output import Progress, note, print_facts, print_json, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.store.checks import Checkup
    from digest.store.database import Database


app = typer.Typer(name="db", no_args_is_help=True, help="Upgrade, check, back up and copy the database.")


@app.command()
def upgrade(context: typer.Context, *, json: AsJson = False) -> None:
    """Bring the tables up to this program.

    In one transaction; makes a database that is missing. Repeat it as you like, from several machines at once. Before it:
    digest db backup.

    Example: digest db upgrade
    """
    from digest.store import schema

    database = open_database(context)
    before = schema.upgrade(database)
    if json:
        print_json({"database": database.name, "before": before, "revision": schema.HEAD})
    elif before == schema.HEAD:
        note(f"{database.name} is up to date (revision {schema.HEAD})")
    else:
        note(f"{database.name} is upgraded to revision {schema.HEAD} (it was {before or 'empty'})")


@app.command()
def check(context: typer.Context, *, json: AsJson = False) -> None:
    """Say what is wrong with the database.

    Reads all of it: structure, references, schema, the ledger's sums. Exits with 0 when all is well and with 1 when something is not. Changes nothing.

    Example: digest db check --json
    """
    from digest.store.checks import check_database

    database = open_database(context, is_there=True)
    checkup = check_database(database)
    if json:
        print_json({"database": database.name, "healthy": not checkup.problems, "checkup": checkup})
    else:
        _print_checkup(database, checkup)
    if checkup.problems:
        raise typer.Exit(1)


@app.command()
def tidy(context: typer.Context, *, json: AsJson = False) -> None:
    """Leave no trace of what was deleted.

    Writes SQLite's file anew, without free space, and empties its write-ahead log; on Postgres, VACUUM. Takes as long as
    reading and writing the whole file; others wait meanwhile.

    Example: digest db tidy
    """
    from digest.store.scrub import tidy as tidy_files

    database = open_database(context, is_there=True)
    tidy_files(database)
    if json:
        print_json({"database": database.name, "tidy": True})
    note(f"{database.name} holds nothing of what was deleted" if database.is_sqlite else "VACUUM is done")


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The file to make; else one beside the database, named by the time."),
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    json: AsJson = False,
) -> None:
    """Copy the database into one file.

    While it is in use; whole or not at all, readable by its owner only. The copy holds addresses; the secret key is not in it: keep secrets/ too. On Postgres use pg_dump.

    Example: digest db backup /var/backups/digest.db --force
    """
    from digest.store.backup import backup as copy_database

    database = open_database(context, is_there=True)
    target = file or _name_backup(database)
    with progress("Backing up") as bar:
        size = copy_database(database, target, replace=force, on_step=_stepping(bar))
    if json:
        print_json({"database": database.name, "file": str(target), "bytes": size})
    else:
        note(f"backed up {database.name} to {target} ({size:,} bytes)")


@app.command()
def copy(
    context: typer.Context,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The empty database to fill, as [database] url would name it.")
    ],
    *,
    json: AsJson = False,
) -> None:
    """Copy every row into another, empty database.

    To move from SQLite to Postgres, or back: makes the tables there, copies in one transaction, compares the counts, and
    leaves this database as it is. Stop every digest process first; then write the new address into digest.toml.

    Example: digest db copy postgresql://digest@localhost/digest
    """
    from digest.store.copying import copy_rows
    from digest.store.database import Database
    from digest.store.schema import check_schema

    source = open_database(context, is_there=True)
    check_schema(source)
    with said_of("the URL"), progress("Copying") as bar:
        target = Database(url)
        context.call_on_close(target.close)
        counts = copy_rows(source, target, on_step=_stepping(bar))
    if json:
        print_json({"from": source.name, "to": target.name, "counts": counts})
    else:
        note(
            f"copied {sum(counts.values()):,} rows from {source.name} to {target.name}",
            next_step="write its address into [database] url of digest.toml, then run: digest db check",
        )


def _stepping(bar: Progress) -> "Callable[[int, int], None]":
    done = 0

    def step(now: int, total: int) -> None:
        nonlocal done
        bar.advance(now - done, total=total)
        done = now

    return step


def _name_backup(database: "Database") -> Path:
    from digest.clock import system_clock

    path = database.path or Path("digest.db")
    return path.with_name(f"{path.stem}-{system_clock():%Y%m%dT%H%M%SZ}.db")


def _print_checkup(database: "Database", checkup: "Checkup") -> None:
    facts = {"database": database.name, "revision": checkup.revision, "healthy": not checkup.problems}
    print_facts({**facts, **checkup.counts})
    for problem in checkup.problems:
        note(f"problem: {problem}")
    if checkup.problems:
        note("nothing was changed", next_step="digest db upgrade mends the schema, a backup the rest")
