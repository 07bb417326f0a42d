"""`digest subscriber`: the people, one at a time or as a list."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.clocks import Clocks
from digest.cli.context import open_app
from digest.cli.options import STDOUT, AsJson, Newsletter, Yes
from digest.cli.output import confirm, note, print_json, print_table
from digest.cli.subscriber_data import erase, export_data
from digest.cli.subscriber_edit import edit, tell_unoffered
from digest.cli.subscriber_import import import_list
from digest.cli.subscriber_show import show
from digest.core.states import SubscriptionState

if TYPE_CHECKING:
    from digest.app import App
    from digest.core.model import Newsletter as Owner
    from digest.core.people import Listed

app = typer.Typer(name="subscriber", no_args_is_help=True, help="The people who get a newsletter.")
app.command("import")(import_list)
app.command()(show)
app.command()(edit)
app.command("export-data")(export_data)
app.command()(erase)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address, however it is written.")]
State = Annotated[SubscriptionState | None, typer.Option(help="Only those in this state.")]
Zone = Annotated[str | None, typer.Option(help="Their time zone, like Europe/Berlin.")]
Language = Annotated[str | None, typer.Option(help="Their language, like de.")]


@app.command()
def add(
    context: typer.Context,
    address: Address,
    *,
    newsletter: Newsletter = None,
    name: Annotated[str, typer.Option(help="How they are greeted.")] = "",
    consent: Annotated[str | None, typer.Option(help="The words they agreed to, kept as proof.")] = None,
    pending: Annotated[bool, typer.Option("--pending", help="They have not confirmed yet: nothing is sent.")] = False,
    again: Annotated[bool, typer.Option("--again", help="They left, and have asked to come back.")] = False,
    zone: Zone = None,
    language: Language = None,
    as_json: AsJson = False,
) -> None:
    """Subscribe one person, who asked for it.

    The time and the words of their consent are kept as proof.

    Example: digest subscriber add anna@example.org --consent "asked on 4 May"
    """
    from digest.actions.subscribe import add_subscriber
    from digest.core.people import Consent

    opened = open_app(context)
    chosen, now = _choose(opened, newsletter), opened.clock()
    tie = add_subscriber(
        opened.database,
        address,
        newsletter_id=chosen.id,
        secret=opened.key,
        now=now,
        consent=Consent(at=now, how="command", text=consent),
        state=SubscriptionState.PENDING if pending else SubscriptionState.ACTIVE,
        name=name,
        zone=zone,
        language=language,
        again=again,
    )
    if as_json:
        print_json(tie)
    note(f"{address} gets {chosen.name}" + (" once they have confirmed" if pending else " from its next issue on"))
    if language:
        tell_unoffered(opened, address)


@app.command("list")
def list_people(
    context: typer.Context,
    *,
    newsletter: Newsletter = None,
    state: State = None,
    search: Annotated[str | None, typer.Option(help="A part of the address or the name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    after: Annotated[int, typer.Option(metavar="ID", help="Go on after this id.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List the people of a newsletter, a page at a time.

    Example: digest subscriber list --state pending --search example.org
    """
    from digest.store.subscribers import count_subscribers, list_subscribers

    opened = open_app(context)
    owner = _choose(opened, newsletter)
    with opened.database.read() as session:
        page = list_subscribers(session, newsletter_id=owner.id, state=state, search=search, after=after, limit=limit)
        total = count_subscribers(session, newsletter_id=owner.id, state=state, search=search)
    if as_json:
        print_json([_line(listed) for listed in page])
    else:
        print_table(
            (tuple(Clocks([owner], reader=one.subscriber).shown(_line(one)).values()) for one in page),
            head=("id", "address", "name", "state", "since", "suppressed"),
        )
    if not page:
        note(
            "nobody is there" + (" who fits" if state or search or after else ""),
            next_step="digest subscriber add ADDRESS",
        )
    if len(page) == limit < total:
        note(f"{len(page)} of {total:,} shown", next_step=f"--after {page[-1].subscriber.id} shows the next ones")


@app.command()
def end(
    context: typer.Context,
    address: Address,
    newsletter: Newsletter = None,
    why: Annotated[str, typer.Option(help="In a few words.")] = "by the admin",
    as_json: AsJson = False,
) -> None:
    """Unsubscribe a person from one newsletter.

    What still waits is not sent; no import brings them back. If they ask: digest subscriber add --again.

    Example: digest subscriber end anna@example.org --why "asked by letter"
    """
    from digest.actions.subscribe import end_subscription

    opened = open_app(context)
    chosen = _choose(opened, newsletter)
    tie = end_subscription(opened.database, address, newsletter_id=chosen.id, why=why, now=opened.clock())
    if as_json:
        print_json(tie)
    note(f"{address} no longer gets {chosen.name}")


@app.command()
def export(
    context: typer.Context,
    newsletter: Newsletter = None,
    state: State = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Into this file; else, or with -, to stdout.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the people of a newsletter as CSV.

    Safe to open in a spreadsheet, and fit to be imported again.

    Example: digest subscriber export --state active --output people.csv
    """
    from digest.actions.export_subscribers import export_subscribers, write_file, write_stream

    opened = open_app(context)
    chosen = _choose(opened, newsletter)
    people = export_subscribers(opened.database, newsletter_id=chosen.id, state=state)
    if output is None or output == STDOUT:
        write_stream(typer.get_text_stream("stdout"), people, as_json=as_json)
        return
    count = write_file(output, people, as_json=as_json)
    note(f"{count:,} people in {output}")


@app.command()
def suppress(
    context: typer.Context,
    address: Address,
    note_text: Annotated[str | None, typer.Option("--note", help="Why, for yourself.")] = None,
    as_json: AsJson = False,
) -> None:
    """Never mail this address again, in any newsletter.

    Whatever a list or a form says, until: digest subscriber unsuppress.

    Example: digest subscriber suppress carl@example.org --note "asked us to"
    """
    from digest.actions.subscribe import suppress as suppress_address

    opened = open_app(context)
    suppress_address(opened.database, address, secret=opened.key, now=opened.clock(), note=note_text)
    if as_json:
        print_json({"address": address, "suppressed": True})
    note(f"{address} is never mailed again")


@app.command()
def unsuppress(context: typer.Context, address: Address, yes: Yes = False, as_json: AsJson = False) -> None:
    """Allow a suppressed address again.

    Only if they asked for it: complaints cost the sender's name.

    Example: digest subscriber unsuppress carl@example.org --yes
    """
    from digest.actions.subscribe import get_suppression
    from digest.actions.subscribe import unsuppress as unsuppress_address

    opened = open_app(context)
    with opened.database.read() as session:
        found = get_suppression(session, address, secret=opened.key)
    confirm(f"Did the owner of {address} (suppressed: {found.reason}) ask to be mailed again?", yes=yes)
    reason = unsuppress_address(opened.database, address, secret=opened.key, now=opened.clock())
    if as_json:
        print_json({"address": address, "suppressed": False, "was": reason})
    note(f"{address} may be mailed again (was suppressed: {reason})")


def _choose(opened: "App", slug: str | None) -> "Owner":
    from digest.actions.choose_newsletter import choose_newsletter

    with opened.database.read() as session:
        return choose_newsletter(session, slug)


def _line(listed: "Listed") -> dict[str, Any]:
    person, tie = listed.subscriber, listed.subscription
    return {
        "id": person.id,
        "address": person.address,
        "name": person.name or None,
        "state": str(tie.state) if tie else None,
        "since": tie.consent.confirmed_at or tie.consent.at or person.created_at if tie else person.created_at,
        "suppressed": listed.suppressed,
    }
