"""`digest notice`: mails to one person about one subscription."""

from typing import Annotated

import typer

from digest.cli.clocks import Clocks
from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter, Yes
from digest.cli.output import confirm, note, print_json, print_table
from digest.core.states import DeliveryState

app = typer.Typer(name="notice", no_args_is_help=True, help="Confirmations, welcomes and goodbyes: list, send again.")

State = Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")]


@app.command("list")
def list_(
    context: typer.Context,
    newsletter: Newsletter = None,
    state: State = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the newest notices: states and replies.

    "uncertain": the connection ended before the answer came, and nobody knows. It is not sent again by itself: whoever waits for it asks again, or send it with: digest notice retry.

    Example: digest notice list --state uncertain
    """
    from digest.actions.choose_newsletter import choose_newsletter
    from digest.store.newsletters import list_newsletters
    from digest.store.notices import list_notices

    with open_app(context).database.read() as session:
        chosen = choose_newsletter(session, newsletter).id if newsletter else None
        rows = list_notices(session, newsletter_id=chosen, state=state, limit=limit)
        owners = list_newsletters(session, removed=True)
    if as_json:
        print_json(rows)
        return
    clocks, slugs = Clocks(owners), {one.id: one.slug for one in owners}
    head = ("id", "at", "newsletter", "kind", "address", "state", "tries", "reply", "reason")
    print_table(
        [(one.id, clocks.say(one.created_at, slugs[one.newsletter_id]), slugs[one.newsletter_id], one.kind, one.address, one.state, one.tries, one.reply,
          one.reason) for one in rows],
        head=head,
    )  # fmt: skip
    if not rows:
        note("there are no such notices")


@app.command()
def retry(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="As the list has it.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send a notice again.

    If the first one did arrive after all, its reader gets a second one. One that nobody waits for any more is not sent.

    Example: digest notice retry 17 --yes
    """
    from digest.store.notices import requeue_notice

    opened = open_app(context)
    confirm(f"Send notice {number} again?", yes=yes)
    with opened.database.write() as session:
        notice = requeue_notice(session, number)
    if as_json:
        print_json(notice)
    note(f"notice {number} ({notice.kind}) is queued", next_step="digest run, or the daemon, sends it")
