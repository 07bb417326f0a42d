"""`digest subscriber import`: a list of people, checked whole, then written whole."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter
from digest.cli.output import note, print_facts, print_json, progress
from digest.core.list_columns import Standing

if TYPE_CHECKING:
    from digest.actions.checked_list import CheckedList
    from digest.actions.import_subscribers import ImportReport
    from digest.core.import_policy import Step
    from digest.core.subscriber_list import Entry

SHOWN = 50
MARKS = {"new": "+", "changed": "~", "skipped": "-"}


def import_list(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="CSV of a provider, or an address on each line.")
    ],
    *,
    newsletter: Newsletter = None,
    consent: Annotated[str | None, typer.Option(help="The words they agreed to, kept with each as proof.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="ROLE=COLUMN", help="Which column is the address, name, first, last, status …"),
    ] = None,
    status: Annotated[
        Standing | None, typer.Option(help="What they are where the list has no status; else active.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="If it is not found out: cp1251, latin-2 …")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Rejected rows go here; else to FILE.rejected.csv.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, show what would change.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With --dry-run: show every line, not the first 50.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a CSV or a plain list of people.

    Exports of Mailchimp, listmonk, Buttondown, Substack and Ghost are recognised, other columns mapped. All or nothing, and safe to repeat. Nobody who left or is suppressed is brought back, whatever the list says. Rows
    that cannot be used go into a file with their line and the reason; exit code 3 says that there were some, 4 that
    nothing had to be changed.

    Example: digest subscriber import people.csv --consent "the form" --dry-run
    """
    from digest.actions.checked_list import check_list
    from digest.actions.choose_newsletter import choose_newsletter
    from digest.actions.import_subscribers import import_subscribers

    opened = open_app(context)
    with opened.database.read() as session:
        chosen = choose_newsletter(session, newsletter)
    rejected_file = report if report or dry_run else file.parent / f"{file.stem}.rejected.csv"
    shown = _Shown(limit=None if everything else SHOWN)
    with ExitStack() as stack:
        with progress("reading") as read:
            checked = check_list(
                file,
                secret=opened.key,
                mapping=_mapping(columns or []),
                standing=status,
                encoding=encoding,
                rejected_file=rejected_file,
                advance=read.advance,
            )
            people = stack.enter_context(checked)
        if people.rows == 0:
            _refuse_useless(people)
        consent = consent or _ask(dry_run=dry_run)
        with progress("writing", people.people) as written:
            done = import_subscribers(
                opened.database,
                people,
                newsletter_id=chosen.id,
                now=opened.clock(),
                consent=consent,
                dry_run=dry_run,
                advance=written.advance,
                show=shown.add if dry_run else lambda _entry, _step: None,
            )
    _print(people, done, shown, as_json=as_json, dry_run=dry_run)
    _finish(people, done, dry_run=dry_run)


class _Shown:
    """The lines of the diff; what is over the limit is only counted."""

    def __init__(self, *, limit: int | None) -> None:
        self.limit = limit
        self.lines: list[dict[str, Any]] = []
        self.more = 0

    def add(self, entry: "Entry", step: "Step") -> None:
        if step.verdict == "unchanged":
            return
        if self.limit is not None and len(self.lines) >= self.limit:
            self.more += 1
            return
        self.lines.append(
            {
                "line": entry.line,
                "verdict": str(step.verdict),
                "address": entry.address,
                "name": entry.name,
                "reason": step.reason,
            }
        )


def _mapping(columns: list[str]) -> dict[str, str]:
    from digest.errors import UsageError

    pairs = [column.partition("=") for column in columns]
    for role, equals, _ in pairs:
        if not equals:
            raise UsageError(f"--map {role} names no column", next_step='write --map address="Email Address"')
    return {role.strip(): column.strip() for role, _, column in pairs}


def _ask(*, dry_run: bool) -> str | None:
    """Ask on a terminal which words they agreed to; a script that says nothing is told what is missing."""
    if dry_run:
        return None
    if not sys.stdin.isatty():
        note("no --consent given: only the file and the times in it are kept as proof that they agreed")
        return None
    words: str = typer.prompt(
        "Which words did they agree to? (Enter if unknown)",
        default="",
        show_default=False,
        err=True,
    )
    return words.strip() or None


def _refuse_useless(people: "CheckedList") -> None:
    from digest.errors import ListError

    if not people.rejected:
        raise ListError("there is a header and nobody under it", next_step="export it again with its people")
    first = people.first_rejected[0]
    raise ListError(
        f"none of its {people.rejected:,} rows can be used; line {first.line}: {first.reason}",
        next_step=f"{people.rejected_file} lists them all" if people.rejected_file else "check --map and --status",
    )


def _print(people: "CheckedList", done: "ImportReport", shown: _Shown, *, as_json: bool, dry_run: bool) -> None:
    counts = {verdict: done.counts.get(verdict, 0) for verdict in ("new", "changed", "unchanged", "skipped")}  # type: ignore[call-overload]
    facts = {"file": people.file, "read_as": people.provider, "encoding": people.encoding.name, **counts}
    facts |= {"duplicates": people.duplicates, "rejected": people.rejected}
    if as_json:
        rejected = [{"line": row.line, "reason": row.reason} for row in people.first_rejected]
        facts |= {"dry_run": dry_run, "skipped_because": dict(done.skipped), "rejected_rows": rejected}
        facts |= {"rejected_file": people.rejected_file, "steps": shown.lines, "more_steps": shown.more}
        print_json(facts)
        return
    for line in shown.lines:
        typer.echo("  ".join(filter(None, (MARKS[line["verdict"]], line["address"], line["name"], line["reason"]))))
    for row in people.first_rejected if dry_run else ():
        typer.echo(f"!  line {row.line}  {row.reason}")
    if shown.more:
        note(f"and {shown.more:,} more: --all shows them")
    print_facts({name.replace("_", " "): value for name, value in facts.items()})
    for reason, number in done.skipped.most_common():
        note(f"skipped {number:,}: {reason}")


def _finish(people: "CheckedList", done: "ImportReport", *, dry_run: bool) -> None:
    """The last words and the exit code."""
    if people.encoding.guessed:
        note(f"the encoding is a guess ({people.encoding.name})", next_step="look at the names; --encoding names it")
    if people.odd_languages:
        rows = "1 row has" if people.odd_languages == 1 else f"{people.odd_languages:,} rows have"
        note(f"{rows} no language tag that there is; left empty", next_step="write it like en, de or pt-BR")
    if people.rejected:
        rows = "1 row was" if people.rejected == 1 else f"{people.rejected:,} rows were"
        step = (
            f"mend and import {people.rejected_file}" if people.rejected_file else "--report PATH keeps them in a file"
        )
        note(f"{rows} rejected", next_step=step)
        raise typer.Exit(3)
    if not done.changed_anything:
        note("nothing to do: everybody on this list is as it says, or may not be changed by a list")
        raise typer.Exit(4)
    if dry_run:
        note("nothing was written", next_step="the same command without --dry-run")
