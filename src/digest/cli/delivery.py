"""`digest delivery`: the ledger, and the word of the admin on what nobody knows."""

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.context import open_app
from digest.cli.issue import Number
from digest.cli.issue_sending import find
from digest.cli.options import AsJson, Newsletter, Yes
from digest.cli.output import confirm, note, print_json, print_table

if TYPE_CHECKING:
    from digest.core.states import DeliveryState

app = typer.Typer(name="delivery", no_args_is_help=True, help="Who got an issue: the ledger, row by row.")

Addresses = Annotated[list[str] | None, typer.Argument(metavar="[ADDRESS]...", help="Only these; else all uncertain.")]
Uncertain = Annotated[bool, typer.Option("--uncertain", help="Only those of which nobody knows.")]


@app.command("list")
def list_(
    context: typer.Context,
    number: Number,
    newsletter: Newsletter = None,
    *,
    uncertain: Uncertain = False,
    as_json: AsJson = False,
) -> None:
    """List an issue's deliveries: states and replies.

    Example: digest delivery list 12 --uncertain
    """
    from digest.core.states import DeliveryState
    from digest.store.deliveries import list_deliveries

    with open_app(context).database.read() as session:
        _, issue = find(session, newsletter, number)
        rows = list_deliveries(session, issue.id, state=DeliveryState.UNCERTAIN if uncertain else None)
    if as_json:
        print_json(rows)
        return
    head = ("address", "state", "tries", "next try", "phase", "reply", "reason")
    print_table(
        [(row.address, row.state, row.tries, row.not_before, row.phase, row.reply, row.reason) for row in rows],
        head=head,
    )


@app.command()
def accept(
    context: typer.Context,
    number: Number,
    addresses: Addresses = None,
    newsletter: Newsletter = None,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say that uncertain deliveries did arrive.

    Because the server's log or the reader says so.

    Example: digest delivery accept 12 anna@example.org
    """
    from digest.core.states import DeliveryState

    moved = _resolve(context, newsletter, number, tuple(addresses or ()), DeliveryState.ACCEPTED, yes=yes)
    _tell(moved, number, DeliveryState.ACCEPTED, as_json=as_json)


@app.command()
def retry(
    context: typer.Context,
    number: Number,
    addresses: Addresses = None,
    newsletter: Newsletter = None,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send uncertain deliveries again.

    A reader whose copy did arrive gets a second one. Who was refused or given up is sent to again if you name them.

    Example: digest delivery retry 12 anna@example.org --yes
    """
    from digest.core.states import DeliveryState

    moved = _resolve(context, newsletter, number, tuple(addresses or ()), DeliveryState.QUEUED, yes=yes)
    _tell(moved, number, DeliveryState.QUEUED, as_json=as_json)


def _resolve(
    context: typer.Context,
    newsletter: str | None,
    number: int,
    addresses: tuple[str, ...],
    to: "DeliveryState",
    *,
    yes: bool,
) -> int:
    from digest.actions.control import resolve_uncertain
    from digest.core.states import DeliveryState

    again = to is DeliveryState.QUEUED
    whom = ", ".join(addresses) or "all uncertain deliveries"
    opened = open_app(context)
    with opened.database.read() as session:
        owner, issue = find(session, newsletter, number)
    confirm(f"{whom}: send again, at the risk of a second copy?" if again else f"{whom}: arrived?", yes=yes)
    with opened.database.write() as session:
        return resolve_uncertain(session, owner, issue, to=to, addresses=addresses, now=opened.clock())


def _tell(moved: int, number: int, to: "DeliveryState", *, as_json: bool) -> None:
    from digest.core.states import DeliveryState

    if as_json:
        print_json({"number": number, "moved": moved, "state": to})
    note(f"{moved} deliveries are {to}", next_step="digest run" if to is DeliveryState.QUEUED else None)
