"""`digest delivery`: the ledger, and the word of the admin on what nobody knows."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import open_app
from digest.cli.issue import Number
from digest.cli.issue_sending import Chosen, find
from digest.cli.options import AsJson, DryRun, Newsletter, Yes
from digest.cli.output import confirm, note, print_json, print_table

if TYPE_CHECKING:
    from digest.core.model import Issue
    from digest.core.model import Newsletter as Owner
    from digest.core.states import DeliveryState
    from digest.store.database import Session

app = typer.Typer(name="delivery", no_args_is_help=True, help="Who got an issue: the ledger, row by row.")

Addresses = Annotated[list[str] | None, typer.Argument(metavar="ADDRESS", help="Only these.")]
Uncertain = Annotated[bool, typer.Option("--uncertain", help="Only those of which nobody knows.")]
AllUncertain = Annotated[bool, typer.Option("--uncertain", help="All of which nobody knows, or those named of them.")]

PARTLY = 3
PAGE = 1000


@app.command("list")
def list_(
    context: typer.Context,
    number: Number,
    newsletter: Newsletter = None,
    *,
    uncertain: Uncertain = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = PAGE,
    after: Annotated[int, typer.Option(metavar="ID", min=0, help="Only those after this one, for the next page.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List an issue's deliveries: states and replies.

    A page at a time; where there are more, the last line says how to see them.

    Example: digest delivery list 12 --uncertain
    """
    from digest.cli.clocks import Clocks
    from digest.core.states import DeliveryState
    from digest.store.deliveries import list_deliveries

    with open_app(context).database.read() as session:
        owner, issue = find(session, newsletter, number)
        state = DeliveryState.UNCERTAIN if uncertain else None
        rows = list_deliveries(session, issue.id, state=state, after=after, limit=limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        print_json(rows)
    else:
        head = ("address", "state", "tries", "next try", "phase", "reply", "reason")
        say = Clocks([owner]).say
        print_table(
            [
                (row.address, row.state, row.tries, say(row.not_before), row.phase, row.reply, row.reason)
                for row in rows
            ],
            head=head,
        )
    if more:
        words = f"digest delivery list {number} --newsletter {owner.slug}{' --uncertain' if uncertain else ''}"
        note(f"these are {limit}, and there are more", next_step=f"{words} --limit {limit} --after {rows[-1].id}")


@app.command()
def accept(
    context: typer.Context,
    number: Chosen = None,
    addresses: Addresses = None,
    newsletter: Newsletter = None,
    *,
    uncertain: AllUncertain = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say that uncertain deliveries did arrive.

    Because the server's log or the reader says so. Name readers, or take --uncertain for all; then the number may be left
    out where only one issue has any.

    Example: digest delivery accept 12 anna@example.org
    """
    from digest.core.states import DeliveryState

    given = tuple(addresses or ())
    _resolve(
        context,
        newsletter,
        number,
        given,
        DeliveryState.ACCEPTED,
        uncertain=uncertain,
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )


@app.command()
def retry(
    context: typer.Context,
    number: Chosen = None,
    addresses: Addresses = None,
    newsletter: Newsletter = None,
    *,
    uncertain: AllUncertain = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send uncertain deliveries again.

    A reader whose copy did arrive gets a second one. Name readers, or take --uncertain for all; then the number may be left
    out where only one issue has any. Who was refused or given up is sent to again if you name them.

    Example: digest delivery retry 12 anna@example.org --yes
    """
    from digest.core.states import DeliveryState

    given = tuple(addresses or ())
    _resolve(
        context,
        newsletter,
        number,
        given,
        DeliveryState.QUEUED,
        uncertain=uncertain,
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )


def _resolve(
    context: typer.Context,
    newsletter: str | None,
    number: int | None,
    addresses: tuple[str, ...],
    to: "DeliveryState",
    *,
    uncertain: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from digest.actions.control import count_resolvable, resolve_uncertain
    from digest.core.states import DeliveryState
    from digest.errors import UsageError

    if not (addresses or uncertain):
        raise UsageError("say whose deliveries: none is named", next_step="add addresses, or --uncertain for all such")
    opened = open_app(context)
    with opened.database.read() as session:
        owner, issue = _find(session, newsletter, number)
        chosen = count_resolvable(session, owner, issue, to=to, addresses=addresses, only_uncertain=uncertain)
    moved = 0
    if not dry_run:
        whom = (
            f"{', '.join(addresses)}:"
            if addresses
            else f"{chosen} uncertain deliveries of {owner.slug} {issue.number}:"
        )
        again = to is DeliveryState.QUEUED
        confirm(f"{whom} send again, at the risk of a second copy?" if again else f"{whom} arrived?", yes=yes)
        with opened.database.write() as session:
            moved = resolve_uncertain(
                session, owner, issue, to=to, addresses=addresses, only_uncertain=uncertain, now=opened.clock()
            )
    facts = {"newsletter": owner.slug, "number": issue.number, "chosen": chosen, "moved": moved, "state": to}
    if as_json:
        print_json(facts)
    _tell(facts, dry_run=dry_run)
    if (left := len(set(addresses)) - chosen) > 0:
        note(f"of {left} that are named, no delivery waits for that", next_step=f"digest delivery list {issue.number}")
        raise typer.Exit(PARTLY)


def _find(session: "Session", slug: str | None, number: int | None) -> "tuple[Owner, Issue]":
    from digest.actions.choose_newsletter import choose_newsletter
    from digest.actions.control import only_uncertain

    if number is not None:
        return find(session, slug, number)
    owner = choose_newsletter(session, slug)
    return owner, only_uncertain(session, owner)


def _tell(facts: dict[str, Any], *, dry_run: bool) -> None:
    from digest.core.states import DeliveryState

    if dry_run:
        note(f"{facts['chosen']} deliveries of {facts['newsletter']} {facts['number']} would be {facts['state']}")
        return
    step = "digest run" if facts["state"] is DeliveryState.QUEUED else None
    note(f"{facts['moved']} deliveries are {facts['state']}", next_step=step)
